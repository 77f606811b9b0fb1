# SPDX-License-Identifier: BSD-2-Clause
"""Shift bytes to their place in card RAM: one write per beat, whatever its alignment."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..rotate import ByteRotator
from ..soc.memory_span import SpanSignature
from .table import MAX_READ_LOG2

__all__ = ["PlacementLayout", "LinePlacer"]


def PlacementLayout(card_bits, width):
    """Bytes of one beat, and where in card RAM they go."""
    return data.StructLayout({
        "card_address": card_bits,                        # of the first byte that counts
        "offset":       2,                                # bytes of the beat before it
        "bytes":        range(width // 8 + 1),            # of the beat from there on
        "wanted":       range((1 << MAX_READ_LOG2) + 1),  # if that is less, so many count
        "data":         width,
    })


class LinePlacer(wiring.Component):
    """Write each placement to card RAM, in the cycle after it came.

    A beat that lies across two lines is one write: see :class:`~vop.soc.memory_span.SpanSignature`.
    So nothing ever waits here.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line and of a beat.

    Members
    -------
    placement : ``In(stream.Signature(PlacementLayout(card_bits, width), always_ready=True))``
        Bytes and where they go.
    memory : ``Out(SpanSignature)``
        Card RAM.
    """

    def __init__(self, *, card_bits, width):
        self._width = width
        self._line_log2 = (width // 8).bit_length() - 1
        line_bits = card_bits - self._line_log2
        placement = PlacementLayout(card_bits, width)
        super().__init__({
            "placement": In(stream.Signature(placement, always_ready=True)),
            "memory":    Out(SpanSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.rotator = rotator = ByteRotator(self._width)
        line_bytes = self._width // 8
        placement = self.placement.payload
        start = placement.card_address[:self._line_log2]
        end = Signal(range(2 * line_bytes))    # behind the last byte, from the line's start
        m.d.comb += [
            rotator.i.eq(placement.data),
            rotator.turn.eq(start - placement.offset),
            # The two sums side by side are quicker than the sum of the lesser.
            end.eq(Mux(placement.wanted < placement.bytes,
                       start + placement.wanted[:self._line_log2 + 1],
                       start + placement.bytes)),
        ]

        write = self.memory.request.payload
        m.d.sync += [
            self.memory.request.valid.eq(self.placement.valid),
            write.line.eq(placement.card_address >> self._line_log2),
            write.data.eq(rotator.o),
        ]
        for place in range(line_bytes):
            m.d.sync += [
                write.strobe[place].eq((start <= place) & (end > place)),
                write.next_strobe[place].eq(end > line_bytes + place),
            ]
        return m
