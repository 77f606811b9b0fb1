# SPDX-License-Identifier: BSD-2-Clause
"""The record: what the bench measured when someone last looked at it and agreed.

`docs/performance/record.json` holds each figure exactly. A run that differs fails until the record
is written anew, so every change of speed shows in a diff.
"""

import json
from pathlib import Path
from typing import Any

from .keys import KEYS

__all__ = ["RECORD", "compare", "read", "render", "verdict"]

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "docs" / "performance" / "record.json"

#: Measurements: {"keys": {name: figure}, "sweeps": {name: data}}, plain JSON.
Measurements = dict[str, dict[str, Any]]


def render(measured: Measurements) -> str:
    """Return the record as text: a figure on each line, so that a diff names what changed."""
    lines = ["{"]
    for place, (part, entries) in enumerate(measured.items()):
        lines.append(f' "{part}": {{')
        rows = [f'  "{name}": {json.dumps(entry)}' for name, entry in entries.items()]
        lines += [row + "," for row in rows[:-1]] + rows[-1:]
        lines.append(" }" + ("," if place + 1 < len(measured) else ""))
    return "\n".join([*lines, "}", ""])


def read() -> Measurements:
    """Return what is on record; nothing if there is no record."""
    if not RECORD.exists():
        return {"keys": {}, "sweeps": {}}
    return json.loads(RECORD.read_text(encoding="utf-8"))


def verdict(name: str, figure: dict[str, Any]) -> str:
    """Return aim, pass, or MISS."""
    key = KEYS[name]
    if figure.get("value") is None or not key.meets(figure, key.must):
        return "MISS"
    return "aim" if key.meets(figure, key.aim) else "pass"


def compare(measured: Measurements, recorded: Measurements) -> list[str]:
    """Tell, a line each, what was measured otherwise than on record."""
    wrong = []
    for name, figure in measured["keys"].items():
        before = recorded["keys"].get(name, {"value": None})
        if figure == before:
            continue
        line = f"{name}: {_text(before)} on record, measured {_text(figure)}"
        if verdict(name, figure) == "MISS" and verdict(name, before) != "MISS":
            line += f"; it must reach {KEYS[name].must:g} and did before"
        wrong.append(line)
    for name, data in measured["sweeps"].items():
        if data != recorded["sweeps"].get(name):
            wrong.append(f"{name}: another course than on record")
    return wrong


def _text(figure: dict[str, Any]) -> str:
    if figure.get("value") is None:
        return "nothing"
    ratio = f" (ratio {figure['ratio']:g})" if "ratio" in figure else ""
    return f"{figure['value']:g}{ratio}"
