# SPDX-License-Identifier: BSD-2-Clause
"""The card raises vectors: as many as were granted, never masked ones, always behind their data."""

from cocotb.triggers import Timer
from vop.regs.copier import Opcode

from sim.harness.bench import story
from sim.models.puppet import Puppet


@story()
async def each_vector_reaches_the_host(bench):
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)

    for vector in (0, 1, 17, 31):
        await puppet.set("doorbell.c2h_ring", vector)
        await bench.host.vector(vector)

    assert not any(bench.host.vectors.values())


@story()
async def with_one_vector_granted_everything_is_vector_zero(bench):
    await bench.host.enable_msi(0)
    puppet = await Puppet.started(bench.card)

    for vector in (0, 5, 31):
        await puppet.set("doorbell.c2h_ring", vector)
        await bench.host.vector(0)


@story()
async def a_vector_beyond_those_granted_is_folded(bench):
    await bench.host.enable_msi(2)
    puppet = await Puppet.started(bench.card)

    await puppet.set("doorbell.c2h_ring", 7)

    await bench.host.vector(3)


@story()
async def a_masked_vector_waits_for_its_unmasking(bench):
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)
    await bench.card.set("msi.mask", 1 << 9)

    await puppet.set("doorbell.c2h_ring", 9)
    await Timer(5_000, "ns")
    assert not bench.host.vectors[9]
    assert await bench.card.get("msi.pending") == 1 << 9
    await bench.card.set("msi.mask", 0)

    await bench.host.vector(9)


@story()
async def no_vector_is_raised_while_bus_mastering_is_off(bench):
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)
    await bench.host.set_bus_master(False)

    await puppet.set("doorbell.c2h_ring", 4)
    await Timer(5_000, "ns")
    assert not bench.host.vectors[4]
    await bench.host.set_bus_master(True)

    await bench.host.vector(4)


@story()
async def a_vector_arrives_behind_the_bytes_it_announces(bench):
    await bench.host.enable_msi(5)
    channel = await bench.card.channel(vector=6)
    for length in (16, 500, 4096):
        buffer = bench.host.memory.allocate(length)
        data = bench.rng.randbytes(length)
        await bench.card.load(0x8000, data)

        await channel.submit(
            Opcode.COPY,
            host=buffer.address,
            card=0x8000,
            length=length,
            to_host=True,
            interrupt=True,
        )
        await bench.host.vector(6)

        assert buffer.content == data
        assert (await channel.record(timeout_ns=1)).bytes == length


@story()
async def a_vector_waits_for_the_bytes_it_announces_on_a_stalled_link(bench):
    await bench.host.enable_msi(5)
    channel = await bench.card.channel(vector=6)
    buffer = bench.host.memory.allocate(8192)
    data = bench.rng.randbytes(8192)
    await bench.card.load(0x8000, data)
    bench.block.send_delay_ns = 300

    await channel.submit(
        Opcode.COPY, host=buffer.address, card=0x8000, length=8192, to_host=True, interrupt=True
    )
    await bench.host.vector(6)

    assert buffer.content == data
    assert (await channel.record(timeout_ns=1)).bytes == 8192
