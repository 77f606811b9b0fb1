# SPDX-License-Identifier: BSD-2-Clause
"""Hold the copier in reset until nothing of its past is on its way."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Quiesce"]


class Quiesce(wiring.Component):
    """Stretch a reset until reader, writer and block access have come to rest.

    Members
    -------
    reset : ``In(1)``
        Level: the host holds the function in reset.
    movers_idle : ``In(1)``
        None of them holds anything.
    hold : ``Out(1)``
        Keep everything else in reset, let the movers drop what they have. Follows ``reset`` in the
        next cycle, and ends when it has ended and the movers are idle.
    """

    reset: In(1)
    movers_idle: In(1)
    hold: Out(1)

    def elaborate(self, platform):
        m = Module()
        with m.If(self.reset):
            m.d.sync += self.hold.eq(1)
        with m.Elif(self.movers_idle):
            m.d.sync += self.hold.eq(0)
        return m
