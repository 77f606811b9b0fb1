# SPDX-License-Identifier: BSD-2-Clause
"""Header of the memory request that moves one piece."""

from amaranth import Const, Mux, Signal

from ..pcie.tlp import HeaderLayout

__all__ = ["request_header"]


def request_header(m, piece, kind):
    """Drive and return the header of the request for ``piece``.

    Ref: PCI Express Base 4.0, 2.2.5 (First/Last DW Byte Enables Rules).

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where the logic goes.
    piece
        View of a :func:`~vop.dma.splitter.PieceLayout`.
    kind : :class:`~vop.pcie.tlp.Kind`
        MEMORY_READ or MEMORY_WRITE.
    """
    header = Signal(HeaderLayout)
    offset = piece.host_address[:2]
    span = Signal(range(4096 + 4))  # bytes from the first DW's start to the last byte
    single = Signal()
    from_first = Signal(4)
    to_last = Signal(4)
    m.d.comb += [
        span.eq(offset + piece.bytes),
        single.eq(span <= 4),
        from_first.eq(Const(0xF, 4) << offset),
        to_last.eq(Const(0xF, 4) >> (~(span - 1)[:2])),
        header.kind.eq(kind),
        header.length_dw.eq((span + 3) >> 2),
        header.address.eq(piece.host_address & ~3),
        header.first_be.eq(Mux(single, from_first & to_last, from_first)),
        header.last_be.eq(Mux(single, 0, to_last)),
    ]
    return header
