# SPDX-License-Identifier: BSD-2-Clause
"""The executor's `publish`: order, runs, wraps, push, suppression, and hostile rings."""

import struct

import pytest
from copier_models import pattern
from engine_bench import ARM, PUBLISH, RAM_BYTES, Bench
from engine_rings import (
    ALWAYS_NOTIFY,
    CONTEXT,
    DESC_IN_HOST,
    EVENT_IDX,
    HOST_PUSH,
    HOST_RING,
    INDIRECT,
    MAY_INDIRECT,
    NEXT,
    PUSH,
    SUPPRESS,
    USED_IN_HOST,
    WRITE,
    Ring,
    open_windows,
)
from ring_faults import head_beyond, indirect, long_loop, next_beyond, self_loop

(OK, BAD_CARD_ADDRESS, GUARD, BUS_MASTER_OFF, BAD_CONTEXT, BAD_AVAIL, BAD_DESCRIPTOR, LOOP,
 BAD_ORDER, BAD_INDIRECT, CHAIN_OVERFLOW) = (0, 3, 4, 9, 11, 12, 13, 14, 16, 17, 18)
CARD_CHANNEL, HOST_CHANNEL = 4, 0
_LAST_WRITE_CYCLES = 40

paces = pytest.mark.parametrize("stutters", [False, True])
widths = pytest.mark.parametrize("width", [64, 128, 256])


async def publish(ctx, bench):
    ended = await bench.do(ctx, CARD_CHANNEL, PUBLISH, card=CONTEXT)
    # What the context says is written last, and nobody but the executor waits for it.
    for _ in range(_LAST_WRITE_CYCLES):
        await ctx.tick()
    return ended


@widths
@paces
def test_publish_posts_descriptors_then_entries_then_index_then_says_so(stutters, width):
    bench = Bench(stutters, seed=40, width=width)

    async def story(ctx):
        ring = Ring(bench, 16)
        await open_windows(ctx, bench)
        ring.offer(3, 4, 5)
        ring.offer(9)
        ring.offer(1, 0)

        ended = await publish(ctx, bench)

        assert (ended.error, ended.bytes, ended.raises, ended.vector) == (OK, 3, True, 5)
        assert all(ring.mirrored(n) for n in (0, 1, 3, 4, 5, 9))
        assert not any(ring.mirrored(n) for n in (2, 6, 10))
        assert ring.host_avail(2) == [3]
        assert ring.host_avail(4, 3) == [3, 9, 1]
        # 3-4-5 are neighbours, 9 is not, nor are 1 and 0 (in that order).
        assert [(s.host - HOST_RING, s.bytes) for s in bench.writes] == [
            (48, 48), (144, 16), (16, 16), (0, 16), (0x1004, 6), (0x1002, 2)]
        assert ring.published == 3
        # Nobody is told before the index has left.
        assert ended.ticket == len(bench.writes)
    bench.run(story)


@paces
def test_publish_goes_on_where_it_stopped_and_wraps_round_ring_and_index(stutters):
    bench = Bench(stutters, seed=41)

    async def story(ctx):
        ring = Ring(bench, 4, start=0xFFFD)
        await open_windows(ctx, bench)
        heads = [2, 0, 3, 1, 1, 2, 0, 3, 2, 1, 0]
        for count in (2, 4, 1, 4):
            offered, heads = heads[:count], heads[count:]
            first = ring.index
            for head in offered:
                ring.offer(head)

            ended = await publish(ctx, bench)

            assert (ended.error, ended.bytes, ended.raises) == (OK, count, True)
            assert ring.host_avail(2) == [ring.index]
            for n, head in enumerate(offered):
                assert ring.host_avail(4 + 2 * ((first + n) % 4)) == [head]
            assert ring.published == ring.index
        assert ring.index == 8
        outside = [address for address in bench.memory.written
                   if not HOST_RING <= address < HOST_RING + 64
                   and not HOST_RING + 0x1000 <= address < HOST_RING + 0x100C]
        assert outside == []
    bench.run(story)


@pytest.mark.parametrize("flags", [0, ALWAYS_NOTIFY, SUPPRESS | ALWAYS_NOTIFY, SUPPRESS])
def test_publish_with_nothing_new_writes_nothing(flags):
    bench = Bench(seed=42)

    async def story(ctx):
        ring = Ring(bench, 8, flags=flags)
        await open_windows(ctx, bench)

        ended = await publish(ctx, bench)

        assert (ended.error, ended.bytes) == (OK, 0)
        assert ended.raises == bool(flags & ALWAYS_NOTIFY)
        assert bench.writes == []
        assert ring.published == 0
    bench.run(story)


