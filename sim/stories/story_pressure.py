# SPDX-License-Identifier: BSD-2-Clause
"""Much at once: a slow link, full buffers, reads and writes and copies in every direction."""

import cocotb
from cocotb.triggers import Combine, Timer
from vop.regs.copier import CommandError, Opcode

from sim.harness.bench import story


@story()
async def a_slow_link_holds_the_card_back_and_loses_nothing(bench):
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(8192)
    image = bench.rng.randbytes(8192)
    await bench.card.load(0x8000, image)
    bench.block.send_delay_ns = 400

    record = await channel.copy(buffer, 0x8000, 8192, to_host=True)

    assert record.error is CommandError.OK
    assert buffer.content == image
    assert bench.block.held_back


@story()
async def reads_are_held_back_while_answers_cannot_leave(bench):
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(4096)
    image = bench.rng.randbytes(1536)
    await bench.card.load(0x4000, image)
    bench.block.send_delay_ns = 300
    bench.host.root.tag_count = 96  # more than the card queues

    await channel.submit(Opcode.COPY, host=buffer.address, card=0x8000, length=4096, to_host=True)
    reads = [cocotb.start_soon(bench.card.dump(0x4000 + 16 * n, 16)) for n in range(96)]
    await bench.card.load(0x5000, b"passed")
    answers = [await read for read in reads]

    assert b"".join(answers) == image
    assert (await channel.record()).error is CommandError.OK
    assert await bench.card.dump(0x5000, 6) == b"passed"
    assert bench.block.held_nonposted


@story()
async def configuration_requests_without_end_stop_nothing(bench):
    channel = await bench.card.channel()
    there, back = (bench.host.memory.allocate(8192) for _ in range(2))
    storm = cocotb.start_soon(configure_forever(bench))

    await channel.submit(Opcode.COPY, host=there.address, card=0x8000, length=8192)
    await channel.submit(Opcode.COPY, host=back.address, card=0x8000, length=8192, to_host=True)
    errors = {(await channel.record()).error for _ in range(2)}
    storm.cancel()

    assert errors == {CommandError.OK}
    assert back.content == there.content


async def configure_forever(bench):
    """Read configuration space, as fast as answers come."""
    identity = bench.host.card.vendor_id
    while True:
        assert await bench.host.card.config_read_word(0) == identity


@story(unless={"pcie_usplus": "its model drops nothing by itself"})
async def what_the_block_drops_is_lost_and_nothing_else(bench):
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(512)
    bench.block.drops = 1

    record = await channel.copy(buffer, 0x8000, 512, to_host=False)

    assert record.error is CommandError.TIMEOUT
    await channel.open()
    assert (await channel.copy(buffer, 0x8000, 512, to_host=False)).error is CommandError.OK
    assert await bench.card.dump(0x8000, 512) == buffer.content


@story()
async def everything_at_once_arrives(bench):
    bench.host.completer.latency_ns = 500
    jobs = [cocotb.start_soon(copies_there_and_back(bench, number)) for number in range(4)]
    jobs += [cocotb.start_soon(writes_and_reads(bench, 0x2_0000 + 0x1000 * n)) for n in range(4)]

    await Combine(*jobs)


async def copies_there_and_back(bench, number):
    """Copy from the host to the card and back into another buffer, again and again."""
    channel = await bench.card.channel(number)
    there, back = (bench.host.memory.allocate(2000, offset=number) for _ in range(2))
    for turn in range(6):
        there.fill(bench.rng.randbytes(2000))
        at = 0x8000 + 0x1000 * number + turn
        await channel.submit(Opcode.COPY, host=there.address, card=at, length=2000)
        await channel.submit(Opcode.COPY, host=back.address, card=at, length=2000, to_host=True)
        assert {(await channel.record()).error for _ in range(2)} == {CommandError.OK}
        assert back.content == there.content


async def writes_and_reads(bench, base):
    """Write card RAM and read it back, in pieces of every size."""
    for _ in range(12):
        offset, length = bench.rng.randrange(64), bench.rng.randrange(1, 500)
        data = bench.rng.randbytes(length)
        await bench.card.load(base + offset, data)
        assert await bench.card.dump(base + offset, length) == data


@story(
    unless={
        "pcie_7x-64": "64 bits know no straddling",
        "pcie_usplus": "straddling is configured off",
    }
)
async def packets_to_the_card_straddle(bench):
    for n in range(60):
        await bench.card.load(0x4000 + 8 * n, bytes([n]) * 8)

    assert await bench.card.dump(0x4000, 480) == b"".join(bytes([n]) * 8 for n in range(60))
    assert bench.block.straddles > 5


@story()
async def an_answer_pushes_the_writes_before_it(bench):
    channel = await bench.card.channel()
    for turn in range(5):
        buffer = bench.host.memory.allocate(1500)
        image = bench.rng.randbytes(1500)
        await bench.card.load(0x8000, image)
        await channel.submit(
            Opcode.COPY, host=buffer.address, card=0x8000, length=1500, to_host=True
        )

        while await bench.card.get("copier.sequence") <= turn:
            await Timer(50, "ns")

        assert buffer.content == image
        await channel.record(timeout_ns=1_000)
