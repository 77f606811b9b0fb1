# SPDX-License-Identifier: BSD-2-Clause
"""The completer: carries out the host's requests to our BARs, and answers every one that asks."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .. import csr
from ..bar.line_fetcher import LineFetcher
from ..bar.memory_writer import MemoryWriter
from ..bar.register_port import RegisterPort
from ..shallow_queue import ShallowQueue
from ..soc import memory_port
from ..stream import Stage
from .answerer import CompletionBuilder, CompletionLayout, CompletionSplitter
from .poster import PostedExecutor
from .receiver import NonpostedLayout, PostedBeatLayout, PostedHeadLayout
from .tlp import TxBeatLayout

__all__ = ["Completer"]


class Completer(wiring.Component):
    """Carry out requests: BAR0 is registers, BAR2 is card RAM.

    Writes happen in their order, and a read sees every earlier one, whichever BAR either names. A
    write does not wait for an earlier read, and so may show in it. Every non-posted request is
    answered, in order: with data, or with the status that says why not.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    register_bytes : :class:`int`
        Size of BAR0, in bytes; a power of two, at least 4 KiB.
    ram_bytes : :class:`int`
        Size of card RAM, in bytes; a power of two, at least 4 KiB.

    Members
    -------
    heads : ``In(stream.Signature(PostedHeadLayout(offset_bits)))``
    beats : ``In(stream.Signature(PostedBeatLayout(width)))``
    nonposted : ``In(stream.Signature(NonpostedLayout(offset_bits)))``
        Requests; see ``Receiver``.
    tx : ``Out(stream.Signature(TxBeatLayout(width)))``
        Completions, from a register.
    max_payload : ``In(3)``
        MPS = 128 << n bytes.
    hold_registers : ``In(1)``
        High: no register is accessed; what comes behind such an access waits with it.
    idle : ``Out(1)``
        High while nothing is under way but what waits on ``heads`` or ``nonposted``.
    registers, registers_grant
        The register bus; see ``RegisterPort``.
    memory_read, memory_write
        Card RAM; see ``LineFetcher`` and ``MemoryWriter``.

    Raises
    ------
    ValueError
        If a size is not a power of two of at least 4 KiB.
    """

    #: Completions whose payload may be under way.
    _COMPLETIONS = 8

    def __init__(self, width, *, register_bytes, ram_bytes):
        for name, size in (("BAR0", register_bytes), ("card RAM", ram_bytes)):
            if size < 4096 or size & (size - 1):
                raise ValueError(f"Size of {name} must be a power of two of at least 4096, not "
                                 f"{size!r}")
        self._width = width
        self._line_bits = ceil_log2(ram_bytes // (width // 8))
        self._register_bits = ceil_log2(register_bytes) - 2
        self._memory_bits = ceil_log2(ram_bytes) - 2
        super().__init__({
            "heads":           In(stream.Signature(PostedHeadLayout(self.offset_bits))),
            "beats":           In(stream.Signature(PostedBeatLayout(width))),
            "nonposted":       In(stream.Signature(NonpostedLayout(self.offset_bits))),
            "tx":              Out(stream.Signature(TxBeatLayout(width))),
            "max_payload":     In(3),
            "hold_registers":  In(1),
            "idle":            Out(1),
            "registers":       Out(csr.Signature(self._register_bits + 2)),
            "registers_grant": In(1),
            "memory_read":     Out(memory_port.ReadSignature(self._line_bits, width)),
            "memory_write":    Out(memory_port.WriteSignature(self._line_bits, width)),
        })

    @property
    def offset_bits(self):
        """Bits of an offset in the larger window, in DW."""
        return max(self._register_bits, self._memory_bits)

    def elaborate(self, platform):
        m = Module()
        width = self._width
        m.submodules.poster = poster = PostedExecutor(
            width, offset_bits=self.offset_bits, register_bits=self._register_bits,
            memory_bits=self._memory_bits)
        m.submodules.writer = writer = MemoryWriter(self._line_bits, width)
        m.submodules.port = port = RegisterPort(width, address_bits=self._register_bits + 2)
        m.submodules.splitter = splitter = CompletionSplitter(
            width, offset_bits=self.offset_bits)
        m.submodules.fetcher = fetcher = LineFetcher(
            width, offset_bits=self.offset_bits, line_bits=self._line_bits,
            register_bits=self._register_bits)
        m.submodules.completions = completions = ShallowQueue(CompletionLayout,
                                                              depth=self._COMPLETIONS)
        m.submodules.builder = builder = CompletionBuilder(width)
        m.submodules.output = output = Stage(TxBeatLayout(width))

        wiring.connect(m, wiring.flipped(self.heads), poster.heads)
        wiring.connect(m, wiring.flipped(self.beats), poster.beats)
        wiring.connect(m, poster.memory_writes, writer.writes)
        wiring.connect(m, poster.register_writes, port.writes)
        wiring.connect(m, wiring.flipped(self.nonposted), splitter.requests)
        wiring.connect(m, splitter.completions, completions.i)
        wiring.connect(m, splitter.jobs, fetcher.jobs)
        wiring.connect(m, fetcher.registers, port.reads)
        wiring.connect(m, completions.o, builder.completions)
        wiring.connect(m, fetcher.lines, builder.lines)
        wiring.connect(m, builder.tx, output.i)
        wiring.connect(m, output.o, wiring.flipped(self.tx))
        wiring.connect(m, port.registers, wiring.flipped(self.registers))
        wiring.connect(m, fetcher.memory, wiring.flipped(self.memory_read))
        wiring.connect(m, writer.memory, wiring.flipped(self.memory_write))
        m.d.comb += [
            poster.registers_busy.eq(port.writing),
            poster.memory_busy.eq(~writer.idle),
            poster.started.eq(splitter.started),
            splitter.may_start.eq(poster.may_start),
            splitter.max_payload.eq(self.max_payload),
            fetcher.answer.eq(port.answer),
            fetcher.answered.eq(port.answered),
            port.hold.eq(self.hold_registers),
            port.registers_grant.eq(self.registers_grant),
            self.idle.eq(splitter.idle & fetcher.idle & writer.idle & ~port.writing
                         & ~completions.o.valid & builder.idle & ~output.o.valid),
        ]
        return m
