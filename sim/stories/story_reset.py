# SPDX-License-Identifier: BSD-2-Clause
"""The host resets the function at any moment; afterwards it is as new."""

import cocotb
from cocotb.triggers import Timer
from vop.regs.copier import ChannelState, CommandError, Opcode
from vop.regs.link import BootState

from sim.harness.bench import story
from sim.models.puppet import Puppet


@cocotb.parametrize(to_host=[True, False], after_ns=[200, 1_000, 3_000])
@story()
async def a_reset_in_mid_transfer_leaves_a_card_that_works(bench, to_host, after_ns):
    bench.host.completer.latency_ns = 1_000
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(32768)
    await channel.submit(
        Opcode.COPY, host=buffer.address, card=0x8000, length=32768, to_host=to_host
    )
    await Timer(after_ns, "ns")

    await bench.reset_function()

    assert await channel.status() == (ChannelState.IDLE, CommandError.OK)
    await channel.open()
    record = await channel.copy(buffer, 0x8000, 32768, to_host=False)
    assert record.error is CommandError.OK
    assert await bench.card.dump(0x8000, 32768) == buffer.content


@cocotb.parametrize(to_host=[True, False], after_ns=[400, 2_000])
@story()
async def a_hot_reset_in_mid_transfer_leaves_a_card_that_works(bench, to_host, after_ns):
    bench.host.completer.latency_ns = 1_000
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(32768)
    await bench.card.load(0x4000, b"kept")
    await channel.submit(
        Opcode.COPY, host=buffer.address, card=0x8000, length=32768, to_host=to_host
    )
    await Timer(after_ns, "ns")

    await bench.hot_reset()

    await bench.card.becomes("copier.status", ChannelState.IDLE)
    assert await bench.card.dump(0x4000, 4) == b"kept"
    await channel.open()
    record = await channel.copy(buffer, 0x8000, 4000, to_host=False)
    assert record.error is CommandError.OK
    assert await bench.card.dump(0x8000, 4000) == buffer.content[:4000]


@story()
async def a_hot_reset_stops_the_cpu_and_vectors_work_again_after_it(bench):
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)
    await puppet.set("doorbell.c2h_ring", 3)

    await bench.hot_reset()

    assert await bench.card.get("link.boot_state") == BootState.RESET
    bench.host.vectors.clear()
    puppet = await Puppet.started(bench.card)
    await puppet.set("doorbell.c2h_ring", 4)
    await bench.host.vector(4)


@cocotb.parametrize(hot=[False, True])
@story()
async def a_reset_stops_the_cpu_and_closes_the_guard(bench, hot):
    await Puppet.started(bench.card)
    buffer = bench.host.memory.allocate(4096)
    await bench.card.open_window(3, buffer)

    await (bench.hot_reset() if hot else bench.reset_function())

    assert await bench.card.get("link.cpu") == 0
    assert await bench.card.get("link.boot_state") == BootState.RESET
    assert await bench.card.get("guard.pages", 3) == 0
    assert await bench.card.get("guard.base_lo", 3) == 0


@cocotb.parametrize(hot=[False, True])
@story()
async def a_reset_leaves_nothing_in_the_registers_of_a_channel(bench, hot):
    names = [f"copier.{name}" for name in ("record_lo", "record_config", "ring_tail", "coalesce")]
    depth = await bench.card.field("identity.copier", "queue_depth")
    for name in names:
        await bench.card.set(name, 5, 1)
    for _ in range(depth - 1):  # they wait, as the channel is not enabled
        await bench.card.set("copier.command_7", 0, 1)

    await (bench.hot_reset() if hot else bench.reset_function())

    assert [await bench.card.get(name, 1) for name in names] == [0] * len(names)
    for _ in range(depth):
        await bench.card.set("copier.command_7", 0, 1)
    assert await bench.card.field("copier.status", "held", 1) == depth
    assert await bench.card.field("copier.status", "error", 1) == CommandError.OK


@story()
async def what_the_host_writes_right_behind_a_hot_reset_is_not_lost(bench):
    await bench.hot_reset()

    await bench.card.set("guard.base_lo", 0x5000, 2)
    await bench.card.set("copier.coalesce", 3, 2)

    assert await bench.card.get("guard.base_lo", 2) == 0x5000
    assert await bench.card.get("copier.coalesce", 2) == 3


@story()
async def firmware_starts_again_after_a_reset(bench):
    await bench.host.enable_msi(5)
    await Puppet.started(bench.card)
    await bench.reset_function()

    puppet = await Puppet.started(bench.card)
    await puppet.set("doorbell.c2h_ring", 3)

    await bench.host.vector(3)


@story()
async def a_channel_reset_ends_the_command_under_way(bench):
    bench.host.completer.latency_ns = 3_000
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(16384)
    await channel.submit(Opcode.COPY, host=buffer.address, card=0x8000, length=16384)
    await Timer(1_000, "ns")

    await channel.open()
    bench.host.completer.latency_ns = 0

    assert (await channel.copy(buffer, 0x8000, 16384, to_host=False)).error is CommandError.OK
    assert await bench.card.dump(0x8000, 16384) == buffer.content
