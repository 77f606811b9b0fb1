# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM to host memory."""

import pytest
from copier_models import CardRam, Host, Pace, pattern, simulate, wait_for
from vop.dma.writer import HostWriter

RAM_BYTES = 1 << 14


class Bench:
    """A writer between card RAM and a host."""

    def __init__(self, stutters, *, seed, mps=128, width=128):
        pace = Pace(stutters, seed)
        self.writer = HostWriter(card_bits=14, width=width)
        self.ram = CardRam(width=width, size=RAM_BYTES, pace=pace)
        self.host = Host(width=width, pace=pace, mps=mps)

    async def power_up(self, ctx):
        ctx.set(self.writer.config, {
            "bus_master": 1, "max_payload": (self.host.mps // 128).bit_length() - 1})

    async def submit(self, ctx, host, card, length, **immediate):
        transfer = self.writer.transfer
        ctx.set(transfer.payload, {"host_address": host, "card_address": card, "bytes": length,
                                   **immediate})
        ctx.set(transfer.valid, 1)
        await wait_for(ctx, transfer.ready)
        ctx.set(transfer.valid, 0)

    async def write(self, ctx, host, card, length):
        await self.submit(ctx, host, card, length)
        await wait_for(ctx, self.writer.done)

    def run(self, story, *watchers):
        async def testbench(ctx):
            await self.power_up(ctx)
            await story(ctx)

        simulate(self.writer, testbench, background=[
            self.ram.serve_reads(self.writer.memory),
            self.host.take_requests(self.writer.tlp),
            self.host.count_cycles, *watchers])


@pytest.mark.parametrize("width", [64, 128, 256])
@pytest.mark.parametrize("stutters", [False, True])
def test_every_alignment_on_both_sides_arrives_byte_for_byte(stutters, width):
    bench = Bench(stutters, seed=width, width=width)

    async def story(ctx):
        for card_offset in range(16):
            for host_offset in range(4):
                for length in (1, 3, 5, 18, 70):
                    card, host = 0x400 + card_offset, 0x1_0000_0F80 + host_offset
                    bench.host.memory.written.clear()
                    bench.ram.bytes[card:card + length] = pattern(length, seed=length + card)

                    await bench.write(ctx, host, card, length)

                    assert bench.host.memory.read(host, length) == \
                        bench.ram.bytes[card:card + length]
                    assert not bench.host.memory.touched_outside(host, length)
    bench.run(story)


@pytest.mark.parametrize("stutters", [False, True])
@pytest.mark.parametrize("mps", [128, 256])
def test_a_long_transfer_goes_in_full_payloads_and_never_crosses_4_kib(stutters, mps):
    bench = Bench(stutters, seed=3, mps=mps)
    host, card, length = 0x7FFF_EF8B, 0x123, 9001

    async def story(ctx):
        bench.ram.bytes[card:card + length] = pattern(length)

        await bench.write(ctx, host, card, length)

        assert bench.host.memory.read(host, length) == pattern(length)
        assert not bench.host.memory.touched_outside(host, length)
        assert all(tlp.length_dw * 4 == mps for tlp in bench.host.writes[1:-1])
    bench.run(story)


def test_a_long_transfer_leaves_at_a_beat_a_cycle_at_any_alignment():
    bench = Bench(False, seed=4)

    async def story(ctx):
        for host, card in ((0x1000, 0x100), (0x1000, 0x10B), (0x1043, 0x101), (0x1005, 0x10E)):
            bench.host.beats.clear()
            bench.host.writes.clear()
            await bench.write(ctx, host, card, 4096)

            cycles = bench.host.writes[-1].cycle - bench.host.writes[1].cycle
            beats = sum(-(-tlp.length_dw // 4) for tlp in bench.host.writes[2:])
            assert cycles == beats, f"host {host:#x}, card {card:#x}"
    bench.run(story)


@pytest.mark.parametrize("stutters", [False, True])
def test_transfers_end_in_order_and_may_bring_their_own_bytes(stutters):
    bench = Bench(stutters, seed=5)
    done = []

    async def count(ctx):
        async for _, _, pulse in ctx.tick().sample(bench.writer.done):
            if pulse:
                done.append(len(bench.host.writes))

    async def story(ctx):
        for n in range(8):
            if n % 2:
                own = int.from_bytes(pattern(16, seed=n), "little")
                await bench.submit(ctx, 0x2000 + 32 * n, 0, 16, immediate=1, data=own)
            else:
                bench.ram.bytes[100 * n:100 * n + 16] = pattern(16, seed=n)
                await bench.submit(ctx, 0x2000 + 32 * n, 100 * n, 16)
        await wait_for(ctx, bench.writer.idle)
        await ctx.tick()

        assert [tlp.address for tlp in bench.host.writes] == [0x2000 + 32 * n for n in range(8)]
        assert done == list(range(1, 9))
        for n in range(8):
            assert bench.host.memory.read(0x2000 + 32 * n, 16) == pattern(16, seed=n)

    bench.run(story, count)


@pytest.mark.parametrize("stutters", [False, True])
def test_nothing_starts_with_bus_mastering_off_and_the_transfer_says_so(stutters):
    bench = Bench(stutters, seed=6)

    async def story(ctx):
        await bench.submit(ctx, 0x3000, 0, 8192)
        await ctx.tick().repeat(60)
        ctx.set(bench.writer.config.bus_master, 0)
        await wait_for(ctx, bench.writer.done & bench.writer.dropped)
        await ctx.tick()
        sent = len(bench.host.writes)
        assert 0 < sent < 64

        ctx.set(bench.writer.config.bus_master, 1)
        await bench.submit(ctx, 0x9000, 0x77, 200)
        await wait_for(ctx, bench.writer.done & ~bench.writer.dropped)

        await ctx.tick()
        assert bench.host.memory.read(0x9000, 200) == bench.ram.bytes[0x77:0x77 + 200]
        assert len(bench.host.writes) == sent + 2
    bench.run(story)
