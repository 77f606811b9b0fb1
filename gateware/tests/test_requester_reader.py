# SPDX-License-Identifier: BSD-2-Clause
"""Host memory to card RAM, for several channels at once."""

import random
import re

import pytest
from amaranth.sim import Simulator
from read_models import COMPLETER_ID, ReadBench, host_bytes
from vop.requester.aging import TagAging
from vop.requester.credits import CreditCounter, credit_blocks
from vop.requester.cut import ReadCut
from vop.requester.patience import DRY_CYCLES, Patience
from vop.requester.table import ReadTable

(OK, TIMEOUT, UNSUPPORTED, ABORTED_BY_HOST, POISONED, BUS_MASTER_OFF) = (0, 5, 6, 7, 8, 9)

paces = pytest.mark.parametrize("stutter", [False, True], ids=["flowing", "stuttering"])


async def ticks(ctx, count):
    for _ in range(count):
        await ctx.tick()


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_every_alignment_on_both_sides_arrives_byte_for_byte(width, stutter):
    bench = ReadBench(seed=width, width=width, stutter=stutter, latency=3)

    async def story(ctx):
        expected = bytearray(bench.ram)
        for card_offset in range(0, 32, 1 if width == 256 else 2):
            for host_offset in range(4):
                for number, length in enumerate((1, 3, 5, 18, 70)):
                    card = 0x400 + 128 * number + card_offset + host_offset
                    host = 0x1_0000_0F80 + 31 * host_offset
                    expected[card : card + length] = host_bytes(host, length)
                    await bench.submit(ctx, host, card, length)

                assert await bench.ended(ctx) == OK
                assert bench.ram == expected

    bench.run(story)


def test_every_cut_is_the_largest_read_that_is_allowed():
    rng = random.Random(26)
    cut = ReadCut(range(37))

    async def story(ctx):
        for _ in range(4000):
            at, mrrs_log2, free = rng.randrange(512), rng.randrange(6), rng.randrange(37)
            left = rng.choice((rng.randrange(1, 9), rng.randrange(1, 300), rng.randrange(1, 1025)))
            ctx.set(cut.host_low, at)
            ctx.set(cut.bytes, left)
            ctx.set(cut.blocks, blocks(at, left))
            ctx.set(cut.free, free)
            ctx.set(cut.max_read_request, mrrs_log2)
            patient, sparing = rng.randrange(2), rng.randrange(2)
            ctx.set(cut.patient, patient)
            ctx.set(cut.sparing, sparing)
            mrrs = min(128 << mrrs_log2, 512)
            size = min(left, mrrs - at % mrrs)
            if blocks(at, size) > free:
                size = (at + free * 64 - at % 64) // 128 * 128 - at
                least = 256 if sparing else 128
                assert ctx.get(cut.fits) == (not patient and size >= least)
            else:
                assert ctx.get(cut.fits)
            if ctx.get(cut.fits):
                assert ctx.get(cut.size) == size
                assert ctx.get(cut.last) == (size == left)
                assert ctx.get(cut.take) == blocks(at, size)
                assert_enables(ctx, cut, at, size)

    def blocks(at, size):
        return (at % 64 + size + 63) // 64

    def assert_enables(ctx, cut, at, size):
        enabled = [at % 4 <= n < at % 4 + size for n in range(at % 4 + size + 3 & ~3)]
        masks = [
            sum(bit << n for n, bit in enumerate(enabled[dw : dw + 4]))
            for dw in range(0, len(enabled), 4)
        ]
        assert ctx.get(cut.length_dw) == len(masks)
        assert ctx.get(cut.first_be) == masks[0]
        assert ctx.get(cut.last_be) == (masks[-1] if len(masks) > 1 else 0)

    simulator = Simulator(cut)
    simulator.add_testbench(story)
    simulator.run()


def test_a_few_bytes_before_a_boundary_are_a_read_of_their_own():
    bench = ReadBench(seed=24, latency=3)

    async def story(ctx):
        for before in range(1, 10):
            assert await bench.read(ctx, 0x1_0200 - before, 0x100 + 64 * before, 40) == OK
            assert bench.holds(0x1_0200 - before, 0x100 + 64 * before, 40)

        assert [read.bytes for read in bench.host.reads[::2]] == list(range(1, 10))

    bench.run(story)


