# SPDX-License-Identifier: BSD-2-Clause
"""The executor between puppets: channels that queue commands, a reader and a writer of segments.

Written from docs/registers.md and the contracts of the interfaces, not from the design's tables.
"""

import struct
from collections import deque
from dataclasses import dataclass, field

from amaranth.hdl import Array, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In
from copier_models import CardRam, HostMemory, Pace, Steadiness, simulate
from vop.copier.executor import Executor

COPY, PUBLISH, COMPLETE, CHAIN, ARM = 1, 2, 3, 4, 5
RECORD, INTERRUPT, TO_HOST, LIST, RELAXED, NO_SNOOP = (1 << n for n in range(4, 10))
RAM_BYTES = 1 << 14
GUARD_BASE = 0x0400
CHANNELS, SLOTS = 8, 8


def command(opcode, *, flags=0, tag=0, length=0, host=0, card=0, head=0, entries=0, used_id=0,
            used_len=0, control=0):
    """The 32 bytes of a command."""
    return struct.pack("<IIQIHHII", opcode | flags | control | tag << 16, length, host, card, head,
                       entries, used_id, used_len)


@dataclass
class Retired:
    """How a command ended, and what had been handed over by then."""

    channel: int
    tag: int
    error: int
    bytes: int
    raises: bool
    vector: int
    ticket: int
    cycle: int
    wants: tuple


@dataclass
class Segment:
    """A segment as it was handed over."""

    write: bool
    channel: int
    host: int
    card: int
    bytes: int
    data: bytes | None
    attributes: tuple
    cycle: int
    slot: int = 0


@dataclass
class Channel:
    """A channel's queue, and what it has under way."""

    queue: deque = field(default_factory=deque)
    slots: deque = field(default_factory=deque)    # (slot, ticket): retired, not ended
    next_slot: int = 0


