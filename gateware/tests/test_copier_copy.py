# SPDX-License-Identifier: BSD-2-Clause
"""Channels, the command `copy`, the guard and completion records, through the whole copier."""

import struct

import pytest
from copier_bench import (
    BUSY,
    CARD_CHANNEL,
    CONTROL,
    COPIER_BASE,
    COPY,
    ENABLE,
    FAILED,
    GUARD_BASE,
    HOST_CHANNEL,
    IDLE,
    INTERRUPT,
    RAM_BYTES,
    RECORD,
    RESET_CHANNEL,
    SEQUENCE,
    TO_HOST,
    Bench,
)
from copier_models import pattern

(OK, BAD_OPCODE, BAD_LENGTH, BAD_CARD_ADDRESS, GUARD, TIMEOUT, BUS_MASTER_OFF, QUEUE_OVERFLOW,
 BAD_LIST) = (0, 1, 2, 3, 4, 5, 9, 15, 19)

HOST = 0x12_3456_7000

paces = pytest.mark.parametrize("stutters", [False, True])


async def cycles(ctx, count):
    for _ in range(count):
        await ctx.tick()


@pytest.mark.parametrize("width", [64, 128, 256])
@paces
def test_copies_move_bytes_both_ways(stutters, width):
    bench = Bench(stutters, seed=20, width=width)

    async def story(ctx):
        await bench.enable(ctx, HOST_CHANNEL)
        bench.host.memory.fill(HOST + 3, pattern(1000))

        assert await bench.do(ctx, HOST_CHANNEL, COPY, length=1000, host=HOST + 3,
                              card=0x107) == (IDLE, OK)
        assert await bench.do(ctx, HOST_CHANNEL, COPY, flags=TO_HOST, length=1000,
                              host=HOST + 0x3001, card=0x107) == (IDLE, OK)

        assert bench.get(0x107, 1000) == pattern(1000)
        assert bench.ram.untouched_outside(0x107, 1000)
        assert bench.host.memory.read(HOST + 0x3001, 1000) == pattern(1000)
        assert not bench.host.memory.touched_outside(HOST + 0x3001, 1000)
        assert await bench.read_channel(ctx, HOST_CHANNEL, SEQUENCE) == 2
    bench.run(story)


