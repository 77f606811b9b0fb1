# SPDX-License-Identifier: BSD-2-Clause
"""The card raises MSI-X vectors: each by its own message, never a masked one, none lost."""

from cocotb.triggers import Timer

from sim.harness.bench import story
from sim.models.puppet import Puppet

QUIET_NS = 5_000


@story()
async def each_vector_reaches_the_host_by_its_own_message(bench):
    puppet = await Puppet.started(bench.card)
    await bench.host.enable_msix()

    for vector in (0, 1, 17, 31):
        await bench.card.route_vector(vector)
        await puppet.set("doorbell.c2h_ring", vector)
        await bench.host.vector(vector)

    assert not any(bench.host.vectors.values())
    await Timer(QUIET_NS, "ns")
    assert await bench.card.get("stats.msix_sent") == 4
    assert await bench.card.get("stats.msi_sent") == 0


@story()
async def a_masked_entry_shows_as_pending_and_waits_for_its_unmasking(bench):
    puppet = await Puppet.started(bench.card)
    await bench.host.enable_msix()
    await bench.card.route_vector(9, masked=True)

    await puppet.set("doorbell.c2h_ring", 9)
    await Timer(QUIET_NS, "ns")
    assert not bench.host.vectors[9]
    assert await bench.card.get("msix.pending_lo") == 1 << 9
    await bench.card.set("msix.control", 0, 9)

    await bench.host.vector(9)
    assert await bench.card.get("msix.pending_lo") == 0


@story()
async def the_function_mask_holds_every_vector_back(bench):
    puppet = await Puppet.started(bench.card)
    await bench.host.enable_msix(masked=True)
    for vector in (2, 5):
        await bench.card.route_vector(vector)
        await puppet.set("doorbell.c2h_ring", vector)

    await Timer(QUIET_NS, "ns")
    assert not any(bench.host.vectors.values())
    assert await bench.card.get("msix.pending_lo") == 1 << 2 | 1 << 5
    await bench.host.enable_msix()

    for vector in (2, 5):
        await bench.host.vector(vector)


@story()
async def no_message_leaves_while_bus_mastering_is_off(bench):
    puppet = await Puppet.started(bench.card)
    await bench.host.enable_msix()
    await bench.card.route_vector(4)
    await bench.host.set_bus_master(False)

    await puppet.set("doorbell.c2h_ring", 4)
    await Timer(QUIET_NS, "ns")
    assert not bench.host.vectors[4]
    await bench.host.set_bus_master(True)

    await bench.host.vector(4)
