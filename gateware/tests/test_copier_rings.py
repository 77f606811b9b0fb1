# SPDX-License-Identifier: BSD-2-Clause
"""The commands `publish` and `complete`, through the whole copier, against a driver's own ring."""

import struct

import pytest
from copier_bench import (
    CARD_CHANNEL,
    COMPLETE,
    CONTROL,
    ENABLE,
    FAILED,
    HOST_CHANNEL,
    IDLE,
    PUBLISH,
    RAM_BYTES,
    RECORD,
    RESET_CHANNEL,
    Bench,
)
from engine_rings import ALWAYS_NOTIFY, EVENT_IDX, NEXT, WRITE
from ring_faults import head_beyond, indirect, long_loop, next_beyond, self_loop

(OK, BAD_CARD_ADDRESS, GUARD, BUS_MASTER_OFF, BAD_CONTEXT, BAD_AVAIL, BAD_DESCRIPTOR, LOOP,
 BAD_INDIRECT) = (
    0, 3, 4, 9, 11, 12, 13, 14, 17)
NO_INTERRUPT = 1

VRING = 0x56_7000_0000        # on the host: desc, then avail
CONTEXT = 0x3000

paces = pytest.mark.parametrize("stutters", [False, True])


class Driver:
    """A split ring as a driver on the card keeps it: virtio 1.3, 2.7."""

    def __init__(self, bench, num, *, start=0, flags=0, overrides=()):
        self.bench = bench
        self.num = num
        self.desc, self.avail, self.used = 0x1000, 0x1000 + 16 * num, 0x2004
        self.desc_host, self.avail_host = VRING, VRING + 16 * num
        self.index = start
        bench.put(self.desc, bytes(16 * num + 6 + 2 * num))
        bench.put(self.used, bytes(6 + 8 * num))
        bench.put(self.avail + 2, struct.pack("<H", start))
        fields = {"desc": self.desc, "avail": self.avail, "used": self.used, "num": num,
                  "flags": flags, "desc_host": self.desc_host, "avail_host": self.avail_host,
                  "vector": 5, "published": start, "used_idx": start} | dict(overrides)
        bench.put(CONTEXT, struct.pack("<IIIHHQQIHH24x", *fields.values()))

    def describe(self, index, address, length, flags, following=0):
        self.bench.put(self.desc + 16 * index,
                       struct.pack("<QIHH", address, length, flags, following))

    def offer(self, *indexes):
        """A chain through ``indexes``."""
        for here, following in zip(indexes, (*indexes[1:], None), strict=True):
            self.describe(here, 0x100 * here, 64 + here, NEXT if following is not None else WRITE,
                          following or 0)
        self.make_available(indexes[0])

    def make_available(self, head):
        self.bench.put(self.avail + 4 + 2 * (self.index % self.num), struct.pack("<H", head))
        self.index = self.index + 1 & 0xFFFF
        self.bench.put(self.avail + 2, struct.pack("<H", self.index))

    def context(self, offset, size):
        return int.from_bytes(self.bench.get(CONTEXT + offset, size), "little")

    def mirrored(self, index):
        """Whether the host has this descriptor."""
        return self.bench.host.memory.read(self.desc_host + 16 * index, 16) == \
            self.bench.get(self.desc + 16 * index, 16)

    def host_avail(self, offset, count=1):
        raw = self.bench.host.memory.read(self.avail_host + offset, 2 * count)
        return list(struct.unpack(f"<{count}H", raw))


async def ready(ctx, bench):
    await bench.open_window(ctx, 1, VRING, 2)
    await bench.enable(ctx, CARD_CHANNEL, records=0x3800)
    await bench.enable(ctx, HOST_CHANNEL, records=0x9000_0000)


async def publish(ctx, bench):
    return await bench.do(ctx, CARD_CHANNEL, PUBLISH, flags=RECORD, card=CONTEXT)


