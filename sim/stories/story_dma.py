# SPDX-License-Identifier: BSD-2-Clause
"""The copier moves bytes between host and card, on a channel that the host owns. No CPU runs."""

import cocotb
from vop.regs.copier import COPIER_LIMITS, CommandError, Opcode

from sim.harness.bench import story

LENGTHS = (1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 128, 129, 511, 512, 513, 4095, 4096, 4097)


async def moves(bench, channel, *, length, host_at, card_at, to_host, high=False):
    """Copy once; both ends and what lies around them are as they should be."""
    buffer = bench.host.memory.allocate(length, offset=host_at, high=high)
    around = bench.rng.randbytes(length + 64)
    await bench.card.load(card_at - 32, around)
    expected = around[32 : 32 + length] if to_host else buffer.content

    record = await channel.copy(buffer, card_at, length, to_host=to_host)

    assert (record.error, record.bytes) == (CommandError.OK, length)
    assert buffer.content == expected
    after = await bench.card.dump(card_at - 32, length + 64)
    assert after == around[:32] + expected + around[32 + length :]


@cocotb.parametrize(to_host=[True, False])
@story()
async def every_alignment_arrives(bench, to_host):
    channel = await bench.card.channel()

    for host_at in range(16):
        for card_at in range(0x8000, 0x8010):
            await moves(
                bench,
                channel,
                length=bench.rng.randrange(1, 80),
                host_at=host_at,
                card_at=card_at,
                to_host=to_host,
            )


@cocotb.parametrize(to_host=[True, False])
@story()
async def every_length_arrives(bench, to_host):
    channel = await bench.card.channel()

    for length in LENGTHS:
        await moves(
            bench,
            channel,
            length=length,
            host_at=bench.rng.randrange(64),
            card_at=0x8000 + bench.rng.randrange(64),
            to_host=to_host,
        )


@cocotb.parametrize(to_host=[True, False])
@story()
async def a_page_boundary_is_crossed(bench, to_host):
    channel = await bench.card.channel()

    for before in (1, 3, 4, 5, 16, 64, 100):
        await moves(
            bench, channel, length=200, host_at=4096 - before, card_at=0x8FF0, to_host=to_host
        )


@cocotb.parametrize(to_host=[True, False])
@story()
async def memory_above_four_gigabytes_is_reached(bench, to_host):
    channel = await bench.card.channel()

    for length in (1, 100, 5000):
        await moves(
            bench, channel, length=length, host_at=17, card_at=0x8005, to_host=to_host, high=True
        )


@cocotb.parametrize(to_host=[True, False])
@story(mps_log2=1, mrrs_log2=2)
async def a_long_copy_uses_full_payloads(bench, to_host):
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(32768)
    await bench.card.load(0x8000, bench.rng.randbytes(32768))
    sizes = bench.block.to_host.sizes

    record = await channel.copy(buffer, 0x8000, 32768, to_host=to_host)

    assert record.error is CommandError.OK
    if to_host:
        assert sizes["memory_write"][256] == 32768 // 256
    else:
        # What the block can hold of their completions bounds reads that follow each other closely.
        assert sum(size * count for size, count in sizes["memory_read"].items()) == 32768
        assert min(sizes["memory_read"]) >= 128
        assert max(sizes["memory_read"]) == 512
    assert await bench.card.dump(0x8000, 32768) == buffer.content


@cocotb.parametrize(to_host=[True, False])
@story(mps_log2=2, mrrs_log2=5, rcb_bytes=128)
async def large_limits_are_used_and_obeyed(bench, to_host):
    channel = await bench.card.channel()

    await moves(bench, channel, length=20_000, host_at=77, card_at=0x8003, to_host=to_host)


@story(mrrs_log2=0)
async def the_least_read_request_size_is_obeyed(bench):
    channel = await bench.card.channel()

    await moves(bench, channel, length=3000, host_at=1, card_at=0x8007, to_host=False)


@story()
async def commands_of_one_channel_take_effect_in_order(bench):
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(4096)
    image = buffer.content

    await channel.submit(Opcode.COPY, host=buffer.address, card=0x8000, length=4096)
    await channel.submit(
        Opcode.COPY, host=buffer.address + 100, card=0x8000, length=64, to_host=True
    )
    records = [await channel.record() for _ in range(2)]

    assert [record.sequence for record in records] == [1, 2]
    assert await bench.card.dump(0x8000, 4096) == image
    assert buffer.content[100:164] == image[:64]


@story()
async def channels_work_at_the_same_time(bench):
    channels = [await bench.card.channel(n) for n in range(COPIER_LIMITS["host_channels"])]
    buffers = [bench.host.memory.allocate(2000, offset=n) for n in range(len(channels))]
    images = [buffer.content for buffer in buffers]

    for n, (channel, buffer) in enumerate(zip(channels, buffers, strict=True)):
        await channel.submit(
            Opcode.COPY, host=buffer.address, card=0x8000 + 0x1000 * n, length=2000
        )
    records = [await channel.record() for channel in channels]

    assert {record.error for record in records} == {CommandError.OK}
    for n, image in enumerate(images):
        assert await bench.card.dump(0x8000 + 0x1000 * n, 2000) == image


@story()
async def a_full_channel_completes_every_command(bench):
    channel = await bench.card.channel()
    depth = COPIER_LIMITS["queue_depth"]
    buffer = bench.host.memory.allocate(depth * 64)

    for round_ in range(5):
        tags = [
            await channel.submit(
                Opcode.COPY, host=buffer.address + 64 * n, card=0x8000 + 64 * n, length=64
            )
            for n in range(depth)
        ]
        records = [await channel.record() for _ in tags]
        assert [record.tag for record in records] == tags
        assert records[-1].sequence == depth * (round_ + 1)


@story()
async def a_slow_host_is_kept_busy_with_reads_in_flight(bench):
    bench.host.completer.latency_ns = 1_000
    channel = await bench.card.channel()

    await moves(bench, channel, length=16384, host_at=0, card_at=0x8000, to_host=False)

    assert bench.block.buffer.peak_headers > 16


@story()
async def completions_may_break_anywhere_and_pass_each_other(bench):
    bench.host.completer.split = "random"
    bench.host.completer.reorder = True
    bench.host.completer.latency_ns = 300
    channel = await bench.card.channel()

    for length in (100, 1000, 9000):
        await moves(
            bench,
            channel,
            length=length,
            host_at=bench.rng.randrange(100),
            card_at=0x8000 + bench.rng.randrange(16),
            to_host=False,
        )
