# SPDX-License-Identifier: BSD-2-Clause
"""Read the card RAM lines of each transfer, ahead of their use."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..soc import memory_port
from .splitter import MAX_BYTES

__all__ = ["IMMEDIATE_BYTES", "SourceLayout", "LineFetcher"]

#: Most bytes that a transfer can bring along itself.
IMMEDIATE_BYTES = 16

_DEPTH = 16  # lines asked for or waiting; covers the latency of a shared card RAM


def SourceLayout(card_bits):
    """Where the bytes of a transfer come from."""
    return data.StructLayout({
        "card_address": card_bits,
        "bytes":        range(MAX_BYTES + 1),
        "immediate":    1,                    # 1: from `data`, not from card RAM
        "data":         8 * IMMEDIATE_BYTES,  # up to IMMEDIATE_BYTES; `card_address` must be 0
    })


class LineFetcher(wiring.Component):
    """Fetch each line that a transfer touches exactly once, in order.

    The next transfer's lines are asked for while those of the one before are still in use.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line.

    Members
    -------
    source : ``In(stream.Signature(SourceLayout(card_bits)))``
        The next transfer.
    memory : ``Out(memory_port.ReadSignature)``
        Card RAM.
    lines : ``Out(stream.Signature(width))``
        All lines of a transfer, from that of its first byte to that of its last.
    """

    def __init__(self, *, card_bits, width):
        self._width = width
        self._line_bytes_log2 = (width // 8).bit_length() - 1
        self._line_bits = card_bits - self._line_bytes_log2
        super().__init__({
            "source": In(stream.Signature(SourceLayout(card_bits))),
            "memory": Out(memory_port.ReadSignature(self._line_bits, width)),
            "lines":  Out(stream.Signature(width)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=self._width, depth=_DEPTH)

        line = Signal(self._line_bits)
        left = Signal(range(MAX_BYTES // (self._width // 8) + 2))
        immediate = Signal()
        own = Signal(max(8 * IMMEDIATE_BYTES, self._width))
        promised = Signal(range(_DEPTH + 1))  # lines asked for or waiting in the queue
        asked = Signal()
        pushed = Signal()
        taken = Signal()
        waiting = Signal(range(_DEPTH + 1))   # lines asked for that have not come

        source = self.source.payload
        offset = source.card_address[:self._line_bytes_log2]
        may_promise = promised != _DEPTH

        m.d.comb += [
            self.source.ready.eq(left == 0),
            self.memory.request.valid.eq((left != 0) & ~immediate & may_promise),
            self.memory.request.payload.eq(line),
            asked.eq(self.memory.request.valid & self.memory.request.ready),
            # Lines stay in order: own bytes wait until nothing is on its way from card RAM.
            pushed.eq((left != 0) & immediate & may_promise & (waiting == 0)),
            queue.w_en.eq(self.memory.response.valid | pushed),
            queue.w_data.eq(Mux(self.memory.response.valid, self.memory.response.payload,
                                own[:self._width])),
            self.lines.valid.eq(queue.r_rdy),
            self.lines.payload.eq(queue.r_data),
            queue.r_en.eq(self.lines.ready),
            taken.eq(self.lines.valid & self.lines.ready),
        ]
        m.d.sync += [
            promised.eq(promised + (asked | pushed) - taken),
            waiting.eq(waiting + asked - self.memory.response.valid),
        ]
        with m.If(self.source.ready & self.source.valid):
            m.d.sync += [
                line.eq(source.card_address >> self._line_bytes_log2),
                left.eq((offset + source.bytes + self._width // 8 - 1) >> self._line_bytes_log2),
                immediate.eq(source.immediate),
                own.eq(source.data),
            ]
        with m.If(asked | pushed):
            m.d.sync += [
                line.eq(line + 1),
                left.eq(left - 1),
                own.eq(own >> self._width),
            ]
        return m
