# SPDX-License-Identifier: BSD-2-Clause
"""The vring-copy engine: channels, guard, commands, and the two streams to host memory."""

from amaranth import Module, ResetInserter
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .. import csr
from ..dma.reader import HostReader
from ..dma.writer import HostWriter, WriteTransferLayout
from ..pcie.phy import ConfigLayout
from ..pcie.tlp import RxBeatLayout, TxBeatLayout
from ..soc import memory_port
from .announcer import Announcer
from .block import AccessLayout, BlockAccess
from .chain import ChainWalker
from .channel import Channels
from .complete import Complete
from .context import ContextLoader
from .copy import Copy
from .dispatcher import Dispatcher
from .guard import Guard, QuestionLayout
from .merge import Merge
from .publish import Publish
from .quiesce import Quiesce
from .records import Records

__all__ = ["CountedLayout", "Copier"]

#: One-cycle pulses, named like the counters of block `stats`.
CountedLayout = data.StructLayout({
    "poisoned":              1,
    "completion_error":      1,
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
    link_drained : ``In(1)``
        High while the hard block has taken every beat accepted on ``reads`` and ``writes``. It may
        lag an accepted beat by three cycles.
    reset : ``In(1)``
        Level: drop every command, close every window, let stale completions run out.
    reads, writes : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory read and memory write TLPs. Independent of each other.
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    payload_read : ``Out(memory_port.ReadSignature)``
        Card RAM lines on their way to the host.
    payload_write : ``Out(memory_port.WriteSignature)``
        Completion data on its way to card RAM. This port must have first claim: it never waits.
    ring_read : ``Out(memory_port.ReadSignature)``, ring_write : ``Out(memory_port.WriteSignature)``
        Contexts, rings and records in card RAM.
    vector : ``Out(stream.Signature(5))``
        MSI vector to raise. Offered only after every write that it announces was drained.
    copier_interrupt : ``Out(1)``
        One-cycle pulse: a command of a card-owned channel that asked for it has ended.
    used_interrupt : ``Out(1)``
        One-cycle pulse: `complete` wrote a used element that the driver wants to know of.
    idle : ``Out(1)``
        High while no command is under way or ready to start, and no TLP of ours is waiting.
    counted : ``Out(CountedLayout)``
        Pulses for block `stats`.
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
            "link_drained":     In(1),
            "reset":            In(1),
            "reads":            Out(stream.Signature(TxBeatLayout(width))),
            "writes":           Out(stream.Signature(TxBeatLayout(width))),
            "completions":      In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "payload_read":     Out(memory_port.ReadSignature(line_bits, width)),
            "payload_write":    Out(memory_port.WriteSignature(line_bits, width)),
            "ring_read":        Out(memory_port.ReadSignature(line_bits, width)),
            "ring_write":       Out(memory_port.WriteSignature(line_bits, width)),
            "vector":           Out(stream.Signature(5)),
            "copier_interrupt": Out(1),
            "used_interrupt":   Out(1),
            "idle":             Out(1),
            "counted":          Out(CountedLayout),
        })

    def elaborate(self, platform):
        m = Module()
        ram = {"ram_bytes": self._ram_bytes, "card_bits": self._card_bits}
        lines = {"card_bits": self._card_bits, "width": self._width}

        # The movers are never reset: a TLP that has begun must end, a tag must not be forgotten.
        m.submodules.reader = reader = HostReader(**lines, timeout_cycles=self._timeout_cycles)
        m.submodules.writer = writer = HostWriter(**lines)
        m.submodules.quiesce = quiesce = Quiesce()

        def held(component):
            return ResetInserter(quiesce.hold)(component)

        channels = Channels()
        guard = Guard()
        dispatcher = Dispatcher()
        loader = ContextLoader(**ram)
        copy = Copy(**ram)
        publish = Publish(card_bits=self._card_bits)
        walker = ChainWalker(card_bits=self._card_bits)
        complete = Complete(card_bits=self._card_bits)
        records = Records(**ram)
        announcer = Announcer()
        blocks = BlockAccess(**lines)
        m.submodules.channels = held(channels)
        m.submodules.guard = held(guard)
        m.submodules.dispatcher = held(dispatcher)
        m.submodules.loader = held(loader)
        m.submodules.copy = held(copy)
        m.submodules.publish = held(publish)
        m.submodules.walker = held(walker)
        m.submodules.complete = held(complete)
        m.submodules.records = held(records)
        m.submodules.announcer = held(announcer)
        m.submodules.blocks = blocks  # what it has asked of card RAM must be awaited
        m.submodules.transfers = transfers = Merge(WriteTransferLayout(self._card_bits), 3)
        m.submodules.questions = questions = Merge(QuestionLayout, 2)
        m.submodules.accesses = accesses = Merge(AccessLayout(self._card_bits), 5)
        m.submodules.vectors = vectors = Merge(5, 2)

        # Host registers, and commands from channel to unit.
        wiring.connect(m, wiring.flipped(self.registers), channels.registers)
        wiring.connect(m, wiring.flipped(self.guard_registers), guard.registers)
        wiring.connect(m, channels.job, dispatcher.job_in)
        cancel = channels.cancel
        m.d.comb += [
            channels.ended.eq(dispatcher.ended),
            channels.ended_error.eq(dispatcher.ended_error),
            dispatcher.cancel.eq(cancel),
            walker.cancel.eq(cancel),
            records.cancel.eq(cancel),
            announcer.cancel.eq(cancel),
            copy.start.eq(dispatcher.start_copy),
            loader.start.eq(dispatcher.start_load),
            publish.start.eq(dispatcher.start_publish),
            complete.start.eq(dispatcher.start_complete),
            records.start.eq(dispatcher.start_records),
            dispatcher.told.eq(records.told),
            dispatcher.told_error.eq(records.told_error),
            records.outcome.eq(dispatcher.outcome),
            loader.address.eq(dispatcher.job.command.card_address),
            walker.start.eq(publish.walk),
            walker.first.eq(loader.context.published),
            walker.target.eq(publish.target),
        ]
        wiring.connect(m, walker.run, publish.run)
        wiring.connect(m, walker.result, publish.walked)
        wiring.connect(m, copy.outcome, dispatcher.copied)
        wiring.connect(m, publish.outcome, dispatcher.published)
        wiring.connect(m, complete.outcome, dispatcher.completed)
        wiring.connect(m, loader.result, dispatcher.loaded)
        for unit in (copy, publish, complete, records):
            m.d.comb += unit.job.eq(dispatcher.job)
        for unit in (publish, walker, complete):
            m.d.comb += unit.context.eq(loader.context)

        # What units share. One unit works at a time, so answers may go to all of them.
        for index, unit in enumerate((copy, publish)):
            wiring.connect(m, unit.question, questions.i[index])
            m.d.comb += [
                unit.allowed.valid.eq(guard.allowed.valid),
                unit.allowed.payload.eq(guard.allowed.payload),
            ]
        for index, unit in enumerate((loader, publish, walker, complete, records)):
            wiring.connect(m, unit.access, accesses.i[index])
            m.d.comb += [
                unit.answer.valid.eq(blocks.answer.valid),
                unit.answer.payload.eq(blocks.answer.payload),
            ]
        for index, unit in enumerate((copy, publish, records)):
            wiring.connect(m, unit.write, transfers.i[index])
            m.d.comb += [
                unit.write_done.eq(writer.done),
                unit.write_dropped.eq(writer.dropped),
            ]
        for index, unit in enumerate((publish, records)):
            wiring.connect(m, unit.vector, vectors.i[index])
        wiring.connect(m, questions.o, guard.question)
        wiring.connect(m, accesses.o, blocks.access)
        wiring.connect(m, transfers.o, writer.transfer)
        wiring.connect(m, vectors.o, announcer.i)
        wiring.connect(m, copy.read, reader.transfer)
        wiring.connect(m, reader.result, copy.read_result)

        # Link and card RAM.
        wiring.connect(m, wiring.flipped(self.reads), reader.tlp)
        wiring.connect(m, wiring.flipped(self.writes), writer.tlp)
        wiring.connect(m, wiring.flipped(self.completions), reader.completions)
        wiring.connect(m, wiring.flipped(self.payload_read), writer.memory)
        wiring.connect(m, wiring.flipped(self.payload_write), reader.memory)
        wiring.connect(m, wiring.flipped(self.ring_read), blocks.read)
        wiring.connect(m, wiring.flipped(self.ring_write), blocks.write)
        wiring.connect(m, wiring.flipped(self.vector), announcer.o)
        m.d.comb += [
            reader.config.eq(self.config),
            writer.config.eq(self.config),
            announcer.link_drained.eq(self.link_drained),
            quiesce.reset.eq(self.reset),
            quiesce.movers_idle.eq(reader.idle & writer.idle & blocks.access.ready),
            reader.cancel.eq(cancel | quiesce.hold),
            writer.cancel.eq(cancel | quiesce.hold),
            self.copier_interrupt.eq(records.interrupt),
            self.used_interrupt.eq(complete.interrupt),
            self.idle.eq(channels.idle & reader.idle & writer.idle),
            self.counted.poisoned.eq(reader.counted.poisoned),
            self.counted.completion_error.eq(reader.counted.completion_error),
            self.counted.completion_timeout.eq(reader.counted.completion_timeout),
            self.counted.unexpected_completion.eq(reader.counted.unexpected_completion),
            self.counted.guard_refused.eq(guard.refused),
            self.counted.command_failed.eq(dispatcher.failed),
            self.counted.register_refused.eq(channels.refused_write | guard.refused_write),
        ]
        return m
