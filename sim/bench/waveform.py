# SPDX-License-Identifier: BSD-2-Clause
"""A picture of pins over cycles: bits as lines, what a beat means as text in it."""

from dataclasses import dataclass

from .svg import Svg

__all__ = ["Bit", "Row", "waveform"]

_CYCLE, _ROW = 26, 34
_LEFT, _TOP, _HIGH, _LOW = 150, 56, 8, 26
_GRID, _INK, _FILL = "#e4e4e4", "#222222", "#dcebf7"


@dataclass(frozen=True)
class Bit:
    """A signal of one bit, its level in each cycle."""

    name: str
    levels: list[int]


@dataclass(frozen=True)
class Row:
    """What passes in which cycles: first cycle, cycles, text."""

    name: str
    spans: list[tuple[int, int, str]]


def waveform(title: str, cycles: int, rows: list[Bit | Row], *, zero: int = 0) -> str:
    """Draw ``rows``; cycle number ``zero`` is called 0. Return the file's content."""
    height = _TOP + _ROW * len(rows) + 16
    svg = Svg(_LEFT + _CYCLE * cycles + 20, height)
    svg.text(16, 22, title, size=14, bold=True)
    for n in range(cycles + 1):
        x = _LEFT + _CYCLE * n
        svg.polyline([(x, _TOP - 6), (x, height - 12)], color=_GRID)
        if n < cycles and (n - zero) % 5 == 0:
            svg.text(x + _CYCLE / 2, _TOP - 12, str(n - zero), anchor="middle", size=10)
    for place, row in enumerate(rows):
        top = _TOP + _ROW * place
        svg.text(_LEFT - 10, top + 21, row.name, anchor="end", size=11)
        if isinstance(row, Bit):
            _draw_bit(svg, top, row.levels)
        else:
            _draw_spans(svg, top, row.spans)
    return svg.render()


def _draw_bit(svg: Svg, top: float, levels: list[int]) -> None:
    points: list[tuple[float, float]] = []
    for n, level in enumerate(levels):
        y = top + (_HIGH if level else _LOW)
        points += [(_LEFT + _CYCLE * n, y), (_LEFT + _CYCLE * (n + 1), y)]
    svg.polyline(points, color=_INK, width=1.5)


def _draw_spans(svg: Svg, top: float, spans: list[tuple[int, int, str]]) -> None:
    middle = top + (_HIGH + _LOW) / 2
    for first, length, text in spans:
        left, right = _LEFT + _CYCLE * first, _LEFT + _CYCLE * (first + length)
        svg.polygon(
            [(left, middle), (left + 4, top + _HIGH - 2), (right - 4, top + _HIGH - 2),
             (right, middle), (right - 4, top + _LOW + 2), (left + 4, top + _LOW + 2)],
            fill=_FILL, stroke=_INK,
        )  # fmt: skip
        svg.text((left + right) / 2, middle + 4, text, anchor="middle", size=10)
