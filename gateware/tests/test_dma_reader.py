# SPDX-License-Identifier: BSD-2-Clause
"""Host memory to card RAM."""

import pytest
from copier_models import OUR_ID, CardRam, Host, Pace, pattern, simulate, wait_for
from vop.dma.reader import HostReader

RAM_BYTES = 1 << 14
TIMEOUT_CYCLES = 1024

OK, TIMEOUT, UNSUPPORTED, ABORTED_BY_HOST, POISONED, BUS_MASTER_OFF, RESET = 0, 5, 6, 7, 8, 9, 10


class Bench:
    """A reader between a host and card RAM."""

    def __init__(self, stutters, *, seed, mrrs=512, width=128, latency=20):
        pace = Pace(stutters, seed)
        self.reader = HostReader(card_bits=14, width=width, timeout_cycles=TIMEOUT_CYCLES)
        self.ram = CardRam(width=width, size=RAM_BYTES, pace=pace)
        self.host = Host(width=width, pace=pace, mrrs=mrrs, latency=latency)
        self.counted = dict.fromkeys(
            ("poisoned", "completion_error", "completion_timeout", "unexpected_completion"), 0)

    async def start(self, ctx, host, card, length):
        transfer = self.reader.transfer
        ctx.set(transfer.payload, {"host_address": host, "card_address": card, "bytes": length})
        ctx.set(transfer.valid, 1)
        await wait_for(ctx, transfer.ready)
        ctx.set(transfer.valid, 0)

    async def result(self, ctx):
        while True:
            _, _, valid, error = await ctx.tick().sample(
                self.reader.result.valid, self.reader.result.payload)
            if valid:
                return error

    async def read(self, ctx, host, card, length):
        await self.start(ctx, host, card, length)
        return await self.result(ctx)

    async def count(self, ctx):
        async for _, _, counted in ctx.tick().sample(self.reader.counted):
            for name in self.counted:
                self.counted[name] += counted[name]

    def run(self, story):
        async def testbench(ctx):
            ctx.set(self.reader.config, {
                "bus_master": 1, "id": OUR_ID,
                "max_read_request": (self.host.mrrs // 128).bit_length() - 1})
            await story(ctx)

        simulate(self.reader, testbench, background=[
            self.ram.serve_writes(self.reader.memory, waits=False),
            self.host.take_requests(self.reader.tlp),
            self.host.give_completions(self.reader.completions),
            self.host.count_cycles, self.count])


paces = pytest.mark.parametrize("stutters", [False, True])


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_every_alignment_on_both_sides_arrives_byte_for_byte(stutters, width):
    bench = Bench(stutters, seed=width, width=width, latency=3)

    async def story(ctx):
        expected = bytearray(bench.ram.bytes)
        for card_offset in range(16):
            for host_offset in range(4):
                for length in (1, 3, 5, 18, 70):
                    card, host = 0x400 + card_offset, 0x1_0000_0F80 + host_offset
                    content = pattern(length, seed=length + card)
                    bench.host.memory.fill(host, content)

                    assert await bench.read(ctx, host, card, length) == OK

                    expected[card:card + length] = content
                    assert bench.ram.bytes == expected
    bench.run(story)


@paces
@pytest.mark.parametrize("mrrs", [128, 512, 4096])
def test_completions_in_any_order_and_split_make_one_transfer(stutters, mrrs):
    bench = Bench(stutters, seed=7, mrrs=mrrs, latency=60)
    host, card, length = 0x7FFF_EF8B, 0x123, 9001

    async def story(ctx):
        bench.host.memory.fill(host, pattern(length))

        assert await bench.read(ctx, host, card, length) == OK

        assert bench.ram.bytes[card:card + length] == pattern(length)
        assert bench.ram.untouched_outside(card, length)
        assert all(tlp.length_dw * 4 == min(mrrs, 512) for tlp in bench.host.reads[1:-1])
        assert not any(bench.counted.values())
    bench.run(story)


def test_reads_in_flight_never_need_more_than_the_receive_buffer_holds():
    bench = Bench(False, seed=8, latency=400)

    async def story(ctx):
        assert await bench.read(ctx, 0x1_0000, 0, 8192) == OK

        assert 32 <= bench.host.most_outstanding_blocks <= 36
    bench.run(story)


def test_data_is_taken_at_a_beat_a_cycle_when_the_latency_is_covered():
    bench = Bench(False, seed=9, latency=4)
    bench.host.reorders = False

    async def story(ctx):
        begin = bench.host.cycle
        assert await bench.read(ctx, 0x1_0000, 5, 8192) == OK

        assert bench.host.cycle - begin < 8192 // 16 + 60
    bench.run(story)


@paces
@pytest.mark.parametrize(("fault", "error", "counter"), [
    ("unsupported", UNSUPPORTED, "completion_error"),
    ("abort", ABORTED_BY_HOST, "completion_error"),
    ("poisoned", POISONED, "poisoned"),
    ("silent", TIMEOUT, "completion_timeout"),
    ("alien requester", TIMEOUT, "unexpected_completion"),
    ("wrong count", TIMEOUT, "unexpected_completion"),
    ("wrong address", TIMEOUT, "unexpected_completion"),
    ("too long", TIMEOUT, "unexpected_completion"),
])
def test_a_faulty_answer_ends_the_transfer_and_the_reader_still_works(
        stutters, fault, error, counter):
    bench = Bench(stutters, seed=10)

    async def story(ctx):
        bench.host.fault = lambda tlp: fault if len(bench.host.reads) == 3 else None

        assert await bench.read(ctx, 0x1_0000, 0x100, 4096) == error

        assert bench.counted[counter] >= 1
        at_the_end = bytes(bench.ram.bytes)
        for _ in range(500):
            await ctx.tick()
        assert bench.ram.bytes == at_the_end, "written after the error was told"
        bench.host.memory.fill(0x2_0000, pattern(1000))
        assert await bench.read(ctx, 0x2_0000, 0x2003, 1000) == OK
        assert bench.ram.bytes[0x2003:0x2003 + 1000] == pattern(1000)
    bench.run(story)


def test_a_tag_that_timed_out_rests_until_its_late_completion_came():
    bench = Bench(False, seed=11)

    async def story(ctx):
        bench.host.fault = lambda tlp: "silent" if len(bench.host.reads) == 1 else None
        assert await bench.read(ctx, 0x1_0000, 0x100, 64) == TIMEOUT
        lost = bench.host.reads[0].tag

        for _ in range(40):
            assert await bench.read(ctx, 0x2_0000, 0x200, 64) == OK
        assert lost not in {tlp.tag for tlp in bench.host.reads[1:]}
        bench.host.send({"tag": lost, "payload": bytes(64), "byte_count": 64})
        for _ in range(40):
            assert await bench.read(ctx, 0x2_0000, 0x200, 64) == OK

        assert lost in {tlp.tag for tlp in bench.host.reads[41:]}
        assert bench.ram.untouched_outside(0x200, 64)
        assert bench.counted["unexpected_completion"] == 0
    bench.run(story)


def test_a_tag_whose_completion_never_comes_is_used_again_after_its_quarantine():
    bench = Bench(False, seed=12, mrrs=128)

    async def story(ctx):
        bench.host.fault = lambda tlp: "silent"
        for _ in range(2):
            assert await bench.read(ctx, 0x1_0000, 0x100, 4096) == TIMEOUT
        assert {tlp.tag for tlp in bench.host.reads} == set(range(32))

        bench.host.fault = lambda tlp: None
        assert await bench.read(ctx, 0x1_0000, 0x100, 64) == OK
        assert bench.host.cycle > 5 * TIMEOUT_CYCLES, "a tag came back too early"
        assert await bench.read(ctx, 0x1_0000, 0x100, 8192) == OK
    bench.run(story)


def test_a_completion_that_nothing_asked_for_is_dropped_and_counted():
    bench = Bench(False, seed=13)

    async def story(ctx):
        bench.host.send({"tag": 7, "payload": bytes(64), "byte_count": 64})
        bench.host.send({"tag": 200, "payload": bytes(4)})
        bench.host.send({"tag": 3, "status": 1})
        for _ in range(100):
            await ctx.tick()

        assert bench.counted["unexpected_completion"] == 3
        assert bench.ram.untouched_outside(0, 0)
    bench.run(story)


@paces
@pytest.mark.parametrize("error", [RESET, BUS_MASTER_OFF])
def test_a_transfer_that_is_stopped_lets_no_late_byte_through(stutters, error):
    bench = Bench(stutters, seed=14, latency=80)

    async def story(ctx):
        await bench.start(ctx, 0x1_0000, 0x100, 8192)
        for _ in range(110):
            await ctx.tick()
        if error == RESET:
            ctx.set(bench.reader.cancel, 1)
        else:
            ctx.set(bench.reader.config.bus_master, 0)
        assert await bench.result(ctx) == error

        ctx.set(bench.reader.cancel, 0)
        ctx.set(bench.reader.config.bus_master, 1)
        at_the_end = bytes(bench.ram.bytes)
        for _ in range(300):
            await ctx.tick()
        assert bench.ram.bytes == at_the_end
        bench.host.memory.fill(0x2_0000, pattern(1000))
        assert await bench.read(ctx, 0x2_0000, 0x2003, 1000) == OK
        assert bench.ram.bytes[0x2003:0x2003 + 1000] == pattern(1000)
        assert bench.counted["unexpected_completion"] == 0
    bench.run(story)