def published_count(bench):
    """Entries published, as the last record in a ring of four tells."""
    records = [struct.unpack("<4I", bench.get(0x3800 + 16 * n, 16)) for n in range(4)]
    return max(records, key=lambda record: record[2] if record[3] == 0 else 0)[1]


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_publish_posts_descriptors_then_entries_then_index_then_the_vector(stutters, width):
    bench = Bench(stutters, seed=40, width=width)

    async def story(ctx):
        driver = Driver(bench, 16)
        await ready(ctx, bench)
        driver.offer(3, 4, 5)
        driver.offer(9)
        driver.offer(1, 0)

        assert await publish(ctx, bench) == (IDLE, OK)

        assert all(driver.mirrored(n) for n in (0, 1, 3, 4, 5, 9))
        assert not any(driver.mirrored(n) for n in (2, 6, 10))
        assert driver.host_avail(2) == [3]
        assert driver.host_avail(4, 3) == [3, 9, 1]
        kinds = ["desc" if tlp.address < driver.avail_host else
                 "index" if tlp.enabled == [driver.avail_host + 2, driver.avail_host + 3] else
                 "entry" for tlp in bench.host.writes]
        # 3-4-5 are neighbours, 9 is not, nor are 1 and 0 (in that order).
        assert kinds == ["desc"] * 4 + ["entry", "index"]
        assert bench.vectors == [(5, 6)]
        assert driver.context(36, 2) == 3
        assert published_count(bench) == 3
    bench.run(story)


@paces
def test_publish_goes_on_where_it_stopped_and_wraps_round_ring_and_index(stutters):
    bench = Bench(stutters, seed=41)

    async def story(ctx):
        driver = Driver(bench, 4, start=0xFFFD)
        await ready(ctx, bench)
        heads = [2, 0, 3, 1, 1, 2, 0]
        for count in (2, 4, 1):
            offered, heads = heads[:count], heads[count:]
            first = driver.index
            for head in offered:
                driver.offer(head)

            assert await publish(ctx, bench) == (IDLE, OK)

            assert driver.host_avail(2) == [driver.index]
            for n, head in enumerate(offered):
                assert driver.host_avail(4 + 2 * ((first + n) % 4)) == [head]
            assert driver.context(36, 2) == driver.index
            assert published_count(bench) == count
        assert driver.index == 4
        assert len(bench.vectors) == 3
        assert not bench.host.memory.touched_outside(VRING, 16 * 4 + 4 + 2 * 4)
    bench.run(story)


@pytest.mark.parametrize(("flags", "vectors"), [(0, 0), (ALWAYS_NOTIFY, 1)])
def test_publish_with_nothing_new_writes_nothing(flags, vectors):
    bench = Bench(seed=42)

    async def story(ctx):
        driver = Driver(bench, 8, flags=flags)
        await ready(ctx, bench)

        assert await publish(ctx, bench) == (IDLE, OK)

        assert bench.host.writes == []
        assert len(bench.vectors) == vectors
        assert driver.context(36, 2) == 0
        assert published_count(bench) == 0
    bench.run(story)


def test_publish_of_a_full_ring_gathers_it_in_full_payloads():
    bench = Bench(seed=43)

    async def story(ctx):
        driver = Driver(bench, 64)
        await ready(ctx, bench)
        for n in range(64):
            driver.offer(n)

        assert await publish(ctx, bench) == (IDLE, OK)

        assert all(driver.mirrored(n) for n in range(64))
        assert driver.host_avail(4, 64) == list(range(64))
        assert len(bench.host.writes) == 64 * 16 // 128 + 2 + 1
    bench.run(story)


def ran_ahead(driver):
    """An index that ran ahead."""
    driver.index = 8
    driver.make_available(0)


def went_back(driver):
    """An index that went back."""
    driver.bench.put(driver.avail + 2, b"\xff\xff")


@pytest.mark.parametrize(("spoil", "error"), [
    (head_beyond, BAD_DESCRIPTOR), (next_beyond, BAD_DESCRIPTOR), (indirect, BAD_INDIRECT),
    (self_loop, LOOP), (long_loop, LOOP), (ran_ahead, BAD_AVAIL), (went_back, BAD_AVAIL),
], ids=lambda value: value.__name__ if callable(value) else str(value))
def test_a_hostile_ring_publishes_nothing_and_the_copier_still_works(spoil, error):
    bench = Bench(seed=44)

    async def story(ctx):
        driver = Driver(bench, 8)
        await ready(ctx, bench)
        spoil(driver)

        assert await publish(ctx, bench) == (FAILED, error)

        assert not any(tlp.address >= driver.avail_host for tlp in bench.host.writes)
        assert bench.vectors == []
        assert driver.context(36, 2) == 0
        await bench.write_channel(ctx, CARD_CHANNEL, CONTROL, ENABLE | RESET_CHANNEL)
        driver = Driver(bench, 8)
        driver.offer(6, 7)
        assert await publish(ctx, bench) == (IDLE, OK)
        assert driver.host_avail(2) == [1]
    bench.run(story)


