# SPDX-License-Identifier: BSD-2-Clause
"""A drawing as SVG text, the same for the same input to the byte: no dates, no ids, two decimals.

A plotting library would do, but its output changes with its version, and these figures are compared
with those in the repository.
"""

from xml.sax.saxutils import escape

__all__ = ["Svg"]

_FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Svg:
    """A drawing of ``width`` by ``height`` units on white; y grows downwards."""

    def __init__(self, width: float, height: float):
        self._size = f"{_number(width)} {_number(height)}"
        self._width, self._height = width, height
        self._parts: list[str] = []
        self.rectangle(0, 0, width, height, fill="#ffffff")

    def rectangle(self, x: float, y: float, width: float, height: float, *, fill: str) -> None:
        """Fill a rectangle."""
        place = f"x='{_number(x)}' y='{_number(y)}'"
        size = f"width='{_number(width)}' height='{_number(height)}'"
        self._parts.append(f"<rect {place} {size} fill='{fill}'/>")

    def polyline(
        self,
        points: list[tuple[float, float]],
        *,
        color: str = "#000000",
        width: float = 1,
        dashed: bool = False,
    ) -> None:
        """Join points."""
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        dash = " stroke-dasharray='5 4'" if dashed else ""
        self._parts.append(
            f"<polyline points='{path}' fill='none' stroke='{color}' "
            f"stroke-width='{_number(width)}' stroke-linejoin='round'{dash}/>"
        )

    def polygon(self, points: list[tuple[float, float]], *, fill: str, stroke: str) -> None:
        """Fill an outline."""
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._parts.append(f"<polygon points='{path}' fill='{fill}' stroke='{stroke}'/>")

    def dot(self, x: float, y: float, *, color: str, radius: float = 3) -> None:
        """Draw a filled circle."""
        self._parts.append(
            f"<circle cx='{_number(x)}' cy='{_number(y)}' r='{_number(radius)}' fill='{color}'/>"
        )

    def text(
        self,
        x: float,
        y: float,
        content: str,
        *,
        anchor: str = "start",
        size: float = 12,
        color: str = "#222222",
        bold: bool = False,
        upright: bool = True,
    ) -> None:
        """Write one line; ``anchor`` is start, middle or end; not ``upright``: from below."""
        turn = "" if upright else f" transform='rotate(-90 {_number(x)} {_number(y)})'"
        weight = " font-weight='bold'" if bold else ""
        self._parts.append(
            f"<text x='{_number(x)}' y='{_number(y)}' text-anchor='{anchor}' {_FONT} "
            f"font-size='{_number(size)}' fill='{color}'{weight}{turn}>{escape(content)}</text>"
        )

    def render(self) -> str:
        """Return the file's content."""
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self._size}' "
            f"width='{_number(self._width)}' height='{_number(self._height)}'>"
        )
        return "\n".join(["<!-- make bench -->", head, *self._parts, "</svg>", ""])