@paces
@pytest.mark.parametrize("mrrs", [128, 256, 512, 4096])
def test_completions_in_any_order_and_split_make_one_transfer(mrrs, stutter):
    bench = ReadBench(seed=mrrs, mrrs=mrrs, latency=60, stutter=stutter)
    host, card, length = 0x7FFF_EF8B, 0x123, 9001

    async def story(ctx):
        assert await bench.read(ctx, host, card, length) == OK

        assert bench.holds(host, card, length)
        assert bench.untouched_outside(card, length)
        assert not any(bench.counted.values())

    bench.run(story)


def test_a_read_is_as_large_as_mrrs_and_credits_allow_and_not_below_128_bytes():
    bench = ReadBench(seed=2, latency=300, size=64)

    async def story(ctx):
        assert await bench.read(ctx, 0x1_0003, 0, 8000) == OK

        sizes = [read.bytes for read in bench.host.reads]
        assert sizes[:5] == [509, 512, 512, 512, 256], "36 blocks, the largest reads first"
        ends = [read for read in bench.host.reads if (read.address + read.bytes) % 1024]
        assert all(read.bytes >= 128 for read in ends[:-1])
        assert 35 <= bench.host.most_headers <= 36

    bench.run(story)


def test_a_read_that_begins_within_a_block_waits_for_credits_for_128_bytes():
    bench = ReadBench(seed=22, latency=400, size=64)

    async def story(ctx):
        for length in (1024, 1024, 128):
            await bench.submit(ctx, 0x1_0000, 0, length)
        await bench.submit(ctx, 0x1_0003, 0, 900)
        await ticks(ctx, 200)
        assert bench.host.most_headers == 34, "two blocks are free: 125 bytes from there"

        assert await bench.ended(ctx) == OK

        assert bench.host.reads[5].bytes >= 128

    bench.run(story)


def test_attributes_of_a_segment_are_those_of_its_reads():
    bench = ReadBench(seed=3, size=64, latency=2)

    async def story(ctx):
        for relaxed in (0, 1):
            for no_snoop in (0, 1):
                await bench.submit(ctx, 0x2_0000_0000, 0, 700, relaxed=relaxed, no_snoop=no_snoop)
                assert await bench.ended(ctx) == OK

        found = [(read.header.relaxed, read.header.no_snoop) for read in bench.host.reads]
        assert found == [(0, 0)] * 2 + [(0, 1)] * 2 + [(1, 0)] * 2 + [(1, 1)] * 2

    bench.run(story)


def test_a_read_leaves_two_cycles_after_its_segment_and_ends_four_after_its_last_beat():
    bench = ReadBench(seed=4, latency=10, size=64)

    async def story(ctx):
        await bench.read(ctx, 0x1000, 0, 4)

        begin = bench.host.cycle
        await bench.submit(ctx, 0x1000, 0, 64)
        while not bench.host.open:
            await ctx.tick()
        accepted_to_left = bench.host.cycle - begin - 1
        while bench.host.open:
            await ctx.tick()
        last = bench.host.cycle  # the cycle of the last beat begins here
        await bench.ended(ctx)

        assert accepted_to_left == 2
        assert bench.host.cycle - last <= 4

    bench.run(story)


@pytest.mark.parametrize(("length", "cycles"), [(64, 5), (128, 9)])
def test_small_segments_follow_each_other_at_the_speed_of_the_link(length, cycles):
    bench = ReadBench(seed=5, latency=4, size=128)

    async def story(ctx):
        await bench.read(ctx, 0x1000, 0, 4)
        begin = bench.host.cycle
        for number in range(64):
            await bench.submit(ctx, 0x1000 + 128 * number, 5 + 128 * number, length)
        await bench.ended(ctx)

        assert bench.host.cycle - begin < 64 * cycles + 40

    bench.run(story)


