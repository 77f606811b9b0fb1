# SPDX-License-Identifier: BSD-2-Clause
"""Commands from their channel to the executor, and their ends back to software."""

import struct

import pytest
from channels_bench import (
    ARM,
    BUSY,
    COALESCE,
    COMPLETE_ID,
    COMPLETE_LEN,
    CONTROL,
    ENABLE,
    FAILED,
    IDLE,
    INTERRUPT,
    RAM_BYTES,
    RECORD,
    RECORD_CONFIG,
    RECORD_HI,
    RECORD_LO,
    RESET_CHANNEL,
    RING_BASE,
    RING_CONFIG,
    RING_HEAD,
    RING_TAIL,
    SEQUENCE,
    ChannelsBench,
    Plan,
)

OK, BAD_CARD_ADDRESS, TIMEOUT, BUS_MASTER_OFF, QUEUE_OVERFLOW, BAD_RING = 0, 3, 5, 9, 15, 20
HOST_RING = 0x12_FFFF_FFE0      # records that cross 4 GiB

paces = pytest.mark.parametrize("stutters", [False, True])


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_inline_commands_reach_the_executor_whole_and_in_order(stutters, width):
    bench = ChannelsBench(stutters, seed=1, width=width)
    commands = [tuple(bench.random.randrange(1 << 32) & ~(RECORD | INTERRUPT) for _ in range(8))
                for _ in range(20)]

    async def story(ctx):
        await bench.enable(ctx, 2)
        for command in commands:
            while (await bench.status(ctx, 2))[1] >= 8:
                pass
            await bench.submit(ctx, 2, *command)
        assert await bench.settle(ctx, 2) == (IDLE, OK)

        assert [begun.words for begun in bench.log.begun] == commands
        assert await bench.read(ctx, 2, SEQUENCE) == 20
    bench.run(story)


def test_a_word_written_is_seen_by_the_executor_in_the_next_cycle_and_shown_in_the_one_after():
    bench = ChannelsBench(seed=2)

    async def story(ctx):
        await bench.enable(ctx, 0)
        port = bench.channels.executor
        await bench.submit(ctx, 0, 0xAB << 16)       # returns in the cycle after the last word

        assert ctx.get(port.ready) == 1
        await ctx.tick()
        assert ctx.get(port.loaded) == 1
        assert ctx.get(port.command).control == 0xAB << 16
    bench.run(story)


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_a_ring_is_fetched_in_order_however_it_lies_and_wraps(stutters, width):
    bench = ChannelsBench(stutters, seed=3, width=width)
    base, entries = 0x1060, 4

    async def story(ctx):
        await bench.enable(ctx, 5)
        await bench.make_ring(ctx, 5, base=base, entries_log2=2)
        tail = 0
        while tail < 23:
            head = await bench.read(ctx, 5, RING_HEAD)
            for _ in range(min(bench.random.randrange(1, 5), entries - (tail - head), 23 - tail)):
                bench.put_command(base + 32 * (tail % entries), tail << 16, 1, 2, 3, 4, 5, 6, ~tail
                                  & 0xFFFF_FFFF)
                tail += 1
            await bench.write(ctx, 5, RING_TAIL, tail)
        assert await bench.settle(ctx, 5) == (IDLE, OK)

        assert [begun.words for begun in bench.log.begun] == [
            (n << 16, 1, 2, 3, 4, 5, 6, ~n & 0xFFFF_FFFF) for n in range(23)]
        assert await bench.read(ctx, 5, RING_HEAD) == 23
        assert await bench.read(ctx, 5, RING_TAIL) == 23
    bench.run(story)


def test_queued_commands_of_a_ring_with_a_record_each_take_five_cycles():
    bench = ChannelsBench(seed=5)
    count = 64

    async def story(ctx):
        await bench.enable(ctx, 4, records=0x3000, entries_log2=6)
        bench.plan = lambda begun: Plan(cycles=1, moved=64)
        await bench.make_ring(ctx, 4, base=0, entries_log2=6)
        for n in range(count):
            bench.put_command(32 * n, n << 16 | RECORD)
        start = bench.cycle
        await bench.write(ctx, 4, RING_TAIL, count)
        while bench.card_record(0x3000 + 16 * (count - 1))[0] != (count - 1 | 1 << 31):
            await ctx.tick()
        spent = bench.cycle - start

        assert spent <= 5 * count + 30
        assert [bench.card_record(0x3000 + 16 * n) for n in range(count)] == [
            (n | 1 << 31, 64, n + 1, 0) for n in range(count)]
    bench.run(story)