@pytest.mark.parametrize(("overrides", "error"), [
    ({"num": 0}, BAD_CONTEXT),
    ({"num": 1}, BAD_CONTEXT),
    ({"num": 12}, BAD_CONTEXT),
    ({"num": 32768}, BAD_CONTEXT),
    ({"flags": 0x200}, BAD_CONTEXT),
    ({"vector": 32}, BAD_CONTEXT),
    ({"desc": 0x1008}, BAD_CONTEXT),
    ({"desc": RAM_BYTES - 16}, BAD_CONTEXT),
    ({"desc": 0xFFFF_FFF0}, BAD_CONTEXT),
    ({"avail": 0x1082}, BAD_CONTEXT),
    ({"avail": RAM_BYTES - 20}, BAD_CONTEXT),
    ({"used": 0x2002}, BAD_CONTEXT),
    ({"used": RAM_BYTES - 4 - 8 * 8}, BAD_CONTEXT),
    ({"desc_host": VRING + 8}, BAD_CONTEXT),
    ({"avail_host": VRING + 129}, BAD_CONTEXT),
    # The offered descriptor is number 1; each access is judged by itself.
    ({"desc_host": VRING - 32}, GUARD),
    ({"desc_host": VRING + 0x2000 - 16}, GUARD),
    ({"avail_host": VRING + 0x2000 - 4}, GUARD),
    ({"avail_host": 0xFEE0_0000}, GUARD),
])
def test_a_context_that_reaches_too_far_is_refused(overrides, error):
    bench = Bench(seed=45)

    async def story(ctx):
        driver = Driver(bench, 8, overrides=overrides)
        await ready(ctx, bench)
        driver.offer(1)
        ram = bytes(bench.ram.bytes[:0x3800])

        assert await publish(ctx, bench) == (FAILED, error)

        touched = [byte for tlp in bench.host.writes for byte in tlp.enabled]
        assert not touched if error == BAD_CONTEXT else all(
            VRING <= byte < VRING + 0x2000 for byte in touched)
        assert not set(touched) & {driver.avail_host + 2, driver.avail_host + 3}
        assert bench.vectors == []
        assert bench.ram.bytes[:0x3800] == ram
        assert bench.counted["guard_refused"] == (error == GUARD)
    bench.run(story)


@pytest.mark.parametrize("context", [CONTEXT + 32, RAM_BYTES, RAM_BYTES - 32, 0xFFFF_FFC0])
def test_a_context_outside_card_ram_or_misaligned_is_refused(context):
    bench = Bench(seed=46)

    async def story(ctx):
        await ready(ctx, bench)
        assert await bench.do(ctx, CARD_CHANNEL, PUBLISH,
                              card=context) == (FAILED, BAD_CARD_ADDRESS)
        assert await bench.do(ctx, HOST_CHANNEL, COMPLETE,
                              card=context) == (FAILED, BAD_CARD_ADDRESS)
    bench.run(story)


@pytest.mark.parametrize("wait_cycles", [1, 6, 12, 18, 24, 30, 40, 60, 100, 160])
def test_a_reset_in_mid_publish_never_leaves_an_index_ahead_of_its_entries(wait_cycles):
    bench = Bench(True, seed=52)

    async def story(ctx):
        driver = Driver(bench, 16)
        await ready(ctx, bench)
        for n in range(0, 16, 2):
            driver.offer(n)
        await bench.submit(ctx, CARD_CHANNEL, PUBLISH, card=CONTEXT)
        for _ in range(wait_cycles):
            await ctx.tick()
        await bench.write_channel(ctx, CARD_CHANNEL, CONTROL, ENABLE | RESET_CHANNEL)
        assert await bench.finish(ctx, CARD_CHANNEL) == (IDLE, OK)

        sent = len(bench.host.writes)
        posted = any(tlp.address <= driver.avail_host + 2 < tlp.address + 4 and tlp.first_be == 0xC
                     for tlp in bench.host.writes)
        assert driver.context(36, 2) == (8 if posted else 0)
        if posted:
            assert all(driver.mirrored(n) for n in range(0, 16, 2))
            assert driver.host_avail(4, 8) == list(range(0, 16, 2))
        for _ in range(100):
            await ctx.tick()
        assert len(bench.host.writes) == sent
        assert await publish(ctx, bench) == (IDLE, OK)
        assert driver.host_avail(2) == [8]
    bench.run(story)


def test_publish_without_bus_mastering_leaves_the_published_index_alone():
    bench = Bench(seed=47)

    async def story(ctx):
        driver = Driver(bench, 8)
        await ready(ctx, bench)
        driver.offer(1)
        ctx.set(bench.copier.config.bus_master, 0)

        assert await publish(ctx, bench) == (FAILED, BUS_MASTER_OFF)

        assert bench.host.writes == bench.vectors == []
        assert driver.context(36, 2) == 0
    bench.run(story)


