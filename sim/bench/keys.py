# SPDX-License-Identifier: BSD-2-Clause
"""What is measured: each key with its workload, what it must reach, and what it aims at.

A figure with a ceiling is judged by its ratio to it, which must not be lower; one without by its
value, which must not be higher.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import copies, latencies, rings
from .copies import Reads, Writes, link_ceiling
from .session import Session

__all__ = ["KEYS", "Figure", "Key"]

_COMPLETIONS = (64, 128, 256)
_LINK_LATENCIES_NS = (0, 500, 1000)
_CREDITS_BYTES = 36 * 64
_CYCLES_AT_2_US = 250


@dataclass(frozen=True)
class Figure:
    """A measured value, and the ceiling that it is judged by, if there is one."""

    value: float
    ceiling: float | None = None

    def as_json(self) -> dict[str, float]:
        """Return what `build/bench.json` holds of it."""
        if self.ceiling is None:
            return {"value": _rounded(self.value)}
        return {
            "value": _rounded(self.value),
            "ceiling": _rounded(self.ceiling),
            "ratio": _rounded(self.value / self.ceiling),
        }


def _rounded(number: float) -> float:
    return number if isinstance(number, int) else round(number, 4)


@dataclass(frozen=True)
class Key:
    """A figure to be measured.

    ``what`` is its workload in words, ``unit`` that of its value. ``must`` and ``aim`` are ratios
    where the figure has a ceiling, values where it has none.
    """

    name: str
    what: str
    unit: str
    must: float
    aim: float
    measure: Callable[[Session], Figure]

    def meets(self, figure: dict[str, float], limit: float) -> bool:
        """Tell whether a figure, as in `build/bench.json`, reaches ``limit``."""
        return figure["ratio"] >= limit if "ratio" in figure else figure["value"] <= limit


# Throughput.


def _writes(series: Writes, session: Session) -> Figure:
    payload = min(series.size, 128 << series.mps_log2)
    return Figure(session.once(copies.write_run, series), link_ceiling(payload))


def _reads(series: Reads, ceiling: float, session: Session) -> Figure:
    return Figure(session.once(copies.read_run, series)[0], ceiling)


def _write_key(name: str, size: int, mps_log2: int, count: int, must: float) -> Key:
    series = Writes(size, count, mps_log2)
    mps = 128 << mps_log2
    size_text = f"{size // 1024} KiB" if size >= 1024 else f"{size} B"
    what = f"card to host, {size_text} each, queued, MPS {mps}"
    return Key(name, what, "B/cycle", must, 1.0, partial(_writes, series))


_WRITE_KEYS = (
    _write_key("c2h_64k_mps256", 65536, 1, 6, 0.99),
    _write_key("c2h_64k_mps128", 65536, 0, 6, 0.99),
    _write_key("c2h_256_mps128", 256, 0, 512, 0.99),
    _write_key("c2h_64_mps128", 64, 0, 1000, 0.65),
)


def _read_key(size: int, latency_ns: int) -> Key:
    ceiling, must, aim = link_ceiling(size), 0.98, 1.0
    if latency_ns not in _LINK_LATENCIES_NS:
        ceiling, must, aim = _CREDITS_BYTES / _CYCLES_AT_2_US, 0.90, 0.94
    series = Reads(completion_bytes=size, latency_ns=latency_ns)
    what = f"host to card, 4 KiB each, queued, completions of {size} B, L = {latency_ns} ns"
    measure = partial(_reads, series, ceiling)
    return Key(f"h2c_4k_c{size}_lat{latency_ns}", what, "B/cycle", must, aim, measure)


_JITTER = Reads(completion_bytes=128, latency_ns=500, jitter_ns=1000)
_READ_KEYS = (
    *(_read_key(size, ns) for size in _COMPLETIONS for ns in (*_LINK_LATENCIES_NS, 2000)),
    Key(
        "h2c_4k_c128_jitter", "the same, c = 128, L = 500 to 1500 ns at random for each read",
        "B/cycle", 0.97, 1.0, partial(_reads, _JITTER, link_ceiling(128)),
    ),
)  # fmt: skip

#: The opposite direction carries a read request of 20 bytes for each 512 bytes that it asks for.
_BOTH = (Writes(4096, 32), Reads(latency_ns=1000))
_BOTH_CEILING = 13.37 + link_ceiling(128)


def _both(session: Session) -> Figure:
    return Figure(session.once(copies.both_ways, *_BOTH)[0], _BOTH_CEILING)


def _unaligned(to_host: bool, session: Session) -> Figure:
    if to_host:
        aligned = session.once(copies.write_run, Writes(4096, 32))
    else:
        aligned = session.once(copies.read_run, Reads())[0]
    return Figure(session.once(copies.worst_alignment, to_host)[0], aligned)


def _counted(name: str, session: Session) -> Figure:
    """Add up a counter over every run that reads."""
    for key in _READ_KEYS:
        key.measure(session)
    _both(session)
    _unaligned(False, session)
    runs = [result for (run, *_), result in session.results.items() if run in _READ_RUNS]
    return Figure(sum(getattr(counters, name) for _, counters in runs))


_READ_RUNS = (copies.read_run, copies.both_ways, copies.worst_alignment)

_COUNTER_KEYS = (
    Key(
        "rx_stall_cycles", "cycles in which the card does not take a receive beat, all read runs",
        "cycles", 0, 0, partial(_counted, "rx_stall_cycles"),
    ),
    Key(
        "credit_overruns", "reads whose completions might not have fitted, all read runs",
        "reads", 0, 0, partial(_counted, "credit_overruns"),
    ),
    Key(
        "bidir_4k_mps128", "writes and reads at once, c = 128, L = 1000 ns, summed",
        "B/cycle", 0.95, 0.99, _both,
    ),
    Key(
        "c2h_unaligned_4k", "card to host, 4 KiB each, the worst of 256 alignments",
        "B/cycle", 0.90, 0.97, partial(_unaligned, True),
    ),
    Key(
        "h2c_unaligned_4k", "host to card, 4 KiB each, the worst of 256 alignments, c = 128, L = 0",
        "B/cycle", 0.90, 0.97, partial(_unaligned, False),
    ),
)  # fmt: skip


# Latency, unthrottled.


def _worst(run: Callable[..., list[int]], *arguments: bool) -> Callable[[Session], Figure]:
    return lambda session: Figure(max(session.once(run, *arguments)))


def _once(run: Callable[[Session], float]) -> Callable[[Session], Figure]:
    return lambda session: Figure(session.once(run))


def _per_request(kinds: tuple[str, ...], session: Session) -> Figure:
    lines = session.once(rings.requests)
    return Figure(sum(line[1] in kinds for line in lines) / rings.SMALL_REQUESTS)


_LATENCY_KEYS = (
    Key(
        "copy_64_c2h_latency_cycles", "inline command accepted to last beat of its TLP",
        "cycles", 20, 12, _worst(latencies.inline_copy, True),
    ),
    Key(
        "copy_64_h2c_latency_cycles", "inline command accepted to its record, L = 0",
        "cycles", 30, 18, _worst(latencies.inline_copy, False),
    ),
    Key(
        "copy_64b_cycles_per_command", "64 B copies card to host from a ring, a record each",
        "cycles", 8, 5, _once(latencies.commands_in_a_row),
    ),
    Key(
        "chain_64b_cycles_per_desc", "chains of 16 descriptors of 64 B, card to host, queued",
        "cycles", 8, 5, _once(rings.chain_write),
    ),
    Key(
        "publish_cycles", "kick written to MSI taken, two descriptors, idle engine",
        "cycles", 40, 25, _worst(rings.publishes),
    ),
    Key(
        "complete_cycles", "last beat of the host's store to the CPU's interrupt, one element",
        "cycles", 40, 25, _worst(rings.completes),
    ),
    Key(
        "chain_4k_read_overhead_cycles", "one 4 KiB writable chain, c = 128, L = 0, less 256 beats",
        "cycles", 90, 60, _once(rings.chain_read_overhead),
    ),
    Key(
        "tlps_per_small_request", "64 B request out and 64 B reply in, TLPs in both directions",
        "TLPs", 10, 7, partial(_per_request, ("memory_write", "msi", "completion_data", "other",
                                              "memory_read")),
    ),
    Key(
        "nonposted_per_small_request", "of those, reads by either side",
        "TLPs", 1, 0, partial(_per_request, ("memory_read",)),
    ),
)  # fmt: skip

#: Every key, in the order of the report.
KEYS = {key.name: key for key in (*_WRITE_KEYS, *_READ_KEYS, *_COUNTER_KEYS, *_LATENCY_KEYS)}
