# SPDX-License-Identifier: BSD-2-Clause
"""The executor's `complete`: element before index, index before the driver's wish is read."""

import struct

import pytest
from engine_bench import ARM, COMPLETE, COPY, Bench
from engine_rings import (
    AVAIL_IN_HOST,
    BUFFERS_IN_HOST,
    CONTEXT,
    EVENT_IDX,
    HOST_RING,
    USED,
    USED_IN_HOST,
    Ring,
    open_windows,
)

OK, GUARD, BUS_MASTER_OFF, BAD_CONTEXT, BAD_DESCRIPTOR = 0, 4, 9, 11, 13

paces = pytest.mark.parametrize("stutters", [False, True])
widths = pytest.mark.parametrize("width", [64, 128, 256])
places = pytest.mark.parametrize("place", [
    0, USED_IN_HOST, AVAIL_IN_HOST, USED_IN_HOST | AVAIL_IN_HOST])


async def complete(ctx, bench, head, length, channel=0):
    return await bench.do(ctx, channel, COMPLETE, card=CONTEXT, used_id=head, used_len=length)


@widths
@paces
@places
@pytest.mark.parametrize("start", [0xFFFB])
def test_elements_and_index_are_written_and_the_driver_is_told(start, place, stutters, width):
    bench = Bench(stutters, seed=70, width=width)

    async def story(ctx):
        ring = Ring(bench, 8, start=start, flags=place, used=USED, used_host=HOST_RING + 0x23F8)
        await open_windows(ctx, bench)
        for n in range(10):
            index = start + n
            quiet = n % 3 == 1
            ring.write("avail", 0, struct.pack("<H", quiet))

            ended = await complete(ctx, bench, n % 8, 0x1234_5678 + n, channel=n % 8)

            element = ring.read("used", 4 + 8 * (index % 8), 8)
            assert struct.unpack("<II", element) == (n % 8, 0x1234_5678 + n)
            assert ring.word("used", 2) == (index + 1) % 65536 == ring.used_idx
            assert (ended.error, ended.bytes, ended.vector) == (OK, 0, 5)
            assert ended.raises == bool(place and not quiet)
            told = len(bench.used_interrupts)
            assert told == (not place and not quiet)
            bench.used_interrupts.clear()
        assert ring.word("used", 0) == 0
        assert ring.word("used", 4 + 64) == 0
    bench.run(story)


@places
@pytest.mark.parametrize("start", [0, 0xFFFF])
def test_the_event_index_decides(start, place):
    bench = Bench(seed=71)

    async def story(ctx):
        await open_windows(ctx, bench)
        for ahead in (-1, 0, 1, 8):
            ring = Ring(bench, 8, start=start, flags=place | EVENT_IDX)
            ring.set_event("avail", (start + ahead) % 65536)
            ended = await complete(ctx, bench, 3, 1)
            assert ended.raises + len(bench.used_interrupts) == (ahead == 0)
            bench.used_interrupts.clear()
    bench.run(story)


def test_it_takes_few_cycles_from_the_channel_to_the_interrupt():
    bench = Bench(seed=72)

    async def story(ctx):
        Ring(bench, 8)
        start = bench.cycle
        await complete(ctx, bench, 3, 1)
        assert bench.used_interrupts[0] - start <= 24
    bench.run(story)


@pytest.mark.parametrize("head", [8, 0x8000, 0x1_0000, 0xFFFF_FFFF])
@places
def test_a_head_beyond_the_ring_is_refused_and_nothing_is_written(place, head):
    bench = Bench(seed=73)

    async def story(ctx):
        ring = Ring(bench, 8, flags=place)
        await open_windows(ctx, bench)
        ram = bytes(bench.ram.bytes)
        assert (await complete(ctx, bench, head, 1)).error == BAD_DESCRIPTOR
        assert bytes(bench.ram.bytes) == ram
        assert bench.segments == []
        assert ring.used_idx == 0
    bench.run(story)


@pytest.mark.parametrize("lost", [False, True])
def test_the_used_index_stays_where_its_writes_could_not_leave(lost):
    bench = Bench(seed=74)

    async def story(ctx):
        ring = Ring(bench, 8, flags=USED_IN_HOST)
        await open_windows(ctx, bench)
        bench.lost = int(lost)
        ended = await complete(ctx, bench, 1, 1)
        assert ended.error == (BUS_MASTER_OFF if lost else OK)
        assert ring.used_idx == (not lost)
    bench.run(story)


def test_a_used_ring_in_host_memory_must_lie_in_a_window():
    bench = Bench(seed=75)

    async def story(ctx):
        ring = Ring(bench, 8, flags=USED_IN_HOST, used_host=HOST_RING + 0x2FFC)
        await open_windows(ctx, bench)
        # Its first element crosses the window's end: half of it may leave, the index may not.
        ring.fields["used_host"] = HOST_RING + 0x2FFC - 4
        bench.put(CONTEXT + 40, struct.pack("<Q", HOST_RING + 0x2FF8))
        assert (await complete(ctx, bench, 1, 1)).error == GUARD
        assert all(HOST_RING <= s.host < HOST_RING + 0x3000 for s in bench.segments)
        assert ring.used_idx == 0
    bench.run(story)


@paces
def test_a_used_element_appears_only_behind_the_payload_of_its_channel(stutters):
    bench = Bench(stutters, seed=76, read_delay=90)
    seen = []

    async def story(ctx):
        Ring(bench, 8)
        payload = bench.memory.read(0x8000, 700)
        bench.submit(0, COPY, length=700, host=0x8000, card=0x301)
        bench.submit(0, COMPLETE, card=CONTEXT, used_id=2, used_len=700)
        while bench.get(USED + 2, 2) == bytes(2):
            await ctx.tick()
        seen.append(bench.get(0x301, 700) == payload)
    bench.run(story)
    assert seen == [True]


@pytest.mark.parametrize("event_idx", [0, EVENT_IDX])
def test_arm_reaches_a_used_ring_in_host_memory(event_idx):
    bench = Bench(seed=77)

    async def story(ctx):
        ring = Ring(bench, 8, start=5,
                    flags=USED_IN_HOST | AVAIL_IN_HOST | BUFFERS_IN_HOST | event_idx)
        await open_windows(ctx, bench)
        ended = await bench.do(ctx, 4, ARM, card=CONTEXT, used_id=4)
        assert (ended.error, ended.raises) == (OK, bool(event_idx))
        assert ring.word("used", 4 + 64 if event_idx else 0) == 4
    bench.run(story)
