# SPDX-License-Identifier: BSD-2-Clause
"""Whose turn it is: a fair choice among requests, made a cycle ahead."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Turns"]


class Turns(wiring.Component):
    """Give one of several requesters the turn, from a register.

    The turn stays where it is while nobody else asks, so whoever asks again is served at once. It
    moves on when its owner was served, or does not ask. A requester waits while each other one is
    served at most once, and one cycle more.

    Parameters
    ----------
    count : :class:`int`
        Requesters. At least 1.

    Members
    -------
    requests : ``In(count)``
        Bit n: requester n asks.
    served : ``In(1)``
        The owner of the turn is served in this cycle.
    turn : ``Out(range(count))``
        The owner. It may be served in this cycle if it asks.

    Resets to
    ---------
    Requester 0.

    Raises
    ------
    ValueError
        If ``count`` is below 1.
    """

    def __init__(self, *, count):
        if count < 1:
            raise ValueError(f"Requester count must be at least 1, not {count!r}")
        self._count = count
        super().__init__({
            "requests": In(count),
            "served":   In(1),
            "turn":     Out(range(count)),
        })

    def elaborate(self, platform):
        m = Module()
        with m.Switch(self.turn):
            for owner in range(self._count):
                with m.Case(owner):
                    self._pass_on(m, owner)
        return m

    def _pass_on(self, m, owner):
        others = [(owner + step) % self._count for step in range(self._count - 1, 0, -1)]
        with m.If(self.served | ~self.requests[owner]):
            for other in others:  # the last assignment wins: the next in line
                with m.If(self.requests[other]):
                    m.d.sync += self.turn.eq(other)
