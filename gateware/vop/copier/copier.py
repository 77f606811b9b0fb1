# SPDX-License-Identifier: BSD-2-Clause
"""The vring-copy engine: channels, their commands, and the two streams to host memory."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from .. import csr
from ..pcie.phy import ConfigLayout
from ..pcie.tlp import HeaderLayout, RxBeatLayout, TxBeatLayout
from ..requester.reader import HostReader
from ..requester.writer import HostWriter
from ..soc import memory_port
from ..soc.memory_span import SpanSignature
from .channels import Channels
from .executor import Executor
from .segment_merge import SegmentMerge

__all__ = ["FEATURES", "CountedLayout", "Copier"]

#: What the copier can do, as ``identity.features`` names it.
FEATURES = ("copy", "publish", "complete", "chain", "arm", "push", "list", "command_ring",
            "single_store")

#: One-cycle pulses, named like the counters of block `stats`.
CountedLayout = data.StructLayout({
    "poisoned":              1,
    "completion_error":      1,   # ... of any of these three kinds
    "completion_abort":      1,
    "completion_retry":      1,
    "completion_timeout":    1,
    "unexpected_completion": 1,
    "guard_refused":         1,
    "command_failed":        1,
    "register_refused":      1,
})


class Copier(wiring.Component):
    """Execute the commands of eight channels.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat and bits of a card RAM line: 64, 128 or 256.
    ram_bytes : :class:`int`
        Size of card RAM, in bytes.
    timeout_cycles : :class:`int`
        Cycles after which a read that was not completed fails with TIMEOUT, 512 at least.

    Members
    -------
    registers, guard_registers : ``In(csr.Signature(16))``
        Blocks `copier` and `guard`, addressed from the start of the register space.
    config : ``In(ConfigLayout)``
        What the host has configured.
    reset : ``In(1)``
        Level, 16 cycles at least: drop every command, close every window, let stale completions
        run out.
    reads, writes : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory read and memory write TLPs. Independent of each other.
    reads_waiting : ``Out(1)``
        A read wants to leave, now or soon.
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    payload_read : ``Out(memory_port.ReadSignature)``
        Card RAM lines on their way to the host.
    payload_write : ``Out(SpanSignature)``
        Completion data on its way to card RAM. It never waits.
    ring_read : ``Out(memory_port.ReadSignature)``, ring_write : ``Out(memory_port.WriteSignature)``
        Contexts and rings in card RAM.
    command_read : ``Out(memory_port.ReadSignature)``
        Command rings in card RAM.
    record_write : ``Out(memory_port.WriteSignature)``
        Records in card RAM.
    vector : ``Out(stream.Signature(5))``
        MSI vector to raise. Offered when the last beat of every write that it announces was
        accepted on ``writes``: whoever raises it has to keep it behind them.
    copier_interrupt : ``Out(1)``
        One-cycle pulse: an interrupt of a card-owned channel.
    used_interrupt : ``Out(1)``
        One-cycle pulse: `complete` wrote a used element that the driver wants to know of.
    idle : ``Out(1)``
        High while no command is under way or ready to start, and no TLP of ours is waiting.
    counted : ``Out(CountedLayout)``
        Pulses for block `stats`.
    fault_header : ``Out(HeaderLayout)``
        Of the completion at fault. Valid with a pulse for one.
    """

    def __init__(self, *, width, ram_bytes, timeout_cycles=6_250_000):
        self._width = width
        self._ram_bytes = ram_bytes
        self._timeout_cycles = timeout_cycles
        self._card_bits = ceil_log2(ram_bytes)
        line_bits = self._card_bits - ceil_log2(width // 8)
        super().__init__({
            "registers":        In(csr.Signature(16)),
            "guard_registers":  In(csr.Signature(16)),
            "config":           In(ConfigLayout),
            "reset":            In(1),
            "reads":            Out(stream.Signature(TxBeatLayout(width))),
            "writes":           Out(stream.Signature(TxBeatLayout(width))),
            "reads_waiting":    Out(1),
            "completions":      In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "payload_read":     Out(memory_port.ReadSignature(line_bits, width)),
            "payload_write":    Out(SpanSignature(line_bits, width)),
            "ring_read":        Out(memory_port.ReadSignature(line_bits, width)),
            "ring_write":       Out(memory_port.WriteSignature(line_bits, width)),
            "command_read":     Out(memory_port.ReadSignature(line_bits, width)),
            "record_write":     Out(memory_port.WriteSignature(line_bits, width)),
            "vector":           Out(stream.Signature(5)),
            "copier_interrupt": Out(1),
            "used_interrupt":   Out(1),
            "idle":             Out(1),
            "counted":          Out(CountedLayout),
            "fault_header":     Out(HeaderLayout),
        })

    def elaborate(self, platform):
        m = Module()
        lines = {"card_bits": self._card_bits, "width": self._width}
        # The movers are never reset: a TLP that has begun must end, a tag must not be forgotten.
        m.submodules.reader = reader = HostReader(**lines, timeout_cycles=self._timeout_cycles)
        m.submodules.writer = writer = HostWriter(**lines)
        m.submodules.channels = channels = Channels(segment_bits=self._card_bits, **lines)
        m.submodules.executor = executor = Executor(ram_bytes=self._ram_bytes, width=self._width)
        m.submodules.segments = segments = SegmentMerge(card_bits=self._card_bits)

        # Commands, from registers and rings to segments.
        connect(m, flipped(self.registers), channels.registers)
        connect(m, flipped(self.guard_registers), executor.guard_registers)
        connect(m, executor.channels, channels.executor)
        connect(m, executor.read, reader.segment)
        connect(m, executor.write, segments.commands)
        connect(m, channels.segment, segments.records)
        connect(m, segments.o, writer.segment)
        connect(m, channels.forget, reader.forget)

        # The link and card RAM.
        connect(m, reader.tlp, flipped(self.reads))
        connect(m, writer.tlp, flipped(self.writes))
        connect(m, flipped(self.completions), reader.completions)
        connect(m, reader.memory, flipped(self.payload_write))
        connect(m, writer.memory, flipped(self.payload_read))
        connect(m, executor.ring_read, flipped(self.ring_read))
        connect(m, executor.ring_write, flipped(self.ring_write))
        connect(m, channels.line_read, flipped(self.command_read))
        connect(m, channels.line_write, flipped(self.record_write))
        connect(m, channels.vector, flipped(self.vector))

        for part, watch in zip((channels, executor), reader.watch, strict=True):
            m.d.comb += [
                watch.slot.eq(part.watch),
                part.watch_busy.eq(watch.busy),
                part.watch_error.eq(watch.error),
                part.ticket.eq(writer.ticket),
                part.done.eq(writer.done),
                part.lost.eq(writer.lost),
            ]
        found = reader.counted
        m.d.comb += [
            reader.config.eq(self.config),
            writer.config.eq(self.config),
            executor.config.eq(self.config),
            executor.read_closed.eq(reader.closed),
            executor.guard_reset.eq(self.reset),
            channels.reset.eq(self.reset),
            reader.mute.eq(channels.reader_mute),
            reader.sparing.eq(~writer.idle),
            writer.mute.eq(channels.writer_mute),
            writer.mend.eq(channels.mend),
            self.reads_waiting.eq(reader.waiting),
            self.copier_interrupt.eq(channels.interrupt),
            self.used_interrupt.eq(executor.used_interrupt),
            self.idle.eq(channels.idle & reader.idle & writer.idle),
            self.fault_header.eq(reader.fault_header),
            self.counted.poisoned.eq(found.poisoned_completion),
            self.counted.completion_error.eq(found.completion_unsupported | found.completion_aborted
                                             | found.completion_retry),
            self.counted.completion_abort.eq(found.completion_aborted),
            self.counted.completion_retry.eq(found.completion_retry),
            self.counted.completion_timeout.eq(found.completion_timeout),
            self.counted.unexpected_completion.eq(found.unexpected_completion),
            self.counted.guard_refused.eq(executor.guard_refused),
            self.counted.command_failed.eq(channels.command_failed),
            self.counted.register_refused.eq(channels.refused_write | executor.refused_write),
        ]
        return m
