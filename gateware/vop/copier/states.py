# SPDX-License-Identifier: BSD-2-Clause
"""In which state each channel is, and which fault stopped it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..regs.copier import ChannelState, CommandError
from ..requester.segment import CHANNELS
from .registers import ControlLayout

__all__ = ["ChannelStates"]


class ChannelStates(wiring.Component):
    """Remember which channels are enabled, stopped, failed and being reset.

    A channel *stops* when a fault is known, *fails* when the fault has been told, and leaves both
    states by a reset only.

    Members
    -------
    control : ``In(ControlLayout)``
        Writes by software.
    reset : ``In(1)``
        Level: disable and reset every channel.
    overflow : ``In(1)``, overflow_channel : ``In(3)``
        Strobe: a command was written to a full channel.
    ring_failed : ``In(1)``, ring_error : ``In(CommandError)``, ring_channel : ``In(3)``
        Strobe: the channel's command ring was refused.
    refused : ``In(1)``, refused_channel : ``In(3)``
        Strobe: the executor has found a fault, which is to be told in order.
    ended : ``In(1)``, ended_error : ``In(8)``, ended_channel : ``In(3)``
        Strobe: a command has ended, and its end is told.
    clear : ``In(1)``, clear_channel : ``In(3)``
        Strobe: nothing is left of the channel's past. A reset written in this cycle stands.
    enabled, stopped, failed, resetting : ``Out(8)``
        Bit per channel. ``stopped`` covers the two behind it.
    alarm : ``Out(8)``
        One-cycle pulses: a channel fails now.
    held : ``In(8)``, telling : ``In(8)``
        Bit per channel: it has commands in any stage; an end of one is still on its way to the
        host. While it is, so is the failure.
    shown_channel : ``In(3)``; state : ``Out(ChannelState)``; error : ``Out(8)``
        Of that channel, as ``status`` shows it.
    """

    control: In(ControlLayout)
    reset: In(1)
    overflow: In(1)
    overflow_channel: In(range(CHANNELS))
    ring_failed: In(1)
    ring_error: In(CommandError)
    ring_channel: In(range(CHANNELS))
    refused: In(1)
    refused_channel: In(range(CHANNELS))
    ended: In(1)
    ended_error: In(8)
    ended_channel: In(range(CHANNELS))
    clear: In(1)
    clear_channel: In(range(CHANNELS))
    enabled: Out(CHANNELS)
    stopped: Out(CHANNELS)
    failed: Out(CHANNELS)
    resetting: Out(CHANNELS)
    alarm: Out(CHANNELS)
    held: In(CHANNELS)
    telling: In(CHANNELS)
    shown_channel: In(range(CHANNELS))
    state: Out(ChannelState)
    error: Out(8)

    def elaborate(self, platform):
        m = Module()
        by_overflow = Signal(CHANNELS)       # why it failed, if not by a command
        by_ring = Signal(CHANNELS)
        by_ring_place = Signal(CHANNELS)     # ... with BAD_CARD_ADDRESS
        fails = self.ended & (self.ended_error != CommandError.OK)

        for n in range(CHANNELS):
            clears = self.clear & (self.clear_channel == n)
            controls = self.control.valid & (self.control.channel == n)
            overflows = self.overflow & (self.overflow_channel == n)
            ring_fails = self.ring_failed & (self.ring_channel == n)
            m.d.comb += self.alarm[n].eq(
                ~self.resetting[n] & ~self.failed[n]
                & (overflows | ring_fails | (fails & (self.ended_channel == n))))

            with m.If(self.reset):
                m.d.sync += self.enabled[n].eq(0)
            with m.Elif(controls):
                m.d.sync += self.enabled[n].eq(self.control.enable)
            with m.If(self.reset | (controls & self.control.reset)):
                m.d.sync += [self.resetting[n].eq(1), self.stopped[n].eq(1)]
            with m.Elif(clears):
                m.d.sync += [self.resetting[n].eq(0), self.stopped[n].eq(0)]
            with m.Elif(self.alarm[n] | (self.refused & (self.refused_channel == n))):
                m.d.sync += self.stopped[n].eq(1)
            with m.If(clears):
                m.d.sync += [self.failed[n].eq(0), by_overflow[n].eq(0), by_ring[n].eq(0)]
            with m.Elif(self.alarm[n]):
                m.d.sync += [
                    self.failed[n].eq(1),
                    by_overflow[n].eq(overflows),
                    by_ring[n].eq(ring_fails),
                    by_ring_place[n].eq(self.ring_error == CommandError.BAD_CARD_ADDRESS),
                ]

        m.submodules.errors = errors = Memory(shape=8, depth=CHANNELS, init=[])
        write = errors.write_port()
        read = errors.read_port(domain="comb")
        shown = self.shown_channel
        m.d.comb += [
            write.addr.eq(self.ended_channel),
            write.data.eq(self.ended_error),
            write.en.eq(fails),
            read.addr.eq(shown),
        ]
        with m.If((self.resetting | self.telling).bit_select(shown, 1)):
            m.d.comb += self.state.eq(ChannelState.BUSY)
        with m.Elif(self.failed.bit_select(shown, 1)):
            m.d.comb += [self.state.eq(ChannelState.FAILED), self.error.eq(read.data)]
            with m.If(by_overflow.bit_select(shown, 1)):
                m.d.comb += self.error.eq(CommandError.QUEUE_OVERFLOW)
            with m.Elif(by_ring.bit_select(shown, 1)):
                m.d.comb += self.error.eq(Mux(by_ring_place.bit_select(shown, 1),
                                              CommandError.BAD_CARD_ADDRESS,
                                              CommandError.BAD_RING))
        with m.Elif(self.held.bit_select(shown, 1)):
            m.d.comb += self.state.eq(ChannelState.BUSY)
        return m
