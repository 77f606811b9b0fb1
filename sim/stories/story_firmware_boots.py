# SPDX-License-Identifier: BSD-2-Clause
"""The host loads firmware through BAR2 and lets the CPU run."""

from cocotb.triggers import Timer
from vop.regs.link import BootState

from sim.harness.bench import story
from sim.models.puppet import MAILBOX, Puppet


@story()
async def no_firmware_speaks_while_the_cpu_is_held(bench):
    await Timer(5_000, "ns")

    assert await bench.card.get("link.boot_state") == BootState.RESET


@story()
async def firmware_is_loaded_and_started(bench):
    await bench.host.enable_msi(5)

    puppet = await Puppet.started(bench.card)
    await puppet.set("doorbell.c2h_ring", 2)

    await bench.host.vector(2)


@story()
async def firmware_is_stopped_and_started_again(bench):
    await Puppet.started(bench.card)
    await bench.card.set("link.cpu", 0)
    assert await bench.card.get("link.boot_state") == BootState.RESET

    puppet = await Puppet.started(bench.card)

    await puppet.set("link.alive", 77)
    assert await bench.card.get("link.alive") == 77


@story()
async def the_cpu_sees_the_card_as_the_host_does(bench):
    puppet = await Puppet.started(bench.card)

    assert await puppet.get("identity.magic") == await bench.card.get("identity.magic")
    await puppet.obey((0x9000, 0x1234_5678), (0x9001, MAILBOX + 4))
    assert await bench.card.dump(0x9000, 4) == bytes.fromhex("78563412")
    assert await bench.card.dump(MAILBOX + 4, 4) == bytes.fromhex("78563412")


@story()
async def the_cpu_cannot_write_what_is_the_hosts(bench):
    puppet = await Puppet.started(bench.card)

    await puppet.set("guard.base_lo", 0x1000)
    await puppet.set("msi.mask", 0xFFFF_FFFF)

    assert await bench.card.get("guard.base_lo") == 0
    assert await bench.card.get("msi.mask") == 0
    assert await bench.card.get("stats.register_refused") == 2


@story()
async def a_mark_in_time_is_the_cards_to_write(bench):
    puppet = await Puppet.started(bench.card)

    await puppet.set("stats.marker", 5)

    assert await bench.card.get("stats.marker") == 5
    assert bench.dut.marker.value == 5
