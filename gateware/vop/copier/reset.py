# SPDX-License-Identifier: BSD-2-Clause
"""End the reset of a channel once nothing of its past is left anywhere."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..regs.copier import CommandError
from ..requester.segment import CHANNELS, SLOTS, TICKETS, SlotLayout
from .retire import has_passed
from .turns import next_turn

__all__ = ["PACE_CYCLES", "ResetWalk"]

#: Cycles between two looks at the channels that are being reset.
PACE_CYCLES = 16


class ResetWalk(wiring.Component):
    """See every channel reset to its end.

    A channel's past is over when none of ``busy`` holds it, the writer has passed every segment
    that was handed over until then, and the reader holds none of its slots. The reader's errors are
    forgotten on the way. The read timeout bounds it all.

    Members
    -------
    resetting : ``In(8)``
        Bit per channel: it is being reset.
    restart : ``In(8)``
        Strobes: a reset begins (again).
    busy : ``In(8)``
        Bit per channel: executor, ring fetch or records hold something of it. Once low it stays low
        for as long as ``resetting`` is high.
    hold : ``Out(1)``, quiet : ``In(1)``
        Asks :class:`~vop.copier.retire.Retire` for its port of the reader.
    watch : ``Out(SlotLayout)``, watch_busy : ``In(1)``, watch_error : ``In(8)``
        That port. Combinational.
    forget : ``Out(stream.Signature(SlotLayout))``
        Towards the reader.
    ticket, done : ``In(range(TICKETS))``
        From the writer.
    may_clear : ``In(1)``
        Nobody uses what ``clear`` is about to write.
    may_be_cleared : ``Out(1)``, clear : ``Out(1)``, channel : ``Out(3)``
        Strobe ``clear``: the reset of ``channel`` ends. The first is high in that cycle, and may be
        in those before; it comes early in the cycle.
    """

    resetting: In(CHANNELS)
    restart: In(CHANNELS)
    busy: In(CHANNELS)
    hold: Out(1)
    quiet: In(1)
    watch: Out(SlotLayout)
    watch_busy: In(1)
    watch_error: In(8)
    forget: Out(stream.Signature(SlotLayout))
    ticket: In(range(TICKETS))
    done: In(range(TICKETS))
    may_clear: In(1)
    may_be_cleared: Out(1)
    clear: Out(1)
    channel: Out(range(CHANNELS))

    def elaborate(self, platform):
        m = Module()
        pace = Signal(range(PACE_CYCLES))
        known = Signal(CHANNELS)             # the last segment of the channel is known
        sent = Signal(CHANNELS)              # ... and has left, or was dropped
        slot = Signal(range(SLOTS))
        m.submodules.tickets = tickets = Memory(shape=len(self.ticket), depth=CHANNELS, init=[])
        write, read = tickets.write_port(), tickets.read_port(domain="comb")

        mine = Signal(CHANNELS)              # one-hot: `channel`
        learn = Signal()
        pass_ = Signal()
        m.d.comb += [
            mine.eq(1 << self.channel),
            write.addr.eq(self.channel),
            write.data.eq(self.ticket),
            write.en.eq(learn),
            read.addr.eq(self.channel),
            self.watch.channel.eq(self.channel),
            self.watch.index.eq(slot),
            self.forget.payload.channel.eq(self.channel),
            self.forget.payload.index.eq(slot),
        ]
        m.d.sync += [
            pace.eq(pace + 1),
            known.eq((known | (mine & learn.replicate(CHANNELS))) & ~self.restart),
            sent.eq((sent | (mine & pass_.replicate(CHANNELS))) & ~self.restart),
        ]

        occupied = Signal()
        faulty = Signal()
        with m.FSM() as fsm:
            m.d.comb += self.hold.eq(~fsm.ongoing("REST") & ~fsm.ongoing("JUDGE"))
            with m.State("REST"):
                m.d.sync += slot.eq(0)
                with m.If((pace == 0) & self.resetting.any()):
                    m.d.sync += self.channel.eq(next_turn(self.resetting, self.channel))
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.next = "REST"
                with m.If(self.busy.bit_select(self.channel, 1)):
                    pass
                with m.Elif(~known.bit_select(self.channel, 1)):
                    m.d.comb += learn.eq(1)
                with m.Elif(sent.bit_select(self.channel, 1) | has_passed(self.done, read.data)):
                    m.d.comb += pass_.eq(1)
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += [
                    occupied.eq(self.watch_busy),
                    faulty.eq(self.watch_error != CommandError.OK),
                ]
                with m.If(self.quiet):
                    m.next = "FORGET"
            with m.State("FORGET"):
                m.d.comb += self.forget.valid.eq(~occupied & faulty)
                with m.If(occupied):
                    m.next = "REST"
                with m.Elif(~faulty | self.forget.ready):
                    m.d.sync += slot.eq(slot + 1)
                    m.next = "LOOK"
                    with m.If(slot == SLOTS - 1):
                        m.next = "CLEAR"
            m.d.comb += self.may_be_cleared.eq(fsm.ongoing("CLEAR"))
            with m.State("CLEAR"):
                with m.If(~known.bit_select(self.channel, 1)):
                    m.next = "REST"       # it was reset once more meanwhile
                with m.Elif(self.quiet & self.may_clear):
                    m.d.comb += self.clear.eq(1)
                    m.next = "REST"
        return m
