# SPDX-License-Identifier: BSD-2-Clause
"""The executor's `copy`: segments, lists, the guard, order within a channel, turns among them."""

import struct
from itertools import pairwise

import pytest
from copier_models import pattern
from engine_bench import COPY, LIST, NO_SNOOP, RAM_BYTES, RECORD, RELAXED, TO_HOST, Bench

OK, BAD_OPCODE, BAD_LENGTH, BAD_CARD_ADDRESS, GUARD, BAD_LIST = 0, 1, 2, 3, 4, 19
HOST = 0x12_3456_7000
CARD_CHANNEL = 4

paces = pytest.mark.parametrize("stutters", [False, True])
widths = pytest.mark.parametrize("width", [64, 128, 256])


@paces
@pytest.mark.parametrize("length", [1, 64, 1023, 1025, 5000])
@pytest.mark.parametrize("offset", [0, 3, 1022])
def test_copies_move_bytes_both_ways(stutters, length, offset):
    bench = Bench(stutters, seed=1)

    async def story(ctx):
        bench.memory.fill(HOST + offset, pattern(length))

        read = await bench.do(ctx, 0, COPY, length=length, host=HOST + offset, card=0x107, tag=9)
        wrote = await bench.do(ctx, 0, COPY, flags=TO_HOST | RECORD, length=length,
                               host=HOST + 0x8001, card=0x107)

        assert (read.error, read.bytes, read.tag, read.wants) == (OK, length, 9, (0, 0))
        assert (wrote.error, wrote.bytes, wrote.wants) == (OK, length, (1, 0))
        assert bench.get(0x107, length) == pattern(length)
        assert bench.ram.untouched_outside(0x107, length)
        assert bench.memory.read(HOST + 0x8001, length) == pattern(length)
        assert not bench.memory.touched_outside(HOST + 0x8001, length)
        cuts = (offset + length - 1) // 1024 + 1
        assert sum(not segment.write for segment in bench.segments) == cuts
    bench.run(story)


def test_short_copies_take_five_cycles_each():
    bench = Bench(seed=2, write_delay=3)

    async def story(ctx):
        for n in range(48):
            while len(bench.channels[0].queue) >= 8:
                await ctx.tick()
            bench.submit(0, COPY, flags=TO_HOST, length=64, host=HOST + 64 * n, card=0)
        await bench.until_retired(ctx, 48)
        cycles = [entry.cycle for entry in bench.retired]
        assert (cycles[40] - cycles[8]) / 32 <= 5
    bench.run(story)


def entries(*parts):
    """A scatter-gather list."""
    return b"".join(struct.pack("<QII", address, length, 0) for address, length in parts)


@paces
@widths
def test_a_list_scatters_and_gathers(stutters, width):
    bench = Bench(stutters, seed=3, width=width)
    parts = [(HOST + 5, 1), (HOST + 0x1000, 2000), (HOST + 0x3003, 61), (HOST + 0x9000, 4000)]

    async def story(ctx):
        await bench.open_window(ctx, 7, HOST, 64)
        bench.put(0x2000, entries(*parts))
        bench.put(0x100, pattern(2500))

        out = await bench.do(ctx, 1, COPY, flags=TO_HOST | LIST, length=2500, host=0x2000,
                             card=0x100, entries=4)
        back = await bench.do(ctx, 5, COPY, flags=LIST, length=2500, host=0x2000, card=0x1001,
                              entries=4)

        assert (out.error, out.bytes, back.error) == (OK, 2500, OK)
        content = pattern(2500)
        for address, length in parts:
            assert bench.memory.read(address, min(length, len(content))) == content[:length]
            content = content[length:]
        assert bench.get(0x1001, 2500) == pattern(2500)
        assert len(bench.memory.written) == 2500
    bench.run(story)