class Puppeteer(wiring.Component):
    """The executor, with what must be combinational beside it."""

    def __init__(self, width):
        self.executor = Executor(ram_bytes=RAM_BYTES, width=width)
        super().__init__({"slots": In(3).array(CHANNELS),
                          "busy": In(1).array(CHANNELS * SLOTS),
                          "errors": In(8).array(CHANNELS * SLOTS)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.executor = executor = self.executor
        slot = Array(self.slots)[executor.channels.current]
        watched = Signal(6)
        m.d.comb += [
            executor.channels.slot.eq(slot),
            watched.eq(executor.watch.channel * SLOTS + executor.watch.index),
            executor.watch_busy.eq(Array(self.busy)[watched]),
            executor.watch_error.eq(Array(self.errors)[watched]),
        ]
        return m


class Bench:
    """Executor, card RAM, host memory; command queues without registers before them."""

    def __init__(self, stutters=False, *, seed, width=128, write_delay=6, read_delay=20):
        self.pace = Pace(stutters, seed)
        self.dut = Puppeteer(width)
        self.executor = self.dut.executor
        self.ram = CardRam(width=width, size=RAM_BYTES, pace=self.pace)
        self.memory = HostMemory()
        self.write_delay, self.read_delay = write_delay, read_delay
        self.channels = [Channel() for _ in range(CHANNELS)]
        self.segments = []
        self.retired = []
        self.used_interrupts = []
        self.refused = 0
        self.cycle = 0
        self.mute = 0
        self.lost = 0
        self.ticket = self.done = 0              # not modulo anything
        self.leaving = deque()                   # (cycle, segment)
        self.reading = []                        # (cycle, segment)
        self.read_fault = lambda segment: 0      # CommandError of a read
        self.slot_errors = {}
        self.holds_writes = False
        self.holds_reads = False
        self.underway = 0

    # Card RAM and host memory.

    def put(self, address, content):
        """Set bytes of card RAM."""
        self.ram.bytes[address:address + len(content)] = content

    def get(self, address, length):
        """Bytes of card RAM."""
        return bytes(self.ram.bytes[address:address + length])

    def submit(self, channel, *args, **fields):
        """Queue a command."""
        self.channels[channel].queue.append(command(*args, **fields))

    @property
    def writes(self):
        """Write segments so far."""
        return [segment for segment in self.segments if segment.write]

    # Puppets.

    async def play_channels(self, ctx):
        executor = self.executor
        link = executor.channels
        steady = Steadiness("retire")
        ctx.set(link.retire.ready, 1)
        while True:
            ready = 0
            inflight = 0
            for number, channel in enumerate(self.channels):
                free = len(channel.slots) < SLOTS
                if channel.queue and free and not self.mute >> number & 1:
                    ready |= 1 << number
                inflight |= bool(channel.slots) << number
                ctx.set(self.dut.slots[number], channel.next_slot)
            ctx.set(link.ready, ready)
            ctx.set(link.inflight, inflight)
            ctx.set(link.mute, self.mute)
            ctx.set(executor.lost, self.lost)
            (_, _, current, valid, takes, payload, used, refused, underway) = \
                await ctx.tick().sample(
                    link.current, link.retire.valid, link.retire.ready,
                    Value.cast(link.retire.payload), executor.used_interrupt,
                    executor.guard_refused, link.underway)
            self.cycle += 1
            self.underway = underway
            self.refused += refused
            if used:
                self.used_interrupts.append(self.cycle)
            popped = None
            if valid and takes:
                retire = data.Const(link.retire.payload.shape(), payload)
                popped = retire.channel
                assert popped == current
                if not self.mute >> popped & 1:
                    self.end(retire)
            steady(valid and not self.mute >> current & 1, takes, payload)
            loaded = (ready >> current & 1 and current != popped and self.channels[current].queue
                      and (not self.pace.stutters or self.pace.random.random() < 0.8))
            ctx.set(link.loaded, bool(loaded))
            if loaded:
                ctx.set(Value.cast(link.command),
                        int.from_bytes(self.channels[current].queue[0], "little"))
            for number, channel in enumerate(self.channels):
                while channel.slots and self.ended(number, *channel.slots[0]):
                    channel.slots.popleft()

    def end(self, retire):
        channel = self.channels[retire.channel]
        raw = channel.queue.popleft()
        assert retire.tag == int.from_bytes(raw[2:4], "little")
        ticket = self.done + (retire.ticket - self.done + 16) % 64 - 16
        assert self.done - 16 <= ticket <= self.ticket
        self.retired.append(Retired(
            retire.channel, retire.tag, retire.error, retire.bytes, bool(retire.raise_vector),
            retire.vector, ticket, self.cycle, (retire.wants_record, retire.wants_interrupt)))
        channel.slots.append((channel.next_slot, ticket))
        channel.next_slot = (channel.next_slot + 1) % SLOTS
        if retire.error:
            self.mute |= 1 << retire.channel     # an error stops the channel

    def ended(self, number, slot, ticket):
        reads = any(s.channel == number and s.slot == slot for _, s in self.reading)
        return not reads and self.done >= ticket

    async def reset(self, ctx, number):
        """What the channels do to a failed channel."""
        self.mute |= 1 << number
        self.channels[number].queue.clear()
        for _ in range(1000):
            await ctx.tick()
            if not self.underway >> number & 1 and not self.channels[number].slots and not any(
                    s.channel == number for _, s in [*self.reading, *self.leaving]):
                break
        else:
            raise AssertionError("underway did not fall")
        self.mute &= ~(1 << number)
        self.slot_errors = {key: code for key, code in self.slot_errors.items()
                            if key // SLOTS != number}

    async def play_writer(self, ctx):
        port = self.executor.write
        steady = Steadiness("write segment")
        ready = 1
        while True:
            ctx.set(port.ready, ready)
            ctx.set(self.executor.ticket, self.ticket % 64)
            ctx.set(self.executor.done, self.done % 64)
            _, _, valid, payload = await ctx.tick().sample(port.valid, Value.cast(port.payload))
            steady(valid, ready, payload)
            if valid and ready:
                raw = data.Const(port.payload.shape(), payload)
                content = raw.data.to_bytes(16, "little")[:raw.bytes] if raw.immediate else None
                segment = Segment(True, raw.channel, raw.host_address, raw.card_address, raw.bytes,
                                  content, (raw.relaxed, raw.no_snoop), self.cycle)
                self.check(segment)
                self.ticket += 1
                self.leaving.append((self.cycle + self.write_delay, segment))
            while self.leaving and self.leaving[0][0] <= self.cycle and not self.holds_writes:
                if self.pace.stutters and self.pace.random.random() < 0.7:
                    break
                segment = self.leaving.popleft()[1]
                content = segment.data
                if content is None:
                    content = self.get(segment.card, segment.bytes)
                for n, byte in enumerate(content):
                    if not (self.mute | self.lost) >> segment.channel & 1:
                        self.memory.written[segment.host + n] = byte
                self.done += 1
            full = len(self.leaving) >= 4
            # The writer takes a segment every other cycle at most.
            ready = not full and not (valid and ready) and self.pace()

    async def play_reader(self, ctx):
        port = self.executor.read
        steady = Steadiness("read segment")
        ready = 1
        while True:
            ctx.set(port.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(port.valid, Value.cast(port.payload))
            steady(valid, ready, payload)
            closed = 0
            if valid and ready:
                raw = data.Const(port.payload.shape(), payload)
                segment = Segment(False, raw.slot.channel, raw.host_address, raw.card_address,
                                  raw.bytes, None, (raw.relaxed, raw.no_snoop), self.cycle,
                                  raw.slot.index)
                self.check(segment)
                assert raw.slot.index == self.channels[segment.channel].next_slot
                delay = self.read_delay + (self.pace.random.randrange(20) if self.pace.stutters
                                           else 0)
                self.reading.append((self.cycle + delay, segment))
            for entry in [entry for entry in self.reading if entry[0] <= self.cycle]:
                if self.holds_reads:
                    break
                self.reading.remove(entry)
                segment = entry[1]
                fault = self.read_fault(segment)
                key = segment.channel * SLOTS + segment.slot
                if fault:
                    self.slot_errors[key] = fault
                elif not self.mute >> segment.channel & 1:
                    self.put(segment.card, self.memory.read(segment.host, segment.bytes))
                closed |= 1 << segment.channel
            ctx.set(self.executor.read_closed, closed)
            busy = {s.channel * SLOTS + s.slot for _, s in self.reading}
            for key in range(CHANNELS * SLOTS):
                ctx.set(self.dut.busy[key], key in busy)
                ctx.set(self.dut.errors[key], self.slot_errors.get(key, 0))
            ready = len(self.reading) < 8 and self.pace()

    def check(self, segment):
        """Every rule that a segment must obey."""
        self.segments.append(segment)
        assert 1 <= segment.bytes <= 1024
        assert segment.host % 1024 + segment.bytes <= 1024
        assert segment.host + segment.bytes <= 1 << 64
        if segment.data is None:
            assert segment.card + segment.bytes <= RAM_BYTES
        else:
            assert segment.bytes <= 16

    async def write_register(self, ctx, address, value, *, card=False, strobe=0xF):
        """A store to the guard's registers."""
        bus = self.executor.guard_registers
        ctx.set(bus.address, address)
        ctx.set(bus.write_data, value)
        ctx.set(bus.write_strobe, strobe)
        ctx.set(bus.card, card)
        ctx.set(bus.write, 1)
        await ctx.tick()
        ctx.set(bus.write, 0)

    async def read_register(self, ctx, address):
        """A load from the guard's registers."""
        bus = self.executor.guard_registers
        ctx.set(bus.address, address)
        ctx.set(bus.read, 1)
        await ctx.tick()
        ctx.set(bus.read, 0)
        return ctx.get(bus.read_data)

    async def open_window(self, ctx, window, address, pages):
        """What the host does before the card may name an address."""
        base = GUARD_BASE + 16 * window
        await self.write_register(ctx, base, address & 0xFFFF_FFFF)
        await self.write_register(ctx, base + 4, address >> 32)
        await self.write_register(ctx, base + 8, pages)

    async def until_retired(self, ctx, count, cycles=20_000):
        """Wait until ``count`` commands have been retired in all, and have ended."""
        for _ in range(cycles):
            if len(self.retired) >= count and not self.leaving and not self.reading:
                await ctx.tick()
                return self.retired[count - 1]
            await ctx.tick()
        raise AssertionError(f"{len(self.retired)} of {count} commands were retired")

    async def until_retired_of(self, ctx, channels, cycles=20_000):
        """Wait until each of these channels has had a command retired."""
        for _ in range(cycles):
            if set(channels) <= {entry.channel for entry in self.retired}:
                return
            await ctx.tick()
        raise AssertionError(f"not all of {channels} had a command retired")

    async def do(self, ctx, channel, *args, **fields):
        """Submit a command and wait for its end."""
        self.submit(channel, *args, **fields)
        return await self.until_retired(ctx, len(self.retired) + 1)

    async def do_reads(self, ctx, channel):
        """A copy to the card, while writes may stand still."""
        count = len(self.retired) + 1
        self.submit(channel, COPY, length=64, host=0, card=0)
        for _ in range(1000):
            await ctx.tick()
            if len(self.retired) == count:
                return self.retired[-1]
        raise AssertionError("the copy did not end")

    def run(self, story, deadline=200_000):
        """Run ``story(ctx)``."""
        executor = self.executor

        async def testbench(ctx):
            ctx.set(executor.config.relaxed_ordering, 1)
            ctx.set(executor.config.no_snoop, 1)
            await ctx.tick()
            await story(ctx)

        simulate(self.dut, testbench, deadline=deadline, background=(
            self.play_channels, self.play_reader, self.play_writer,
            self.ram.serve_reads(executor.ring_read), self.ram.serve_writes(executor.ring_write)))
