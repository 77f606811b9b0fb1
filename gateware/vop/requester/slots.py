# SPDX-License-Identifier: BSD-2-Clause
"""What each slot still waits for, and its first error."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..regs.copier import CommandError
from .segment import CHANNELS, SLOTS, SlotLayout

__all__ = ["EndLayout", "WatchSignature", "SlotBook"]

_COUNT_BITS = 6  # more than the reads and queued segments that there can be at once
_ERROR_BITS = max(CommandError).bit_length()
_DEPTH = CHANNELS * SLOTS

#: Something that a slot waited for has ended, or has failed, or both.
EndLayout = data.StructLayout({
    "slot":   SlotLayout,
    "closes": 1,   # one thing less to wait for
    "error":  8,   # CommandError, OK if none
})


class WatchSignature(wiring.Signature):
    """A look at a slot, as the one who looks sees it. Combinational.

    Members
    -------
    slot : ``Out(SlotLayout)``
        Which.
    busy : ``In(1)``
        A segment of it is queued or being cut, or a read of it is open, or a byte of it is not yet
        in card RAM. High from the cycle after a segment was accepted.
    error : ``In(8)``
        The first ``CommandError`` of it since it was forgotten.
    """

    def __init__(self):
        super().__init__({
            "slot":  Out(SlotLayout),
            "busy":  In(1),
            "error": In(8),
        })

    def __eq__(self, other):
        return isinstance(other, WatchSignature)

    def __repr__(self):
        return "WatchSignature()"


class SlotBook(wiring.Component):
    """Count, for each slot, what began and what ended: it is busy while the counts differ.

    Members
    -------
    clear : ``In(1)``, clear_slot : ``In(SlotLayout)``
        Strobe: that slot waits for nothing and has no error. Nothing else may come in that cycle.
    begin : ``In(1)``, begin_slot : ``In(SlotLayout)``
        Strobe: one more thing to wait for.
    end : ``In(stream.Signature(EndLayout, always_ready=True))``
        Something ended. Accepted at once.
    drop : ``In(stream.Signature(EndLayout))``
        The same, accepted when ``end`` and ``forget`` pause.
    forget : ``In(stream.Signature(SlotLayout))``
        Clear the error of a slot that is not busy. Accepted when ``end`` pauses.
    watch : ``In(WatchSignature()).array(2)``
        Looks.
    closed : ``Out(CHANNELS)``
        One-cycle pulse: something of that channel has ended, and shows on ``watch``.
    """

    clear: In(1)
    clear_slot: In(SlotLayout)
    begin: In(1)
    begin_slot: In(SlotLayout)
    end: In(stream.Signature(EndLayout, always_ready=True))
    drop: In(stream.Signature(EndLayout))
    forget: In(stream.Signature(SlotLayout))
    watch: In(WatchSignature()).array(2)
    closed: Out(CHANNELS)

    def elaborate(self, platform):
        m = Module()
        ended_shape = data.StructLayout({"count": _COUNT_BITS, "error": _ERROR_BITS})
        m.submodules.begun = begun = Memory(shape=_COUNT_BITS, depth=_DEPTH, init=[])
        m.submodules.ended = ended = Memory(shape=ended_shape, depth=_DEPTH, init=[])

        write_begun, old_begun = begun.write_port(), begun.read_port(domain="comb")
        m.d.comb += [
            write_begun.addr.eq(Mux(self.clear, self.clear_slot, self.begin_slot)),
            write_begun.en.eq(self.clear | self.begin),
            write_begun.data.eq(Mux(self.clear, 0, old_begun.data + 1)),
            old_begun.addr.eq(self.begin_slot),
        ]

        write_ended, old_ended = ended.write_port(), ended.read_port(domain="comb")
        event = Signal(EndLayout)
        m.d.comb += [
            self.forget.ready.eq(~self.end.valid & ~self.clear),
            self.drop.ready.eq(~self.end.valid & ~self.clear & ~self.forget.valid),
            old_ended.addr.eq(event.slot),
            write_ended.addr.eq(event.slot),
            write_ended.en.eq(self.end.valid | self.drop.valid | self.forget.valid),
            write_ended.data.count.eq(old_ended.data.count + event.closes),
            write_ended.data.error.eq(
                Mux(old_ended.data.error == CommandError.OK, event.error, old_ended.data.error)),
        ]
        with m.If(self.end.valid):
            m.d.comb += event.eq(self.end.payload)
        with m.Elif(self.forget.valid):
            m.d.comb += [event.slot.eq(self.forget.payload), write_ended.data.error.eq(0)]
        with m.Else():
            m.d.comb += event.eq(self.drop.payload)
        with m.If(self.clear):
            m.d.comb += [
                write_ended.addr.eq(self.clear_slot),
                write_ended.en.eq(1),
                write_ended.data.eq(0),
            ]

        m.d.sync += self.closed.eq(
            Mux(write_ended.en & event.closes, 1 << event.slot.channel, 0))

        for watch in self.watch:
            look_begun, look_ended = begun.read_port(domain="comb"), ended.read_port(domain="comb")
            m.d.comb += [
                look_begun.addr.eq(watch.slot),
                look_ended.addr.eq(watch.slot),
                watch.busy.eq(look_begun.data != look_ended.data.count),
                watch.error.eq(look_ended.data.error),
            ]
        return m
