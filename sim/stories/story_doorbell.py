# SPDX-License-Identifier: BSD-2-Clause
"""Doorbells: the host rings, the card's CPU wakes, and rings back."""

from vop.regs.doorbell import DOORBELLS

from sim.harness.bench import story
from sim.models.puppet import Puppet


@story()
async def a_doorbell_wakes_the_cpu_which_rings_back(bench):
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)

    await puppet.set("doorbell.c2h_ring", 12)

    await bench.host.vector(12)


@story()
async def a_doorbell_stays_pending_until_the_card_clears_it(bench):
    for doorbell in range(0, DOORBELLS["h2c_count"], 5):
        await bench.card.ring(doorbell)

    assert await bench.card.get("doorbell.h2c_pending") == sum(1 << n for n in range(0, 32, 5))


@story()
async def the_host_cannot_ring_itself(bench):
    await bench.host.enable_msi(5)

    await bench.card.set("doorbell.c2h_ring", 3)

    assert await bench.card.get("stats.register_refused") == 1
    assert not bench.host.vectors


@story()
async def a_storm_of_doorbells_harms_nothing(bench):
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)

    for n in range(200):
        await bench.card.ring(n % 32)
    await puppet.set("doorbell.c2h_ring", 1)

    await bench.host.vector(1)