@paces
def test_records_tell_tag_bytes_sequence_and_phase_before_the_vector_is_raised(stutters):
    bench = Bench(stutters, seed=21)
    ring = 0x9_8000_0100

    async def story(ctx):
        await bench.enable(ctx, 1, records=ring, entries_log2=1, vector=9)
        seen = []
        for n in range(5):
            assert await bench.do(ctx, 1, COPY, flags=TO_HOST | RECORD | INTERRUPT, tag=0xA0 + n,
                                  length=10 + n, host=HOST, card=0) == (IDLE, OK)
            slot = bench.host.memory.read(ring + 16 * (n % 2), 16)
            seen.append(struct.unpack("<4I", slot))

        assert seen == [(0xA0 + n | (1 - n // 2 % 2) << 31, 10 + n, n + 1, 0) for n in range(5)]
        # Two writes for each command: payload, record. The vector is behind both.
        assert bench.vectors == [(9, 2 * n + 2) for n in range(5)]
        assert all(tlp.length_dw == 4 for tlp in bench.host.writes[1::2])
    bench.run(story)


def test_a_card_channel_finds_its_record_in_card_ram_and_an_interrupt():
    bench = Bench(seed=22)

    async def story(ctx):
        await bench.open_window(ctx, 0, HOST, 1)
        await bench.enable(ctx, CARD_CHANNEL, records=0x2000)

        await bench.do(ctx, CARD_CHANNEL, COPY, flags=RECORD | INTERRUPT, tag=7, length=4096,
                       host=HOST, card=0)

        assert struct.unpack("<4I", bench.get(0x2000, 16)) == (7 | 1 << 31, 4096, 1, 0)
        assert bench.interrupts == 1
        assert bench.vectors == []
        assert bench.host.writes == []
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
    (0xFFFF_FFFF_FFFF_F000, 0x1001, False),   # wraps round the end
])
def test_the_guard_decides_about_every_byte_that_the_cpu_names(address, length, allowed):
    bench = Bench(seed=23)

    async def story(ctx):
        await bench.open_window(ctx, 15, HOST, 3)
        await bench.open_window(ctx, 3, 0xFFFF_FFFF_FFFF_F000, 1)
        await bench.enable(ctx, CARD_CHANNEL)

        outcome = await bench.do(ctx, CARD_CHANNEL, COPY, flags=TO_HOST, length=length,
                                 host=address, card=0)

        assert outcome == ((IDLE, OK) if allowed else (FAILED, GUARD))
        # What lies in a window may have been written before the rest was looked at.
        touched = [byte for tlp in bench.host.writes for byte in tlp.enabled]
        assert len(touched) == length if allowed else len(touched) < length
        assert all(HOST <= byte < HOST + 0x3000 or byte >= 0xFFFF_FFFF_FFFF_F000
                   for byte in touched)
        assert bench.counted["guard_refused"] == (not allowed)
        assert bench.counted["command_failed"] == (not allowed)
    bench.run(story)


def test_each_side_writes_only_what_is_its_own():
    bench = Bench(seed=24)

    async def story(ctx):
        await bench.open_window(ctx, 0, HOST, 1)
        await bench.write(ctx, GUARD_BASE + 8, 100, card=True)
        await bench.write_channel(ctx, HOST_CHANNEL, CONTROL, ENABLE, card=True)
        await bench.write_channel(ctx, CARD_CHANNEL, CONTROL, ENABLE, card=False)

        assert await bench.read(ctx, GUARD_BASE + 8) == 1
        assert await bench.read(ctx, GUARD_BASE + 0) == HOST & 0xFFFF_FFFF
        assert await bench.read(ctx, GUARD_BASE + 4) == HOST >> 32
        assert await bench.read_channel(ctx, HOST_CHANNEL, CONTROL) == 0
        assert await bench.read_channel(ctx, CARD_CHANNEL, CONTROL) == 0
        assert bench.counted["register_refused"] == 3
        assert await bench.read(ctx, COPIER_BASE + 0x38) == 0
    bench.run(story)


@pytest.mark.parametrize(("command", "error"), [
    (dict(opcode=0), BAD_OPCODE),
    (dict(opcode=4, card=0x40), BAD_LENGTH),
    (dict(opcode=6, card=0x40), BAD_OPCODE),
    (dict(opcode=15, length=1), BAD_OPCODE),
    (dict(opcode=COPY, flags=0x80, length=1), BAD_LIST),
    (dict(opcode=COPY, flags=0x400, length=1), BAD_OPCODE),
    (dict(opcode=COPY, length=1, reserved=1), BAD_OPCODE),
    (dict(opcode=COPY, length=1, used_len=1), BAD_OPCODE),
    (dict(opcode=2, card=0x40, host=1), BAD_OPCODE),
    (dict(opcode=COPY, length=0), BAD_LENGTH),
    (dict(opcode=COPY, length=(1 << 20) + 1), BAD_LENGTH),
    (dict(opcode=COPY, length=1, card=RAM_BYTES), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, length=2, card=RAM_BYTES - 1), BAD_CARD_ADDRESS),
    (dict(opcode=COPY, length=2, card=0xFFFF_FFFF), BAD_CARD_ADDRESS),
    (dict(opcode=2, card=0x20), BAD_CARD_ADDRESS),
    (dict(opcode=3, card=RAM_BYTES), BAD_CARD_ADDRESS),
])
def test_a_malformed_command_stops_its_channel_and_only_that(command, error):
    bench = Bench(seed=25)
    ring = 0x9000_0000

    async def story(ctx):
        await bench.enable(ctx, 0, records=ring)
        await bench.enable(ctx, 1)
        command["flags"] = command.get("flags", 0) | RECORD
        assert await bench.do(ctx, 0, **command, tag=5) == (FAILED, error)
        sent = len(bench.host.writes)
        record = struct.unpack("<4I", bench.host.memory.read(ring, 16))
        assert record == (5 | error << 16 | 1 << 31, 0, 1, 0)

        await bench.submit(ctx, 0, COPY, flags=TO_HOST, length=4, host=HOST, card=0)
        assert await bench.do(ctx, 1, COPY, flags=TO_HOST, length=4, host=HOST + 64,
                              card=0) == (IDLE, OK)

        assert [tlp.address for tlp in bench.host.writes[sent:]] == [HOST + 64]
        await bench.write_channel(ctx, 0, CONTROL, ENABLE | RESET_CHANNEL)
        assert await bench.finish(ctx, 0) == (IDLE, OK)
        assert await bench.status(ctx, 0) == (IDLE, 0, OK)
        assert await bench.do(ctx, 0, COPY, length=4, host=HOST, card=0) == (IDLE, OK)
        assert bench.counted["command_failed"] == 1
    bench.run(story)


