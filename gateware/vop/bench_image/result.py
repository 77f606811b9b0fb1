# SPDX-License-Identifier: BSD-2-Clause
"""What a bench image takes of its part and how fast it is, as tables."""

from dataclasses import dataclass

__all__ = ["ClockResult", "Result", "prose_of", "table"]

#: Rows besides lookup tables and flip-flops: what they are called, and how nextpnr's names begin.
_PLACES = {"block RAM of 36 Kbit": "RAMB36", "block RAM of 18 Kbit": "RAMB18",
           "multipliers": "DSP48", "global clock buffers": "BUFGCTRL", "PLLs": "PLLE2"}


_MARK = "<!-- Below: `make bitstream BOARD=nitefury2 TOOLCHAIN=open RECORD=1`. -->\n"


@dataclass(frozen=True)
class ClockResult:
    """A clock: what it must reach in the image, and what it reaches as routed."""

    name: str
    wanted_mhz: float
    reached_mhz: float

    @property
    def slack_ns(self):
        """Time left in a cycle; negative if the clock is missed."""
        return 1000 / self.wanted_mhz - 1000 / self.reached_mhz


@dataclass(frozen=True)
class Result:
    """An image as placed and routed.

    ``luts`` counts lookup tables of six inputs. ``used`` and ``available`` are by nextpnr's names
    of places.
    """

    board: str
    part: str
    seed: int
    luts: int
    ffs: int
    used: dict
    available: dict
    clocks: list

    def rows(self):
        """(what, how many are in use, how many there are) for each kind of place."""
        # A site of a lookup table is two places to nextpnr: one of six inputs, or two of five.
        yield "lookup tables", self.luts, self.available["SLICE_LUTX"] // 2
        yield "flip-flops", self.ffs, self.available["SLICE_FFX"]
        for what, prefix in _PLACES.items():
            names = [name for name in self.available if name.startswith(prefix)]
            yield (what, sum(self.used.get(name, 0) for name in names),
                   sum(self.available[name] for name in names))


def table(result):
    """Lines of two tables: places, and clocks."""
    yield f"| {result.board}, {result.part} | in use | there are | part |"
    yield "|---|---|---|---|"
    for what, used, available in result.rows():
        yield f"| {what} | {used} | {available} | {100 * used / max(available, 1):.1f} % |"
    yield ""
    yield "| clock | must reach | reaches | slack |"
    yield "|---|---|---|---|"
    for clock in result.clocks:
        yield (f"| `{clock.name}` | {clock.wanted_mhz:g} MHz | {clock.reached_mhz:.1f} MHz | "
               f"{clock.slack_ns:+.2f} ns |")


def prose_of(page):
    """The text ``page`` down to the mark, behind which the numbers stand.

    Raises
    ------
    ValueError
        If it has no mark.
    """
    prose, mark, _ = page.partition(_MARK)
    if not mark:
        raise ValueError(f"The page must have a line {_MARK}")
    return prose + mark
