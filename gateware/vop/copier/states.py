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
        Strobe: the channel's command ring was refused. Only in a cycle with ``may_ring_fail``.
    may_ring_fail : ``Out(1)``
        No command has ended with an error.
    refused : ``In(1)``, refused_channel : ``In(3)``
        Strobe: the executor has found a fault, which is to be told in order.
    ended_failed : ``In(1)``, ended_error : ``In(8)``, ended_channel : ``In(3)``
        Strobe: a command has ended with an error, and its end is told.
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
    may_ring_fail: Out(1)
    refused: In(1)
    refused_channel: In(range(CHANNELS))
    ended_failed: In(1)
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
        by_overflow = Signal(CHANNELS)       # why it failed, if not as `errors` says

        for n in range(CHANNELS):
            clears = self.clear & (self.clear_channel == n)
            controls = self.control.valid & (self.control.channel == n)
            overflows = self.overflow & (self.overflow_channel == n)
            ring_fails = self.ring_failed & (self.ring_channel == n)
            m.d.comb += self.alarm[n].eq(
                ~self.resetting[n] & ~self.failed[n]
                & (overflows | ring_fails | (self.ended_failed & (self.ended_channel == n))))

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
                m.d.sync += [self.failed[n].eq(0), by_overflow[n].eq(0)]
            with m.Elif(self.alarm[n]):
                m.d.sync += [self.failed[n].eq(1), by_overflow[n].eq(overflows)]

        m.submodules.errors = errors = Memory(shape=8, depth=CHANNELS, init=[])
        write = errors.write_port()
        read = errors.read_port(domain="comb")
        shown = self.shown_channel
        m.d.comb += [
            self.may_ring_fail.eq(~self.ended_failed),
            write.addr.eq(Mux(self.ended_failed, self.ended_channel, self.ring_channel)),
            write.data.eq(Mux(self.ended_failed, self.ended_error, self.ring_error)),
            write.en.eq(self.ended_failed | (
                self.ring_failed & ~self.failed.bit_select(self.ring_channel, 1))),
            read.addr.eq(shown),
        ]
        with m.If((self.resetting | self.telling).bit_select(shown, 1)):
            m.d.comb += self.state.eq(ChannelState.BUSY)
        with m.Elif(self.failed.bit_select(shown, 1)):
            m.d.comb += [self.state.eq(ChannelState.FAILED), self.error.eq(read.data)]
            with m.If(by_overflow.bit_select(shown, 1)):
                m.d.comb += self.error.eq(CommandError.QUEUE_OVERFLOW)
        # Until its failure is known, a channel is not idle.
        with m.Elif(self.held.bit_select(shown, 1)
                    | (self.ended_failed & (self.ended_channel == shown))):
            m.d.comb += self.state.eq(ChannelState.BUSY)
        return m
