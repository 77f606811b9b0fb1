# SPDX-License-Identifier: BSD-2-Clause
"""Command `copy`: move bytes between host and card memory."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..dma.splitter import TransferLayout
from ..dma.writer import WriteTransferLayout
from ..regs.copier import COMMAND_BITS, COPIER_LIMITS, CommandError
from .command import JobLayout, OutcomeLayout
from .guard import QuestionLayout

__all__ = ["Copy"]


class Copy(wiring.Component):
    """Check a copy, have it done, tell how it ended.

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size of card RAM.
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    start : ``In(1)``
        Strobe: begin ``job``.
    job : ``In(JobLayout)``
        The command. Stable from ``start`` to ``outcome``.
    outcome : ``Out(stream.Signature(OutcomeLayout, always_ready=True))``
        How it ended. All bytes have been accepted at their destination.
    question, allowed
        Towards :class:`~vop.copier.guard.Guard`; asked for card-owned channels only.
    write : ``Out(stream.Signature(WriteTransferLayout))``, write_done, write_dropped : ``In(1)``
        Towards :class:`~vop.dma.writer.HostWriter`.
    read : ``Out(stream.Signature(TransferLayout))``, read_result : ``In(stream.Signature(8))``
        Towards :class:`~vop.dma.reader.HostReader`.
    """

    def __init__(self, *, ram_bytes, card_bits):
        self._ram_bytes = ram_bytes
        super().__init__({
            "start":         In(1),
            "job":           In(JobLayout),
            "outcome":       Out(stream.Signature(OutcomeLayout, always_ready=True)),
            "question":      Out(stream.Signature(QuestionLayout)),
            "allowed":       In(stream.Signature(1, always_ready=True)),
            "write":         Out(stream.Signature(WriteTransferLayout(card_bits))),
            "write_done":    In(1),
            "write_dropped": In(1),
            "read":          Out(stream.Signature(TransferLayout(card_bits))),
            "read_result":   In(stream.Signature(8, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        command = self.job.command
        to_host = command.control[COMMAND_BITS["to_host_lsb"]]

        m.d.comb += [
            self.question.payload.host_address.eq(command.host_address),
            self.question.payload.bytes.eq(command.bytes),
            self.write.payload.host_address.eq(command.host_address),
            self.write.payload.card_address.eq(command.card_address),
            self.write.payload.bytes.eq(command.bytes),
            self.read.payload.host_address.eq(command.host_address),
            self.read.payload.card_address.eq(command.card_address),
            self.read.payload.bytes.eq(command.bytes),
        ]

        def end(error):
            m.d.comb += [
                self.outcome.valid.eq(1),
                self.outcome.payload.error.eq(error),
            ]
            m.next = "IDLE"

        def end_moved():
            end(CommandError.OK)
            m.d.comb += self.outcome.payload.bytes.eq(command.bytes)

        def move():
            with m.If(to_host):
                m.next = "WRITE"
            with m.Else():
                m.next = "READ"

        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.start):
                    m.next = "CHECK"
            with m.State("CHECK"):
                with m.If((command.bytes == 0) | (command.bytes > COPIER_LIMITS["max_bytes"])):
                    end(CommandError.BAD_LENGTH)
                with m.Elif(command.card_address + command.bytes > self._ram_bytes):
                    end(CommandError.BAD_CARD_ADDRESS)
                with m.Elif(self.job.card_owned):
                    m.next = "ASK"
                with m.Else():
                    move()
            with m.State("ASK"):
                m.d.comb += self.question.valid.eq(1)
                with m.If(self.question.ready):
                    m.next = "HEAR"
            with m.State("HEAR"):
                with m.If(self.allowed.valid):
                    with m.If(self.allowed.payload):
                        move()
                    with m.Else():
                        end(CommandError.GUARD)
            with m.State("WRITE"):
                m.d.comb += self.write.valid.eq(1)
                with m.If(self.write.ready):
                    m.next = "AWAIT_WRITE"
            with m.State("AWAIT_WRITE"):
                with m.If(self.write_done):
                    with m.If(self.write_dropped):
                        # The dispatcher knows better where the channel was reset.
                        end(CommandError.BUS_MASTER_OFF)
                    with m.Else():
                        end_moved()
            with m.State("READ"):
                m.d.comb += self.read.valid.eq(1)
                with m.If(self.read.ready):
                    m.next = "AWAIT_READ"
            with m.State("AWAIT_READ"):
                with m.If(self.read_result.valid):
                    with m.If(self.read_result.payload == CommandError.OK):
                        end_moved()
                    with m.Else():
                        end(self.read_result.payload)
        return m
