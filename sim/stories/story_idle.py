# SPDX-License-Identifier: BSD-2-Clause
"""The card declares when nothing will happen by itself, and lets its time leap then."""

from cocotb.triggers import Timer
from vop.regs.copier import Opcode

from sim.harness.bench import story
from sim.models.puppet import Puppet

NEVER = 0xFFFF_FFFF


@story()
async def a_card_without_firmware_is_idle(bench):
    await bench.rest()

    assert bench.is_idle


@story()
async def a_card_is_idle_again_after_each_access(bench):
    for _ in range(5):
        await bench.card.get("identity.magic")
        await bench.rest()
        assert bench.is_idle


@story()
async def a_parked_cpu_lets_the_card_be_idle(bench):
    await Puppet.started(bench.card)
    await bench.rest()
    await parks(bench)
    assert bench.is_idle

    await bench.card.ring(7)
    await bench.rest()
    await parks(bench)

    assert bench.is_idle


async def parks(bench):
    """Give the CPU the time that it needs to do what it was woken for."""
    for _ in range(50):
        if bench.is_idle:
            return
        await Timer(200, "ns")


@story()
async def a_card_that_copies_is_not_idle(bench):
    bench.host.completer.latency_ns = 3_000
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(4096)
    await channel.submit(Opcode.COPY, host=buffer.address, card=0x8000, length=4096)

    await Timer(1_500, "ns")
    assert not bench.is_idle
    await channel.record()
    await bench.rest()

    assert bench.is_idle


@story()
async def time_leaps_to_the_next_alarm_and_wakes_the_cpu(bench):
    puppet = await Puppet.started(bench.card)
    alarm = 10_000_000_000
    await puppet.set("timer.mtimecmp_lo", alarm & 0xFFFF_FFFF)
    await puppet.set("timer.mtimecmp_hi", alarm >> 32)
    await bench.rest()
    assert bench.is_idle

    await bench.leap(alarm)
    await Timer(1_000, "ns")

    assert not bench.is_idle
    await puppet.set("timer.mtimecmp_hi", NEVER)
    await bench.rest()
    assert bench.is_idle
