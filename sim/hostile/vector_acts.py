# SPDX-License-Identifier: BSD-2-Clause
"""Acts of a host that moves masks, tables and switches of its interrupts while vectors wait."""

from vop.regs.copier import Opcode

from .stage import HOST_CHANNELS, Stage

__all__ = ["ACTS"]


async def _raise_one(stage: Stage) -> None:
    """Have a command end whose vector is wanted."""
    length = 64
    await stage.rng.choice(stage.channels).submit(
        Opcode.COPY,
        host=stage.private.address,
        card=stage.card_address(length),
        length=length,
        interrupt=True,
    )


async def vector_noise(stage: Stage) -> None:
    """Masks, moderation, MSI-X as a whole and each entry, in any order while vectors wait."""
    rng, card, host = stage.rng, stage.bench.card, stage.bench.host
    for _ in range(rng.randrange(4, 24)):
        await _raise_one(stage)
        vector = rng.randrange(HOST_CHANNELS)
        kind = rng.randrange(6)
        if kind == 0:
            await card.set("msi.mask", rng.getrandbits(32))
        elif kind == 1:
            interval, events = rng.randrange(20), rng.randrange(4)
            await card.set("msi.moderation", interval | events << 16, vector)
        elif kind == 2 and stage.has_msix:
            await stage.configure(host.enable_msix(masked=rng.random() < 0.5))
        elif kind == 3 and stage.has_msix:
            await stage.configure(host.disable_msix())
            await stage.pause(1_000)
            await stage.configure(host.enable_msix())
        else:
            await _lead_astray(stage, vector)
        await stage.pause(1_000)


async def _lead_astray(stage: Stage, vector: int) -> None:
    """Change one word of an entry, masked or not: what it says is the host's own affair.

    The address comes first, so that foreign data never meets the address of a vector.
    """
    rng, card = stage.rng, stage.bench.card
    await card.set("msix.address_lo", stage.sink.address + rng.randrange(0x1000), vector)
    await card.set("msix.address_hi", rng.choice((0, stage.bench.host.NOWHERE_HIGH)), vector)
    await card.set("msix.data", rng.getrandbits(32), vector)
    await card.set("msix.control", rng.getrandbits(32), vector)


ACTS = (vector_noise,)