@pytest.mark.parametrize(("content", "error"), [
    (entries((HOST, 64), (HOST, 0)), BAD_LIST),
    (entries((HOST, 64), (HOST, 35)), BAD_LIST),
    (struct.pack("<QII", HOST, 100, 1), BAD_LIST),
    (entries((HOST, 99), (HOST + 0x1000, 1)), GUARD),
    (entries((HOST + 0xFFF, 2), (HOST, 98)), GUARD),
], ids=["zero", "short", "stray", "beyond", "across"])
def test_a_bad_list_ends_the_copy(content, error):
    bench = Bench(seed=4)

    async def story(ctx):
        await bench.open_window(ctx, 0, HOST, 1)
        bench.put(0x2000, content)

        ended = await bench.do(ctx, 0, COPY, flags=TO_HOST | LIST, length=100, host=0x2000,
                               entries=len(content) // 16)

        assert (ended.error, ended.bytes) == (error, 0)
        assert not bench.memory.touched_outside(HOST, 4096)
        assert bench.refused == (error == GUARD)
        await bench.reset(ctx, 0)
        assert bench.underway == 0
    bench.run(story)


@pytest.mark.parametrize(("fields", "error"), [
    (dict(opcode=0), BAD_OPCODE),
    (dict(opcode=6, card=0x40), BAD_OPCODE),
    (dict(opcode=15, length=1), BAD_OPCODE),
    (dict(opcode=COPY, control=1 << 10, length=1), BAD_OPCODE),
    (dict(opcode=COPY, control=1 << 15, length=1), BAD_OPCODE),
    (dict(opcode=COPY, head=1, length=1), BAD_OPCODE),
    (dict(opcode=COPY, entries=1, length=1), BAD_OPCODE),
    (dict(opcode=COPY, used_id=1, length=1), BAD_OPCODE),
    (dict(opcode=COPY, used_len=1, length=1), BAD_OPCODE),
    (dict(opcode=2, card=0x40, host=1 << 63), BAD_OPCODE),
    (dict(opcode=2, card=0x40, length=1), BAD_OPCODE),
    (dict(opcode=2, card=0x40, flags=TO_HOST), BAD_OPCODE),
    (dict(opcode=2, card=0x40, used_id=1), BAD_OPCODE),
    (dict(opcode=3, card=0x40, entries=1), BAD_OPCODE),
    (dict(opcode=3, card=0x40, flags=NO_SNOOP), BAD_OPCODE),
    (dict(opcode=4, card=0x40, length=1, used_len=1), BAD_OPCODE),
    (dict(opcode=5, card=0x40, used_id=0x1_0000), BAD_OPCODE),
    (dict(opcode=5, card=0x40, head=3), BAD_OPCODE),
    (dict(opcode=COPY, length=0), BAD_LENGTH),
    (dict(opcode=COPY, length=(1 << 20) + 1), BAD_LENGTH),
    (dict(opcode=COPY, length=1 << 31), BAD_LENGTH),
    (dict(opcode=4, card=0x40), BAD_LENGTH),
    (dict(opcode=COPY, flags=LIST, length=1), BAD_LIST),
    (dict(opcode=COPY, flags=LIST, length=1, entries=4097), BAD_LIST),
    (dict(opcode=COPY, flags=LIST, length=1, entries=1, host=8), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, flags=LIST, length=1, entries=2, host=RAM_BYTES - 16), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, flags=LIST, length=1, entries=1, host=1 << 40), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, length=1, card=RAM_BYTES), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, length=2, card=RAM_BYTES - 1), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, length=1 << 20, card=0), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, length=2, card=0xFFFF_FFFF), BAD_CARD_ADDRESS),
    (dict(opcode=2, card=0x20), BAD_CARD_ADDRESS),
    (dict(opcode=3, card=RAM_BYTES), BAD_CARD_ADDRESS),
])
def test_a_malformed_command_ends_with_its_fault_and_touches_nothing(fields, error):
    bench = Bench(seed=5)

    async def story(ctx):
        ended = await bench.do(ctx, 0, **fields, tag=0x1234)

        assert (ended.error, ended.bytes, ended.tag, ended.raises) == (error, 0, 0x1234, False)
        assert bench.segments == []
        assert bench.ram.untouched_outside(0, 0)
        await bench.reset(ctx, 0)
        assert (await bench.do(ctx, 0, COPY, length=1, card=RAM_BYTES - 1)).error == OK
    bench.run(story)


@pytest.mark.parametrize(("address", "length", "allowed"), [
    (HOST, 1, True),
    (HOST + 0x2FFF, 1, True),
    (HOST, 0x3000, True),
    (HOST - 1, 1, False),
    (HOST - 1, 2, False),
    (HOST + 0x2FFF, 2, False),
    (HOST + 0x3000, 1, False),
    (HOST ^ 1 << 40, 1, False),
    (0xFFFF_FFFF_FFFF_F000, 0x1000, True),
    (0xFFFF_FFFF_FFFF_F000, 0x1001, False),   # wraps round the end
    (0, 1, False),
])
@pytest.mark.parametrize("to_host", [0, TO_HOST])
def test_the_guard_decides_about_every_byte_that_the_cpu_names(to_host, address, length, allowed):
    bench = Bench(seed=6)

    async def story(ctx):
        await bench.open_window(ctx, 15, HOST, 3)
        await bench.open_window(ctx, 3, 0xFFFF_FFFF_FFFF_F000, 1)

        ended = await bench.do(ctx, CARD_CHANNEL, COPY, flags=to_host, length=length, host=address)

        assert ended.error == (OK if allowed else GUARD)
        assert bench.refused == (not allowed)
        for segment in bench.segments:
            assert HOST <= segment.host < HOST + 0x3000 or segment.host >= 0xFFFF_FFFF_FFFF_F000
    bench.run(story)