def test_a_channel_holds_eight_commands_and_runs_them_in_order():
    bench = Bench(seed=26)

    async def story(ctx):
        for n in range(8):
            await bench.submit(ctx, 2, COPY, flags=TO_HOST, length=1, host=HOST + n, card=n)
        assert await bench.status(ctx, 2) == (BUSY, 8, OK)
        assert bench.host.writes == []

        await bench.write_channel(ctx, 2, CONTROL, ENABLE)
        assert await bench.finish(ctx, 2) == (IDLE, OK)

        assert [tlp.enabled for tlp in bench.host.writes] == [[HOST + n] for n in range(8)]
    bench.run(story)


def test_a_ninth_command_overflows_the_channel():
    bench = Bench(seed=27)

    async def story(ctx):
        for n in range(9):
            await bench.submit(ctx, 2, COPY, flags=TO_HOST, length=1, host=HOST + n, card=n)

        assert await bench.status(ctx, 2) == (FAILED, 0, QUEUE_OVERFLOW)
        await bench.write_channel(ctx, 2, CONTROL, ENABLE)
        await cycles(ctx, 100)
        assert bench.host.writes == []
    bench.run(story)


def test_a_long_copy_of_one_channel_keeps_no_other_from_its_end():
    bench = Bench(seed=28)

    async def story(ctx):
        for channel in (0, 1, 3):
            for n in range(2):
                await bench.submit(ctx, channel, COPY, flags=TO_HOST, length=1,
                                   host=HOST + 16 * channel + n, card=0)
        await bench.submit(ctx, 2, COPY, flags=TO_HOST, length=RAM_BYTES, host=HOST + 0x1000,
                           card=0)
        for channel in (2, 3, 1, 0):
            await bench.write_channel(ctx, channel, CONTROL, ENABLE)
        for channel in range(4):
            await bench.finish(ctx, channel)

        # Whatever the others do, each channel's copies leave, and in its order.
        short = [tlp.enabled[0] - HOST for tlp in bench.host.writes if tlp.length_dw == 1]
        assert sorted(short) == [0, 1, 16, 17, 48, 49]
        assert [byte % 16 for byte in sorted(short, key=lambda byte: byte // 16)] == 3 * [0, 1]
    bench.run(story)


@pytest.mark.parametrize("began", [100, 420, 500])
def test_a_short_copy_waits_for_a_few_segments_of_three_long_ones(began):
    bench = Bench(seed=28)

    async def story(ctx):
        for channel in range(4):
            await bench.enable(ctx, channel)
        for channel in (2, 3, 1):
            await bench.submit(ctx, channel, COPY, flags=TO_HOST, length=RAM_BYTES,
                               host=HOST + 0x10000 * channel, card=0)
        await cycles(ctx, began)
        before = len(bench.host.writes)
        await bench.submit(ctx, 0, COPY, flags=TO_HOST, length=1, host=HOST, card=0)
        for channel in range(4):
            await bench.finish(ctx, channel)

        # What the writer holds already, and a turn of each.
        waited = [tlp.enabled[0] for tlp in bench.host.writes].index(HOST) - before
        assert waited * 128 <= (4 + 3 + 3) * 1024
    bench.run(story)


def test_a_read_that_is_never_answered_fails_its_channel_and_no_other():
    bench = Bench(seed=29)

    async def story(ctx):
        bench.host.fault = lambda tlp: "silent" if tlp.address < HOST + 0x1000 else None
        await bench.enable(ctx, 0, records=0x9000_0000)
        await bench.enable(ctx, 1)
        await bench.submit(ctx, 0, COPY, length=4096, host=HOST, card=0)
        await bench.submit(ctx, 0, COPY, flags=TO_HOST, length=4, host=HOST, card=0)
        await bench.submit(ctx, 1, COPY, length=4096, host=HOST + 0x1000, card=0x1000)

        assert await bench.finish(ctx, 0) == (FAILED, TIMEOUT)
        assert await bench.finish(ctx, 1) == (IDLE, OK)

        assert bench.get(0x1000, 4096) == bench.host.memory.read(HOST + 0x1000, 4096)
        assert bench.counted["completion_timeout"] > 0
        assert [write.address for write in bench.host.writes] == [0x9000_0000], "the record alone"
    bench.run(story)


@pytest.mark.parametrize("to_host", [0, TO_HOST])
def test_without_bus_mastering_a_copy_fails_and_nothing_leaves(to_host):
    bench = Bench(seed=30)

    async def story(ctx):
        ctx.set(bench.copier.config.bus_master, 0)
        await bench.enable(ctx, 0)

        assert await bench.do(ctx, 0, COPY, flags=to_host, length=100, host=HOST,
                              card=0) == (FAILED, BUS_MASTER_OFF)

        assert bench.host.writes == bench.host.reads == []
        assert bench.ram.untouched_outside(0, 0)
    bench.run(story)


@paces
@pytest.mark.parametrize("to_host", [0, TO_HOST])
def test_a_reset_in_mid_transfer_ends_it_and_the_channel_starts_afresh(stutters, to_host):
    bench = Bench(stutters, seed=31, latency=80)

    async def story(ctx):
        await bench.enable(ctx, 0, records=0x9000_0000)
        await bench.submit(ctx, 0, COPY, flags=to_host | RECORD | INTERRUPT, length=8192, host=HOST,
                           card=0)
        await bench.submit(ctx, 0, COPY, flags=TO_HOST, length=4, host=HOST + 0x8000, card=0)
        await cycles(ctx, 150)
        await bench.write_channel(ctx, 0, CONTROL, ENABLE | RESET_CHANNEL)
        assert await bench.finish(ctx, 0) == (IDLE, OK)

        ram, sent = bytes(bench.ram.bytes), len(bench.host.writes)
        await cycles(ctx, 500)
        assert bench.ram.bytes == ram
        assert len(bench.host.writes) == sent < 64
        assert bench.vectors == []
        assert bench.counted["unexpected_completion"] == 0
        assert await bench.read_channel(ctx, 0, SEQUENCE) == 0
        assert await bench.do(ctx, 0, COPY, length=100, host=HOST, card=0x3001) == (IDLE, OK)
        assert bench.get(0x3001, 100) == bench.host.memory.read(HOST, 100)
        assert await bench.read_channel(ctx, 0, SEQUENCE) == 1
    bench.run(story)


@pytest.mark.parametrize("to_host", [0, TO_HOST])
def test_a_function_level_reset_forgets_everything_and_lets_stale_completions_run_out(to_host):
    bench = Bench(seed=32, latency=80)

    async def story(ctx):
        await bench.open_window(ctx, 0, HOST, 16)
        await bench.enable(ctx, 0)
        await bench.enable(ctx, CARD_CHANNEL)
        await bench.submit(ctx, 0, COPY, flags=to_host, length=8192, host=HOST, card=0)
        await bench.submit(ctx, CARD_CHANNEL, COPY, flags=to_host, length=8192, host=HOST, card=0)
        await cycles(ctx, 100)
        ctx.set(bench.copier.reset, 1)
        await cycles(ctx, 50)
        ctx.set(bench.copier.reset, 0)
        await cycles(ctx, 700)

        assert ctx.get(bench.copier.idle) == 1
        ram, sent = bytes(bench.ram.bytes), len(bench.host.writes)
        await cycles(ctx, 500)
        assert bench.ram.bytes == ram
        assert len(bench.host.writes) == sent
        assert bench.counted["unexpected_completion"] == 0
        assert await bench.status(ctx, CARD_CHANNEL) == (IDLE, 0, OK)
        assert await bench.read_channel(ctx, 0, CONTROL) == 0
        assert await bench.read(ctx, GUARD_BASE + 8) == 0
        await bench.enable(ctx, CARD_CHANNEL)
        assert await bench.do(ctx, CARD_CHANNEL, COPY, length=1, host=HOST,
                              card=0) == (FAILED, GUARD)
    bench.run(story)
