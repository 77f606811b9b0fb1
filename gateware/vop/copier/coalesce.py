# SPDX-License-Identifier: BSD-2-Clause
"""Which ends of commands interrupt somebody, and when."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..regs.copier import COPIER, COPIER_LIMITS
from ..requester.segment import CHANNELS, TICKETS
from .registers import StoreLayout, keep_stores
from .retire import has_passed

__all__ = ["TICK_CYCLES", "Coalescer"]

#: Cycles of a tick.
TICK_CYCLES = 128

_COUNT, _TICKS = COPIER.register("coalesce").fields
_VECTOR = next(field for field in COPIER.register("record_config").fields
               if field.name == "vector")


class Coalescer(wiring.Component):
    """Gather the interrupts that commands ask for, by number and by time.

    An interrupt is due when ``count`` commands that want one have ended, or ``ticks`` after the
    first of them, or, without ``ticks``, when the channel has run out of commands. After a failure
    it is due at once. It is given when the record before it has left.

    Members
    -------
    store : ``In(StoreLayout)``
        Writes by software.
    ended : ``In(1)``, ended_channel : ``In(3)``, ended_wants : ``In(1)``
        Strobe: a command ended in the cycle before, and whether it wants an interrupt. The channel
        is stable from two cycles before the strobe.
    alarm : ``In(8)``
        Strobes: a channel fails now.
    held : ``In(8)``
        Bit per channel: it has commands in any stage before their end.
    recorded : ``In(1)``, ticket : ``In(range(TICKETS))``
        Strobe: a record of ``ended_channel`` was accepted as this write segment.
    done : ``In(range(TICKETS))``
        From the writer.
    clear : ``In(1)``, clear_channel : ``In(3)``
        Strobe: forget what the channel has gathered.
    recording : ``Out(8)``
        Bit per channel: a record is on its way to host memory.
    vector : ``Out(stream.Signature(5))``
        Vector of a host channel. An offer may be withdrawn.
    interrupt : ``Out(1)``
        One-cycle pulse: an interrupt of a card channel.
    idle : ``Out(1)``
        Nothing is gathered, due, or on its way.
    """

    store: In(StoreLayout)
    ended: In(1)
    ended_channel: In(range(CHANNELS))
    ended_wants: In(1)
    alarm: In(CHANNELS)
    held: In(CHANNELS)
    recorded: In(1)
    ticket: In(range(TICKETS))
    done: In(range(TICKETS))
    clear: In(1)
    clear_channel: In(range(CHANNELS))
    recording: Out(CHANNELS)
    vector: Out(stream.Signature(_VECTOR.width))
    interrupt: Out(1)
    idle: Out(1)

    def elaborate(self, platform):
        m = Module()

        def parameter(name, channel):
            m.submodules[name] = memory = Memory(
                shape=32, depth=CHANNELS, init=[], attrs={"ram_style": "block"})
            keep_stores(m, memory, name, self.store)
            read = memory.read_port()
            m.d.comb += [read.addr.eq(channel), read.en.eq(1)]
            return read.data

        def remembered(name, shape, *, at, value, when, channel):
            m.submodules[name] = memory = Memory(shape=shape, depth=CHANNELS, init=[])
            write, read = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(at), write.data.eq(value), write.en.eq(when),
                read.addr.eq(channel),
            ]
            return read.data

        gathering = Signal(CHANNELS)         # at least one end, and no interrupt since
        due = Signal(CHANNELS)
        alarm = Signal(CHANNELS)             # of the cycle before
        m.d.sync += alarm.eq(self.alarm)
        clock = Signal(range(TICK_CYCLES))
        tick = Signal(_TICKS.width)
        m.d.sync += Cat(clock, tick).eq(Cat(clock, tick) + 1)

        # Count the ends.
        who = self.ended_channel
        limits = parameter("coalesce", who)
        most = limits[_COUNT.lsb:_COUNT.lsb + _COUNT.width]
        ticks = limits[_TICKS.lsb:_TICKS.lsb + _TICKS.width]
        gathers = Signal()
        began = gathering.bit_select(who, 1)
        left = Signal(_COUNT.width)          # that it takes still, if it began
        now_left = Signal(_COUNT.width)
        one_reaches = Signal()               # the first end is as many as it takes
        next_reaches = Signal()              # the next is
        m.d.comb += [
            gathers.eq(self.ended & self.ended_wants),
            now_left.eq(Mux(began, left, most) - 1),
        ]
        m.d.sync += [
            one_reaches.eq(most <= 1),
            next_reaches.eq(left <= 1),
        ]
        m.d.comb += left.eq(remembered(
            "counts", _COUNT.width, at=who, value=now_left, when=gathers, channel=who))

        # Look at the channels one by one. What is looked up by `turn` is known a cycle later.
        turn = clock[:CHANNELS.bit_length() - 1]
        looked = Signal.like(turn)
        deadline = data.StructLayout({"tick": _TICKS.width, "timeless": 1})
        until = data.View(deadline, remembered(
            "deadlines", _TICKS.width + 1, at=who,
            value=Cat((tick + ticks)[:_TICKS.width], ticks == 0), when=gathers & ~began,
            channel=turn))
        ticket = remembered("tickets", len(self.ticket), at=who, value=self.ticket + 1,
                            when=self.recorded, channel=looked)
        config = parameter("record_config", turn)
        # A tick lasts long enough to see each channel in it.
        expires = Signal()
        m.d.sync += [
            looked.eq(turn),
            expires.eq(gathering.bit_select(turn, 1)
                       & Mux(until.timeless, ~self.held.bit_select(turn, 1), until.tick == tick)),
        ]

        gone = has_passed(self.done, ticket)
        is_card = looked >= COPIER_LIMITS["host_channels"]
        tells = due.bit_select(looked, 1) & (gone | ~self.recording.bit_select(looked, 1))
        told = Signal()
        m.d.comb += [
            self.interrupt.eq(tells & is_card),
            self.vector.valid.eq(tells & ~is_card),
            self.vector.payload.eq(config[_VECTOR.lsb:_VECTOR.lsb + _VECTOR.width]),
            told.eq(tells & (is_card | self.vector.ready)),
            self.idle.eq((gathering == 0) & (due == 0) & (self.recording == 0) & (alarm == 0)),
        ]

        for n in range(CHANNELS):
            mine = who == n
            reached = gathers & mine & Mux(began, next_reaches, one_reaches)
            expired = expires & (looked == n) & gathering[n]
            clears = self.clear & (self.clear_channel == n)
            with m.If(clears):
                m.d.sync += [gathering[n].eq(0), due[n].eq(0), self.recording[n].eq(0)]
            with m.Else():
                with m.If(alarm[n] | reached | expired):
                    m.d.sync += due[n].eq(1)
                with m.Elif(told & (looked == n)):
                    m.d.sync += due[n].eq(0)
                with m.If(alarm[n] | reached):
                    m.d.sync += gathering[n].eq(0)
                with m.Elif(gathers & mine):
                    m.d.sync += gathering[n].eq(1)
                with m.Elif(expired):
                    m.d.sync += gathering[n].eq(0)
                with m.If(self.recorded & mine):
                    m.d.sync += self.recording[n].eq(1)
                with m.Elif(gone & (looked == n)):
                    m.d.sync += self.recording[n].eq(0)
        return m
