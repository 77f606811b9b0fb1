# SPDX-License-Identifier: BSD-2-Clause
"""Posted requests, carried out one by one."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bar.window import WindowBeatLayout
from .receiver import PostedBeatLayout, PostedHeadLayout

__all__ = ["PostedExecutor"]


class PostedExecutor(wiring.Component):
    """Send each write to its window, in order, and let non-posted requests go behind them.

    A window gets a write when the other one has carried out all earlier ones, so a write of a
    register sees all card RAM written before it. A fence passes when both have. Nothing here waits
    for a TLP to leave.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    offset_bits, register_bits, memory_bits : :class:`int`
        Bits of an offset in DW: in any window, in BAR0, in BAR2.

    Members
    -------
    heads : ``In(stream.Signature(PostedHeadLayout(offset_bits)))``
    beats : ``In(stream.Signature(PostedBeatLayout(width)))``
        Posted requests; see ``Receiver``.
    register_writes, memory_writes : ``Out(stream.Signature(WindowBeatLayout(..., width)))``
        Writes for BAR0 and BAR2.
    registers_busy, memory_busy : ``In(1)``
        The window has accepted a beat, and not carried it out.
    may_start : ``Out(1)``, started : ``In(1)``
        Every posted request before the next non-posted one is done; that one starts.
    """

    #: More than the receiver can queue.
    _MOST_FENCES = 63

    def __init__(self, width, *, offset_bits, register_bits, memory_bits):
        super().__init__({
            "heads":           In(stream.Signature(PostedHeadLayout(offset_bits))),
            "beats":           In(stream.Signature(PostedBeatLayout(width))),
            "register_writes": Out(stream.Signature(WindowBeatLayout(register_bits, width))),
            "memory_writes":   Out(stream.Signature(WindowBeatLayout(memory_bits, width))),
            "registers_busy":  In(1),
            "memory_busy":     In(1),
            "may_start":       Out(1),
            "started":         In(1),
        })

    def elaborate(self, platform):
        m = Module()
        head, beat = self.heads.payload, self.beats.payload
        under_way = Signal()                 # a write has begun
        drops = head.refused & ~head.fence
        for window, chosen, other_busy in (
                (self.register_writes, ~head.is_memory, self.memory_busy),
                (self.memory_writes, head.is_memory, self.registers_busy)):
            m.d.comb += [
                window.payload.offset_dw.eq(head.offset_dw),
                window.payload.first.eq(~under_way),
                window.payload.last.eq(beat.last),
                window.payload.data.eq(beat.data),
                window.payload.byte_enable.eq(beat.byte_enable),
                window.valid.eq(self.heads.valid & self.beats.valid & chosen & ~head.fence
                                & ~head.refused & ~other_busy),
            ]

        passes = Signal()
        m.d.comb += [
            passes.eq(self.heads.valid & head.fence & ~self.registers_busy & ~self.memory_busy),
            self.beats.ready.eq((self.heads.valid & drops)
                                | (self.register_writes.valid & self.register_writes.ready)
                                | (self.memory_writes.valid & self.memory_writes.ready)),
            self.heads.ready.eq(passes | (self.beats.valid & self.beats.ready & beat.last)),
        ]
        with m.If(self.beats.valid & self.beats.ready):
            m.d.sync += under_way.eq(~beat.last)

        fences = Signal(range(self._MOST_FENCES + 1))    # passed, and their requests not started
        m.d.comb += self.may_start.eq(fences != 0)
        with m.If(passes & ~self.started):
            m.d.sync += fences.eq(fences + 1)
        with m.Elif(self.started & ~passes):
            m.d.sync += fences.eq(fences - 1)
        return m
