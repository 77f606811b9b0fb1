# SPDX-License-Identifier: BSD-2-Clause
"""Whose command is under way: turns, waits, and the end of every command."""

from amaranth.hdl import Mux, Signal

from ..regs.copier import COMMAND_BITS, CommandError, Opcode
from ..requester.segment import CHANNELS, TICKETS
from .machine import Offset, Resume
from .turns import next_turn

__all__ = ["Turn"]


class Turn:
    """Steps IDLE, SEEK, FETCH, JUDGE, LEAVE, STOP and RETIRE.

    Commands of a channel may overlap only where it cannot be seen: transfers to the host behind
    such, and copies to the card that each lie above all of those before. All others begin when
    those before have ended.

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    """

    def __init__(self, x):
        self._x = x
        m, channels = x.m, x.ports.channels
        self.begun = Signal(CHANNELS)
        #: Writes before the current channel's `ticket`, as of the cycle before, have left.
        self.writes_have_left = Signal()
        self._awaits_end = Signal(CHANNELS)      # of the commands before
        self._awaits_writes = Signal(CHANNELS)   # that writes have left
        self._awaits_reads = Signal(CHANNELS)
        self._eligible = Signal(CHANNELS)
        self._here = Signal(CHANNELS)            # one-hot: the current channel
        self._idle = Signal()
        self._next = Signal.like(x.current)      # whose turn it will be
        m.d.comb += [
            self._next.eq(next_turn(self._eligible, x.current)),
            self._here.eq(1 << x.current),
            self._eligible.eq(channels.ready & ~channels.mute & ~self._awaits_writes
                              & ~self._awaits_reads & ~(self._awaits_end & channels.inflight)),
            channels.underway.eq(self.begun | Mux(self._idle, 0, self._here)),
        ]
        m.d.sync += [
            x.muted.eq(channels.mute.bit_select(x.current, 1)),
            x.others.eq((self._eligible & ~self._here).any()),
            self._awaits_end.eq(self._awaits_end & channels.inflight),
            self.begun.eq(self.begun & ~channels.mute),
            self._awaits_reads.eq(self._awaits_reads & ~x.ports.read_closed & ~channels.mute),
        ]
        # Tickets are few: look at each channel's often enough that none can come round again.
        scanned, judged = Signal(range(CHANNELS)), Signal(range(CHANNELS))
        passed = Signal()
        m.d.sync += [
            scanned.eq(scanned + 1),
            judged.eq(scanned),
            passed.eq(self._passed(x.ticket.at(scanned))
                      | channels.mute.bit_select(scanned, 1)),
            self.writes_have_left.eq(self._passed(x.ticket.value)),
        ]
        with m.If(passed):
            m.d.sync += self._awaits_writes.bit_select(judged, 1).eq(0)

    def _passed(self, ticket):
        ahead = (ticket - self._x.ports.done)[:TICKETS.bit_length() - 1]
        return (ahead == 0) | ahead[-1]

    def sleep(self, *, reads):
        """In a step that leaves: not to be resumed before reads, or writes, may have ended."""
        x = self._x
        if reads:
            # What ends in this cycle must not be missed.
            x.m.d.sync += self._awaits_reads.bit_select(x.current, 1).eq(
                ~x.ports.read_closed.bit_select(x.current, 1))
        else:
            x.m.d.sync += self._awaits_writes.bit_select(x.current, 1).eq(1)

    def await_end(self):
        """In a step: give the turn up, unbegun, until all earlier commands have ended."""
        x = self._x
        x.m.d.sync += self._awaits_end.bit_select(x.current, 1).eq(1)
        x.next = "IDLE"

    def retire(self, decoder):
        """In a step of which nothing is left to do, if nothing has stopped it: end the command."""
        x, m = self._x, self._x.m
        retire = x.ports.channels.retire
        m.d.comb += retire.valid.eq(1)
        with m.If(retire.ready):
            decoder.note_end()
            m.d.sync += self.begun.bit_select(x.current, 1).eq(0)
            self._switch()

    def _switch(self):
        x = self._x
        x.m.d.sync += x.current.eq(self._next)
        x.next = "SEEK"

    def _refresh(self):
        self._x.m.d.sync += [
            signal.eq(0) for signal in (self._x.bad, self._x.budget, self._x.prefetched,
                                        self._x.guessed, self._x.raises)]

    def add_steps(self, decoder, linear):
        """Add the steps; ``decoder`` begins a command, and ``linear`` a copy."""
        x, m = self._x, self._x.m
        channels = x.ports.channels
        control = x.command.control

        # In JUDGE: of the cycle before.
        begun, has_begun = Signal(), Signal()
        m.d.comb += begun.eq(self.begun.bit_select(x.current, 1))
        m.d.sync += has_begun.eq(begun)

        with x.state("IDLE"):
            m.d.comb += self._idle.eq(1)
            self._refresh()
            with m.If(self._eligible.any()):
                self._switch()
                with m.If(self._next == x.current):
                    x.next = "FETCH"

        with x.state("SEEK"):
            self._refresh()
            x.next = "FETCH"

        # `loaded` tells of the channel that was current in the cycle before.
        with x.state("FETCH"):
            with m.If(channels.loaded):
                m.d.sync += [
                    x.opcode.eq(control[:4]),
                    x.to_host.eq(control[COMMAND_BITS["to_host_lsb"]]
                                 | (control[:4] == Opcode.PUBLISH)),
                    x.listed.eq(control[COMMAND_BITS["list_lsb"]]),
                ]
                decoder.look(begun)
                x.next = "JUDGE"
            with m.Elif(~self._eligible.bit_select(x.current, 1)):
                x.next = "IDLE"

        with x.step("JUDGE", offset=Offset.REST):
            with m.If(has_begun):
                with m.Switch(x.resume.value):
                    for resume in Resume:
                        with m.Case(resume):
                            x.next = resume.name
            with m.Elif(decoder.must_wait):
                self.await_end()
            with m.Else():
                with m.If(x.is_copy):
                    linear.begin()
                decoder.begin()

        with x.state("LEAVE"):
            with m.If(x.port.quiet):
                m.d.sync += self.begun.bit_select(x.current, 1).eq(
                    ~channels.mute.bit_select(x.current, 1))
                self._switch()

        with x.state("STOP"):
            with m.If(x.port.quiet & ~x.context.asks & ~x.context.expects):
                x.next = "RETIRE"

        # `arm` has no bytes: they are what the index is behind by.
        missing = Signal(x.span_bits)
        m.d.comb += missing.eq(Mux(x.is_chain, x.entry.value + x.need.value, Mux(
            (x.opcode == Opcode.ARM) & x.raises, x.ahead.as_signed(), 0)))
        retire = channels.retire
        writes = Mux(x.is_copy | x.is_chain, x.to_host, x.is_publish | x.driver_in_host)
        m.d.comb += [
            retire.payload.channel.eq(x.current),
            retire.payload.tag.eq(control[COMMAND_BITS["tag_lsb"]:]),
            retire.payload.wants_record.eq(control[COMMAND_BITS["record_lsb"]]),
            retire.payload.wants_interrupt.eq(control[COMMAND_BITS["interrupt_lsb"]]),
            retire.payload.error.eq(Mux(x.bad, x.code, CommandError.OK)),
            retire.payload.bytes.eq(Mux(x.bad, 0, Mux(x.is_publish, x.fresh,
                                                      x.command.bytes - missing))),
            retire.payload.ticket.eq(Mux(writes, x.ports.ticket, x.ports.done)),
            retire.payload.raise_vector.eq(x.raises & ~x.bad),
            retire.payload.vector.eq(x.context.vector),
        ]
        with x.state("RETIRE"):
            with m.If(x.muted):
                x.next = "IDLE"
            with m.Else():
                # What `publish` writes last nobody but the executor reads.
                with m.If(x.port.quiet | x.is_publish):
                    self.retire(decoder)
