# SPDX-License-Identifier: BSD-2-Clause
"""Acts of firmware that attacks its host, or its own card."""

from contextlib import suppress

from cocotb.triggers import SimTimeoutError, with_timeout
from vop.regs.card import CARD_ADDRESSES
from vop.regs.copier import Opcode

from sim.models.card import command
from sim.models.guest import CARD_CHANNEL
from sim.models.puppet import Puppet

from .stage import CONTEXTS, CONTEXTS_END, Stage

__all__ = ["ACTS"]

#: A reset stops the CPU under the act's feet.
_LIMIT_NS = 150_000


def _command(stage: Stage) -> tuple[int, ...]:
    """A command of any kind, to anywhere."""
    rng = stage.rng
    return command(
        rng.choice((*Opcode, 9)),
        host=rng.choice((stage.host_address(), stage.secret.address, stage.private.address,
                         stage.card_address())) + rng.randrange(16),
        card=rng.choice((stage.card_address(), rng.randrange(CONTEXTS, CONTEXTS_END, 64),
                         rng.getrandbits(32))),
        length=rng.choice((0, 1, 64, 4000, 1 << 20, rng.getrandbits(32))),
        to_host=rng.random() < 0.6,
        interrupt=rng.random() < 0.5,
        entries=rng.choice((0, 0, 0, 1, 4)),
    )  # fmt: skip


def _orders(stage: Stage, puppet: Puppet) -> list[tuple[int, int]]:
    """Stores and loads that no honest firmware makes."""
    rng, at = stage.rng, puppet.address
    channel = CARD_CHANNEL + rng.randrange(4)
    anywhere = rng.choice((stage.card_address(), 0x3_FFF8, 0x4_0000, rng.getrandbits(32)))
    kind = rng.randrange(6)
    if kind == 0:
        return [(at("copier.record_lo", channel), anywhere),
                (at("copier.record_hi", channel), rng.choice((0, rng.getrandbits(32)))),
                (at("copier.record_config", channel), rng.randrange(16))]  # fmt: skip
    if kind == 1:
        return [(at("copier.ring_base", channel), anywhere),
                (at("copier.ring_config", channel), rng.randrange(16)),
                (at("copier.ring_tail", channel), rng.getrandbits(16))]  # fmt: skip
    if kind == 2:
        name, index = rng.choice((
            ("guard.pages", 3), ("guard.base_hi", 0), ("copier.control", 0), ("msi.mask", 0),
            ("msix.control", 1), ("doorbell.c2h_ring", 0), ("link.boot_state", 0),
            ("copier.control", channel)))  # fmt: skip
        return [(at(name, index), rng.getrandbits(32))]
    if kind == 3:
        beyond = rng.choice((0x8000_0000, CARD_ADDRESSES["registers"] + 0x1_0000, 0x4_0000))
        return [(beyond + 1, stage.card_address() & ~3), (beyond, rng.getrandbits(32))]
    base = at("copier.command_0", channel)
    return [(at("copier.control", channel), 1),
            *((base + 4 * place, word) for place, word in enumerate(_command(stage)))]  # fmt: skip


async def hostile_firmware(stage: Stage) -> None:
    """Firmware commands, registers and addresses that are none of its business."""

    async def misbehave() -> None:
        puppet = await Puppet.started(stage.bench.card)
        for _ in range(stage.rng.randrange(3, 12)):
            await puppet.obey(*_orders(stage, puppet))

    with suppress(SimTimeoutError, AssertionError):
        await with_timeout(misbehave(), _LIMIT_NS, "ns")


ACTS = (hostile_firmware,)
