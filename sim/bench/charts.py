# SPDX-License-Identifier: BSD-2-Clause
"""Line charts and histograms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .svg import Svg

__all__ = ["Series", "histogram", "line_chart"]

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 200, 40, 52
_GRID, _AXIS = "#e4e4e4", "#666666"
#: Told apart by those who do not tell all colours apart. Ref: Okabe and Ito, "Color Universal
#: Design".
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


#: Value and text of each tick of an axis, in order.
Ticks = Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Series:
    """Points of one line, left to right; a ceiling is dashed and in the colour of ``of``."""

    name: str
    points: Sequence[tuple[float, float]]
    of: str | None = None


class _Frame:
    """Axes of a chart, and where a point lies in them."""

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        x_ticks: Ticks,
        y_ticks: Ticks,
        x_scale: Callable[[float], float] = float,
    ):
        self.svg = svg = Svg(_WIDTH, _HEIGHT)
        self._scale = x_scale
        self._x_range = x_scale(x_ticks[0][0]), x_scale(x_ticks[-1][0])
        self._y_range = y_ticks[0][0], y_ticks[-1][0]
        left, right = _LEFT, _WIDTH - _RIGHT
        top, bottom = _TOP, _HEIGHT - _BOTTOM
        svg.text(left, 22, title, size=14, bold=True)
        for value, text in x_ticks:
            x, _ = self.at(value, self._y_range[0])
            svg.polyline([(x, top), (x, bottom)], color=_GRID)
            svg.text(x, bottom + 18, text, anchor="middle", size=11)
        for value, text in y_ticks:
            _, y = self.at(x_ticks[0][0], value)
            svg.polyline([(left, y), (right, y)], color=_GRID)
            svg.text(left - 8, y + 4, text, anchor="end", size=11)
        svg.polyline([(left, top), (left, bottom), (right, bottom)], color=_AXIS)
        svg.text((left + right) / 2, _HEIGHT - 12, x_label, anchor="middle")
        svg.text(18, (top + bottom) / 2, y_label, anchor="middle", upright=False)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place of a point."""
        x_low, x_high = self._x_range
        y_low, y_high = self._y_range
        across = (self._scale(x) - x_low) / (x_high - x_low)
        up = (y - y_low) / (y_high - y_low)
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + across * width, _HEIGHT - _BOTTOM - up * height

    def legend(self, entries: list[tuple[str, str, bool]]) -> None:
        """Name, colour and dashedness of each line, at the right."""
        for place, (name, color, dashed) in enumerate(entries):
            x, y = _WIDTH - _RIGHT + 16, _TOP + 12 + 20 * place
            self.svg.polyline([(x, y - 4), (x + 24, y - 4)], color=color, width=2, dashed=dashed)
            self.svg.text(x + 30, y, name, size=11)


def line_chart(
    title: str,
    x_label: str,
    y_label: str,
    series: list[Series],
    *,
    x_ticks: Ticks,
    y_ticks: Ticks,
    x_scale: Callable[[float], float] = float,
) -> str:
    """Draw lines; return the file's content."""
    frame = _Frame(title, x_label, y_label, x_ticks, y_ticks, x_scale)
    names = [each.name for each in series if each.of is None]
    entries = []
    for each in series:
        color = _COLORS[names.index(each.of or each.name)]
        places = [frame.at(*point) for point in each.points]
        frame.svg.polyline(places, color=color, width=2 if each.of is None else 1,
                           dashed=each.of is not None)  # fmt: skip
        if each.of is None:
            for x, y in places:
                frame.svg.dot(x, y, color=color)
        entries.append((each.name, color, each.of is not None))
    frame.legend(entries)
    return frame.svg.render()


def histogram(
    title: str,
    x_label: str,
    y_label: str,
    series: Sequence[tuple[str, Sequence[tuple[float, int]]]],
    *,
    bin_width: float,
    x_ticks: Ticks,
    y_ticks: Ticks,
) -> str:
    """Draw histograms as steps over one another; each is (start of a bin, count), in order."""
    frame = _Frame(title, x_label, y_label, x_ticks, y_ticks)
    entries = []
    for place, (name, bins) in enumerate(series):
        color = _COLORS[place]
        counts = dict(bins)
        low, high = min(counts), max(counts)
        outline = [frame.at(low, 0)]
        start = low
        while start <= high:
            count = counts.get(start, 0)
            outline += [frame.at(start, count), frame.at(start + bin_width, count)]
            start += bin_width
        outline.append(frame.at(high + bin_width, 0))
        frame.svg.polyline(outline, color=color, width=1.5)
        entries.append((name, color, False))
    frame.legend(entries)
    return frame.svg.render()
