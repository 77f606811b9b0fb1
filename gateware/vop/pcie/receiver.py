# SPDX-License-Identifier: BSD-2-Clause
"""Part what the link brings: completions go at once, posted and non-posted requests queue."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..shallow_queue import ShallowQueue
from .judge import Refusal, RequestJudge
from .tlp import Kind, RxBeatLayout

__all__ = ["PostedHeadLayout", "PostedBeatLayout", "NonpostedLayout", "Receiver"]


def PostedHeadLayout(offset_bits):
    """What to do with the next write, or a fence: here a non-posted request came in between."""
    return data.StructLayout({
        "fence":     1,
        "refused":   1,            # drop the write
        "is_memory": 1,            # card RAM; else registers
        "offset_dw": offset_bits,  # of the first DW in its window
    })


def PostedBeatLayout(width):
    """One beat of a write, as in ``RxBeatLayout``."""
    return data.StructLayout({
        "last":        1,
        "data":        width,
        "byte_enable": width // 8,
    })


def NonpostedLayout(offset_bits):
    """A non-posted request to be answered, and how."""
    return data.StructLayout({
        "refused":       1,            # answer without data
        "abort":         1,            # ... with Completer Abort; else with Unsupported Request
        "is_read":       1,            # a memory read, locked or not: its answer tells of its bytes
        "locked":        1,
        "is_memory":     1,            # card RAM; else registers
        "offset_dw":     offset_bits,  # of the first DW in its window
        "length_dw":     11,
        "first_be":      4,
        "last_be":       4,
        "traffic_class": 3,
        "no_snoop":      1,
        "relaxed":       1,
        "requester":     16,
        "tag":           8,
    })


class Receiver(wiring.Component):
    """Completions out at once, requests judged and queued.

    While the queue of non-posted requests fills, the block is asked to hold them back, so that it
    has room for those under way; completions and posted writes still come through, whatever
    becomes of our own completions (Base 4.0, 2.4.1: no posted request may wait for a TLP to leave).
    Of a non-posted request only the header is kept: none that has a payload is supported.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    offset_bits : :class:`int`
        Bits of an offset in a window, in DW. At least 10.

    Members
    -------
    rx : ``In(stream.Signature(RxBeatLayout(width)))``
        TLPs from the link.
    hold_nonposted : ``Out(1)``
        See ``phy.Signature``.
    completions : ``Out(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    heads : ``Out(stream.Signature(PostedHeadLayout(offset_bits)))``
        Memory writes, and a fence for each non-posted request, in the order in which they came.
    beats : ``Out(stream.Signature(PostedBeatLayout(width)))``
        The payload of the memory writes.
    nonposted : ``Out(stream.Signature(NonpostedLayout(offset_bits)))``
        Requests that want a completion.
    refusal : ``Out(Refusal)``
        Valid for one cycle, in the cycle after the first beat of a request that is not carried out
        was taken; ``NONE`` otherwise.
    idle : ``Out(1)``
        High while no request is queued.
    """

    #: Entries of the queue of non-posted requests from which on the block is asked to hold them.
    _HOLD = 24

    def __init__(self, width, *, offset_bits):
        self._width = width
        self._offset_bits = offset_bits
        super().__init__({
            "rx":             In(stream.Signature(RxBeatLayout(width))),
            "hold_nonposted": Out(1),
            "completions":    Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "heads":          Out(stream.Signature(PostedHeadLayout(offset_bits))),
            "beats":          Out(stream.Signature(PostedBeatLayout(width))),
            "nonposted":      Out(stream.Signature(NonpostedLayout(offset_bits))),
            "refusal":        Out(Refusal),
            "idle":           Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.judge = judge = RequestJudge()
        m.submodules.heads = heads = ShallowQueue(PostedHeadLayout(self._offset_bits))
        m.submodules.beats = beats = ShallowQueue(PostedBeatLayout(self._width))
        m.submodules.nonposted = nonposted = ShallowQueue(
            NonpostedLayout(self._offset_bits))
        wiring.connect(m, heads.o, wiring.flipped(self.heads))
        wiring.connect(m, beats.o, wiring.flipped(self.beats))
        wiring.connect(m, nonposted.o, wiring.flipped(self.nonposted))

        rx, header = self.rx, self.rx.payload.header
        offset_dw = header.address[2:2 + self._offset_bits]
        room = heads.i.ready & beats.i.ready & nonposted.i.ready
        starts = rx.valid & room & rx.payload.first
        m.d.comb += [
            judge.header.eq(header),
            judge.message_code.eq(rx.payload.raw[1][:8]),
            judge.bar.eq(rx.payload.bar),
            self.completions.payload.eq(rx.payload),
            self.completions.valid.eq(rx.valid & judge.is_completion),
            rx.ready.eq(room | judge.is_completion),

            heads.i.payload.fence.eq(judge.is_nonposted),
            heads.i.payload.refused.eq(judge.refusal != Refusal.NONE),
            heads.i.payload.is_memory.eq(judge.is_memory),
            heads.i.payload.offset_dw.eq(offset_dw),
            heads.i.valid.eq(starts & (judge.is_write | judge.is_nonposted)),

            beats.i.payload.last.eq(rx.payload.last),
            beats.i.payload.data.eq(rx.payload.data),
            beats.i.payload.byte_enable.eq(rx.payload.byte_enable),
            beats.i.valid.eq(rx.valid & room & judge.is_write),

            nonposted.i.payload.refused.eq(judge.refusal != Refusal.NONE),
            nonposted.i.payload.abort.eq(judge.refusal == Refusal.ABORT),
            nonposted.i.payload.is_read.eq((header.kind == Kind.MEMORY_READ)
                                           | (header.kind == Kind.LOCKED_READ)),
            nonposted.i.payload.locked.eq(header.kind == Kind.LOCKED_READ),
            nonposted.i.payload.is_memory.eq(judge.is_memory),
            nonposted.i.payload.offset_dw.eq(offset_dw),
            *(getattr(nonposted.i.payload, name).eq(getattr(header, name))
              for name in ("length_dw", "first_be", "last_be", "traffic_class", "no_snoop",
                           "relaxed", "requester", "tag")),
            nonposted.i.valid.eq(starts & judge.is_nonposted),

            self.hold_nonposted.eq(nonposted.level >= self._HOLD),
            self.idle.eq(~heads.o.valid & ~nonposted.o.valid),
        ]
        m.d.sync += self.refusal.eq(Refusal.NONE)
        with m.If(starts & ~judge.is_completion):
            m.d.sync += self.refusal.eq(judge.refusal)
        return m