def test_publish_of_a_full_ring_gathers_it():
    bench = Bench(seed=43)

    async def story(ctx):
        ring = Ring(bench, 64)
        await open_windows(ctx, bench)
        for n in range(64):
            ring.offer(n)

        assert (await publish(ctx, bench)).error == OK

        assert all(ring.mirrored(n) for n in range(64))
        assert ring.host_avail(4, 64) == list(range(64))
        assert [s.bytes for s in bench.writes] == [1024, 128, 2]
    bench.run(story)


def twice(ring):
    """More descriptors than the ring has, in two chains."""
    ring.offer(0, 1, 2, 3, 4, 5, 6, 7)
    ring.make_available(7)


def ran_ahead(ring):
    """An index that ran ahead."""
    ring.index = 8
    ring.make_available(0)


def went_back(ring):
    """An index that went back."""
    ring.write("avail", 2, b"\xff\xff")


def order(ring):
    """A readable part behind a writable one."""
    ring.make_available(ring.chain((0, 0, 4, WRITE), (1, 0, 4, 0)))


def overflow(ring):
    """Lengths that add up to 2**32."""
    ring.make_available(ring.chain((0, 0, 1 << 31, 0), (1, 0, 1 << 31, WRITE)))


@pytest.mark.parametrize(("spoil", "error"), [
    (head_beyond, BAD_DESCRIPTOR), (next_beyond, BAD_DESCRIPTOR), (indirect, BAD_INDIRECT),
    (self_loop, LOOP), (long_loop, LOOP), (twice, LOOP), (ran_ahead, BAD_AVAIL),
    (went_back, BAD_AVAIL), (order, BAD_ORDER), (overflow, CHAIN_OVERFLOW),
], ids=lambda value: value.__name__ if callable(value) else str(value))
@paces
def test_a_hostile_ring_publishes_nothing_and_the_executor_still_works(stutters, spoil, error):
    bench = Bench(stutters, seed=44)

    async def story(ctx):
        ring = Ring(bench, 8)
        await open_windows(ctx, bench)
        spoil(ring)

        ended = await publish(ctx, bench)

        assert (ended.error, ended.raises) == (error, False)
        assert not any(s.host >= HOST_RING + 0x1000 for s in bench.writes)
        assert ring.published == 0
        await bench.reset(ctx, CARD_CHANNEL)
        ring = Ring(bench, 8)
        ring.offer(6, 7)
        assert (await publish(ctx, bench)).error == OK
        assert ring.host_avail(2) == [1]
    bench.run(story)


@pytest.mark.parametrize(("overrides", "error"), [
    ({"num": 0}, BAD_CONTEXT),
    ({"num": 1}, BAD_CONTEXT),
    ({"num": 12}, BAD_CONTEXT),
    ({"num": 32768}, BAD_CONTEXT),
    ({"flags": 0x200}, BAD_CONTEXT),
    ({"flags": 0x8000}, BAD_CONTEXT),
    ({"flags": DESC_IN_HOST}, BAD_CONTEXT),
    ({"flags": USED_IN_HOST}, BAD_CONTEXT),
    ({"flags": PUSH, "push_log2": 5}, BAD_CONTEXT),
    ({"flags": PUSH, "push_log2": 17}, BAD_CONTEXT),
    ({"flags": PUSH, "push_log2": 8, "push_host": 32}, BAD_CONTEXT),
    ({"vector": 32}, BAD_CONTEXT),
    ({"desc": 0x1008}, BAD_CONTEXT),
    ({"desc": RAM_BYTES - 7 * 16}, BAD_CONTEXT),
    ({"desc": 0xFFFF_FFF0}, BAD_CONTEXT),
    ({"desc": 1 << 20}, BAD_CONTEXT),
    ({"avail": 0x1082}, BAD_CONTEXT),
    ({"avail": RAM_BYTES - 20}, BAD_CONTEXT),
    ({"used": 0x2002}, BAD_CONTEXT),
    ({"used": RAM_BYTES - 4 - 8 * 8}, BAD_CONTEXT),
    ({"used_host": 2}, BAD_CONTEXT),
    ({"desc_host": HOST_RING + 8}, BAD_CONTEXT),
    ({"avail_host": HOST_RING + 129}, BAD_CONTEXT),
    ({"desc_host": HOST_RING - 32}, GUARD),
    ({"desc_host": HOST_RING + 0x3000 - 16}, GUARD),
    ({"avail_host": HOST_RING + 0x3000 - 4}, GUARD),
    ({"avail_host": 0xFEE0_0000}, GUARD),
    # Exactly at the end of card RAM, and of the window.
    ({"desc": RAM_BYTES - 8 * 16}, OK),
    ({"avail": RAM_BYTES - 24}, OK),
    ({"used": RAM_BYTES - 8 - 8 * 8}, OK),
    ({"desc_host": HOST_RING + 0x3000 - 32}, OK),
])
def test_a_context_that_reaches_too_far_is_refused(overrides, error):
    bench = Bench(seed=45)

    async def story(ctx):
        await open_windows(ctx, bench)
        ring = Ring(bench, 8, **overrides) if error in (OK, GUARD) else Ring(bench, 8)
        ring.offer(1)
        if error not in (OK, GUARD):
            fields = ring.fields | overrides
            bench.put(CONTEXT, struct.pack("<IIIHHQQBBHHHQQQ", *fields.values()))

        ended = await publish(ctx, bench)

        assert ended.error == error
        assert (ring.published == 1) == (error == OK)
        if error == BAD_CONTEXT:
            assert bench.segments == []
    bench.run(story)


