# SPDX-License-Identifier: BSD-2-Clause
"""How a command's end is told: its record, then its interrupt."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..dma.writer import WriteTransferLayout
from ..regs.copier import COMMAND_BITS, RECORD, RECORD_BITS, CommandError
from .block import BLOCK_BYTES, AccessLayout
from .command import JobLayout, OutcomeLayout, RecordLayout

__all__ = ["Records"]


class Records(wiring.Component):
    """Write the completion record of a command and raise its interrupt, where it asks for them.

    A host channel's record goes to host memory in one posted write, behind every write of the
    command, and its vector is raised behind the record. A card channel's record goes to card RAM.
    A record that cannot be written fails the command.

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size of card RAM.
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    start : ``In(1)``
        Strobe: a command has ended.
    job : ``In(JobLayout)``, outcome : ``In(OutcomeLayout)``
        Which, and how. Stable from ``start`` to ``told``.
    cancel : ``In(1)``
        Level: its channel was reset, tell nothing more.
    told : ``Out(1)``, told_error : ``Out(8)``
        One-cycle pulse: all is told. The error is the outcome's, unless the record failed.
    access, answer
        Towards :class:`~vop.copier.block.BlockAccess`.
    write : ``Out(stream.Signature(WriteTransferLayout))``, write_done, write_dropped : ``In(1)``
        Towards :class:`~vop.dma.writer.HostWriter`.
    vector : ``Out(stream.Signature(5))``
        Towards :class:`~vop.copier.announcer.Announcer`.
    interrupt : ``Out(1)``
        One-cycle pulse: the end of a card channel's command.
    """

    def __init__(self, *, ram_bytes, card_bits):
        self._ram_bytes = ram_bytes
        super().__init__({
            "start":         In(1),
            "job":           In(JobLayout),
            "outcome":       In(OutcomeLayout),
            "cancel":        In(1),
            "told":          Out(1),
            "told_error":    Out(8),
            "access":        Out(stream.Signature(AccessLayout(card_bits))),
            "answer":        In(stream.Signature(8 * BLOCK_BYTES, always_ready=True)),
            "write":         Out(stream.Signature(WriteTransferLayout(card_bits))),
            "write_done":    In(1),
            "write_dropped": In(1),
            "vector":        Out(stream.Signature(5)),
            "interrupt":     Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        job = self.job
        control = job.command.control
        wants_record = control[COMMAND_BITS["record_lsb"]]
        wants_interrupt = control[COMMAND_BITS["interrupt_lsb"]]
        tag = control[COMMAND_BITS["tag_lsb"]:COMMAND_BITS["tag_lsb"] + 16]
        error = Signal(8)

        record = Signal(RecordLayout)
        m.d.comb += [
            record.control.eq((tag << RECORD_BITS["tag_lsb"])
                              | (self.outcome.error << RECORD_BITS["error_lsb"])
                              | (job.record_phase << RECORD_BITS["phase_lsb"])),
            record.bytes.eq(self.outcome.bytes),
            record.sequence.eq(job.sequence),

            self.access.payload.write.eq(1),
            self.access.payload.address.eq(job.record_address),
            self.access.payload.bytes.eq(RECORD.size),
            self.access.payload.data.eq(Cat(record)),
            self.write.payload.host_address.eq(job.record_address),
            self.write.payload.bytes.eq(RECORD.size),
            self.write.payload.immediate.eq(1),
            self.write.payload.data.eq(Cat(record)),
            self.vector.payload.eq(job.vector),
            self.told_error.eq(error),
        ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += error.eq(self.outcome.error)
                with m.If(self.start):
                    m.next = "RECORD"
            with m.State("RECORD"):
                with m.If(self.cancel | ~wants_record):
                    m.next = "INTERRUPT"
                with m.Elif(~job.card_owned):
                    m.next = "WRITE_HOST"
                with m.Elif(job.record_address[:32] + RECORD.size > self._ram_bytes):
                    m.d.sync += error.eq(CommandError.BAD_CARD_ADDRESS)
                    m.next = "INTERRUPT"
                with m.Else():
                    m.next = "WRITE_CARD"
            with m.State("WRITE_HOST"):
                m.d.comb += self.write.valid.eq(1)
                with m.If(self.write.ready):
                    m.next = "AWAIT_HOST"
            with m.State("AWAIT_HOST"):
                with m.If(self.write_done):
                    with m.If(self.write_dropped & (error == CommandError.OK)):
                        m.d.sync += error.eq(CommandError.BUS_MASTER_OFF)
                    m.next = "INTERRUPT"
            with m.State("WRITE_CARD"):
                m.d.comb += self.access.valid.eq(1)
                with m.If(self.access.ready):
                    m.next = "AWAIT_CARD"
            with m.State("AWAIT_CARD"):
                with m.If(self.answer.valid):
                    m.next = "INTERRUPT"
            with m.State("INTERRUPT"):
                m.next = "TELL"
                with m.If(~self.cancel & wants_interrupt):
                    with m.If(job.card_owned):
                        m.d.comb += self.interrupt.eq(1)
                    with m.Else():
                        m.next = "RAISE"
            with m.State("RAISE"):
                m.d.comb += self.vector.valid.eq(1)
                with m.If(self.vector.ready):
                    m.next = "TELL"
            with m.State("TELL"):
                m.d.comb += self.told.eq(1)
                m.next = "IDLE"
        return m