@pytest.mark.parametrize(("base", "log2", "tail", "error"), [
    (0, 2, 5, BAD_RING),
    (0, 2, 0xFFFF, BAD_RING),
    (0, 1, 3, BAD_RING),
    (0, 15, 0x8001, BAD_RING),
    (RAM_BYTES - 32, 2, 2, BAD_CARD_ADDRESS),
    (RAM_BYTES, 2, 1, BAD_CARD_ADDRESS),
    (0x8000_0000, 2, 1, BAD_CARD_ADDRESS),
    (0xFFFF_FFE0, 2, 2, BAD_CARD_ADDRESS),
])
def test_a_ring_that_makes_no_sense_stops_its_channel_and_interrupts(base, log2, tail, error):
    bench = ChannelsBench(seed=6)

    async def story(ctx):
        for channel in (0, 4):
            await bench.enable(ctx, channel, vector=7, coalesce=0xFFFF_FFFF)
            await bench.make_ring(ctx, channel, base=base, entries_log2=log2)
            await bench.write(ctx, channel, RING_TAIL, tail)
            await bench.pass_cycles(ctx, 60)
            assert await bench.settle(ctx, channel) == (FAILED, error)
        # What begins in card RAM and leaves it may be executed as far as that.
        assert set(bench.tags(0)) <= {struct.unpack_from("<I", bench.ram.bytes, RAM_BYTES - 32)[0]
                                      >> 16}
        await bench.pass_cycles(ctx, 40)
        assert [vector for _cycle, vector, _records in bench.log.vectors] == [7]
        assert len(bench.log.interrupts) == 1
        assert bench.log.failed == 2

        await bench.write(ctx, 0, CONTROL, RESET_CHANNEL)
        assert await bench.settle(ctx, 0) == (IDLE, OK)
        assert await bench.read(ctx, 0, RING_TAIL) == await bench.read(ctx, 0, RING_HEAD) == 0
        await bench.write(ctx, 0, CONTROL, ENABLE)
        await bench.make_ring(ctx, 0, base=0x40, entries_log2=1)
        bench.put_command(0x40, 0x77 << 16)
        await bench.write(ctx, 0, RING_TAIL, 1)
        await bench.pass_cycles(ctx, 60)
        assert bench.tags(0)[-1] == 0x77
    bench.run(story)


def test_a_full_ring_is_no_overrun():
    bench = ChannelsBench(seed=7)

    async def story(ctx):
        await bench.enable(ctx, 0)
        await bench.make_ring(ctx, 0, base=0, entries_log2=1)
        bench.put_command(0, 1 << 16)
        bench.put_command(32, 2 << 16)
        await bench.write(ctx, 0, RING_TAIL, 2)
        await bench.pass_cycles(ctx, 60)

        assert await bench.settle(ctx, 0) == (IDLE, OK)
        assert bench.tags(0) == [1, 2]
    bench.run(story)


def test_a_doorbell_without_a_ring_does_nothing():
    bench = ChannelsBench(seed=8)

    async def story(ctx):
        await bench.enable(ctx, 0)
        await bench.write(ctx, 0, RING_TAIL, 9)
        await bench.pass_cycles(ctx, 30)

        assert await bench.status(ctx, 0) == (IDLE, 0, OK)
        assert bench.log.begun == []
    bench.run(story)


def test_quick_registers_make_whole_commands():
    bench = ChannelsBench(seed=9)
    context = 0x0123

    async def story(ctx):
        await bench.enable(ctx, 1)
        await bench.submit(ctx, 1, *[0xFFFF_FFFF] * 8)      # leaves its marks in the queue
        for _ in range(8):
            await bench.write(ctx, 1, ARM, context << 16 | 0xBEEF)
            await bench.write(ctx, 1, COMPLETE_ID, context << 16 | 0x7001)
            await bench.write(ctx, 1, COMPLETE_LEN, 0x89AB_CDEF)
            await bench.settle(ctx, 1)

        assert [begun.words for begun in bench.log.begun[1:]] == 8 * [
            (5, 0, 0, 0, context << 6, 0, 0xBEEF, 0),
            (3, 0, 0, 0, context << 6, 0, 0x7001, 0x89AB_CDEF)]
    bench.run(story)


