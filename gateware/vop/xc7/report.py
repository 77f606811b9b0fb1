# SPDX-License-Identifier: BSD-2-Clause
"""What nextpnr reports of a routed design: speed, use, and the critical path in words."""

import json
import re
from dataclasses import dataclass

__all__ = ["Report", "ReportError", "read_report"]

_TABLES = "SLICE_LUTX"
_FLIP_FLOPS = "SLICE_FFX"


class ReportError(Exception):
    """The file is not a report of a routed design. The text says what is wrong."""


@dataclass(frozen=True)
class Report:
    """A routed design, as far as it matters here.

    ``fmax_mhz`` is by clock. ``path`` is the critical path of the clock that was asked for, in
    words, a line for each stop; ``path_ns`` its delay. ``used`` and ``available`` count by kind of
    place; ``used`` has only those of which there are any.
    """

    fmax_mhz: dict
    ffs: int
    used: dict
    available: dict
    path: tuple
    path_ns: float

    def slack_ns(self, clock, limit_mhz):
        """Slack of ``clock`` at ``limit_mhz``; negative if it is slower."""
        return 1000 / limit_mhz - 1000 / self.fmax_mhz[clock]


def read_report(path, *, clock):
    """Read the report in file ``path``; ``clock`` is the port that the critical path is of.

    Raises
    ------
    ReportError
        If the file is no report, or has no such clock, or nothing was placed.
    """
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        fmax = {_clock_name(name): float(of["achieved"]) for name, of in text["fmax"].items()}
        used = {name: int(of["used"]) for name, of in text["utilization"].items() if of["used"]}
        available = {name: int(of.get("available", 0))
                     for name, of in text["utilization"].items()}
        paths = text["critical_paths"]
        steps = next((list(one["path"]) for one in paths if _is_of(one, clock)), [])
        words = tuple(_words(steps))
        delay = sum(step["delay"] for step in steps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        raise ReportError(f"{path} is not a report of nextpnr: {reason!r}") from None
    if clock not in fmax:
        raise ReportError(f"{path} has no clock {clock!r}, only "
                          f"{', '.join(sorted(fmax)) or 'none'}")
    if not used.get(_TABLES) or not used.get(_FLIP_FLOPS):
        raise ReportError(f"{path} tells of no placed {_TABLES} and {_FLIP_FLOPS}")
    return Report(fmax_mhz=fmax, ffs=used[_FLIP_FLOPS], used=used, available=available,
                  path=words, path_ns=delay)


def _clock_name(net):
    """Port that a clock net comes from, whatever buffers and modules are between."""
    return net.partition("$")[0].rpartition(".")[2]


def _is_of(path, clock):
    ends = [path["from"].split()[-1], path["to"].split()[-1]]
    return all(_clock_name(end) == clock for end in ends)


def _words(steps):
    """A line for each net of the path that has a name: delay so far, and where it is."""
    elapsed = 0.0
    last = None
    for step in steps:
        elapsed += step["delay"]
        place = _place(step.get("net") or step["to"]["cell"])
        if place and place != last:
            yield f"{elapsed:5.2f} ns  {place}"
            last = place
    if steps:
        end = steps[-1]["to"]
        yield f"{elapsed:5.2f} ns  ends at {_place(end['cell']) or 'a nameless cell'}.{end['port']}"


def _place(name):
    """The name without what tools put around it; None where a tool made it up."""
    if re.search(r"\$abc|\$auto|\$techmap|\$PACKER|genblk", name):
        return None
    return re.sub(r"\$flatten|\\|\[\d+\]$", "", name)
