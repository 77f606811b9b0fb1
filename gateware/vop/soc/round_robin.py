# SPDX-License-Identifier: BSD-2-Clause
"""A fair choice among requests, made within the cycle."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RoundRobin"]


class RoundRobin(wiring.Component):
    """Choose one of several requests; whoever was served last comes last.

    Parameters
    ----------
    count : :class:`int`
        Requests. At least 1.

    Members
    -------
    requests : ``In(count)``
        Bit n: requester n asks.
    advance : ``In(1)``
        The choice was served in this cycle, and goes to the end of the queue.
    grants : ``Out(count)``
        One-hot choice among ``requests``, valid in the same cycle; zero while none asks.

    Raises
    ------
    ValueError
        If ``count`` is below 1.
    """

    def __init__(self, *, count):
        if count < 1:
            raise ValueError(f"Request count must be at least 1, not {count!r}")
        self._count = count
        super().__init__({
            "requests": In(count),
            "advance":  In(1),
            "grants":   Out(count),
        })

    def elaborate(self, platform):
        m = Module()
        # Bits above the last served requester come first, then all of them.
        later = Signal(self._count)
        first = self.requests & later
        asked = Signal(self._count)
        m.d.comb += asked.eq(first | (self.requests & (first == 0).replicate(self._count)))
        m.d.comb += self.grants.eq(asked & (~asked + 1)[:self._count])
        with m.If(self.advance & (self.grants != 0)):
            m.d.sync += later.eq(~(self.grants | (self.grants - 1)[:self._count]))
        return m
