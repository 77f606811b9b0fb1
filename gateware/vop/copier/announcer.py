# SPDX-License-Identifier: BSD-2-Clause
"""Raise a vector only behind the writes that it announces."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SETTLE_CYCLES", "Announcer"]

#: Cycles by which `link_drained` may lag the acceptance of a beat.
SETTLE_CYCLES = 3


class Announcer(wiring.Component):
    """Hold a vector back until the link has drained.

    Members
    -------
    i : ``In(stream.Signature(5))``
        A vector. Offered only after the last beat that it announces was accepted; taken when it
        has been raised, or on ``cancel``.
    link_drained : ``In(1)``
        High while the hard block has taken every accepted beat, SETTLE_CYCLES late at most.
    cancel : ``In(1)``
        Level: swallow a vector that has not been offered yet.
    o : ``Out(stream.Signature(5))``
        The vector.
    """

    i: In(stream.Signature(5))
    link_drained: In(1)
    cancel: In(1)
    o: Out(stream.Signature(5))

    def elaborate(self, platform):
        m = Module()
        settled = Signal(range(SETTLE_CYCLES + 1))
        m.d.comb += self.o.payload.eq(self.i.payload)
        with m.FSM():
            with m.State("WAIT"):
                m.d.sync += settled.eq(settled + 1)
                with m.If(~self.i.valid):
                    m.d.sync += settled.eq(0)
                with m.Elif(self.cancel):
                    m.d.comb += self.i.ready.eq(1)
                    m.d.sync += settled.eq(0)
                with m.Elif(settled == SETTLE_CYCLES):
                    m.d.sync += settled.eq(settled)
                    with m.If(self.link_drained):
                        m.next = "RAISE"
            with m.State("RAISE"):
                m.d.comb += [self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                m.d.sync += settled.eq(0)
                with m.If(self.o.ready):
                    m.next = "WAIT"
        return m
