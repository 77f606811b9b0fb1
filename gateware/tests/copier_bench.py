# SPDX-License-Identifier: BSD-2-Clause
"""A whole copier between register bus, card RAM and host."""

from copier_models import OUR_ID, CardRam, Host, Pace, Steadiness, simulate
from vop.copier.copier import Copier

RAM_BYTES = 1 << 14
TIMEOUT_CYCLES = 1024

# Written down once more by hand, from docs/registers.md: the tests shall not trust the tables.
COPIER_BASE, GUARD_BASE = 0x1000, 0x0400
CHANNEL_STRIDE = 0x80
CONTROL, STATUS, SEQUENCE, RECORD_LO, RECORD_HI, RECORD_CONFIG = (
    0x20, 0x24, 0x28, 0x2C, 0x30, 0x34)
ENABLE, RESET_CHANNEL = 1, 2
COPY, PUBLISH, COMPLETE = 1, 2, 3
RECORD, INTERRUPT, TO_HOST = 1 << 4, 1 << 5, 1 << 6
IDLE, BUSY, FAILED = 0, 1, 2
HOST_CHANNEL, CARD_CHANNEL = 0, 4

COUNTED = ("poisoned", "completion_error", "completion_timeout", "unexpected_completion",
           "guard_refused", "command_failed", "register_refused")


class Bench:
    """Copier, card RAM and host; software's view of the registers."""

    def __init__(self, stutters=False, *, seed, width=128, latency=20):
        self.pace = Pace(stutters, seed)
        self.copier = Copier(width=width, ram_bytes=RAM_BYTES, timeout_cycles=TIMEOUT_CYCLES)
        self.ram = CardRam(width=width, size=RAM_BYTES, pace=self.pace)
        self.host = Host(width=width, pace=self.pace, latency=latency)
        self.counted = dict.fromkeys(COUNTED, 0)
        self.vectors = []          # (vector, host writes seen when it was raised)
        self.interrupts = 0        # of card channels
        self.used_interrupts = 0

    async def watch(self, ctx):
        copier = self.copier
        steady = Steadiness("vector")
        ctx.set(copier.vector.ready, 1)
        async for _, _, counted, vector_valid, vector, ready, interrupt, used in ctx.tick().sample(
                copier.counted, copier.vector.valid, copier.vector.payload, copier.vector.ready,
                copier.copier_interrupt, copier.used_interrupt):
            for name in COUNTED:
                self.counted[name] += counted[name]
            steady(vector_valid, ready, vector)
            if vector_valid and ready:
                self.vectors.append((vector, len(self.host.writes)))
            ctx.set(copier.vector.ready, self.pace())
            self.interrupts += interrupt
            self.used_interrupts += used

    def run(self, story):
        async def testbench(ctx):
            ctx.set(self.copier.config, {
                "bus_master": 1, "id": OUR_ID, "max_payload": 0, "max_read_request": 2})
            await story(ctx)

        copier = self.copier
        simulate(copier, testbench, background=[
            self.ram.serve_reads(copier.payload_read),
            self.ram.serve_spans(copier.payload_write),
            self.ram.serve_reads(copier.ring_read),
            self.ram.serve_writes(copier.ring_write),
            self.ram.serve_reads(copier.command_read),
            self.ram.serve_writes(copier.record_write),
            self.host.take_requests(copier.reads),
            self.host.take_requests(copier.writes),
            self.host.give_completions(copier.completions),
            self.host.count_cycles, self.watch])

    # Registers.

    async def write(self, ctx, address, value, *, card=False):
        bus = self.copier.guard_registers if address < COPIER_BASE else self.copier.registers
        ctx.set(bus.address, address)
        ctx.set(bus.write_data, value)
        ctx.set(bus.write_strobe, 0xF)
        ctx.set(bus.card, card)
        ctx.set(bus.write, 1)
        await ctx.tick()
        ctx.set(bus.write, 0)

    async def read(self, ctx, address, *, card=False):
        bus = self.copier.guard_registers if address < COPIER_BASE else self.copier.registers
        ctx.set(bus.address, address)
        ctx.set(bus.card, card)
        ctx.set(bus.read, 1)
        await ctx.tick()
        ctx.set(bus.read, 0)
        return ctx.get(bus.read_data)

    async def write_channel(self, ctx, channel, offset, value, *, card=None):
        card = channel >= 4 if card is None else card
        await self.write(ctx, COPIER_BASE + CHANNEL_STRIDE * channel + offset, value, card=card)

    async def read_channel(self, ctx, channel, offset):
        return await self.read(ctx, COPIER_BASE + CHANNEL_STRIDE * channel + offset)

    async def open_window(self, ctx, index, address, pages):
        base = GUARD_BASE + 16 * index
        await self.write(ctx, base, address & 0xFFFF_FFFF)
        await self.write(ctx, base + 4, address >> 32)
        await self.write(ctx, base + 8, pages)

    async def enable(self, ctx, channel, *, records=0, entries_log2=2, vector=1):
        await self.write_channel(ctx, channel, RECORD_LO, records & 0xFFFF_FFFF)
        await self.write_channel(ctx, channel, RECORD_HI, records >> 32)
        await self.write_channel(ctx, channel, RECORD_CONFIG, entries_log2 | vector << 8)
        await self.write_channel(ctx, channel, CONTROL, ENABLE)

    async def submit(self, ctx, channel, opcode, *, flags=0, tag=0, length=0, host=0, card=0,
                     used_id=0, used_len=0, reserved=0):
        words = (opcode | flags | tag << 16, length, host & 0xFFFF_FFFF, host >> 32, card, reserved,
                 used_id, used_len)
        for n, word in enumerate(words):
            await self.write_channel(ctx, channel, 4 * n, word)

    async def status(self, ctx, channel):
        """State, commands held, error."""
        value = await self.read_channel(ctx, channel, STATUS)
        return value & 3, value >> 8 & 0xFF, value >> 16 & 0xFF

    async def finish(self, ctx, channel, cycles=20_000):
        """Wait until the channel is no longer busy, and for its interrupt; its state and error."""
        for _ in range(cycles):
            state, _held, error = await self.status(ctx, channel)
            if state != BUSY:
                for _ in range(40):
                    if ctx.get(self.copier.idle):
                        break
                    await ctx.tick()
                return state, error
        raise AssertionError(f"channel {channel} was busy for {cycles} reads")

    async def do(self, ctx, channel, opcode, **command):
        await self.submit(ctx, channel, opcode, **command)
        # Submission and state are a cycle apart.
        return await self.finish(ctx, channel)

    # Card RAM.

    def put(self, address, content):
        self.ram.bytes[address:address + len(content)] = content

    def get(self, address, length):
        return bytes(self.ram.bytes[address:address + length])
