# SPDX-License-Identifier: BSD-2-Clause
"""From segments to TLPs: cut at multiples of MPS, and gather what lies side by side."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .segment import TICKETS
from .write_plan import HeadLayout, PlanLayout

__all__ = ["WriteCutter"]

_SMALLEST_LOG2 = 7  # of the smallest MPS
_SIZES = 3          # how often it may be doubled
_BLOCK_BITS = _SMALLEST_LOG2 + _SIZES


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
        MPS = 128 << n bytes; above 1024 it counts as 1024.
    hold : ``Out(1)``
        High: no segment may follow, as MPS has changed and waits for the TLPs planned before.
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
            "hold":        Out(1),
            "head":        In(stream.Signature(HeadLayout(card_bits))),
            "plan":        Out(stream.Signature(PlanLayout(card_bits, width))),
        })

    def elaborate(self, platform):
        m = Module()
        head = self.head.payload

        # What is left of the segment or segments under way. Offsets count from the block's start.
        rest = Signal(HeadLayout(self._card_bits))   # of `bytes` nothing is used
        valid = Signal()
        stop = Signal(_BLOCK_BITS + 1)       # offset behind the last byte
        card_stop = Signal(self._card_bits)  # behind the last byte
        beyond = Signal()                    # that is behind the block; low while nothing is left
        joined = Signal()                    # more than one segment
        taken = Signal(range(TICKETS))       # segments that have been taken from `head`
        before = Signal(range(TICKETS))      # the same without the last of them

        larger = Signal(_SIZES)              # bit n: MPS is larger than 128 << n
        mask = Cat(C(-1, _SMALLEST_LOG2), larger)  # MPS - 1
        wanted = Signal.like(larger)
        m.d.comb += [
            wanted.eq(Cat(self.max_payload > n for n in range(_SIZES))),
            self.hold.eq(wanted != larger),
        ]
        with m.If(~valid & ~self.head.valid):
            m.d.sync += larger.eq(wanted)

        start = Signal(_BLOCK_BITS)          # offset of the first byte
        end = Signal(_BLOCK_BITS + 1)        # offset behind the last byte of this TLP
        m.d.comb += [
            start.eq(rest.host_address[:_BLOCK_BITS] & mask),
            end.eq(Mux(beyond, mask + 1, stop)),
        ]

        self._add_plan(m, rest, start, end)
        m.d.comb += [
            self.plan.payload.tlp.ends.eq(joined | ~beyond),
            self.plan.payload.tlp.done.eq(Mux(beyond, before, taken)),
            self.plan.payload.run.spent.eq(rest.immediate & ~beyond),
        ]

        # Go on behind the TLP that was taken, load a segment, or let another join.
        gone = Signal()                      # a TLP was taken
        loads = Signal()
        joins = Signal()                     # waits for no more than this one cycle
        moves = Signal()
        at = Signal(_BLOCK_BITS)             # offset of the segment's first byte
        shorter, longer = Signal(_BLOCK_BITS + 1), Signal(_BLOCK_BITS + 1)   # the next `stop`
        m.d.comb += [
            self.plan.valid.eq(valid & ~joins),
            gone.eq(self.plan.valid & self.plan.ready),
            loads.eq(self.head.valid & (~valid | gone) & ~beyond),
            moves.eq(gone | loads | joins),
            self.head.ready.eq(loads | joins),
            at.eq(head.host_address[:_BLOCK_BITS] & mask),
            shorter.eq(Cat(stop[:_SMALLEST_LOG2],    # by MPS
                           stop[_SMALLEST_LOG2:] + Cat(~larger, C(1, 1)))),
            # Of a segment that joins, `at` is `stop`.
            longer.eq(at + head.bytes),
        ]
        with m.If(gone | loads):
            # One adder each: the next block's start, or the segment's.
            m.d.sync += [
                rest.host_address.eq(Mux(beyond, rest.host_address | mask, head.host_address)
                                     + beyond),
                rest.card_address.eq(
                    (Cat(beyond, Mux(beyond, rest.card_address, head.card_address))
                     + Cat(beyond, Mux(beyond, ~start & mask, 0)))[1:]),
            ]
        with m.If(self.head.ready):
            m.d.sync += card_stop.eq(head.card_address + head.bytes)
        with m.If(moves):
            m.d.sync += [
                valid.eq(beyond | self.head.ready),
                stop.eq(Mux(beyond, shorter, longer)),
                beyond.eq(Mux(beyond, self._is_beyond(shorter, larger),
                              self.head.ready & self._is_beyond(longer, larger))),
                joined.eq(joins),
            ]
        with m.If(loads):
            m.d.sync += [
                getattr(rest, name).eq(getattr(head, name))
                for name in ("channel", "immediate", "relaxed", "no_snoop")]
        with m.If(self.head.ready):
            m.d.sync += [before.eq(taken), taken.eq(taken + 1)]

        # Two cycles to compare, in which nothing may move.
        moved = Signal()
        upper = slice(_BLOCK_BITS, None)
        m.d.sync += [
            moved.eq(moves),
            joins.eq(
                valid & self.head.valid & ~moves & ~moved
                & ~rest.immediate & ~head.immediate & (rest.channel == head.channel)
                & (rest.relaxed == head.relaxed) & (rest.no_snoop == head.no_snoop)
                & (((rest.host_address[:_BLOCK_BITS] ^ head.host_address[:_BLOCK_BITS])
                    & ~mask) == 0)
                & (rest.host_address[upper] == head.host_address[upper])
                & (stop == at)
                & (card_stop == head.card_address)),
        ]
        return m

    def _is_beyond(self, stop, larger):
        """``stop`` is larger than MPS. A comparator would cost a carry chain."""
        found = C(0, 1)
        low = stop[:_SMALLEST_LOG2].any()    # something is set below the bit in question
        for n in range(_SIZES + 1):
            bit = stop[_SMALLEST_LOG2 + n]
            above = ~larger[n] if n < _SIZES else C(1, 1)     # bit n has at least the weight of MPS
            exact = larger[n - 1] & above if n else above     # ... and just that
            found |= bit & above & (~exact | low)
            low |= bit
        return found

    def _add_plan(self, m, rest, start, end):
        line_log2 = ceil_log2(self._width // 8)
        dword_span = Signal(_BLOCK_BITS - 2)  # from the DW of the first byte to that of the last
        last_byte = Signal(2)                 # in its DW
        last_lane = Signal(line_log2)         # of the last beat, that has the last byte
        offset = rest.card_address[:line_log2]
        single = Signal()
        from_first = Signal(4)
        to_last = Signal(4)
        tlp, run = self.plan.payload.tlp, self.plan.payload.run
        m.d.comb += [
            dword_span.eq(~(Cat(C(0, 1), start[2:]) - Cat(end[:2].any(), end[2:]))[1:]),
            last_byte.eq(end[:2] - 1),
            last_lane.eq(Cat(last_byte, dword_span[:line_log2 - 2])),
            single.eq(dword_span == 0),
            from_first.eq(C(0xF, 4) << start[:2]),
            to_last.eq(C(0xF, 4) >> ~last_byte),

            tlp.host_address.eq(Cat(C(0, 2), rest.host_address[2:])),
            tlp.dword_span.eq(dword_span),
            tlp.beats_after.eq(dword_span >> (line_log2 - 2)),
            tlp.first_be.eq(Mux(single, from_first & to_last, from_first)),
            tlp.last_be.eq(Mux(single, 0, to_last)),
            tlp.relaxed.eq(rest.relaxed),
            tlp.no_snoop.eq(rest.no_snoop),
            tlp.channel.eq(rest.channel),

            run.line.eq(rest.card_address[line_log2:]),
            run.lines_after.eq((offset + ~(start - end)[:_BLOCK_BITS]) >> line_log2),
            run.rotation.eq(start[:2] - offset),
            run.early.eq(start[:2] < offset),
            run.tail.eq(last_lane < run.rotation),
            run.immediate.eq(rest.immediate),
        ]
