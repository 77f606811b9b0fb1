# SPDX-License-Identifier: BSD-2-Clause
"""Cut a transfer at the boundaries that PCIe sets: 4 KiB, MPS, MRRS."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MAX_BYTES", "TransferLayout", "PieceLayout", "Splitter"]

#: Most bytes of a transfer.
MAX_BYTES = 1 << 20

_PAGE_LOG2 = 12


def TransferLayout(card_bits):
    """Bytes to move between host memory and card RAM."""
    return data.StructLayout({
        "host_address": 64,
        "card_address": card_bits,
        "bytes":        range(MAX_BYTES + 1),  # 1 to MAX_BYTES
    })


def PieceLayout(card_bits):
    """The part of a transfer that one TLP moves."""
    return data.StructLayout({
        "host_address": 64,
        "card_address": card_bits,
        "bytes":        range(4096 + 1),
        "first":        1,                     # of the transfer
        "last":         1,                     # of the transfer
    })


class Splitter(wiring.Component):
    """Cut transfers into pieces that end at multiples of ``1 << limit_log2`` host bytes.

    All pieces of a transfer but the first and the last are full-sized. As the limit divides 4096,
    no piece crosses a 4 KiB boundary.

    Specification
    -------------
    PCIe Base 4.0, 2.2.7 (a request must not cross a 4 KiB boundary).

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    limit_log2 : ``In(4)``
        Log2 of MPS or MRRS in bytes, 7 to 12; more counts as 12. Looked at when a transfer is
        accepted.
    transfer : ``In(stream.Signature(TransferLayout(card_bits)))``
        Accepted while no other is being cut, or with the last piece of the one before.
    piece : ``Out(stream.Signature(PieceLayout(card_bits)))``
        Pieces in order, one a cycle.
    """

    def __init__(self, *, card_bits):
        super().__init__({
            "limit_log2": In(4),
            "transfer":   In(stream.Signature(TransferLayout(card_bits))),
            "piece":      Out(stream.Signature(PieceLayout(card_bits))),
        })

    def elaborate(self, platform):
        m = Module()

        left = Signal.like(self.transfer.payload)
        busy = Signal()
        first = Signal()
        limit_log2 = Signal(4)
        room = Signal(range(4096 + 1))  # bytes up to the next boundary
        piece = self.piece.payload

        m.d.comb += [
            room.eq((1 << limit_log2)
                    - (left.host_address[:12] & ((1 << limit_log2) - 1)[:12])),
            self.piece.valid.eq(busy),
            piece.host_address.eq(left.host_address),
            piece.card_address.eq(left.card_address),
            piece.last.eq(left.bytes <= room),
            piece.bytes.eq(Mux(piece.last, left.bytes, room)),
            piece.first.eq(first),
            self.transfer.ready.eq(~busy | (self.piece.ready & piece.last)),
        ]

        with m.If(self.piece.ready):
            m.d.sync += [
                left.host_address.eq(left.host_address + piece.bytes),
                left.card_address.eq(left.card_address + piece.bytes),
                left.bytes.eq(left.bytes - piece.bytes),
                first.eq(0),
            ]
        with m.If(self.transfer.ready):
            m.d.sync += [
                left.eq(self.transfer.payload),
                limit_log2.eq(Mux(self.limit_log2 > _PAGE_LOG2, _PAGE_LOG2, self.limit_log2)),
                busy.eq(self.transfer.valid),
                first.eq(1),
            ]
        return m