@paces
def test_commands_of_a_ring_and_inline_ones_alternate(stutters):
    bench = ChannelsBench(stutters, seed=10)

    async def story(ctx):
        await bench.make_ring(ctx, 3, base=0, entries_log2=3)
        for n in range(8):
            bench.put_command(32 * n, n << 16)
            await bench.submit(ctx, 3, 0x100 + n << 16)
        await bench.enable(ctx, 3)
        bench.plan = lambda begun: Plan(cycles=60)
        await bench.write(ctx, 3, RING_TAIL, 8)
        assert await bench.settle(ctx, 3) == (IDLE, OK)

        tags = bench.tags(3)
        assert [tag for tag in tags if tag < 0x100] == list(range(8))
        assert [tag for tag in tags if tag >= 0x100] == list(range(0x100, 0x108))
        assert [tag < 0x100 for tag in tags[:14]] == 7 * [False, True]
    bench.run(story)


def test_registers_take_what_their_owner_writes_and_show_what_they_hold():
    bench = ChannelsBench(seed=11)
    masks = {RECORD_LO: 0xFFFF_FFFF, RECORD_HI: 0xFFFF_FFFF, RECORD_CONFIG: 0x1F0F,
             RING_BASE: 0xFFFF_FFFF, RING_CONFIG: 0xF, RING_TAIL: 0xFFFF, COALESCE: 0xFF_FFFF}

    async def story(ctx):
        for channel in range(8):
            for offset in masks:
                await bench.write(ctx, channel, offset, 0x1111_1111 * channel ^ offset << 4)
                await bench.write(ctx, channel, offset, 0xFFFF_FFFF, card=channel < 4)
                await bench.write(ctx, channel, offset, 0xA1B2_C3D4, strobe=0b0101)
            await bench.write(ctx, channel, CONTROL, ENABLE, card=channel < 4)
            await bench.write(ctx, channel, CONTROL, ENABLE, strobe=0b1110)
        for channel in range(8):
            for offset, mask in masks.items():
                wrote = (0x1111_1111 * channel ^ offset << 4) & 0xFF00_FF00 | 0x00B2_00D4
                assert await bench.read(ctx, channel, offset) == wrote & mask
            for offset in (*range(0, 0x20, 4), CONTROL, ARM, COMPLETE_ID, COMPLETE_LEN, 0x58, 0x7C):
                assert await bench.read(ctx, channel, offset) == 0
        assert bench.log.refused == 8 * (len(masks) + 1)
        await ctx.tick()
        assert ctx.get(bench.channels.registers.read_data) == 0
    bench.run(story)


