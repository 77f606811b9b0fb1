# SPDX-License-Identifier: BSD-2-Clause
"""Channels: where commands come from, in which order they end, and how that is told."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from .. import csr
from ..requester.segment import CHANNELS, TICKETS, SlotLayout, WriteSegmentLayout
from ..soc import memory_port
from .announcer import Announcer
from .coalesce import Coalescer
from .interface import ExecutorSignature
from .queue import CommandQueue
from .registers import Registers
from .reset import ResetWalk
from .retire import Retire
from .ring_fetch import RingFetch
from .states import ChannelStates

__all__ = ["Channels"]


class Channels(wiring.Component):
    """Everything about the eight channels but the execution of their commands.

    Parameters
    ----------
    card_bits : :class:`int`
        Log2 of the size of card RAM, in bytes.
    segment_bits : :class:`int`
        Bits of a card address in a segment.
    width : :class:`int`
        Bits of a line of card RAM: 64, 128 or 256.

    Members
    -------
    registers : ``In(csr.Signature(16))``
        Block `copier`.
    reset : ``In(1)``
        Level: every register returns to its reset value, every channel is reset.
    executor : ``In(ExecutorSignature())``
        Who executes the commands.
    line_read : ``Out(memory_port.ReadSignature)``
        Commands of rings in card RAM.
    line_write : ``Out(memory_port.WriteSignature)``
        Records in card RAM.
    segment : ``Out(stream.Signature(WriteSegmentLayout))``
        Records in host memory.
    watch : ``Out(SlotLayout)``, watch_busy : ``In(1)``, watch_error : ``In(8)``
        A slot of the reader, combinational.
    forget : ``Out(stream.Signature(SlotLayout))``
        Towards the reader.
    reader_mute, writer_mute : ``Out(8)``
        Bit per channel: drop what is held of it.
    ticket, done : ``In(range(TICKETS))``, lost : ``In(8)``, mend : ``Out(8)``
        From and to the writer.
    vector : ``Out(stream.Signature(5))``
        Vectors to raise, each offered when the last beat of what it announces was accepted.
    interrupt : ``Out(1)``
        One-cycle pulse: for the card's CPU.
    refused_write : ``Out(1)``, command_failed : ``Out(1)``
        One-cycle pulses for block `stats`: a side wrote to a channel of the other; a channel fails.
    idle : ``Out(1)``
        No command can be executed or is on its way, and nothing remains to be told.
    """

    def __init__(self, *, card_bits, segment_bits, width):
        self._shape = {"card_bits": card_bits, "width": width}
        self._segment_bits = segment_bits
        line_bits = card_bits - ceil_log2(width // 8)
        super().__init__({
            "registers":      In(csr.Signature(16)),
            "reset":          In(1),
            "executor":       In(ExecutorSignature()),
            "line_read":      Out(memory_port.ReadSignature(line_bits, width)),
            "line_write":     Out(memory_port.WriteSignature(line_bits, width)),
            "segment":        Out(stream.Signature(WriteSegmentLayout(segment_bits))),
            "watch":          Out(SlotLayout),
            "watch_busy":     In(1),
            "watch_error":    In(8),
            "forget":         Out(stream.Signature(SlotLayout)),
            "reader_mute":    Out(CHANNELS),
            "writer_mute":    Out(CHANNELS),
            "ticket":         In(range(TICKETS)),
            "done":           In(range(TICKETS)),
            "lost":           In(CHANNELS),
            "mend":           Out(CHANNELS),
            "vector":         Out(stream.Signature(5)),
            "interrupt":      Out(1),
            "refused_write":  Out(1),
            "command_failed": Out(1),
            "idle":           Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = registers = Registers()
        m.submodules.states = states = ChannelStates()
        m.submodules.queue = queue = CommandQueue(width=self._shape["width"])
        m.submodules.fetch = fetch = RingFetch(**self._shape)
        m.submodules.retire = retire = Retire(segment_bits=self._segment_bits, **self._shape)
        m.submodules.coalescer = coalescer = Coalescer()
        m.submodules.announcer = announcer = Announcer()
        m.submodules.walk = walk = ResetWalk()
        executor = self.executor

        connect(m, flipped(self.registers), registers.bus)
        connect(m, fetch.memory, flipped(self.line_read))
        connect(m, retire.line_write, flipped(self.line_write))
        connect(m, retire.segment, flipped(self.segment))
        connect(m, flipped(executor.retire), retire.retire)
        connect(m, retire.announcement, announcer.announcement)
        connect(m, coalescer.vector, announcer.vector)
        connect(m, announcer.o, flipped(self.vector))
        connect(m, walk.forget, flipped(self.forget))

        shown = registers.channel
        mute = Signal(CHANNELS)
        held = Signal(CHANNELS)            # commands in any stage before their end
        runnable = Signal(CHANNELS)        # what the channel holds may go on
        # A cycle late: what begins was in the queue, what ends is in flight.
        underway = Signal(CHANNELS)
        m.d.sync += underway.eq(executor.underway)
        m.d.comb += [
            mute.eq(states.failed | states.resetting),
            held.eq(queue.inline_waits | queue.ring_waits | fetch.waits | retire.inflight
                    | underway),
            runnable.eq(states.enabled & ~states.stopped),

            # Software.
            registers.reset.eq(self.reset),
            registers.sequence.eq(retire.sequence),
            registers.state.enabled.eq(states.enabled.bit_select(shown, 1)),
            registers.state.state.eq(states.state),
            registers.state.error.eq(states.error),
            registers.state.held.eq(Mux(states.failed.bit_select(shown, 1), 0,
                                        queue.held + retire.held)),
            registers.ring_head.eq(fetch.head),
            states.control.eq(registers.control),
            states.reset.eq(self.reset | registers.clearing),
            states.held.eq(held),
            states.telling.eq(coalescer.recording),
            states.shown_channel.eq(shown),
            retire.shown_channel.eq(shown),
            queue.held_channel.eq(shown),
            fetch.shown_channel.eq(shown),
            fetch.store.eq(registers.store),
            retire.store.eq(registers.store),
            coalescer.store.eq(registers.store),

            # Commands in.
            queue.inline.eq(registers.inline),
            # What is written behind a reset is for the time after it.
            queue.inline.submit.eq(
                registers.inline.submit
                & (~states.stopped | states.resetting).bit_select(shown, 1)),
            # A reset withdraws what was written before it at once, but what its ring holds at its
            # end.
            queue.flush_inline.eq(registers.store.clears),
            queue.flush_inline_channel.eq(registers.store.channel),
            retire.wait.eq(registers.store.clears),
            retire.may_be_cleared.eq(walk.may_be_cleared),
            states.overflow.eq(queue.overflow),
            states.overflow_channel.eq(shown),
            fetch.allowed.eq(runnable),
            queue.fetch_channel.eq(fetch.channel),
            queue.line.eq(fetch.line),
            queue.line_valid.eq(fetch.line_valid),
            queue.commit.eq(fetch.commit),
            fetch.queue_tail.eq(queue.ring_tail),
            fetch.queue_head.eq(queue.ring_head),
            fetch.may_fail.eq(states.may_ring_fail),
            states.ring_failed.eq(fetch.failed),
            states.ring_error.eq(fetch.error),
            states.ring_channel.eq(fetch.channel),

            # The executor.
            executor.ready.eq(queue.waits & runnable & ~retire.full),
            queue.current.eq(executor.current),
            executor.command.eq(queue.command),
            retire.current.eq(executor.current),
            executor.slot.eq(retire.slot),
            executor.inflight.eq(retire.inflight),
            executor.mute.eq(mute),
            queue.pop.eq(retire.popped),
            queue.pop_channel.eq(executor.retire.payload.channel),
            states.refused.eq(retire.refused),
            states.refused_channel.eq(executor.retire.payload.channel),

            # Commands out.
            retire.mute.eq(mute),
            retire.ticket.eq(self.ticket),
            retire.done.eq(self.done),
            retire.lost.eq(self.lost),
            states.ended_failed.eq(retire.ended_failed),
            states.ended_error.eq(retire.ended_error),
            states.ended_channel.eq(retire.ended_channel),
            self.command_failed.eq(states.alarm.any()),
            coalescer.ended.eq(retire.ended),
            coalescer.ended_channel.eq(retire.ended_channel),
            coalescer.ended_wants.eq(retire.ended_wants),
            coalescer.recorded.eq(retire.recorded),
            coalescer.ticket.eq(self.ticket),
            coalescer.done.eq(self.done),
            coalescer.alarm.eq(states.alarm),
            coalescer.held.eq(held),
            announcer.done.eq(self.done),
            self.interrupt.eq(coalescer.interrupt),
            self.refused_write.eq(registers.refused_write),

            # Resets. A failed channel's last record must leave before the writer drops the rest.
            self.reader_mute.eq(mute),
            self.writer_mute.eq(states.resetting | (states.failed & ~coalescer.recording)),
            walk.resetting.eq(states.resetting),
            walk.busy.eq(executor.underway | coalescer.recording
                         | Mux(fetch.fetching, 1 << fetch.channel, 0)),
            walk.quiet.eq(retire.quiet),
            walk.ticket.eq(self.ticket),
            walk.done.eq(self.done),
            walk.may_clear.eq(~fetch.commit),
            walk.restart_all.eq(registers.clearing | self.reset),
            walk.restart.eq(registers.control.valid & registers.control.reset),
            walk.restart_channel.eq(shown),
            retire.hold.eq(walk.hold),
            retire.held_channel.eq(walk.channel),
            self.watch.channel.eq(retire.watch.channel),
            self.watch.index.eq(Mux(walk.hold, walk.watch_index, retire.watch.index)),
            retire.watch_busy.eq(self.watch_busy),
            retire.watch_error.eq(self.watch_error),
            walk.watch_busy.eq(self.watch_busy),
            walk.watch_error.eq(self.watch_error),
            self.mend.eq(Mux(walk.clear, 1 << walk.channel, 0)),
        ]
        for part in (states, coalescer):
            m.d.comb += [part.clear.eq(walk.clear), part.clear_channel.eq(walk.channel)]
        m.d.comb += [
            retire.clear.eq(walk.clear),
            queue.flush_ring.eq(walk.clear),
            queue.may_flush_ring.eq(walk.may_be_cleared),
            queue.flush_ring_channel.eq(walk.channel),
            fetch.flush.eq(walk.clear),
            fetch.flush_channel.eq(walk.channel),
        ]

        # What the executor sees of the command it looks at.
        current = executor.current
        m.d.sync += executor.loaded.eq(
            queue.looked & executor.ready.bit_select(current, 1)
            & ~(retire.popped & (executor.retire.payload.channel == current)))
        m.d.comb += self.idle.eq(
            ~((executor.ready | (fetch.waits & runnable) | (retire.inflight & ~mute)
               | executor.underway | states.resetting).any())
            & ~fetch.fetching & coalescer.idle & announcer.idle & ~registers.clearing)
        return m
