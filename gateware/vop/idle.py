# SPDX-License-Identifier: BSD-2-Clause
"""Whether the card has been quiet long enough to be called idle."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["IdleDetector"]


class IdleDetector(wiring.Component):
    """Wait out the pipelines between the card's parts, where work hides for a few cycles.

    Parameters
    ----------
    cycles : :class:`int`
        How long the card must be quiet: longer than any path from one part's end of work to the
        next one's beginning.

    Members
    -------
    quiet : ``In(1)``
        Every part says that it has nothing to do.
    idle : ``Out(1)``
        High from the cycle in which ``quiet`` was high ``cycles`` times in a row, until it is low.
    """

    quiet: In(1)
    idle: Out(1)

    def __init__(self, *, cycles=16):
        self._cycles = cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self._cycles + 1), init=self._cycles)
        m.d.comb += self.idle.eq(self.quiet & (left == 0))
        with m.If(~self.quiet):
            m.d.sync += left.eq(self._cycles)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return m
