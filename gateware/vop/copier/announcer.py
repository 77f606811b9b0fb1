# SPDX-License-Identifier: BSD-2-Clause
"""Raise a vector only behind the writes that it announces."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..requester.segment import TICKETS
from .retire import AnnouncementLayout, has_passed

__all__ = ["Announcer"]


class Announcer(wiring.Component):
    """Hold a vector back until the last beat of its writes was accepted.

    From there on the endpoint sees to it that the vector stays behind them.

    Members
    -------
    announcement : ``In(stream.Signature(AnnouncementLayout))``
        A vector behind its writes. It goes first, and need not wait for a cycle.
    vector : ``In(stream.Signature(5))``
        A vector whose writes have left. An offer may be withdrawn.
    done : ``In(range(TICKETS))``
        From the writer: every segment before this one has left.
    idle : ``Out(1)``
        No vector is held.
    o : ``Out(stream.Signature(5))``
        The vector.
    """

    announcement: In(stream.Signature(AnnouncementLayout))
    vector: In(stream.Signature(5))
    done: In(range(TICKETS))
    idle: Out(1)
    o: Out(stream.Signature(5))

    def elaborate(self, platform):
        m = Module()
        first, second = self.announcement, self.vector
        held = Signal(AnnouncementLayout)
        full = Signal()
        passed = Signal()
        ripe = has_passed(self.done, first.payload.ticket)
        m.d.comb += [
            self.idle.eq(~full),
            first.ready.eq(~full),
            second.ready.eq(~full & ~first.valid),
            self.o.valid.eq(Mux(full, passed, first.valid & ripe)),
            self.o.payload.eq(Mux(full, held.vector, first.payload.vector)),
        ]
        with m.If(~full):
            with m.If(first.valid):
                m.d.sync += [
                    held.eq(first.payload),
                    passed.eq(ripe),
                    full.eq(~(self.o.valid & self.o.ready)),
                ]
            with m.Else():
                m.d.sync += [
                    held.vector.eq(second.payload),
                    passed.eq(1),
                    full.eq(second.valid),
                ]
        with m.Else():
            with m.If(has_passed(self.done, held.ticket)):
                m.d.sync += passed.eq(1)
            with m.If(self.o.valid & self.o.ready):
                m.d.sync += full.eq(0)
        return m
