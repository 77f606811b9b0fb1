# SPDX-License-Identifier: BSD-2-Clause
"""The completer: carries out the host's requests to our BARs, and answers every one that asks."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .. import csr
from ..bar.csr_window import CsrWindow
from ..bar.memory_window import MemoryWindow
from ..soc import memory_port
from ..stream import Queue
from .answerer import CompletionBuilder, CompletionLayout, CompletionSplitter
from .dispatcher import Refusal, RequestDispatcher
from .receiver import PostedBeatLayout
from .tlp import HeaderLayout, RxBeatLayout, TxBeatLayout

__all__ = ["Completer"]


class Completer(wiring.Component):
    """Carry out requests: BAR0 is registers, BAR2 is card RAM.

    Writes happen in their order, and a read sees every earlier one, whichever BAR either names. A
    write does not wait for an earlier read, and so may show in it. Every non-posted request is
    answered, in order: with data, or with Unsupported Request.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    register_bytes : :class:`int`
        Size of BAR0, in bytes; a power of two.
    ram_bytes : :class:`int`
        Size of card RAM, in bytes.

    Members
    -------
    posted : ``In(stream.Signature(PostedBeatLayout(width)))``
        Posted requests and fences.
    nonposted : ``In(stream.Signature(RxBeatLayout(width)))``
        Non-posted requests.
    tx : ``Out(stream.Signature(TxBeatLayout(width)))``
        Completions.
    max_payload : ``In(3)``
        MPS = 128 << n bytes.
    refusal : ``Out(Refusal)``
        Valid for the cycle in which a request is refused; ``NONE`` otherwise.
    refused : ``Out(HeaderLayout)``
        The refused request. Valid with ``refusal``.
    idle : ``Out(1)``
        High while no answer is under way.
    registers, registers_grant
        The register bus; see ``CsrWindow``.
    memory_read, memory_write
        Card RAM; see ``MemoryWindow``.
    """

    #: Completions whose payload may be under way.
    _COMPLETIONS = 4

    def __init__(self, width, *, register_bytes, ram_bytes):
        self._width = width
        self._register_bytes = register_bytes
        self._ram_bytes = ram_bytes
        self._line_bits = ceil_log2(ram_bytes // (width // 8))
        self._address_bits = ceil_log2(register_bytes)
        super().__init__({
            "posted":          In(stream.Signature(PostedBeatLayout(width))),
            "nonposted":       In(stream.Signature(RxBeatLayout(width))),
            "tx":              Out(stream.Signature(TxBeatLayout(width))),
            "max_payload":     In(3),
            "refusal":         Out(Refusal),
            "refused":         Out(HeaderLayout),
            "idle":            Out(1),
            "registers":       Out(csr.Signature(self._address_bits)),
            "registers_grant": In(1),
            "memory_read":     Out(memory_port.ReadSignature(self._line_bits, width)),
            "memory_write":    Out(memory_port.WriteSignature(self._line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.dispatcher = dispatcher = RequestDispatcher(
            self._width, register_bytes=self._register_bytes, memory_bytes=self._ram_bytes)
        m.submodules.splitter = splitter = CompletionSplitter()
        m.submodules.completions = completions = Queue(CompletionLayout, depth=self._COMPLETIONS)
        m.submodules.builder = builder = CompletionBuilder(self._width)
        m.submodules.registers = registers = CsrWindow(self._width,
                                                       address_bits=self._address_bits)
        m.submodules.memory = memory = MemoryWindow(self._line_bits, self._width)

        wiring.connect(m, wiring.flipped(self.posted), dispatcher.posted)
        wiring.connect(m, wiring.flipped(self.nonposted), dispatcher.nonposted)
        wiring.connect(m, dispatcher.register_writes, registers.writes)
        wiring.connect(m, dispatcher.memory_writes, memory.writes)
        wiring.connect(m, dispatcher.answers, splitter.answers)
        wiring.connect(m, splitter.register_reads, registers.reads)
        wiring.connect(m, splitter.memory_reads, memory.reads)
        wiring.connect(m, splitter.completions, completions.i)
        wiring.connect(m, completions.o, builder.completions)
        wiring.connect(m, registers.data, builder.register_data)
        wiring.connect(m, memory.data, builder.memory_data)
        wiring.connect(m, builder.tx, wiring.flipped(self.tx))
        wiring.connect(m, registers.registers, wiring.flipped(self.registers))
        wiring.connect(m, memory.memory_read, wiring.flipped(self.memory_read))
        wiring.connect(m, memory.memory_write, wiring.flipped(self.memory_write))
        m.d.comb += [
            splitter.max_payload.eq(self.max_payload),
            registers.registers_grant.eq(self.registers_grant),
            self.refusal.eq(dispatcher.refusal),
            self.refused.eq(dispatcher.refused),
            # A completion is queued before its data are asked for, and leaves with their last beat.
            self.idle.eq(~self.posted.valid & ~self.nonposted.valid & ~completions.o.valid
                         & (completions.level == 0)),
        ]
        return m
