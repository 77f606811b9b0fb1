# SPDX-License-Identifier: BSD-2-Clause
"""Pieces of transfers to memory read TLPs, as far as tags and completion credits allow."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import Kind, TxBeatLayout
from .request import request_header
from .requests import TAGS, RequestLayout, blocks
from .splitter import PieceLayout

__all__ = ["ReadIssuer"]


class ReadIssuer(wiring.Component):
    """Send a read for each piece, once its completions are sure to fit the receive buffer.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a beat.
    credit_blocks : :class:`int`
        As in :class:`~vop.dma.requests.RequestTable`.

    Members
    -------
    piece : ``In(stream.Signature(PieceLayout(card_bits)))``
        Next piece.
    tag : ``In(stream.Signature(range(TAGS)))``
        Next free tag.
    room : ``In(range(credit_blocks + 1))``
        Blocks for which there are completion credits.
    drop : ``In(1)``
        Level: swallow pieces instead. A TLP on offer stays on offer.
    open : ``Out(1)``, open_tag : ``Out(range(TAGS))``, open_request : ``Out(RequestLayout)``
        Strobe towards the table, in the cycle before the TLP is offered.
    last : ``Out(1)``
        One-cycle pulse: the last piece of a transfer was opened or swallowed.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory reads.
    """

    def __init__(self, *, card_bits, width, credit_blocks):
        self._width = width
        super().__init__({
            "piece":        In(stream.Signature(PieceLayout(card_bits))),
            "tag":          In(stream.Signature(range(TAGS))),
            "room":         In(range(credit_blocks + 1)),
            "drop":         In(1),
            "open":         Out(1),
            "open_tag":     Out(range(TAGS)),
            "open_request": Out(RequestLayout(card_bits)),
            "last":         Out(1),
            "tlp":          Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        piece = self.piece.payload
        header = request_header(m, piece, Kind.MEMORY_READ)
        fits = Signal()
        full = Signal()
        beat = Signal(TxBeatLayout(self._width))

        m.d.comb += [
            fits.eq(blocks(piece.host_address, piece.bytes) <= self.room),
            self.open.eq(self.piece.valid & ~self.drop & self.tag.valid & fits
                         & (~full | self.tlp.ready)),
            self.open_tag.eq(self.tag.payload),
            self.open_request.card_address.eq(piece.card_address),
            self.open_request.lower.eq(piece.host_address),
            self.open_request.bytes.eq(piece.bytes),
            self.tag.ready.eq(self.open),
            self.piece.ready.eq(self.open | self.drop),
            self.last.eq(self.piece.valid & self.piece.ready & piece.last),
            self.tlp.valid.eq(full),
            self.tlp.payload.eq(beat),
        ]
        with m.If(self.tlp.ready):
            m.d.sync += full.eq(0)
        with m.If(self.open):
            m.d.sync += [
                full.eq(1),
                beat.header.eq(header),
                beat.header.tag.eq(self.tag.payload),
                beat.first.eq(1),
                beat.last.eq(1),
            ]
        return m
