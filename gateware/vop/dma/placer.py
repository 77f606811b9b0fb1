# SPDX-License-Identifier: BSD-2-Clause
"""Shift bytes to their place within card RAM lines, and write each line as whole as can be."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..soc import memory_port
from .checker import PlacementLayout

__all__ = ["LinePlacer"]

# A completion costs at most one write more than it has beats, and no more than 36 are outstanding
# (the header credits). With no read issued above the mark, the queue never overflows.
_DEPTH = 64
_CROWDED = 24


class LinePlacer(wiring.Component):
    """Write placements to card RAM.

    The bytes that a beat leaves for the next line are carried, and join the next beat's if that
    continues there: a run of beats takes one write each, whatever its alignment.

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
    memory : ``Out(memory_port.WriteSignature)``
        Card RAM; must not wait.
    crowded : ``Out(1)``
        So much waits that no more reads should be issued.
    idle : ``Out(1)``
        Everything has been written.
    """

    def __init__(self, *, card_bits, width):
        self._width = width
        self._line_log2 = (width // 8).bit_length() - 1
        self._line_bits = card_bits - self._line_log2
        placement = PlacementLayout(card_bits, width)
        super().__init__({
            "placement": In(stream.Signature(placement, always_ready=True)),
            "memory":    Out(memory_port.WriteSignature(self._line_bits, width)),
            "crowded":   Out(1),
            "idle":      Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        line_bytes = self._width // 8
        rotated_shape = data.StructLayout({
            "line":  self._line_bits,   # of the lower part
            "data":  self._width,       # already in place
            "lower": line_bytes,        # strobes for `line`
            "upper": line_bytes,        # strobes for the line behind it
        })
        m.submodules.queue = queue = SyncFIFOBuffered(width=rotated_shape.size, depth=_DEPTH)

        # One register, as the checker needs most of a cycle itself.
        placement = Signal.like(self.placement.payload)
        placing = Signal()
        m.d.sync += [placement.eq(self.placement.payload), placing.eq(self.placement.valid)]

        rotated = Signal(rotated_shape)
        turn = Signal(self._line_log2)
        counts = Signal(line_bytes)
        spread = Signal(2 * line_bytes)
        start = placement.card_address[:self._line_log2]
        m.d.comb += [
            turn.eq(start - placement.offset),
            counts.eq((1 << placement.bytes) - 1),
            spread.eq(counts << start),
            rotated.line.eq(placement.card_address >> self._line_log2),
            rotated.data.eq((Cat(placement.data, placement.data) << (turn << 3))
                            [self._width:]),
            rotated.lower.eq(spread[:line_bytes]),
            rotated.upper.eq(spread[line_bytes:]),
            queue.w_data.eq(rotated),
            queue.w_en.eq(placing),
        ]

        head = data.View(rotated_shape, queue.r_data)
        carry = Signal(memory_port.WriteLayout(self._line_bits, self._width))
        carrying = Signal()
        joins = Signal()
        request = self.memory.request
        m.d.comb += [
            joins.eq(~carrying | (carry.line == head.line)),
            request.valid.eq(carrying | queue.r_rdy),
            request.payload.line.eq(head.line),
            request.payload.strobe.eq(head.lower),
            self.crowded.eq(queue.level > _CROWDED),
            self.idle.eq(~placing & ~carrying & (queue.level == 0)),
        ]
        for index in range(line_bytes):
            lane = slice(8 * index, 8 * index + 8)
            m.d.comb += request.payload.data[lane].eq(
                Mux(carrying & carry.strobe[index], carry.data[lane], head.data[lane]))
        with m.If(carrying):
            m.d.comb += [
                request.payload.line.eq(carry.line),
                request.payload.strobe.eq(carry.strobe | Mux(queue.r_rdy & joins, head.lower, 0)),
            ]
        m.d.comb += queue.r_en.eq(request.ready & joins)
        with m.If(request.valid & request.ready):
            m.d.sync += [
                carrying.eq(queue.r_rdy & joins & (head.upper != 0)),
                carry.line.eq(head.line + 1),
                carry.data.eq(head.data),
                carry.strobe.eq(head.upper),
            ]
        return m
