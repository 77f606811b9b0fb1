# SPDX-License-Identifier: BSD-2-Clause
"""A reset of the card, made long enough to clear its memories."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RESET_CYCLES", "ResetStretch"]

#: Memories know no reset: their owners clear them word by word, the copier's registers taking
#: longest (256 cycles).
RESET_CYCLES = 512


class ResetStretch(wiring.Component):
    """Keep the card in reset for a while, however short what asked for it was.

    The reset of the domain asks, at power-up and in a hot reset, and so does ``request``.

    Members
    -------
    request : ``In(1)``
        Level.
    active : ``Out(1)``
        High from the reset of the domain, or from the cycle behind ``request``, until RESET_CYCLES
        have passed without either.
    hold : ``Out(1)``
        ``active`` a cycle later: until it falls, software must not find the registers.
    """

    request: In(1)
    active: Out(1, init=1)
    hold: Out(1, init=1)

    def elaborate(self, platform):
        m = Module()
        passed = Signal(range(RESET_CYCLES))
        m.d.sync += self.hold.eq(self.active)
        with m.If(self.request):
            m.d.sync += [self.active.eq(1), passed.eq(0)]
        with m.Elif(self.active):
            m.d.sync += passed.eq(passed + 1)
            with m.If(passed.all()):
                m.d.sync += self.active.eq(0)
        return m
