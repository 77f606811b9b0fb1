# SPDX-License-Identifier: BSD-2-Clause
"""docs/performance.md and its figures, rendered from measurements alone."""

from pathlib import Path
from typing import Any

from .figures import FIGURES, drawn
from .keys import KEYS
from .record import ROOT, Measurements, verdict
from .sequence import exchanges

__all__ = ["DOCUMENT", "documents"]

DOCUMENT = ROOT / "docs" / "performance.md"

#: What stands above the tables.
_PROSE = Path(__file__).with_name("performance.md")


def documents(measured: Measurements) -> dict[Path, str]:
    """Return each generated file and its content."""
    figures = drawn(measured["sweeps"])
    files = {DOCUMENT.parent / "performance" / name: text for name, text in figures.items()}
    parts = [
        _PROSE.read_text(encoding="utf-8"),
        "## Figures against their limits\n",
        _table(measured["keys"]),
    ]
    parts += ["## Plots\n", _plots(figures)]
    parts += ["## A small request\n", _requests(measured["sweeps"].get("small_requests"))]
    files[DOCUMENT] = "\n".join(parts)
    return files


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _table(keys: dict[str, dict[str, Any]]) -> str:
    rows = [
        "| key | workload | value | ceiling | ratio | must | aim | |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, figure in keys.items():
        key = KEYS[name]
        value = "-" if figure["value"] is None else f"{_number(figure['value'])} {key.unit}"
        ceiling = _number(figure["ceiling"]) if "ceiling" in figure else ""
        ratio = f"{figure['ratio']:.3f}" if "ratio" in figure else ""
        rows.append(
            f"| `{name}` | {key.what} | {value} | {ceiling} | {ratio} | {key.must:g} | "
            f"{key.aim:g} | {verdict(name, figure)} |"
        )
    missing = [
        f"- `{name}` could not be measured: {figure['reason']}."
        for name, figure in keys.items()
        if figure["value"] is None
    ]
    legend = (
        "Limits are of the ratio where there is a ceiling, of the value elsewhere. *aim*: reached, "
        "and the aim too; *pass*:\nwhat it must reach; *MISS*: not yet."
    )
    return "\n".join([*rows, "", legend, "", *missing, *([""] if missing else [])])


def _plots(figures: dict[str, str]) -> str:
    lines = []
    for name, (title, _, _) in FIGURES.items():
        shown = f"![{title}](performance/{name})" if name in figures else f"{title}: not yet."
        lines += [shown, ""]
    return "\n".join(lines)


def _requests(lines: list[Any] | None) -> str:
    if lines is None:
        return "64 B to the device and 64 B from it: not yet.\n"
    first, *_ = exchanges(lines)
    rows = ["64 B to the device and 64 B from it, every TLP of one exchange:", ""]
    rows += ["| from | TLP | bytes |", "|---|---|--:|"]
    for who, kind, target, _, size in first:
        name = " ".join(filter(None, (kind.replace("_", " "), target and f"to {target.upper()}")))
        rows.append(f"| {who} | {name} | {size} |")
    return "\n".join([*rows, ""])