async def stream(bench, ctx, total, host=0x10_0000, card=0, whole=1):
    """Transfers of 4 KiB, queued; gives the bytes per cycle in steady state.

    Where reads go around in rounds of ``whole`` bytes, whole rounds are counted, with their gaps.
    """
    await bench.read(ctx, 0x1000, 0, 4)
    log = []
    deliver = bench.host._deliver

    def logged(completion):
        deliver(completion)
        log.append((bench.host.cycle, completion["bytes"]))

    bench.host._deliver = logged
    at = 0
    while at < total:
        piece = min(4096 - at % 4096, 1024 - (host + at) % 1024)
        await bench.submit(ctx, host + at, card + at % 4096, piece, (0, at // 4096 % 8))
        at += piece
    for index in range(8):
        assert await bench.ended(ctx, (0, index)) == OK
    begin, count, speed = log[len(log) // 3][0], 0, 0
    for cycle, size in log[len(log) // 3 + 1 : -len(log) // 8]:
        count += size
        if count % whole == 0:
            speed = count / (cycle - begin)
    return speed


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize(("latency", "ratio"), [(4, 0.99), (62, 0.99), (125, 0.99), (250, 0.92)])
def test_reads_keep_pace_with_the_link_whatever_the_latency(size, latency, ratio):
    bench = ReadBench(
        seed=6, width=128, size=size, latency=latency, throttle=16.0, reorders=False,
        timeout_cycles=4096,
    )  # fmt: skip
    ceiling = min(16 * size / (size + 20), 2304 / latency)

    async def story(ctx):
        assert await stream(bench, ctx, 20480, whole=2304) >= ratio * ceiling

    bench.run(story)


def test_reads_keep_pace_with_the_link_when_completions_overtake_each_other():
    bench = ReadBench(
        seed=7, size=128, latency=lambda rng: 62 + rng.randrange(125), throttle=16.0,
        timeout_cycles=4096,
    )  # fmt: skip

    async def story(ctx):
        assert await stream(bench, ctx, 20480) >= 0.98 * 16 * 128 / 148

    bench.run(story)


@pytest.mark.parametrize(("host_offset", "card_offset"), [(3, 0), (0, 5), (63, 15), (64, 0)])
def test_reads_keep_pace_with_the_link_at_any_alignment(host_offset, card_offset):
    bench = ReadBench(
        seed=9, size=128, latency=4, throttle=16.0, reorders=False, timeout_cycles=4096
    )

    async def story(ctx):
        speed = await stream(bench, ctx, 20480, 0x10_0000 + host_offset, card_offset)

        assert speed >= 0.97 * 16 * 128 / 148

    bench.run(story)


@pytest.mark.parametrize("width", [64, 128, 256])
@pytest.mark.parametrize(("host_offset", "card_offset"), [(0, 0), (3, 0), (0, 5), (61, 15)])
def test_a_beat_is_taken_in_every_cycle_at_any_alignment(width, host_offset, card_offset):
    bench = ReadBench(seed=8, width=width, size=128, latency=4, reorders=False)

    async def story(ctx):
        speed = await stream(bench, ctx, 16384, 0x10_0000 + host_offset, card_offset)

        assert speed >= 0.97 * width // 8

    bench.run(story)


async def sizes_of(bench, ctx, total):
    """Bytes of each read of a long transfer, without the segment's ends of an odd size."""
    begin = len(bench.host.reads)
    assert await bench.read(ctx, 0x10_0000, 0, total) == OK
    return [read.bytes for read in bench.host.reads[begin:]]


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("size", [64, 128, 256])
def test_reads_are_whole_where_the_host_answers_before_the_link_runs_dry(width, size):
    bench = ReadBench(seed=27, width=width, size=size, latency=62, reorders=False)

    async def story(ctx):
        assert await bench.read(ctx, 0x1000, 0, 64) == OK
        begin = bench.host.busy_beats, bench.host.cycle

        assert set(await sizes_of(bench, ctx, 12288)) == {512}

        busy, cycles = (now - then for now, then in zip(
            (bench.host.busy_beats, bench.host.cycle), begin, strict=True))  # fmt: skip
        assert busy > 0.98 * (cycles - 62 - 20), "a beat in every cycle once they come"

    bench.run(story)


def test_reads_take_what_credits_there_are_while_the_host_is_slow_and_wait_again_later():
    bench = ReadBench(seed=28, size=128, latency=250, reorders=False, throttle=16.0)

    async def story(ctx):
        assert await bench.read(ctx, 0x1000, 0, 64) == OK
        assert min(await sizes_of(bench, ctx, 12288)) == 128, "slow from the first read on"

        bench.host.latency = 20
        assert await bench.read(ctx, 0x1000, 0, 64) == OK
        assert set(await sizes_of(bench, ctx, 12288)) == {512}

    bench.run(story)


def test_reads_stop_waiting_when_a_host_that_was_quick_gets_slow_under_load():
    bench = ReadBench(seed=29, size=128, latency=20, reorders=False, throttle=16.0)

    async def story(ctx):
        assert await bench.read(ctx, 0x1000, 0, 64) == OK
        bench.host.latency = lambda _rng: 250 if len(bench.host.reads) > 8 else 20

        sizes = await sizes_of(bench, ctx, 12288)

        assert set(sizes[:8]) == {512}
        assert min(sizes[8:]) == 128
        assert sizes.count(128) > 24

    bench.run(story)


def test_patience_is_learnt_from_a_read_alone_and_lost_when_the_link_runs_dry():
    latency = 40
    patience = Patience(latency_cycles=latency)

    async def story(ctx):
        async def cycles(count, **inputs):
            for name, value in inputs.items():
                ctx.set(getattr(patience, name), value)
            await ticks(ctx, count)
            return ctx.get(patience.patient)

        async def first_completion(after):
            await cycles(3, idle=1, comes=0, waiting=1)
            await cycles(after, idle=0)
            return await cycles(1, comes=1)

        assert not await cycles(100, idle=1, waiting=0, comes=0), "low after reset"
        assert not await first_completion(latency)
        assert not await cycles(500), "only a first completion raises it"
        assert not await first_completion(3 * latency)
        assert await first_completion(latency - 1)
        assert not await first_completion(latency), "the host has become slow"

        assert await first_completion(0)
        assert await cycles(DRY_CYCLES - 1, comes=0)
        assert await cycles(3, comes=1), "in time"
        assert await cycles(10 * latency, waiting=0, comes=0), "nobody wants to read"
        assert await cycles(DRY_CYCLES, waiting=1)
        assert not await cycles(1), "dry"
        assert not await cycles(100, comes=1)

        assert not await cycles(100, idle=1), "a completion that nobody waits for says nothing"
        assert await first_completion(5)
        await cycles(3, idle=1, comes=0)
        assert await cycles(latency, idle=0)
        assert not await cycles(1), "none may ever come"

    simulator = Simulator(patience)
    simulator.add_clock(8e-9)
    simulator.add_testbench(story)
    simulator.run()


def test_a_latency_of_no_cycle_is_refused():
    with pytest.raises(ValueError, match="Latency must be 1 cycle or more, not 0"):
        Patience(latency_cycles=0)


@paces
@pytest.mark.parametrize(("fault", "error", "counter"), [
    ("unsupported", UNSUPPORTED, "completion_unsupported"),
    ("retry", UNSUPPORTED, "completion_retry"),
    ("abort", ABORTED_BY_HOST, "completion_aborted"),
    ("poisoned", POISONED, "poisoned_completion"),
    ("silent", TIMEOUT, "completion_timeout"),
    ("alien requester", TIMEOUT, "unexpected_completion"),
    ("wrong count", TIMEOUT, "unexpected_completion"),
    ("wrong address", TIMEOUT, "unexpected_completion"),
    ("too long", TIMEOUT, "unexpected_completion"),
    ("too short", TIMEOUT, "unexpected_completion"),
])  # fmt: skip
def test_a_faulty_answer_is_an_error_of_its_slot_and_of_no_other(fault, error, counter, stutter):
    bench = ReadBench(seed=10, stutter=stutter)

    async def story(ctx):
        bench.host.fault = lambda read: fault if read.address == 0x1_0400 else None

        await bench.submit(ctx, 0x2_0000, 0x2000, 900, (3, 1))
        await bench.submit(ctx, 0x1_0000, 0x0100, 1024, (3, 2))
        await bench.submit(ctx, 0x1_0400, 0x0500, 1024, (3, 2))
        await bench.submit(ctx, 0x3_0000, 0x3000, 900, (4, 2))

        assert await bench.ended(ctx, (3, 2)) == error
        assert await bench.ended(ctx, (3, 1)) == OK
        assert await bench.ended(ctx, (4, 2)) == OK
        assert bench.holds(0x2_0000, 0x2000, 900)
        assert bench.holds(0x3_0000, 0x3000, 900)
        assert bench.counted[counter] >= 1
        assert bench.closed >= {3, 4}
        spoiled = next(read for read in bench.host.reads if read.address == 0x1_0400)
        assert not bench.touched(0x500, spoiled.bytes)
        header = dict(bench.faults)[counter]
        assert header.tag == spoiled.tag
        assert fault == "silent" or header.completer == COMPLETER_ID
        await nothing_is_written_any_more(bench, ctx)
        bench.host.open.clear()
        assert bench.look(ctx, (3, 2)) == (0, error), "an error stands until it is forgotten"
        await bench.forget(ctx, (3, 2))
        assert bench.look(ctx, (3, 2)) == (0, OK)
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


async def nothing_is_written_any_more(bench, ctx):
    before = bytes(bench.ram)
    await ticks(ctx, 300)
    assert bench.ram == before, "written after the slot had ended"


def test_a_completion_sent_twice_is_taken_once():
    bench = ReadBench(seed=11)

    async def story(ctx):
        bench.host.fault = lambda _read: "twice"

        assert await bench.read(ctx, 0x1_0001, 0x100, 3000) == OK

        await ticks(ctx, 300)
        assert bench.holds(0x1_0001, 0x100, 3000)
        assert bench.untouched_outside(0x100, 3000)
        assert bench.counted["unexpected_completion"] > 0
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


def test_the_first_error_of_a_slot_is_the_one_that_is_told():
    bench = ReadBench(seed=12, latency=5, size=64)

    async def story(ctx):
        bench.host.fault = lambda read: {0x1_0000: "abort", 0x1_0200: "poisoned"}.get(read.address)
        bench.host.reorders = False

        assert await bench.read(ctx, 0x1_0000, 0x100, 2048) == ABORTED_BY_HOST

        assert bench.counted["completion_aborted"] == 1
        assert bench.counted["poisoned_completion"] == 8
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


def test_a_tag_that_timed_out_rests_until_its_late_completion_came():
    bench = ReadBench(seed=13)

    async def story(ctx):
        bench.host.fault = lambda _read: "silent" if len(bench.host.reads) == 1 else None
        assert await bench.read(ctx, 0x1_0000, 0x100, 64) == TIMEOUT
        await bench.forget(ctx)
        lost = bench.host.reads[0].tag
        assert bench.timeout_cycles <= bench.host.cycle <= 2 * bench.timeout_cycles

        for _ in range(40):
            assert await bench.read(ctx, 0x2_0000, 0x200, 64) == OK
        assert lost not in {read.tag for read in bench.host.reads[1:]}
        bench.host.silent.clear()
        bench.host.send(tag=lost, payload=bytes(64), byte_count=64)
        for _ in range(40):
            assert await bench.read(ctx, 0x2_0000, 0x200, 64) == OK

        assert lost in {read.tag for read in bench.host.reads[41:]}
        assert bench.untouched_outside(0x200, 64)
        assert bench.counted == dict.fromkeys(bench.counted, 0) | {"completion_timeout": 1}

    bench.run(story)


def test_the_credits_of_a_read_that_timed_out_come_back_with_its_late_completions_and_once():
    bench = ReadBench(seed=25, size=64)

    async def story(ctx):
        bench.host.fault = lambda _read: "silent"
        assert await bench.read(ctx, 0x1_0000, 0x100, 2048) == TIMEOUT
        await bench.forget(ctx)
        lost = list(bench.host.reads)
        bench.host.fault, bench.host.latency = lambda _read: None, 400
        for number in range(4):
            await bench.submit(ctx, 0x2_0000 + 1024 * number, 1024 * number, 1024)
        await ticks(ctx, 50)
        assert [read.bytes for read in bench.host.reads[len(lost) :]] == [256], "what is left"

        for read in lost:
            bench.host.silent.pop(read.tag)
            bench.host.send(tag=read.tag, payload=bytes(read.bytes), byte_count=read.bytes)
        assert await bench.ended(ctx) == OK

        assert bench.host.most_headers == 36
        assert bench.holds(0x2_0000, 0, 4096)
        assert bench.counted == dict.fromkeys(bench.counted, 0) | {"completion_timeout": len(lost)}

    bench.run(story)


def test_a_tag_whose_completion_never_comes_is_used_again_after_its_quarantine():
    bench = ReadBench(seed=14, mrrs=128)

    async def story(ctx):
        bench.host.fault = lambda _read: "silent"
        for _ in range(2):
            assert await bench.read(ctx, 0x1_0000, 0x100, 4096) == TIMEOUT
            await bench.forget(ctx)
        assert {read.tag for read in bench.host.reads} == set(range(32))

        lost = len(bench.host.reads)
        bench.host.fault = lambda _read: None
        assert await bench.read(ctx, 0x1_0000, 0x100, 8192) == OK

        assert bench.holds(0x1_0000, 0x100, 8192)
        assert bench.counted["completion_timeout"] == lost

    bench.run(story)


def test_a_read_that_the_link_does_not_take_keeps_its_tag_and_does_not_age():
    bench = ReadBench(seed=15)

    async def story(ctx):
        bench.host.takes_reads = False
        await bench.submit(ctx, 0x1_0000, 0x100, 64)
        await ticks(ctx, 8 * bench.timeout_cycles)
        assert not bench.host.reads

        bench.host.takes_reads = True
        assert await bench.ended(ctx) == OK

        assert bench.holds(0x1_0000, 0x100, 64)
        assert bench.counted["completion_timeout"] == 0
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


def test_a_completion_that_nothing_asked_for_is_dropped_and_counted():
    bench = ReadBench(seed=16)

    async def story(ctx):
        await ticks(ctx, 70)
        bench.host.send(tag=7, payload=bytes(64), byte_count=64)
        bench.host.send(tag=200, payload=bytes(4))
        bench.host.send(tag=3, status=1)
        bench.host.send(tag=4)
        await ticks(ctx, 100)

        assert bench.counted["unexpected_completion"] == 4
        assert bench.untouched_outside(0, 0)
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


def test_a_tag_that_we_never_use_is_not_taken_for_one_that_is_open():
    bench = ReadBench(seed=23, latency=100, size=64)

    async def story(ctx):
        await bench.submit(ctx, 0x1_0000, 0, 64)
        while not bench.host.reads:
            await ctx.tick()
        bench.host.send(tag=bench.host.reads[0].tag + 32, payload=bytes(64), byte_count=64)

        assert await bench.ended(ctx) == OK

        assert bench.holds(0x1_0000, 0, 64)
        assert bench.counted["unexpected_completion"] == 1

    bench.run(story)


@paces
def test_a_muted_channel_drops_what_it_has_and_others_go_on(stutter):
    bench = ReadBench(seed=17, latency=80, stutter=stutter)

    async def story(ctx):
        for number in range(4):
            await bench.submit(ctx, 0x1_0000 + 1024 * number, 1024 * number, 1024, (2, 5))
        await bench.submit(ctx, 0x2_0000, 0x2000, 777, (1, 5))
        ctx.set(bench.reader.mute, 1 << 2)

        assert await bench.ended(ctx, (2, 5)) == OK
        assert bench.untouched_outside(0x2000, 777)
        assert await bench.ended(ctx, (1, 5)) == OK

        assert bench.holds(0x2_0000, 0x2000, 777)
        assert bench.counted["unexpected_completion"] == 0
        assert len(bench.host.reads) < 4 * 1024 // 128
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


@paces
def test_without_bus_mastering_the_rest_is_dropped_with_an_error(stutter):
    bench = ReadBench(seed=18, latency=80, stutter=stutter)

    async def story(ctx):
        for number in range(5):
            await bench.submit(ctx, 0x1_0000 + 1024 * number, 1024 * number, 1024, (2, number))
        bench.configure(ctx, bus_master=0)
        await ticks(ctx, 3)
        reads = len(bench.host.reads)

        errors = [await bench.ended(ctx, (2, number)) for number in range(5)]

        assert errors[-1] == BUS_MASTER_OFF
        assert set(errors) <= {OK, BUS_MASTER_OFF}
        assert len(bench.host.reads) <= reads + 1
        for number in range(5):
            await bench.forget(ctx, (2, number))
        await bench.passes_a_normal_transfer(ctx)

    bench.run(story)


@pytest.mark.parametrize(("tags", "extended", "used"), [
    (32, True, 32), (64, False, 32), (64, True, 64), (256, True, 256), (256, False, 32),
])  # fmt: skip
def test_tags_are_used_in_turn_as_many_as_the_host_allows(tags, extended, used):
    bench = ReadBench(seed=19, tags=tags, extended=extended, latency=2, timeout_cycles=4096)

    async def story(ctx):
        for number in range(300):
            await bench.submit(ctx, 0x1_0000 + 8 * number, 8 * number, 8)
        assert await bench.ended(ctx) == OK

        assert [read.tag for read in bench.host.reads] == [n % used for n in range(300)]
        assert bench.holds(0x1_0000, 0, 2400)

    bench.run(story)


def test_extended_tags_may_be_forbidden_at_any_time():
    bench = ReadBench(seed=20, tags=64, extended=True)

    async def story(ctx):
        assert await bench.read(ctx, 0x1_0000, 0, 6000) == OK
        for number in range(48):
            await bench.submit(ctx, 0x1_0000 + 8 * number, 8 * number, 8)
        bench.configure(ctx, extended_tag=0)
        await ticks(ctx, 3)
        reads = len(bench.host.reads)
        assert await bench.read(ctx, 0x2_0000, 0, 6000) == OK

        assert max(read.tag for read in bench.host.reads[:reads]) > 31
        assert max(read.tag for read in bench.host.reads[reads + 1 :]) <= 31
        assert bench.holds(0x2_0000, 0, 6000)

    bench.run(story)


def test_idle_and_waiting_tell_what_is_under_way():
    bench = ReadBench(seed=21, latency=30)

    async def story(ctx):
        reader = bench.reader
        await ticks(ctx, 70)
        assert ctx.get(reader.idle)
        assert not ctx.get(reader.waiting)

        bench.host.takes_reads = False
        await ticks(ctx, 2)
        await bench.submit(ctx, 0x1_0000, 0, 64)
        assert ctx.get(reader.waiting)
        bench.host.takes_reads = True
        await ticks(ctx, 10)
        assert not ctx.get(reader.waiting)
        assert not ctx.get(reader.idle)
        await bench.ended(ctx)
        await ticks(ctx, 4)
        assert ctx.get(reader.idle)

    bench.run(story)


FAULTS = ("unsupported", "abort", "retry", "poisoned", "silent", "alien requester", "wrong count",
          "wrong address", "too long", "too short", "twice")  # fmt: skip


class Campaign:
    """Random segments of random slots, each slot with card RAM of its own."""

    def __init__(self, bench, faults):
        self.bench = bench
        self.faults = faults
        self.spoiled = set()  # slots of which a read met a fault
        self.held = {}  # slot: its segments since it was last idle
        bench.host.fault = self.fault

    def slot_of(self, host_address):
        """Host addresses tell the slot: 16 KiB each."""
        number = host_address >> 14 & 63
        return number >> 3, number & 7

    def fault(self, read):
        if not self.faults or self.bench.random.random() > 0.02:
            return None
        fault = self.bench.random.choice(FAULTS)
        if fault != "twice":
            self.spoiled.add(self.slot_of(read.address))
        return fault

    async def submit(self, ctx):
        rng = self.bench.random
        slot = rng.randrange(8), rng.randrange(8)
        number = slot[0] * 8 + slot[1]
        segments = self.held.setdefault(slot, [])
        start = segments[-1][1] + segments[-1][2] if segments else number * 256 + rng.randrange(32)
        room = (number + 1) * 256 - start
        if room < 1:
            return
        length = min(room, rng.choice((1, 4, 16, 33, 64, 100, 240)))
        host = (number << 14) + rng.randrange(0x3000)
        await self.bench.submit(ctx, host, start, length, slot)
        segments.append((host, start, length))

    async def check(self, ctx):
        """Each slot that is not busy has its bytes in card RAM, or an error that it met."""
        for slot in list(self.held):
            busy, error = self.bench.look(ctx, slot)
            if not busy:
                segments = self.held.pop(slot)
                if slot in self.spoiled:
                    self.spoiled.discard(slot)
                    if error:
                        await self.bench.forget(ctx, slot)
                        continue
                assert error == OK, f"slot {slot} met no fault"
                for segment in segments:
                    assert self.bench.holds(*segment), f"slot {slot} ended before its data"


async def nothing_leaked(bench, ctx, rest):
    """All tags and all credits can still be used, at once."""
    bench.host.fault = lambda _read: None
    await ticks(ctx, rest)
    for channel in range(8):
        for index in range(8):
            assert not bench.look(ctx, (channel, index))[0]
    assert ctx.get(bench.reader.idle)
    bench.host.open.clear()
    bench.host.latency, bench.host.most_headers, bench.host.reads = 400, 0, []
    bench.host.stutter = False
    assert await bench.read(ctx, 0x10_0000, 0, 4096) == OK
    assert bench.host.most_headers == 36
    for number in range(40):
        await bench.submit(ctx, 0x10_0000 + 64 * number, 64 * number, 64)
    assert await bench.ended(ctx) == OK
    assert {read.tag for read in bench.host.reads} == set(range(32))


@pytest.mark.parametrize(("width", "faults", "stutter"), [
    (64, True, True), (128, False, False), (128, False, True), (128, True, False),
    (128, True, True), (256, True, False),
])  # fmt: skip
def test_slots_end_with_their_data_or_their_error_and_nothing_leaks(width, faults, stutter):
    run_campaign(250, seed=100 + width + faults, width=width, faults=faults, stutter=stutter)


@pytest.mark.slow
def test_nothing_leaks_in_ten_thousand_segments():
    run_campaign(10_000, seed=200, width=128, faults=True, stutter=False)


def run_campaign(segments, *, seed, width, faults, stutter):
    bench = ReadBench(
        seed=seed, width=width, stutter=stutter, ram_bytes=1 << 14,
        latency=lambda rng: rng.randrange(80),
    )  # fmt: skip
    campaign = Campaign(bench, faults)

    async def story(ctx):
        for _ in range(segments):
            await campaign.submit(ctx)
            await campaign.check(ctx)
        for _ in range(20 * bench.timeout_cycles):
            await campaign.check(ctx)
            if not campaign.held:
                break
            await ctx.tick()
        assert not campaign.held, "slots are busy for ever"
        await nothing_leaked(bench, ctx, 7 * bench.timeout_cycles if faults else 300)

    bench.run(story, deadline=2_000_000)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ReadTable(card_bits=14, tags=48), "Tags must be a power of two from 2 to 256, not 48"),
    (lambda: TagAging(tags=32, timeout_cycles=511), "Timeout must be 512 cycles or more, not 511"),
    (lambda: CreditCounter(blocks=credit_blocks(7, 461)),
     "Completion credits must cover 8 to 57 blocks of 64 bytes, not 7"),
    (lambda: CreditCounter(blocks=credit_blocks(36, 31)),
     "Completion credits must cover 8 to 57 blocks of 64 bytes, not 7"),
])  # fmt: skip
def test_parameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