@paces
@pytest.mark.parametrize("length", [1, 64, 200, 256, 300])
def test_push_puts_the_readable_payload_ahead_as_far_as_it_fits(stutters, length):
    bench = Bench(stutters, seed=46)

    async def story(ctx):
        ring = Ring(bench, 8, flags=PUSH)
        await open_windows(ctx, bench)
        bench.put(0x100, pattern(400))
        ring.make_available(ring.chain((2, 0x100, 50, 0), (6, 0x100 + 50, length, 0),
                                       (3, 0, 0, 0), (4, 0x800, 70, WRITE)))
        ring.make_available(ring.chain((5, 0x103, 7, 0)))

        ended = await publish(ctx, bench)

        assert (ended.error, ended.bytes) == (OK, 2)
        fits = min(256, 50 + length)
        assert bench.memory.read(HOST_PUSH + 2 * 256, fits) == pattern(400)[:fits]
        assert bench.memory.read(HOST_PUSH + 5 * 256, 7) == pattern(400)[3:10]
        pushed = {a for a in bench.memory.written if a >= HOST_PUSH}
        assert pushed == {HOST_PUSH + 512 + n for n in range(fits)} | {
            HOST_PUSH + 5 * 256 + n for n in range(7)}
        kinds = ["push" if s.host >= HOST_PUSH else "avail" if s.host >= HOST_RING + 0x1000
                 else "desc" for s in bench.writes]
        assert kinds.index("desc") > kinds.index("push")
        assert kinds[-2:] == ["avail", "avail"]
        assert all(ring.mirrored(n) for n in (2, 3, 4, 5, 6))
        assert ring.host_avail(2) == [2]
    bench.run(story)


@pytest.mark.parametrize(("address", "length", "error"), [
    (RAM_BYTES - 8, 9, BAD_CARD_ADDRESS), (1 << 40, 8, BAD_CARD_ADDRESS),
    (0, 1 << 30, BAD_CARD_ADDRESS), (RAM_BYTES - 8, 8, OK)])
def test_push_takes_payload_from_card_ram_only(address, length, error):
    bench = Bench(seed=47)

    async def story(ctx):
        ring = Ring(bench, 8, flags=PUSH)
        await open_windows(ctx, bench)
        ring.make_available(ring.chain((0, address, length, 0)))
        assert (await publish(ctx, bench)).error == error
        assert ring.published == (error == OK)
    bench.run(story)


@paces
def test_push_walks_a_loop_but_once(stutters):
    bench = Bench(stutters, seed=48)

    async def story(ctx):
        ring = Ring(bench, 4, flags=PUSH | MAY_INDIRECT)
        await open_windows(ctx, bench)
        ring.describe(1, 0, 0, NEXT, 2)
        ring.describe(2, 0, 0, NEXT, 1)
        ring.make_available(1)
        assert (await publish(ctx, bench)).error == LOOP
        await bench.reset(ctx, CARD_CHANNEL)
        ring = Ring(bench, 4, flags=PUSH | MAY_INDIRECT)
        ring.make_available(ring.chain((0, 0x100, 64, INDIRECT)))
        assert (await publish(ctx, bench)).error == BAD_INDIRECT
    bench.run(story)


def test_an_indirect_descriptor_is_mirrored_where_the_driver_may_use_one():
    bench = Bench(seed=49)

    async def story(ctx):
        ring = Ring(bench, 4, flags=MAY_INDIRECT)
        await open_windows(ctx, bench)
        ring.make_available(ring.chain((1, 0x100, 7, 0), (0, 0x100, 64, INDIRECT)))
        assert (await publish(ctx, bench)).error == OK
        assert ring.mirrored(0)
        assert ring.mirrored(1)
    bench.run(story)


@pytest.mark.parametrize("loses", [False, True])
@paces
def test_the_context_says_published_only_when_the_index_has_left(stutters, loses):
    bench = Bench(stutters, seed=50, write_delay=30)

    async def story(ctx):
        ring = Ring(bench, 8)
        await open_windows(ctx, bench)
        ring.offer(1)
        bench.holds_writes = True
        bench.submit(CARD_CHANNEL, PUBLISH, card=CONTEXT)
        for _ in range(300):
            await ctx.tick()
        assert len(bench.writes) == 3
        assert (ring.published, bench.retired) == (0, [])
        # Meanwhile others may work.
        assert (await bench.do_reads(ctx, 1)).error == OK
        bench.lost = loses << CARD_CHANNEL
        bench.holds_writes = False
        ended = await bench.until_retired(ctx, 2)
        assert (ended.error, ended.raises) == (
            (BUS_MASTER_OFF, False) if loses else (OK, True))
        assert ring.published == (not loses)
    bench.run(story)


