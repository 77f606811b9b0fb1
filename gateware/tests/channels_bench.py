# SPDX-License-Identifier: BSD-2-Clause
"""The channels of the copier between software, card RAM and puppets of all that moves bytes.

Numbers are written down once more by hand, from docs/registers.md: the tests shall not trust the
tables.
"""

import struct
from collections import deque
from dataclasses import dataclass, field

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from copier_models import CardRam, Pace, Steadiness, simulate
from vop.copier.channels import Channels

RAM_BYTES = 1 << 14
BASE, STRIDE = 0x1000, 0x80
(CONTROL, STATUS, SEQUENCE, RECORD_LO, RECORD_HI, RECORD_CONFIG, RING_BASE, RING_CONFIG, RING_TAIL,
 RING_HEAD, COALESCE, ARM, COMPLETE_ID, COMPLETE_LEN) = range(0x20, 0x58, 4)
ENABLE, RESET_CHANNEL = 1, 2
IDLE, BUSY, FAILED = 0, 1, 2
RECORD, INTERRUPT = 1 << 4, 1 << 5
TICKETS = 64


class WithReader(wiring.Component):
    """The channels, and the answers of a reader, which have to come within the cycle."""

    def __init__(self, *, width):
        self.channels = Channels(card_bits=14, segment_bits=15, width=width)
        self.errors = Array(Signal(8, name=f"error{n}") for n in range(64))
        super().__init__({"busy": In(64)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.channels = channels = self.channels
        place = Cat(channels.watch.index, channels.watch.channel)
        m.d.comb += [
            channels.watch_busy.eq(self.busy.bit_select(place, 1)),
            channels.watch_error.eq(self.errors[place]),
        ]
        return m


@dataclass
class Plan:
    """What the puppets do about a command."""

    cycles: int = 3          # the executor takes
    error: int = 0           # ... and finds
    reading: int = 0         # cycles that the reader goes on
    read_error: int = 0
    writes: int = 0          # segments that the writer gets
    moved: int = 0           # bytes, for the record
    vector: int | None = None


@dataclass
class Begun:
    """A command as the executor saw it."""

    channel: int
    words: tuple
    slot: int
    cycle: int


@dataclass
class Sent:
    """A write segment in the puppet of the writer."""

    channel: int
    due: int
    record: tuple | None     # (address, bytes), or None


@dataclass
class Log:
    """What has happened."""

    begun: list = field(default_factory=list)
    records: list = field(default_factory=list)      # (cycle, channel, address, words)
    vectors: list = field(default_factory=list)      # (cycle, vector, records written by then)
    interrupts: list = field(default_factory=list)   # cycles
    failed: int = 0
    refused: int = 0
    forgotten: list = field(default_factory=list)
    mended: list = field(default_factory=list)


class ChannelsBench:
    """Software's view, and the puppets. ``plan`` may be replaced: called with each command."""

    def __init__(self, stutters=False, *, seed, width=128):
        self.pace = Pace(stutters, seed)
        self.random = self.pace.random
        self.dut = WithReader(width=width)
        self.channels = self.dut.channels
        self.ram = CardRam(width=width, size=RAM_BYTES, pace=self.pace)
        self.log = Log()
        self.plan = lambda begun: Plan()
        self.cycle = 0
        self.write_lag = 5
        self.writing = deque()
        self.ticket = self.done = 0
        self.lost = 0
        self.reads_end = {}            # slot place: cycle

    def run(self, story, deadline=60_000):
        channels = self.channels
        simulate(self.dut, story, deadline=deadline, background=[
            # Records first: a segment that the executor sends in the same cycle comes behind.
            self.count, self.take_records, self.execute, self.move, self.listen,
            self.ram.serve_reads(channels.line_read), self.ram.serve_writes(channels.line_write)])

    async def count(self, ctx):
        async for _ in ctx.tick():
            self.cycle += 1

    # Puppets.

    async def execute(self, ctx):
        """One command at a time, channels in turns."""
        port = self.channels.executor
        at = 0
        while True:
            ready = ctx.get(port.ready)
            choice = next((n % 8 for n in range(at + 1, at + 9) if ready >> n % 8 & 1), None)
            if choice is None:
                await ctx.tick()
                continue
            at = choice
            ctx.set(port.current, at)
            await ctx.tick()
            while not ctx.get(port.loaded) and ctx.get(port.ready) >> at & 1:
                await ctx.tick()
            if not ctx.get(port.loaded):
                continue
            ctx.set(port.underway, 1 << at)
            await self.execute_one(ctx, port, at)
            ctx.set(port.underway, 0)

    async def execute_one(self, ctx, port, at):
        raw = ctx.get(port.command).as_bits().to_bytes(32, "little")
        begun = Begun(at, struct.unpack("<8I", raw), ctx.get(port.slot), self.cycle)
        self.log.begun.append(begun)
        plan = self.plan(begun)
        place = 8 * at + begun.slot
        if plan.reading:
            self.set_busy(ctx, place, 1)
        for _ in range(plan.cycles):
            await ctx.tick()
            if ctx.get(port.mute) >> at & 1:
                self.reads_end[place] = self.cycle + 20
                return
            again = ctx.get(port.command).as_bits().to_bytes(32, "little")
            assert again == raw, "the command changed under the executor's hands"
        for _ in range(plan.writes):
            self.send(ctx, at, None)
        if plan.reading:
            self.reads_end[place] = self.cycle + plan.reading
            ctx.set(self.dut.errors[place], plan.read_error)
        control = begun.words[0]
        ctx.set(port.retire.payload, {
            "channel": at, "tag": control >> 16, "wants_record": control >> 4 & 1,
            "wants_interrupt": control >> 5 & 1, "bytes": plan.moved, "error": plan.error,
            "ticket": self.ticket, "raise_vector": plan.vector is not None,
            "vector": plan.vector or 0})
        ctx.set(port.retire.valid, 1)
        ready = 0
        while not ready:
            *_, ready = await ctx.tick().sample(port.retire.ready)
        ctx.set(port.retire.valid, 0)

    def set_busy(self, ctx, place, value):
        busy = ctx.get(self.dut.busy)
        ctx.set(self.dut.busy, busy & ~(1 << place) | value << place)

    def send(self, ctx, channel, record):
        self.ticket = (self.ticket + 1) % TICKETS
        ctx.set(self.channels.ticket, self.ticket)
        due = max([self.cycle, *(sent.due for sent in self.writing)]) + self.write_lag
        self.writing.append(Sent(channel, due, record))

    async def move(self, ctx):
        """The reader's ends, and the writer's."""
        channels = self.channels
        while True:
            for place, end in list(self.reads_end.items()):
                if end <= self.cycle:
                    self.set_busy(ctx, place, 0)
                    del self.reads_end[place]
            mute = ctx.get(channels.writer_mute)
            while self.writing and (self.writing[0].due <= self.cycle
                                    or mute >> self.writing[0].channel & 1):
                sent = self.writing.popleft()
                self.done = (self.done + 1) % TICKETS
                dropped = (mute | self.lost) >> sent.channel & 1
                if sent.record and not dropped:
                    address, content = sent.record
                    self.log.records.append(
                        (self.cycle, sent.channel, address, struct.unpack("<4I", content)))
            ctx.set(channels.done, self.done)
            ctx.set(channels.lost, self.lost)
            await ctx.tick()

    async def take_records(self, ctx):
        stream = self.channels.segment
        steady = Steadiness("segment")
        ctx.set(stream.ready, 1)
        async for _, _, valid, ready, payload in ctx.tick().sample(
                stream.valid, stream.ready, stream.payload):
            steady(valid, ready, payload.as_bits())
            if valid and ready:
                assert payload.immediate
                assert payload.bytes == 16
                self.send(ctx, payload.channel,
                          (payload.host_address, payload.data.to_bytes(16, "little")))
            ctx.set(stream.ready, self.pace() and len(self.writing) < 8)

    async def listen(self, ctx):
        channels = self.channels
        ctx.set(channels.vector.ready, 1)
        ctx.set(channels.forget.ready, 1)
        steady = Steadiness("vector")
        async for (_, _, valid, ready, vector, interrupt, failed, refused, forget, forget_ready,
                   slot, mend) in ctx.tick().sample(
                channels.vector.valid, channels.vector.ready, channels.vector.payload,
                channels.interrupt, channels.command_failed, channels.refused_write,
                channels.forget.valid, channels.forget.ready, channels.forget.payload,
                channels.mend):
            steady(valid, ready, vector)
            if valid and ready:
                self.log.vectors.append((self.cycle, vector, len(self.log.records)))
            ctx.set(channels.vector.ready, self.pace())
            if interrupt:
                self.log.interrupts.append(self.cycle)
            self.log.failed += failed
            self.log.refused += refused
            if forget and forget_ready:
                self.log.forgotten.append((slot.channel, slot.index))
                ctx.set(self.dut.errors[8 * slot.channel + slot.index], 0)
            ctx.set(channels.forget.ready, self.pace())
            if mend:
                self.log.mended.append(mend)
                self.lost &= ~mend

    # Software.

    async def write(self, ctx, channel, offset, value, *, card=None, strobe=0xF):
        bus = self.channels.registers
        ctx.set(bus.address, BASE + STRIDE * channel + offset)
        ctx.set(bus.write_data, value)
        ctx.set(bus.write_strobe, strobe)
        ctx.set(bus.card, channel >= 4 if card is None else card)
        ctx.set(bus.write, 1)
        await ctx.tick()
        ctx.set(bus.write, 0)

    async def read(self, ctx, channel, offset):
        bus = self.channels.registers
        ctx.set(bus.address, BASE + STRIDE * channel + offset)
        ctx.set(bus.read, 1)
        await ctx.tick()
        ctx.set(bus.read, 0)
        return ctx.get(bus.read_data)

    async def submit(self, ctx, channel, *words):
        for n, word in enumerate((*words, *[0] * (8 - len(words)))):
            await self.write(ctx, channel, 4 * n, word)

    async def enable(self, ctx, channel, *, records=0x2000, entries_log2=4, vector=3, coalesce=0):
        await self.write(ctx, channel, RECORD_LO, records & 0xFFFF_FFFF)
        await self.write(ctx, channel, RECORD_HI, records >> 32)
        await self.write(ctx, channel, RECORD_CONFIG, entries_log2 | vector << 8)
        await self.write(ctx, channel, COALESCE, coalesce)
        await self.write(ctx, channel, CONTROL, ENABLE)

    async def make_ring(self, ctx, channel, *, base, entries_log2):
        await self.write(ctx, channel, RING_BASE, base)
        await self.write(ctx, channel, RING_CONFIG, entries_log2)

    def put_command(self, address, *words):
        self.ram.bytes[address:address + 32] = struct.pack(
            "<8I", *words, *[0] * (8 - len(words)))

    def card_record(self, address):
        return struct.unpack("<4I", self.ram.bytes[address:address + 16])

    async def status(self, ctx, channel):
        """State, commands held, error."""
        value = await self.read(ctx, channel, STATUS)
        return value & 3, value >> 8 & 0xFF, value >> 16 & 0xFF

    async def settle(self, ctx, channel, cycles=10_000):
        """Wait until the channel is no longer busy; its state and error."""
        for _ in range(cycles):
            state, _held, error = await self.status(ctx, channel)
            if state != BUSY:
                return state, error
        raise AssertionError(f"channel {channel} was busy for {cycles} reads")

    async def pass_cycles(self, ctx, cycles):
        for _ in range(cycles):
            await ctx.tick()

    def tags(self, channel):
        """Tags of the commands begun on the channel, in order."""
        return [begun.words[0] >> 16 for begun in self.log.begun if begun.channel == channel]
