# SPDX-License-Identifier: BSD-2-Clause
"""Lines of card RAM and pieces of transfers to memory write TLPs."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import Kind, TxBeatLayout
from .request import request_header
from .splitter import PieceLayout

__all__ = ["TlpPacker"]


class TlpPacker(wiring.Component):
    """Shift the bytes of each piece to where the host's DW alignment wants them.

    One beat a cycle, without a gap between the TLPs of a transfer. A piece that must not leave is
    consumed like any other, but its beats are not offered; that is decided before its first beat,
    so a TLP is never cut short.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line and of a beat.

    Members
    -------
    piece : ``In(stream.Signature(PieceLayout(card_bits)))``
        Taken with the last beat of its TLP.
    lines : ``In(stream.Signature(width))``
        All lines of each transfer, in order.
    mute : ``In(1)``
        High: pieces that start now do not leave.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory writes.
    done : ``Out(1)``
        One-cycle pulse: the last beat of a transfer was accepted on ``tlp``, or was muted.
    muted : ``Out(1)``
        Valid with ``done``: some of the transfer did not leave.
    """

    def __init__(self, *, card_bits, width):
        self._card_bits = card_bits
        self._width = width
        super().__init__({
            "piece": In(stream.Signature(PieceLayout(card_bits))),
            "lines": In(stream.Signature(width)),
            "mute":  In(1),
            "tlp":   Out(stream.Signature(TxBeatLayout(width))),
            "done":  Out(1),
            "muted": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        line_bytes = self._width // 8
        line_log2 = line_bytes.bit_length() - 1

        # The window: a line held, behind it the line at the head of the queue.
        hold = Signal(self._width)
        holding = Signal()
        position = Signal(line_log2)             # of the next byte, in `hold`
        piece = self.piece.payload
        first_beat = Signal(init=1)
        span_after = Signal(range(4096 + 4))     # bytes of the payload behind this beat

        span = Signal(range(4096 + 4))           # bytes of the payload from this beat on
        offset = Signal(2)                       # bytes of the beat before the first that counts
        count = Signal(range(line_bytes + 1))    # bytes that count
        start = Signal(line_log2)
        end = Signal(range(2 * line_bytes + 1))
        last_beat = Signal()
        last_of_transfer = Signal()
        need_next = Signal()
        fire = Signal()
        pop = Signal()
        mute = Signal()
        mute_rest = Signal()
        header = request_header(m, piece, Kind.MEMORY_WRITE)

        m.d.comb += [
            offset.eq(Mux(first_beat, piece.host_address[:2], 0)),
            span.eq(Mux(first_beat, piece.host_address[:2] + piece.bytes, span_after)),
            last_beat.eq(span <= line_bytes),
            last_of_transfer.eq(last_beat & piece.last),
            count.eq(Mux(last_beat, span, line_bytes) - offset),
            start.eq(Mux(first_beat & piece.first, piece.card_address[:line_log2], position)),
            end.eq(start + count),
            need_next.eq(end > line_bytes),
            mute.eq(Mux(first_beat, self.mute, mute_rest)),
            self.piece.ready.eq(fire & last_beat),
            self.lines.ready.eq(pop),
        ]

        # Output register.
        full = Signal()
        silent = Signal()
        ends_transfer = Signal()
        ends_muted = Signal()
        lost = Signal()                          # a piece of this transfer was muted
        gone = Signal()
        beat = Signal(TxBeatLayout(self._width))
        m.d.comb += [
            self.tlp.valid.eq(full & ~silent),
            self.tlp.payload.eq(beat),
            gone.eq(full & (silent | self.tlp.ready)),
            self.done.eq(gone & ends_transfer),
            self.muted.eq(ends_muted),
            fire.eq(self.piece.valid & holding & (~need_next | self.lines.valid)
                    & (~full | gone)),
        ]

        # Three zero bytes below the window: the first beat may start up to 3 bytes before it.
        window = Cat(Const(0, 24), hold, self.lines.payload)
        shift = Signal(range(line_bytes + 3))
        m.d.comb += shift.eq(start + 3 - offset)

        with m.If(gone):
            m.d.sync += full.eq(0)
        with m.If(fire):
            m.d.sync += [
                full.eq(1),
                silent.eq(mute),
                mute_rest.eq(mute),
                ends_transfer.eq(last_of_transfer),
                ends_muted.eq(lost | mute),
                lost.eq((lost | mute) & ~last_of_transfer),
                beat.header.eq(header),
                beat.first.eq(first_beat),
                beat.last.eq(last_beat),
                beat.data.eq((window >> (shift << 3))[:self._width]),
                first_beat.eq(last_beat),
                span_after.eq(span - line_bytes),
                position.eq(end),
            ]

        # The line held is spent when its last byte went, or with the transfer.
        with m.If(~holding):
            m.d.comb += pop.eq(self.lines.valid)
            m.d.sync += holding.eq(self.lines.valid)
        with m.Elif(fire & (last_of_transfer | (end >= line_bytes))):
            m.d.comb += pop.eq(self.lines.valid)
            # Where the line behind was the transfer's last and is spent too, nothing is held.
            m.d.sync += holding.eq(self.lines.valid & ~(last_of_transfer & need_next))
        with m.If(pop):
            m.d.sync += hold.eq(self.lines.payload)
        return m
