# SPDX-License-Identifier: BSD-2-Clause
"""Raise a vector only behind the writes that it announces."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..requester.segment import TICKETS
from .retire import AnnouncementLayout, has_passed

__all__ = ["SETTLE_CYCLES", "Announcer"]

#: Cycles by which `link_drained` may lag the acceptance of a beat.
SETTLE_CYCLES = 3


class Announcer(wiring.Component):
    """Hold a vector back until its writes have left and the link has drained.

    Members
    -------
    i : ``In(stream.Signature(AnnouncementLayout)).array(2)``
        Vectors. The first goes first.
    done : ``In(range(TICKETS))``
        From the writer: every segment before this one has left.
    moved : ``In(1)``
        A beat towards the link was accepted in this cycle.
    link_drained : ``In(1)``
        High while the hard block has taken every accepted beat, SETTLE_CYCLES late at most.
    hold : ``Out(1)``
        Begin no TLP: a vector waits for the link to drain.
    idle : ``Out(1)``
        No vector is held.
    o : ``Out(stream.Signature(5))``
        The vector.
    """

    i: In(stream.Signature(AnnouncementLayout)).array(2)
    done: In(range(TICKETS))
    moved: In(1)
    link_drained: In(1)
    hold: Out(1)
    idle: Out(1)
    o: Out(stream.Signature(5))

    def elaborate(self, platform):
        m = Module()
        held = Signal(AnnouncementLayout)
        settled = Signal(range(SETTLE_CYCLES + 1))   # cycles without a beat
        m.d.comb += self.o.payload.eq(held.vector)
        with m.If(self.moved):
            m.d.sync += settled.eq(0)
        with m.Elif(settled != SETTLE_CYCLES):
            m.d.sync += settled.eq(settled + 1)

        with m.FSM() as fsm:
            m.d.comb += self.idle.eq(fsm.ongoing("EMPTY"))
            with m.State("EMPTY"):
                m.d.comb += [
                    self.i[0].ready.eq(1),
                    self.i[1].ready.eq(~self.i[0].valid),
                ]
                m.d.sync += held.eq(self.i[1].payload)
                with m.If(self.i[0].valid):
                    m.d.sync += held.eq(self.i[0].payload)
                with m.If(self.i[0].valid | self.i[1].valid):
                    m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(has_passed(self.done, held.ticket)):
                    m.d.comb += self.hold.eq(1)
                    with m.If((settled == SETTLE_CYCLES) & self.link_drained & ~self.moved):
                        m.next = "RAISE"
            with m.State("RAISE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "EMPTY"
        return m