@pytest.mark.parametrize("off_cycles", range(3, 60, 3))
def test_publish_offers_nothing_that_was_dropped_while_bus_mastering_was_off(off_cycles):
    bench = Bench(seed=49)

    async def story(ctx):
        driver = Driver(bench, 8)
        await ready(ctx, bench)
        driver.offer(7, 1, 5, 3)
        before = driver.host_avail(2)
        ctx.set(bench.copier.config.bus_master, 0)
        await bench.submit(ctx, CARD_CHANNEL, PUBLISH, flags=RECORD, card=CONTEXT)
        for _ in range(off_cycles):
            await ctx.tick()
        ctx.set(bench.copier.config.bus_master, 1)

        if await bench.finish(ctx, CARD_CHANNEL) == (IDLE, OK):
            assert all(driver.mirrored(n) for n in (1, 3, 5, 7))
            assert driver.host_avail(2, 2) == [1, 7]
        else:
            assert driver.host_avail(2) == before
            assert bench.vectors == []
    bench.run(story)


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_complete_writes_elements_and_index_round_the_ring(stutters, width):
    bench = Bench(stutters, seed=48, width=width)

    async def story(ctx):
        driver = Driver(bench, 4, start=0xFFFE)
        await ready(ctx, bench)
        for n in range(7):
            index = 0xFFFE + n & 0xFFFF
            assert await bench.do(ctx, HOST_CHANNEL, COMPLETE, card=CONTEXT, used_id=n % 4,
                                  used_len=0x10000 + n) == (IDLE, OK)

            element = bench.get(driver.used + 4 + 8 * (index % 4), 8)
            assert struct.unpack("<II", element) == (n % 4, 0x10000 + n)
            assert bench.get(driver.used, 4) == struct.pack("<HH", 0, index + 1 & 0xFFFF)
            assert driver.context(38, 2) == index + 1 & 0xFFFF
            assert bench.used_interrupts == n + 1
        assert bench.host.writes == bench.host.reads == []
    bench.run(story)


@pytest.mark.parametrize(("flags", "avail_flags", "used_event", "interrupts"), [
    (0, 0, 0, 4),
    (0, NO_INTERRUPT, 0, 0),
    (EVENT_IDX, 0, 0, 1),
    (EVENT_IDX, NO_INTERRUPT, 2, 1),
    (EVENT_IDX, 0, 3, 1),
    (EVENT_IDX, 0, 4, 0),
    (EVENT_IDX, 0, 0xFFFF, 0),
])
def test_complete_interrupts_when_the_driver_asks_for_it(
        flags, avail_flags, used_event, interrupts):
    bench = Bench(seed=49)

    async def story(ctx):
        driver = Driver(bench, 8, flags=flags)
        await ready(ctx, bench)
        bench.put(driver.avail, struct.pack("<H", avail_flags))
        bench.put(driver.avail + 4 + 2 * 8, struct.pack("<H", used_event))

        for n in range(4):
            assert await bench.do(ctx, HOST_CHANNEL, COMPLETE, card=CONTEXT,
                                  used_id=n) == (IDLE, OK)

        assert bench.used_interrupts == interrupts
    bench.run(story)


def test_complete_refuses_a_head_beyond_the_ring():
    bench = Bench(seed=50)

    async def story(ctx):
        driver = Driver(bench, 8)
        await ready(ctx, bench)
        assert await bench.do(ctx, HOST_CHANNEL, COMPLETE, card=CONTEXT,
                              used_id=8) == (FAILED, BAD_DESCRIPTOR)
        assert bench.get(driver.used, 70) == bytes(70)
        assert bench.used_interrupts == 0
    bench.run(story)


@paces
def test_a_used_element_appears_only_behind_the_payload_of_its_channel(stutters):
    bench = Bench(stutters, seed=51, latency=100)
    seen = []

    async def story(ctx):
        driver = Driver(bench, 8)
        await ready(ctx, bench)
        payload = bench.host.memory.read(0x8000, 700)
        await bench.submit(ctx, HOST_CHANNEL, 1, length=700, host=0x8000, card=0x3401)
        await bench.submit(ctx, HOST_CHANNEL, COMPLETE, card=CONTEXT, used_id=2, used_len=700)
        while bench.get(driver.used + 2, 2) == bytes(2):
            await ctx.tick()
        seen.append(bench.get(0x3401, 700) == payload)
    bench.run(story)
    assert seen == [True]
