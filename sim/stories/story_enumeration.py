# SPDX-License-Identifier: BSD-2-Clause
"""The host finds the card, maps it, and learns who it is."""

from vop.regs.identity import IDENTITY, VERSION

from sim.harness.bench import story


@story()
async def the_host_finds_the_card_and_maps_its_bars(bench):
    card = bench.host.card

    assert card.vendor_id == VERSION["pci_vendor_id"]
    assert card.device_id == VERSION["pci_device_id"]
    assert card.bar_size[0] == 0x1_0000
    assert card.bar_size[2] == bench.function.ram_bytes


@story()
async def the_card_says_who_it_is(bench):
    card = bench.card

    assert await card.get("identity.magic") == VERSION["magic"]
    assert await card.field("identity.layout", "major") == VERSION["layout_major"]
    assert await card.get("identity.ram") == bench.function.ram_bytes
    assert await card.field("identity.copier", "channels") == 8
    assert await card.get("identity.clock") == 125_000_000


@story()
async def the_card_announces_all_that_its_copier_can_do(bench):
    declared = [field.name for field in IDENTITY.register("features").fields]

    lacking = [name for name in declared if not await bench.card.field("identity.features", name)]

    assert lacking == []


@story()
async def the_card_counts_what_it_receives(bench):
    before = await bench.card.get("stats.rx_mem_write")

    for _ in range(3):
        await bench.card.set("doorbell.h2c_set", 0)

    assert await bench.card.get("stats.rx_mem_write") == before + 3


@story()
async def the_card_shows_what_msi_was_granted(bench):
    assert await bench.card.get("msi.granted") == 0

    await bench.host.enable_msi(3)

    assert await bench.card.get("msi.granted") == 1 | 3 << 4
