# SPDX-License-Identifier: BSD-2-Clause
"""From segments to TLPs: cut at multiples of MPS, and gather what lies side by side."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .segment import TICKETS
from .write_plan import HeadLayout, PlanLayout

__all__ = ["WriteCutter"]

_BLOCK_BITS = 10    # of an offset in the largest block
_SMALLEST_LOG2 = 7  # the smallest MPS


class WriteCutter(wiring.Component):
    """Plan one TLP after another, none beyond its *block*: the MPS bytes, aligned, it starts in.

    As MPS divides 4096, no TLP crosses a 4 KiB boundary. A segment that goes on where the one
    before ends, on both sides, joins the TLP that still waits here to be taken; it is never waited
    for. So TLPs grow exactly while the link is behind.

    Specification
    -------------
    PCIe Base 4.0, 2.2.5 (byte enables), 2.2.7 (4 KiB).

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line and of a beat.

    Members
    -------
    max_payload : ``In(3)``
        MPS = 128 << n bytes; above 1024 it counts as 1024. Looked at when a segment is taken.
    head : ``In(stream.Signature(HeadLayout(card_bits)))``
        Segments. One that was not taken in the cycle in which it came may be gathered.
    plan : ``Out(stream.Signature(PlanLayout(card_bits, width)))``
        TLPs in order. What is on offer changes when a segment joins, so it is no stream that may
        be stored before it is taken.
    """

    def __init__(self, *, card_bits, width):
        self._card_bits = card_bits
        self._width = width
        super().__init__({
            "max_payload": In(3),
            "head":        In(stream.Signature(HeadLayout(card_bits))),
            "plan":        Out(stream.Signature(PlanLayout(card_bits, width))),
        })

    def elaborate(self, platform):
        m = Module()
        head = self.head.payload

        # What is left of the segment or segments under way. Offsets count from the block's start.
        rest = Signal(HeadLayout(self._card_bits))   # of `bytes` nothing is used
        mask = Signal(_BLOCK_BITS)           # MPS - 1
        final = Signal(_BLOCK_BITS + 1)      # offset of the last byte; may lie behind the block
        beyond = Signal()                    # it does
        joined = Signal()                    # more than one segment
        taken = Signal(range(TICKETS))       # segments that have been taken from `head`
        before = Signal(range(TICKETS))      # the same without the last of them

        start = Signal(_BLOCK_BITS)          # offset of the first byte
        end = Signal(_BLOCK_BITS)            # offset of the last byte of this TLP
        span = Signal(_BLOCK_BITS)           # between the two
        card_next = Signal(self._card_bits)  # behind the TLP
        m.d.comb += [
            start.eq(rest.host_address[:_BLOCK_BITS] & mask),
            end.eq((final[:_BLOCK_BITS] | beyond.replicate(_BLOCK_BITS)) & mask),
            span.eq(end - start),
            card_next.eq(rest.card_address + span + 1),
        ]

        self._add_plan(m, rest, start, end, span)
        m.d.comb += [
            self.plan.payload.tlp.ends.eq(joined | ~beyond),
            self.plan.payload.tlp.done.eq(Mux(beyond, before, taken)),
            self.plan.payload.run.spent.eq(rest.immediate & ~beyond),
        ]

        # Load a segment, let another join, or go on behind the TLP that was taken.
        gone = Signal()                      # a TLP was taken
        loads = Signal()
        joins = Signal()
        head_mask = Signal(_BLOCK_BITS)
        next_final = Signal(_BLOCK_BITS + 1)
        max_mask = (1 << _BLOCK_BITS) - 1
        smallest = (1 << _SMALLEST_LOG2) - 1
        m.d.comb += [
            head_mask.eq(Mux(self.max_payload >= 3, max_mask,
                             (C(smallest + 1) << self.max_payload[:2]) - 1)),
            gone.eq(self.plan.valid & self.plan.ready),
            loads.eq(self.head.valid & (~self.plan.valid | (gone & ~beyond))),
            self.head.ready.eq(loads | joins),
        ]
        with m.If(self.head.ready):
            m.d.sync += [before.eq(taken), taken.eq(taken + 1)]
        with m.If(loads):
            m.d.comb += next_final.eq((head.host_address[:_BLOCK_BITS] & head_mask) + head.bytes
                                      - 1)
            m.d.sync += [rest.eq(head), mask.eq(head_mask), joined.eq(0), self.plan.valid.eq(1)]
        with m.Elif(joins):
            m.d.comb += next_final.eq(final + head.bytes)
            m.d.sync += joined.eq(1)
        with m.Else():
            m.d.comb += next_final.eq(final - mask - 1)
        with m.If(loads | joins | gone):
            m.d.sync += [
                final.eq(next_final),
                beyond.eq((next_final & ~Cat(Mux(loads, head_mask, mask), C(0, 1))).any()),
            ]
        with m.If(gone & ~loads):
            m.d.sync += [
                rest.host_address.eq((rest.host_address | mask) + 1),
                rest.card_address.eq(card_next),
                joined.eq(0),
                self.plan.valid.eq(beyond),
            ]

        # A cycle to compare, in which nothing may have moved.
        adjacent = Signal()
        upper = slice(_BLOCK_BITS, None)
        m.d.sync += adjacent.eq(
            self.plan.valid & self.head.valid & ~gone & ~self.head.ready
            & ~rest.immediate & ~head.immediate & (rest.channel == head.channel)
            & (rest.relaxed == head.relaxed) & (rest.no_snoop == head.no_snoop)
            & (((rest.host_address[:_BLOCK_BITS] ^ head.host_address[:_BLOCK_BITS]) & ~mask) == 0)
            & (rest.host_address[upper] == head.host_address[upper])
            & (final + 1 == (head.host_address[:_BLOCK_BITS] & mask))
            & (card_next == head.card_address))
        m.d.comb += joins.eq(adjacent & ~gone)
        return m

    def _add_plan(self, m, rest, start, end, span):
        line_log2 = ceil_log2(self._width // 8)
        dword_span = Signal(_BLOCK_BITS - 2)  # between the DW of the first byte and of the last
        last_lane = Signal(line_log2)         # of the last beat, that has the last byte
        offset = rest.card_address[:line_log2]
        single = Signal()
        from_first = Signal(4)
        to_last = Signal(4)
        tlp, run = self.plan.payload.tlp, self.plan.payload.run
        m.d.comb += [
            dword_span.eq(end[2:] - start[2:]),
            last_lane.eq(Cat(end[:2], dword_span[:line_log2 - 2])),
            single.eq(dword_span == 0),
            from_first.eq(C(0xF, 4) << start[:2]),
            to_last.eq(C(0xF, 4) >> ~end[:2]),

            tlp.host_address.eq(Cat(C(0, 2), rest.host_address[2:])),
            tlp.length_dw.eq(dword_span + 1),
            tlp.beats_after.eq(dword_span >> (line_log2 - 2)),
            tlp.first_be.eq(Mux(single, from_first & to_last, from_first)),
            tlp.last_be.eq(Mux(single, 0, to_last)),
            tlp.relaxed.eq(rest.relaxed),
            tlp.no_snoop.eq(rest.no_snoop),
            tlp.channel.eq(rest.channel),

            run.line.eq(rest.card_address[line_log2:]),
            run.lines_after.eq((offset + span) >> line_log2),
            run.rotation.eq(start[:2] - offset),
            run.early.eq(start[:2] < offset),
            run.tail.eq(last_lane < run.rotation),
            run.immediate.eq(rest.immediate),
        ]
