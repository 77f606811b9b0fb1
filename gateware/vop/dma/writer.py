# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM to host memory: memory write TLPs of any alignment, at a beat a cycle."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..pcie.phy import ConfigLayout
from ..pcie.tlp import TxBeatLayout
from ..soc import memory_port
from .fetcher import IMMEDIATE_BYTES, LineFetcher
from .packer import TlpPacker
from .splitter import MAX_BYTES, PieceLayout, Splitter

__all__ = ["WriteTransferLayout", "HostWriter"]

_PIECES = 4  # pieces cut ahead, so that the lines of short transfers are fetched ahead


def WriteTransferLayout(card_bits):
    """Bytes to write to host memory."""
    return data.StructLayout({
        "host_address": 64,
        "card_address": card_bits,            # 0 if `immediate`
        "bytes":        range(MAX_BYTES + 1),
        "immediate":    1,                    # 1: the bytes are in `data`, at most IMMEDIATE_BYTES
        "data":         8 * IMMEDIATE_BYTES,  # byte 0 in bits 7:0
    })


class HostWriter(wiring.Component):
    """Write transfers to host memory, in order.

    Several transfers may be under way; they end in order, each with one pulse on ``done``. With
    bus mastering off, or while ``cancel`` is high, what has not started its TLP is dropped, at no
    less than the usual pace; so is whatever is accepted until no transfer is under way any more.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a card RAM line and of a beat: 64, 128 or 256.

    Members
    -------
    config : ``In(ConfigLayout)``
        MPS and bus mastering.
    transfer : ``In(stream.Signature(WriteTransferLayout(card_bits)))``
        The next transfer. Its card addresses lie in card RAM, its bytes are 1 to MAX_BYTES.
    cancel : ``In(1)``
        Level: drop what has not left.
    done : ``Out(1)``
        One-cycle pulse: the last beat of the oldest transfer was accepted on ``tlp``, or dropped.
    dropped : ``Out(1)``
        Valid with ``done``: not all of the transfer has left.
    idle : ``Out(1)``
        No transfer is under way.
    memory : ``Out(memory_port.ReadSignature)``
        Card RAM.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory writes.
    """

    def __init__(self, *, card_bits, width):
        self._card_bits = card_bits
        self._width = width
        line_bits = card_bits - ((width // 8).bit_length() - 1)
        super().__init__({
            "config":   In(ConfigLayout),
            "transfer": In(stream.Signature(WriteTransferLayout(card_bits))),
            "cancel":   In(1),
            "done":     Out(1),
            "dropped":  Out(1),
            "idle":     Out(1),
            "memory":   Out(memory_port.ReadSignature(line_bits, width)),
            "tlp":      Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.splitter = splitter = Splitter(card_bits=self._card_bits)
        m.submodules.fetcher = fetcher = LineFetcher(card_bits=self._card_bits, width=self._width)
        m.submodules.packer = packer = TlpPacker(card_bits=self._card_bits, width=self._width)
        shape = PieceLayout(self._card_bits)
        m.submodules.pieces = pieces = SyncFIFOBuffered(width=shape.size, depth=_PIECES)

        # One transfer may be at each stage: splitter, every piece in the queue, output.
        underway = Signal(range(_PIECES + 4))
        transfer = self.transfer.payload
        gap = Signal()  # something was dropped: so is what was queued behind it
        with m.If(packer.done & packer.muted):
            m.d.sync += gap.eq(1)
        with m.Elif(underway == 0):
            m.d.sync += gap.eq(0)
        m.d.comb += [
            # The transfer goes to both at once.
            self.transfer.ready.eq(splitter.transfer.ready & fetcher.source.ready),
            splitter.transfer.valid.eq(self.transfer.valid & fetcher.source.ready),
            fetcher.source.valid.eq(self.transfer.valid & splitter.transfer.ready),
            splitter.limit_log2.eq(self.config.max_payload + 7),
            splitter.transfer.payload.host_address.eq(transfer.host_address),
            splitter.transfer.payload.card_address.eq(transfer.card_address),
            splitter.transfer.payload.bytes.eq(transfer.bytes),
            fetcher.source.payload.card_address.eq(transfer.card_address),
            fetcher.source.payload.bytes.eq(transfer.bytes),
            fetcher.source.payload.immediate.eq(transfer.immediate),
            fetcher.source.payload.data.eq(transfer.data),

            pieces.w_data.eq(splitter.piece.payload),
            pieces.w_en.eq(splitter.piece.valid),
            splitter.piece.ready.eq(pieces.w_rdy),
            packer.piece.payload.eq(pieces.r_data),
            packer.piece.valid.eq(pieces.r_rdy),
            pieces.r_en.eq(packer.piece.ready),

            packer.mute.eq(self.cancel | ~self.config.bus_master | gap
                           | (packer.done & packer.muted)),
            self.done.eq(packer.done),
            self.dropped.eq(packer.muted),
            self.idle.eq(underway == 0),
        ]
        m.d.sync += underway.eq(
            underway + (self.transfer.valid & self.transfer.ready) - packer.done)
        wiring.connect(m, fetcher.lines, packer.lines)
        wiring.connect(m, wiring.flipped(self.memory), fetcher.memory)
        wiring.connect(m, wiring.flipped(self.tlp), packer.tlp)
        return m