def test_the_guard_finds_each_window_and_forgets_what_is_closed():
    bench = Bench(seed=7)

    async def story(ctx):
        for window in range(16):
            await bench.open_window(ctx, window, HOST + (window << 20), 1 + window)
        for window in (3, 15, 0, 15, 9, 9, 0):
            assert (await bench.do(ctx, CARD_CHANNEL, COPY, length=64,
                                   host=HOST + (window << 20) + window * 4096)).error == OK
        await bench.write_register(ctx, 0x0408, 100, card=True)
        assert await bench.read_register(ctx, 0x0408) == 1
        assert await bench.read_register(ctx, 0x0400 + 0x94) == HOST + (9 << 20) >> 32
        await bench.write_register(ctx, 0x0408, 0x0200, strobe=2)
        assert await bench.read_register(ctx, 0x0408) == 0x0201
        await bench.write_register(ctx, 0x0408, 0)
        assert (await bench.do(ctx, CARD_CHANNEL, COPY, length=64, host=HOST)).error == GUARD
        ctx.set(bench.executor.guard_reset, 1)
        for _ in range(16):
            await ctx.tick()
        ctx.set(bench.executor.guard_reset, 0)
        assert all([await bench.read_register(ctx, 0x0400 + 4 * n) == 0 for n in range(64)])
        await bench.reset(ctx, CARD_CHANNEL)
        assert (await bench.do(ctx, CARD_CHANNEL, COPY, length=64,
                               host=HOST + (9 << 20))).error == GUARD
    bench.run(story)


@pytest.mark.parametrize("flags", [0, RELAXED, NO_SNOOP, RELAXED | NO_SNOOP | TO_HOST])
@pytest.mark.parametrize("allowed", [0, 1])
def test_attributes_are_the_commands_where_the_host_allows_them(flags, allowed):
    bench = Bench(seed=8)

    async def story(ctx):
        ctx.set(bench.executor.config.relaxed_ordering, allowed)
        ctx.set(bench.executor.config.no_snoop, allowed)
        await bench.do(ctx, 0, COPY, flags=flags, length=1025)
        assert [segment.attributes for segment in bench.segments] == [
            (allowed and flags >> 8 & 1, allowed and flags >> 9 & 1)] * 2
    bench.run(story)


@paces
def test_commands_overlap_only_where_nobody_can_tell(stutters):
    bench = Bench(stutters, seed=9, read_delay=60, write_delay=20)
    to_card, to_host = 0, TO_HOST
    order = [(to_card, 0x100), (to_card, 0x180), (to_card, 0x1C0), (to_card, 0x1BF),
             (to_host, 0x100), (to_host, 0x180), (to_card, 0x400)]
    #        begins it          above             above             overlaps
    #        other direction    joins             other direction

    async def story(ctx):
        for flags, card in order:
            bench.submit(2, COPY, flags=flags, length=64, host=HOST, card=card)
        await bench.until_retired(ctx, len(order))
        handed = [segment.cycle for segment in bench.segments]
        gaps = [after - before for before, after in pairwise(handed)]
        waits = [False, False, True, True, False, True]
        for gap, wait in zip(gaps, waits, strict=True):
            assert gap >= 19 if wait else gap < 15
    bench.run(story)


@paces
def test_channels_take_turns_and_none_stands_in_anothers_way(stutters):
    bench = Bench(stutters, seed=10)

    async def story(ctx):
        bench.holds_reads = True
        for channel in (0, 1):
            bench.submit(channel, COPY, flags=TO_HOST, length=8192, host=HOST + (channel << 20))
        for channel in (2, 3):
            bench.submit(channel, COPY, length=6 * 1024, host=HOST + (channel << 20), card=0x2000)
        await bench.until_retired_of(ctx, (0, 1))
        written = [segment.channel for segment in bench.writes]
        # Neither writer had to wait for the other's end, nor for the reads that stand still.
        assert {0, 1} == set(written[:10])
        assert {0, 1} == set(written[-10:])
        bench.holds_reads = False
        await bench.until_retired(ctx, 4)
        assert bench.memory.read(HOST, 8192) == bench.memory.read(HOST + (1 << 20), 8192)
    bench.run(story)


@paces
@pytest.mark.parametrize("to_host", [0, TO_HOST])
@pytest.mark.parametrize("after", range(0, 60, 7))
def test_a_muted_channel_drops_its_command_and_starts_afresh(stutters, to_host, after):
    bench = Bench(stutters, seed=11)

    async def story(ctx):
        await bench.open_window(ctx, 0, HOST, 16)
        bench.submit(CARD_CHANNEL, COPY, flags=to_host, length=8192, host=HOST, card=0)
        for _ in range(after):
            await ctx.tick()
        await bench.reset(ctx, CARD_CHANNEL)
        handed = len(bench.segments)
        for _ in range(50):
            await ctx.tick()
        assert len(bench.segments) == handed
        if after < 20:
            assert bench.retired == []
        assert (await bench.do(ctx, CARD_CHANNEL, COPY, flags=to_host, length=100, host=HOST,
                               card=0)).error == OK
        assert len(bench.segments) == handed + 1
    bench.run(story)
