# SPDX-License-Identifier: BSD-2-Clause
"""One command from its channel to the unit that executes it, and its end to the records."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..regs.copier import COMMAND_BITS, CommandError, Opcode
from .command import JobLayout, OutcomeLayout

__all__ = ["Dispatcher"]

_OPCODE_BITS = 4
_USED_CONTROL = (((1 << _OPCODE_BITS) - 1) << COMMAND_BITS["opcode_lsb"]
                 | 1 << COMMAND_BITS["record_lsb"]
                 | 1 << COMMAND_BITS["interrupt_lsb"]
                 | 0xFFFF << COMMAND_BITS["tag_lsb"])


class Dispatcher(wiring.Component):
    """Refuse malformed commands, start the right unit, and see every command to its end.

    One command is under way at a time.

    Members
    -------
    job_in : ``In(stream.Signature(JobLayout))``
        The next command.
    ended : ``Out(1)``, ended_error : ``Out(8)``
        One-cycle pulse: the command has ended, and all that it asked for has been told.
    cancel : ``In(1)``
        Level: the channel of the command was reset. It ends with RESET.
    failed : ``Out(1)``
        One-cycle pulse: a command ended with an error.
    job : ``Out(JobLayout)``, outcome : ``Out(OutcomeLayout)``
        The command under way, and how it went. Stable while a unit works.
    start_copy, start_load, start_publish, start_complete, start_records : ``Out(1)``
        Strobes towards the units.
    copied, published, completed : ``In(stream.Signature(OutcomeLayout, always_ready=True))``
        How their part went.
    loaded : ``In(stream.Signature(8, always_ready=True))``
        ``CommandError``: whether the context is sound.
    told : ``In(1)``, told_error : ``In(8)``
        From the records.
    """

    job_in: In(stream.Signature(JobLayout))
    ended: Out(1)
    ended_error: Out(8)
    cancel: In(1)
    failed: Out(1)
    job: Out(JobLayout)
    outcome: Out(OutcomeLayout)
    start_copy: Out(1)
    start_load: Out(1)
    start_publish: Out(1)
    start_complete: Out(1)
    start_records: Out(1)
    copied: In(stream.Signature(OutcomeLayout, always_ready=True))
    published: In(stream.Signature(OutcomeLayout, always_ready=True))
    completed: In(stream.Signature(OutcomeLayout, always_ready=True))
    loaded: In(stream.Signature(8, always_ready=True))
    told: In(1)
    told_error: In(8)

    def elaborate(self, platform):
        m = Module()
        command = self.job.command
        opcode = command.control[COMMAND_BITS["opcode_lsb"]:
                                 COMMAND_BITS["opcode_lsb"] + _OPCODE_BITS]

        # Words that the command does not use must be zero.
        stray = Signal()
        not_copy = Cat(command.bytes, command.host_address,
                       command.control[COMMAND_BITS["to_host_lsb"]])
        not_complete = Cat(command.used_id, command.used_len)
        unused_control = command.control & (
            0xFFFF_FFFF ^ _USED_CONTROL ^ 1 << COMMAND_BITS["to_host_lsb"])
        m.d.comb += stray.eq(
            (unused_control != 0) | (Cat(command.head, command.entries) != 0)
            | ((opcode != Opcode.COPY) & (not_copy != 0))
            | ((opcode != Opcode.COMPLETE) & (not_complete != 0)))

        def fail(error):
            m.d.sync += [self.outcome.error.eq(error), self.outcome.bytes.eq(0)]
            m.next = "TELL"

        def await_unit(result):
            with m.If(result.valid):
                m.d.sync += self.outcome.eq(result.payload)
                m.next = "TELL"

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.job_in.ready.eq(1)
                m.d.sync += self.job.eq(self.job_in.payload)
                with m.If(self.job_in.valid):
                    m.next = "CHECK"
            with m.State("CHECK"):
                with m.If(self.cancel):
                    fail(CommandError.RESET)
                with m.Elif(stray):
                    fail(CommandError.BAD_OPCODE)
                with m.Elif(opcode == Opcode.COPY):
                    m.d.comb += self.start_copy.eq(1)
                    m.next = "COPY"
                with m.Elif((opcode == Opcode.PUBLISH) | (opcode == Opcode.COMPLETE)):
                    m.d.comb += self.start_load.eq(1)
                    m.next = "LOAD"
                with m.Else():
                    fail(CommandError.BAD_OPCODE)
            with m.State("LOAD"):
                with m.If(self.loaded.valid):
                    with m.If(self.cancel):
                        fail(CommandError.RESET)
                    with m.Elif(self.loaded.payload != CommandError.OK):
                        fail(self.loaded.payload)
                    with m.Elif(opcode == Opcode.PUBLISH):
                        m.d.comb += self.start_publish.eq(1)
                        m.next = "PUBLISH"
                    with m.Else():
                        m.d.comb += self.start_complete.eq(1)
                        m.next = "COMPLETE"
            with m.State("COPY"):
                await_unit(self.copied)
            with m.State("PUBLISH"):
                await_unit(self.published)
            with m.State("COMPLETE"):
                await_unit(self.completed)
            with m.State("TELL"):
                m.d.comb += self.start_records.eq(1)
                m.next = "AWAIT"
            with m.State("AWAIT"):
                with m.If(self.told):
                    m.d.comb += [
                        self.ended.eq(1),
                        self.ended_error.eq(Mux(self.cancel, CommandError.RESET,
                                                self.told_error)),
                        self.failed.eq(self.ended_error != CommandError.OK),
                    ]
                    m.next = "IDLE"
        return m