def need_event(event, new, old):
    """As virtio 1.3, 2.7.7.1 has it."""
    return (new - event - 1) % 65536 < (new - old) % 65536


@pytest.mark.parametrize("start", [0, 5, 0xFFFE])
@pytest.mark.parametrize("ahead", [-3, -1, 0, 1, 2, 5])
def test_publish_obeys_the_devices_wish(start, ahead):
    bench = Bench(seed=51)

    async def story(ctx):
        await open_windows(ctx, bench)
        for event_idx in (0, EVENT_IDX):
            ring = Ring(bench, 8, start=start, flags=SUPPRESS | event_idx)
            event = (start + ahead) % 65536
            ring.set_event("used", event)
            ring.write("used", 0, struct.pack("<H", ahead & 1))
            ring.offer(1)
            ring.offer(2)
            ended = await publish(ctx, bench)
            assert ended.error == OK
            assert ended.raises == (need_event(event, start + 2, start) if event_idx
                                    else not ahead & 1)
    bench.run(story)


@pytest.mark.parametrize("published", [0, 3, 0xFFFF])
@pytest.mark.parametrize("passed", [-2, 0, 1, 7, 8, 9, 0x8000])
@paces
def test_arm_stores_the_wish_and_tells_at_once_if_it_has_passed(stutters, published, passed):
    bench = Bench(stutters, seed=52)

    async def story(ctx):
        ring = Ring(bench, 8, start=published, flags=SUPPRESS | EVENT_IDX)
        event = (published - passed) % 65536
        ended = await bench.do(ctx, HOST_CHANNEL, ARM, card=CONTEXT, used_id=event)
        assert ended.error == OK
        assert (ended.raises, ended.bytes) == ((True, passed) if 1 <= passed <= 8 else (False, 0))
        assert ended.vector == 5
        assert ring.word("used", 4 + 8 * 8) == event
        assert ring.word("used", 0) == 0
    bench.run(story)


def test_arm_stores_flags_where_there_is_no_event_index():
    bench = Bench(seed=53)

    async def story(ctx):
        ring = Ring(bench, 8, start=3, flags=SUPPRESS)
        ended = await bench.do(ctx, HOST_CHANNEL, ARM, card=CONTEXT, used_id=1)
        assert (ended.error, ended.raises, ended.bytes) == (OK, False, 0)
        assert ring.word("used", 0) == 1
    bench.run(story)


@pytest.mark.parametrize("delay", range(0, 60, 2))
@pytest.mark.parametrize("write_delay", [2, 25])
def test_no_wake_up_is_lost_between_publish_and_arm(delay, write_delay):
    bench = Bench(seed=54, write_delay=write_delay)

    async def story(ctx):
        ring = Ring(bench, 8, flags=SUPPRESS | EVENT_IDX)
        await open_windows(ctx, bench)
        ring.set_event("used", 0x7000)       # the device does not want to know
        ring.offer(1)
        bench.submit(CARD_CHANNEL, PUBLISH, card=CONTEXT)
        for _ in range(delay):
            await ctx.tick()
        bench.submit(HOST_CHANNEL, ARM, card=CONTEXT, used_id=0)
        await bench.until_retired(ctx, 2)
        # Which of them tells depends on who came first; that one does not.
        assert sum(entry.raises for entry in bench.retired) == 1
    bench.run(story)


@paces
@pytest.mark.parametrize("after", range(0, 80, 5))
def test_a_publish_is_dropped_at_any_step_and_repeated_afterwards(stutters, after):
    bench = Bench(stutters, seed=55)

    async def story(ctx):
        ring = Ring(bench, 8, flags=SUPPRESS | PUSH)
        await open_windows(ctx, bench)
        ring.offer(1, 2)
        bench.submit(CARD_CHANNEL, PUBLISH, card=CONTEXT)
        for _ in range(after):
            await ctx.tick()
        await bench.reset(ctx, CARD_CHANNEL)
        before = ring.published
        assert before == len(bench.retired) or before == 1
        for _ in range(30):
            await ctx.tick()
        assert ring.published == before
        ring.offer(4)
        count = len(bench.retired)
        ended = await publish(ctx, bench)
        assert (ended.error, ended.bytes) == (OK, 2 - before)
        assert len(bench.retired) == count + 1
        assert ring.host_avail(2) == [2]
    bench.run(story)