def test_words_of_commands_are_taken_whole_or_not_at_all():
    bench = ChannelsBench(seed=43)

    async def story(ctx):
        await bench.enable(ctx, 0)
        for n in range(7):
            await bench.write(ctx, 0, 4 * n, n)
            await bench.write(ctx, 0, 4 * n, 0xFFFF_FFFF, strobe=0b0111)
        for strobe in (0, 0b0001, 0b1110):
            await bench.write(ctx, 0, 0x1C, 0xFFFF_FFFF, strobe=strobe)
            await bench.write(ctx, 0, ARM, 0xFFFF_FFFF, strobe=strobe)
            await bench.write(ctx, 0, COMPLETE_LEN, 0xFFFF_FFFF, strobe=strobe)
        await bench.write(ctx, 0, 0x1C, 7)
        assert await bench.settle(ctx, 0) == (IDLE, OK)

        assert [begun.words for begun in bench.log.begun] == [tuple(range(8))]
    bench.run(story)


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_records_count_in_order_with_a_phase_for_each_pass(stutters, width):
    bench = ChannelsBench(stutters, seed=12, width=width)

    async def story(ctx):
        await bench.enable(ctx, 1, records=HOST_RING, entries_log2=2)
        await bench.enable(ctx, 6, records=0x2010, entries_log2=1)
        bench.plan = lambda begun: Plan(
            cycles=bench.random.randrange(4), writes=bench.random.randrange(3),
            reading=bench.random.randrange(20), moved=0x10_0000 - (begun.words[0] >> 16))
        seen = []
        for n in range(10):
            await bench.submit(ctx, 1, n << 16 | RECORD)
            await bench.submit(ctx, 6, n << 16 | RECORD)
            await bench.submit(ctx, 6, 0x100 + n << 16)
            assert await bench.settle(ctx, 1) == await bench.settle(ctx, 6) == (IDLE, OK)
            seen.append(bench.card_record(0x2010 + 16 * (n % 2)))

        moved = [0x10_0000 - n for n in range(10)]
        assert seen == [(n | (~n // 2 % 2) << 31, moved[n], 2 * n + 1, 0) for n in range(10)]
        assert [record[1:] for record in bench.log.records] == [
            (1, HOST_RING + 16 * (n % 4), (n | (1 - n // 4 % 2) << 31, moved[n], n + 1, 0))
            for n in range(10)]
        assert bench.ram.bytes[0x2000:0x2010] == bytes(
            (n * 37 + (n >> 8) * 11 + 0x5A) & 0xFF for n in range(0x2000, 0x2010))
    bench.run(story)


@paces
def test_a_command_ends_behind_its_bytes_and_behind_its_predecessors(stutters):
    bench = ChannelsBench(stutters, seed=13)
    facts = {}

    async def story(ctx):
        await bench.enable(ctx, 4, records=0x3000, entries_log2=6)

        def plan(begun):
            n = begun.words[0] >> 16
            facts[n] = begun
            return Plan(cycles=1, reading=bench.random.randrange(1, 200))
        bench.plan = plan
        for n in range(40):
            while (await bench.status(ctx, 4))[1] >= 8:
                count = await bench.read(ctx, 4, SEQUENCE)
                for place in bench.reads_end:
                    assert place not in [8 * 4 + facts[k].slot for k in range(count)
                                         if k >= n - 8]
            await bench.submit(ctx, 4, n << 16 | RECORD)
        assert await bench.settle(ctx, 4) == (IDLE, OK)
        assert [facts[n].slot for n in range(40)] == [n % 8 for n in range(40)]
        assert [bench.card_record(0x3000 + 16 * n)[0] & 0xFFFF for n in range(40)] == list(
            range(40))
    bench.run(story)


def test_an_end_is_told_within_three_cycles_of_the_last_byte():
    bench = ChannelsBench(seed=14)

    async def story(ctx):
        await bench.enable(ctx, 4, records=0x3000)
        bench.plan = lambda begun: Plan(reading=40)
        await bench.submit(ctx, 4, RECORD)
        while ctx.get(bench.dut.busy) == 0:
            await ctx.tick()
        while ctx.get(bench.dut.busy):
            await ctx.tick()
        start = bench.cycle
        while not ctx.get(bench.channels.line_write.request.valid):
            await ctx.tick()

        assert bench.cycle - start <= 3
    bench.run(story)


def test_channels_take_turns_and_a_slow_one_holds_up_none():
    bench = ChannelsBench(seed=15)

    async def story(ctx):
        bench.plan = lambda begun: Plan(cycles=1, reading=3000 if begun.channel == 2 else 5)
        for channel in range(8):
            for n in range(8):
                await bench.submit(ctx, channel, n << 16)
        for channel in range(8):
            await bench.write(ctx, channel, CONTROL, ENABLE)
        start = bench.cycle
        for channel in (0, 1, 3, 4, 5, 6, 7):
            assert await bench.settle(ctx, channel) == (IDLE, OK)

        assert bench.cycle - start < 800
        assert await bench.status(ctx, 2) == (BUSY, 8, OK)
        assert [begun.channel for begun in bench.log.begun[-40:-20:8]] == [
            bench.log.begun[-40].channel] * 3
    bench.run(story)


@paces
def test_a_failed_command_tells_interrupts_and_stops_its_channel_alone(stutters):
    bench = ChannelsBench(stutters, seed=16)

    async def story(ctx):
        for channel, records in ((1, HOST_RING), (5, 0x2000)):
            await bench.enable(ctx, channel, records=records, vector=9, coalesce=0xFFFF_FFFF)
            bench.plan = lambda begun: Plan(
                cycles=2, moved=77, writes=2, error=11 if begun.words[0] >> 16 == 1 else 0)
            for n in range(4):
                await bench.submit(ctx, channel, n << 16 | RECORD)
            assert await bench.settle(ctx, channel) == (FAILED, 11)
            await bench.submit(ctx, channel, 9 << 16)
            await bench.pass_cycles(ctx, 100)
            assert await bench.status(ctx, channel) == (FAILED, 0, 11)
            assert await bench.read(ctx, channel, SEQUENCE) == 2
            assert bench.tags(channel) == [0, 1]

        phase = 1 << 31
        assert [record[3] for record in bench.log.records] == [
            (phase, 77, 1, 0), (1 | 11 << 16 | phase, 0, 2, 0)]
        assert [bench.card_record(0x2000 + 16 * n) for n in range(2)] == [
            (phase, 77, 1, 0), (1 | 11 << 16 | phase, 0, 2, 0)]
        assert [event[1:] for event in bench.log.vectors] == [(9, 2)]
        assert len(bench.log.interrupts) == 1
        assert bench.log.failed == 2
    bench.run(story)


@paces
def test_what_the_reader_found_stops_the_channel_and_drops_what_is_behind(stutters):
    bench = ChannelsBench(stutters, seed=17)

    async def story(ctx):
        await bench.enable(ctx, 0, records=HOST_RING)
        bench.plan = lambda begun: Plan(
            cycles=1, reading=100, read_error=TIMEOUT if begun.words[0] >> 16 == 2 else 0)
        for n in range(6):
            await bench.submit(ctx, 0, n << 16 | RECORD)
        assert await bench.settle(ctx, 0) == (FAILED, TIMEOUT)
        await bench.pass_cycles(ctx, 200)
        assert [record[3][0] & 0xFFFF for record in bench.log.records] == [0, 1, 2]
        assert bench.log.records[-1][3][0] == 2 | TIMEOUT << 16 | 1 << 31

        await bench.write(ctx, 0, CONTROL, ENABLE | RESET_CHANNEL)
        assert await bench.settle(ctx, 0) == (IDLE, OK)
        assert bench.log.forgotten == [(0, 2)]
        assert bench.log.mended == [1]
        bench.plan = lambda begun: Plan()
        await bench.submit(ctx, 0, 7 << 16 | RECORD)
        assert await bench.settle(ctx, 0) == (IDLE, OK)
        assert bench.log.records[-1][2:] == (HOST_RING, (7 | 1 << 31, 0, 1, 0))
    bench.run(story)


@paces
@pytest.mark.parametrize("channel", [1, 5])
@pytest.mark.parametrize("fault", [Plan(error=11), Plan(reading=40, read_error=11)])
def test_a_failure_has_a_record_that_nobody_asked_for(stutters, channel, fault):
    bench = ChannelsBench(stutters, seed=23)

    async def story(ctx):
        await bench.enable(ctx, channel, records=0x2000)
        behind = bench.card_record(0x2020)
        bench.plan = lambda begun: fault if begun.words[0] >> 16 == 3 else Plan(writes=1)
        for n in range(6):
            await bench.submit(ctx, channel, n << 16 | (RECORD if n == 1 else 0))
        assert await bench.settle(ctx, channel) == (FAILED, 11)
        await bench.pass_cycles(ctx, 100)

        phase = 1 << 31
        told = [(1 | phase, 0, 2, 0), (3 | 11 << 16 | phase, 0, 4, 0)]
        if channel == 1:
            assert [record[2:] for record in bench.log.records] == [
                (0x2000, told[0]), (0x2010, told[1])]
            assert [event[1:] for event in bench.log.vectors] == [(3, 2)], "behind the record"
        else:
            assert [bench.card_record(0x2000 + 16 * n) for n in range(2)] == told
            assert bench.card_record(0x2020) == behind
            assert len(bench.log.interrupts) == 1
    bench.run(story)


@pytest.mark.parametrize("channel", [1, 5])
def test_without_a_record_ring_a_failure_writes_nothing_unasked(channel):
    bench = ChannelsBench(seed=24)

    async def story(ctx):
        await bench.enable(ctx, channel, records=0, entries_log2=0)
        bench.ram.bytes[:16] = before = bytes(range(16))
        bench.plan = lambda begun: Plan(error=11)
        await bench.submit(ctx, channel, 0)
        assert await bench.settle(ctx, channel) == (FAILED, 11)

        assert bench.log.records == []
        assert bench.ram.bytes[:16] == before
    bench.run(story)


def test_what_the_writer_lost_fails_the_command():
    bench = ChannelsBench(seed=18)

    async def story(ctx):
        await bench.enable(ctx, 0, records=HOST_RING)
        bench.lost = 1
        bench.plan = lambda begun: Plan(writes=3)
        await bench.submit(ctx, 0, RECORD)

        assert await bench.settle(ctx, 0) == (FAILED, BUS_MASTER_OFF)
        assert bench.log.records == []
    bench.run(story)


def test_a_card_record_beyond_card_ram_fails_the_command():
    bench = ChannelsBench(seed=19)

    async def story(ctx):
        for channel, records in ((4, RAM_BYTES - 16), (5, 0x8000_0000)):
            await bench.enable(ctx, channel, records=records, entries_log2=1)
            while (await bench.settle(ctx, channel))[0] == IDLE:
                await bench.submit(ctx, channel, RECORD)
            assert await bench.settle(ctx, channel) == (FAILED, BAD_CARD_ADDRESS)
            assert await bench.read(ctx, channel, SEQUENCE) == (2 if channel == 4 else 1)
        assert bench.card_record(RAM_BYTES - 16) == (1 << 31, 0, 1, 0)
    bench.run(story)


@pytest.mark.parametrize("channel", [0, 4])
@pytest.mark.parametrize(("count", "ticks", "groups"), [
    (0, 100, [1, 1, 1, 1, 1, 1, 1, 1]),
    (1, 100, [1, 1, 1, 1, 1, 1, 1, 1]),
    (4, 100, [4, 4]),
    (3, 100, [3, 3]),
])
def test_interrupts_are_gathered_by_number(channel, count, ticks, groups):
    bench = ChannelsBench(seed=20)
    seen = []

    async def story(ctx):
        await bench.enable(ctx, channel, records=0x2000, vector=12,
                           coalesce=count | ticks << 8)
        bench.plan = lambda begun: Plan(cycles=100)
        for n in range(8):
            await bench.submit(ctx, channel, n << 16 | RECORD | INTERRUPT)
        told = bench.log.interrupts if channel == 4 else bench.log.vectors
        ended = 0
        while await bench.read(ctx, channel, SEQUENCE) < 8:
            pass
        await bench.pass_cycles(ctx, 60)
        for _ in told:
            seen.append(count or 1)
        ended = sum(groups)
        assert ended == sum(seen)
        assert [event[1] for event in bench.log.vectors] == [12] * len(bench.log.vectors)
        if channel == 0:
            assert [event[2] for event in bench.log.vectors] == [
                sum(groups[:n + 1]) for n in range(len(groups))]
    bench.run(story)


def test_an_interrupt_waits_no_longer_than_its_time():
    bench = ChannelsBench(seed=21)

    async def story(ctx):
        await bench.enable(ctx, 4, coalesce=200 | 5 << 8)
        for _ in range(3):
            await bench.submit(ctx, 4, INTERRUPT)
            await bench.settle(ctx, 4)
            start = bench.cycle
            told = len(bench.log.interrupts)
            await bench.pass_cycles(ctx, 4 * 128 - 20)
            assert len(bench.log.interrupts) == told
            await bench.pass_cycles(ctx, 128 + 60)
            assert len(bench.log.interrupts) == told + 1
            assert bench.log.interrupts[-1] <= start + 5 * 128 + 20
    bench.run(story)


def test_without_a_time_the_last_command_held_does_not_wait():
    bench = ChannelsBench(seed=22)

    async def story(ctx):
        await bench.enable(ctx, 4, coalesce=200)
        bench.plan = lambda begun: Plan(cycles=50)
        for flags in (INTERRUPT, INTERRUPT, 0):
            await bench.submit(ctx, 4, flags)
        while await bench.read(ctx, 4, SEQUENCE) < 3:
            assert bench.log.interrupts == []
        await bench.pass_cycles(ctx, 20)

        assert len(bench.log.interrupts) == 1
    bench.run(story)


@paces
def test_a_commands_own_vector_comes_behind_its_record(stutters):
    bench = ChannelsBench(stutters, seed=23)

    async def story(ctx):
        await bench.enable(ctx, 0, records=HOST_RING, vector=30)
        bench.plan = lambda begun: Plan(writes=2, vector=begun.words[0] >> 16)
        for n in range(8):
            await bench.submit(ctx, 0, n << 16 | RECORD | (INTERRUPT if n == 7 else 0))
        await bench.settle(ctx, 0)
        await bench.pass_cycles(ctx, 60)

        assert [event[1] for event in bench.log.vectors] == [*range(8), 30]
        assert all(event[2] >= min(n + 1, 8) for n, event in enumerate(bench.log.vectors))
    bench.run(story)


@paces
def test_an_overflow_stops_the_channel_interrupts_and_drops_what_it_holds(stutters):
    bench = ChannelsBench(stutters, seed=24)

    async def story(ctx):
        await bench.enable(ctx, 1, vector=2)
        bench.plan = lambda begun: Plan(cycles=2000)
        for n in range(9):
            await bench.submit(ctx, 1, n << 16)
        assert await bench.settle(ctx, 1) == (FAILED, QUEUE_OVERFLOW)
        await bench.pass_cycles(ctx, 100)
        assert bench.tags(1) == [0]
        assert [event[1] for event in bench.log.vectors] == [2]
        assert bench.log.failed == 1

        await bench.write(ctx, 1, CONTROL, ENABLE | RESET_CHANNEL)
        assert await bench.settle(ctx, 1) == (IDLE, OK)
        bench.plan = lambda begun: Plan()
        await bench.submit(ctx, 1, 0x55 << 16)
        assert await bench.settle(ctx, 1) == (IDLE, OK)
        assert bench.tags(1) == [0, 0x55]
    bench.run(story)


@pytest.mark.parametrize("seed", range(30, 38))
def test_a_reset_at_any_time_ends_and_the_channel_starts_afresh(seed):
    bench = ChannelsBench(seed % 2, seed=seed)
    rng = bench.random

    def plan(begun):
        error = 6 if rng.random() < 0.05 else 0
        return Plan(cycles=rng.randrange(12), reading=rng.randrange(60), writes=rng.randrange(3),
                    read_error=error, error=rng.choice((0,) * 20 + (1,)),
                    vector=rng.choice((None, 1)))

    async def story(ctx):
        bench.plan = plan
        for n in range(256):
            bench.put_command(32 * n, (n + 0x1000) << 16 | RECORD)
        for channel in range(8):
            await bench.enable(ctx, channel, records=0x3000 + 0x80 * channel, entries_log2=3,
                               coalesce=rng.choice((0, 2 | 3 << 8)))
            await bench.make_ring(ctx, channel, base=0, entries_log2=6)
        for _ in range(25):
            victim = rng.randrange(8)
            for _ in range(rng.randrange(30)):
                channel = rng.randrange(8)
                kind = rng.randrange(4)
                if kind == 0:
                    await bench.submit(ctx, channel, RECORD | rng.choice((0, INTERRUPT)))
                elif kind == 1:
                    tail = await bench.read(ctx, channel, RING_TAIL)
                    await bench.write(ctx, channel, RING_TAIL, tail + rng.randrange(70))
                elif kind == 2:
                    await bench.write(ctx, channel, rng.randrange(8) * 4, rng.randrange(1 << 32))
                else:
                    await bench.pass_cycles(ctx, rng.randrange(10))
            await bench.write(ctx, victim, CONTROL, ENABLE | RESET_CHANNEL)
            assert await bench.settle(ctx, victim) == (IDLE, OK)
            assert await bench.read(ctx, victim, SEQUENCE) == 0
            assert await bench.read(ctx, victim, RING_HEAD) == 0
        bench.plan = lambda begun: Plan(moved=5)
        for channel in range(8):
            await bench.write(ctx, channel, CONTROL, ENABLE | RESET_CHANNEL)
            assert await bench.settle(ctx, channel) == (IDLE, OK)
            await bench.make_ring(ctx, channel, base=0, entries_log2=6)
            await bench.submit(ctx, channel, 0xAA << 16 | RECORD)
            await bench.write(ctx, channel, RING_TAIL, 3)
            while await bench.read(ctx, channel, SEQUENCE) != 4:
                assert (await bench.status(ctx, channel))[0] != FAILED
            assert await bench.settle(ctx, channel) == (IDLE, OK)
            assert sorted(bench.tags(channel)[-4:]) == [0xAA, 0x1000, 0x1001, 0x1002]
        await bench.pass_cycles(ctx, 1000)
        assert ctx.get(bench.channels.idle) == 1
    bench.run(story, deadline=200_000)


def test_a_reset_of_the_block_clears_every_register_and_ends_every_command():
    bench = ChannelsBench(seed=40)

    async def story(ctx):
        bench.plan = lambda begun: Plan(cycles=5, reading=300, writes=1)
        for channel in range(8):
            await bench.enable(ctx, channel, coalesce=0x1234)
            await bench.make_ring(ctx, channel, base=0x100, entries_log2=3)
            for n in range(4):
                await bench.submit(ctx, channel, n << 16 | RECORD | INTERRUPT)
            await bench.write(ctx, channel, RING_TAIL, 2)
        ctx.set(bench.channels.reset, 1)
        await bench.pass_cycles(ctx, 3)
        ctx.set(bench.channels.reset, 0)
        for channel in range(8):
            await bench.write(ctx, channel, CONTROL, ENABLE)     # too early: dropped
        while not ctx.get(bench.channels.idle):
            await ctx.tick()

        records, begun = len(bench.log.records), len(bench.log.begun)
        await bench.pass_cycles(ctx, 500)
        assert (len(bench.log.records), len(bench.log.begun)) == (records, begun)
        for channel in range(8):
            for offset in range(0, 0x80, 4):
                assert await bench.read(ctx, channel, offset) == 0
        bench.plan = lambda begun: Plan()
        for channel in range(8):
            await bench.enable(ctx, channel)
            await bench.submit(ctx, channel, 0x99 << 16)
            assert await bench.settle(ctx, channel) == (IDLE, OK)
            assert bench.tags(channel)[-1] == 0x99
    bench.run(story)


def test_what_has_left_long_ago_is_not_forgotten_when_numbers_come_round():
    bench = ChannelsBench(seed=41)

    async def story(ctx):
        await bench.enable(ctx, 0)
        await bench.enable(ctx, 1)
        # Commands of channel 0 wait for the reader while more than 64 segments of channel 1 leave.
        bench.plan = lambda begun: (Plan(reading=900) if begun.channel == 0
                                    else Plan(cycles=1, writes=4))
        for n in range(3):
            await bench.submit(ctx, 0, n << 16)
        for n in range(10):
            await bench.submit(ctx, 1, n << 16)
            await bench.settle(ctx, 1)
            assert await bench.read(ctx, 0, SEQUENCE) == 0
        assert await bench.settle(ctx, 0) == (IDLE, OK)
        assert await bench.read(ctx, 0, SEQUENCE) == 3
    bench.run(story)


@pytest.mark.parametrize("channel", [1, 6])
def test_commands_written_behind_a_reset_are_executed_after_it(channel):
    bench = ChannelsBench(seed=42)

    async def story(ctx):
        await bench.enable(ctx, channel)
        await bench.make_ring(ctx, channel, base=0, entries_log2=2)
        for n in range(4):
            bench.put_command(32 * n, n << 16)
        bench.plan = lambda begun: Plan(reading=400)
        for n in range(5):
            await bench.submit(ctx, channel, 0x100 + n << 16)
        await bench.write(ctx, channel, RING_TAIL, 1)
        while not bench.log.begun:
            await ctx.tick()
        await bench.write(ctx, channel, CONTROL, ENABLE | RESET_CHANNEL)
        await bench.write(ctx, channel, ARM, 0x77)
        await bench.write(ctx, channel, RING_TAIL, 2)
        before = len(bench.log.begun)
        bench.plan = lambda begun: Plan()
        assert (await bench.status(ctx, channel))[0] == BUSY
        assert await bench.settle(ctx, channel) == (IDLE, OK)

        assert sorted(begun.words[0] for begun in bench.log.begun[before:]) == [0, 5, 1 << 16]
        assert await bench.read(ctx, channel, SEQUENCE) == 3
    bench.run(story)
