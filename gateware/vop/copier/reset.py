# SPDX-License-Identifier: BSD-2-Clause
"""End the reset of a channel once nothing of its past is left anywhere."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..regs.copier import CommandError
from ..requester.segment import CHANNELS, SLOTS, TICKETS, SlotLayout
from .retire import has_passed

__all__ = ["PACE_CYCLES", "ResetWalk"]

#: Cycles between two looks at the channels that are being reset.
PACE_CYCLES = 16


class ResetWalk(wiring.Component):
    """See every channel reset to its end.

    A channel's past is over when none of ``busy`` holds it, the writer has passed every segment
    that was handed over until then, and the reader holds none of its slots. The reader's errors are
    forgotten on the way. The channels take turns to be seen, so none waits for another's reads. The
    read timeout bounds it all.

    Members
    -------
    resetting : ``In(8)``
        Bit per channel: it is being reset.
    restart_all : ``In(1)``, restart : ``In(1)``, restart_channel : ``In(3)``
        Strobes: a reset begins (again), of all channels or of one.
    busy : ``In(8)``
        Bit per channel: executor, ring fetch or records hold something of it. From the second cycle
        of ``resetting`` on, once low it stays low.
    hold : ``Out(1)``, quiet : ``In(1)``
        Asks :class:`~vop.copier.retire.Retire` for its port of the reader, for ``channel``.
    watch_index : ``Out(range(SLOTS))``, watch_busy : ``In(1)``, watch_error : ``In(8)``
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
    restart_all: In(1)
    restart: In(1)
    restart_channel: In(range(CHANNELS))
    busy: In(CHANNELS)
    hold: Out(1)
    quiet: In(1)
    watch_index: Out(range(SLOTS))
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
        busy = Signal()                      # the channel was, in the cycle before
        ticket = Signal.like(self.ticket)    # of the first segment that may be of its future
        stands = Signal()                    # no reset of it has begun since that was learnt
        slot = Signal(range(SLOTS))
        occupied = Signal()
        faulty = Signal()
        m.d.comb += [
            self.watch_index.eq(slot),
            self.forget.payload.channel.eq(self.channel),
            self.forget.payload.index.eq(slot),
        ]
        m.d.sync += [
            pace.eq(pace + 1),
            busy.eq(self.busy.bit_select(self.channel, 1)),
        ]
        with m.If(self.restart_all | (self.restart & (self.restart_channel == self.channel))):
            m.d.sync += stands.eq(0)

        with m.FSM() as fsm:
            m.d.comb += self.hold.eq(fsm.ongoing("ASK") | fsm.ongoing("LOOK")
                                     | fsm.ongoing("FORGET") | self.may_be_cleared)
            with m.State("NEXT"):
                m.d.sync += self.channel.eq(self.channel + 1)
                m.next = "REST"
            with m.State("REST"):
                m.d.sync += slot.eq(0)
                with m.If(~self.resetting.bit_select(self.channel, 1)):
                    m.next = "NEXT"
                with m.Elif(pace == 0):
                    m.next = "ASK"
            with m.State("ASK"):
                # No record of the channel is about to be handed over.
                with m.If(self.quiet):
                    m.next = "LEARN"
            with m.State("LEARN"):
                m.d.sync += ticket.eq(self.ticket)
                m.next = "NEXT"
                with m.If(~busy):
                    m.d.sync += stands.eq(1)
                    m.next = "PASS"
            with m.State("PASS"):
                with m.If(has_passed(self.done, ticket)):
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
                    m.next = "NEXT"
                with m.Elif(~faulty | self.forget.ready):
                    m.d.sync += slot.eq(slot + 1)
                    m.next = "LOOK"
                    with m.If(slot == SLOTS - 1):
                        m.d.sync += self.may_be_cleared.eq(1)
                        m.next = "CLEAR"
            with m.State("CLEAR"):
                # If it was reset once more meanwhile, it is not its end.
                with m.If(~stands | self.may_clear):
                    m.d.sync += self.may_be_cleared.eq(0)
                    m.next = "NEXT"
        m.d.comb += self.clear.eq(self.may_be_cleared & stands & self.may_clear)
        return m
