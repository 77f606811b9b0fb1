# SPDX-License-Identifier: BSD-2-Clause
"""Acts of a host that misuses the copier's channels: commands, lists, command rings, resets."""

import struct

from vop.regs.copier import COPIER_LIMITS, Opcode

from sim.models.card import command

from .stage import COMMANDS, COMMANDS_END, HOST_CHANNELS, Stage

__all__ = ["ACTS", "honest_copies"]

_COMMAND_BYTES = 32
_LIST_ENTRY_BYTES = 16


def _honest_copy(stage: Stage) -> dict[str, int]:
    """A copy of any length and alignment, between scratch and memory in no window."""
    rng = stage.rng
    length = rng.choice((1, 3, 64, 65, 500, 4096, 9000))
    return dict(
        opcode=Opcode.COPY,
        host=stage.private.address + rng.randrange(stage.private.length - length),
        card=stage.card_address(length),
        length=length,
        to_host=rng.random() < 0.5,
        interrupt=rng.random() < 0.5,
    )


def _listed_copy(stage: Stage) -> dict[str, int]:
    """A copy by a list, wherever that lies, of so many entries or not."""
    rng = stage.rng
    entries = rng.choice((0, 1, 2, 5, 8, rng.getrandbits(16)))
    return _honest_copy(stage) | dict(
        host=rng.choice((stage.card_address(256) & ~15, stage.card_address(), rng.getrandbits(40))),
        entries=entries or 1,
    )


def _mistake(stage: Stage) -> list[int]:
    """A command that is none; never one towards the host, which could go anywhere."""
    rng = stage.rng
    opcode = rng.choice((0, 2, 3, 5, 6, 9, 15))
    return [opcode | rng.getrandbits(28) << 4, 0, 0, 0,
            rng.choice((stage.card_address() & ~63, rng.getrandbits(32))), 0,
            rng.getrandbits(16), rng.getrandbits(32)]  # fmt: skip


async def honest_copies(stage: Stage) -> None:
    """Copies of any length and alignment, for the others to disturb."""
    for _ in range(stage.rng.randrange(2, 12)):
        await stage.rng.choice(stage.channels).submit(**_honest_copy(stage))
        await stage.pause()


async def channel_noise(stage: Stage) -> None:
    """Commands that are none, more of them than fit, and controls at any time."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(4, 30)):
        number = rng.randrange(2 * HOST_CHANNELS)
        if rng.random() < 0.2:
            await card.set("copier.control", rng.randrange(4), number)
        elif rng.random() < 0.2:
            name = rng.choice(("copier.ring_tail", "copier.coalesce"))
            await card.set(name, rng.getrandbits(24), number)
        elif rng.random() < 0.3:
            word = rng.randrange(0x400) << 16 | rng.randrange(64)
            await card.set("copier.complete_id", word, number)
            await card.set("copier.complete_len", rng.getrandbits(32), number)
        else:
            await card.command(number, _mistake(stage))


async def lying_lists(stage: Stage) -> None:
    """Copies by lists: entries without bytes, of huge length, elsewhere, too few, too many."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(2, 8)):
        count = rng.randrange(1, 9)
        at = stage.card_address(_LIST_ENTRY_BYTES * count) & ~15
        await card.load(at, b"".join(_list_entry(stage) for _ in range(count)))
        named = _listed_copy(stage)
        if rng.random() < 0.7:
            named |= dict(host=at, entries=rng.choice((count, count, count + 1)))
        channel = rng.choice(stage.channels)
        if rng.random() < 0.3:
            await channel.open(channel.number)
        await channel.submit(**named)
        await stage.pause()


def _list_entry(stage: Stage) -> bytes:
    rng = stage.rng
    length = rng.choice((1, 64, 500, 4096, 0, rng.getrandbits(32)))
    end = rng.choice((0, 0, 0, 0, rng.getrandbits(32)))
    return struct.pack("<QII", stage.host_address() + rng.randrange(16), length, end)


async def command_ring(stage: Stage) -> None:
    """A command ring anywhere, of any size; its tail leaps, goes back, and runs ahead."""
    rng, card = stage.rng, stage.bench.card
    channel = rng.choice(stage.channels)
    number = channel.number
    log2 = rng.choice((1, 2, 3, 5, 15))
    room = min(1 << log2, (COMMANDS_END - COMMANDS) // _COMMAND_BYTES)
    base = rng.choice((COMMANDS, COMMANDS, COMMANDS, COMMANDS + 8, stage.card_address(),
                       0x3_FFE0, 0x4_0000, rng.getrandbits(32)))  # fmt: skip
    await card.set("copier.control", rng.choice((0, 2, 1)), number)
    await card.set("copier.ring_base", base, number)
    await card.set("copier.ring_config", rng.choice((log2, log2, 0)), number)
    await card.set("copier.control", 1, number)
    tail = 0
    for _ in range(rng.randrange(2, 16)):
        for _ in range(rng.randrange(4)):
            kind = rng.random()
            words = (
                _mistake(stage)
                if kind < 0.1
                else command(**(_listed_copy(stage) if kind < 0.3 else _honest_copy(stage)))
            )
            place = COMMANDS + tail % room * _COMMAND_BYTES
            await card.load(place, struct.pack("<8I", *words))
            tail += 1
        if rng.random() < 0.15:
            tail = rng.choice((tail - 1, tail - room, tail + room + 1, rng.getrandbits(16)))
        tail &= 0xFFFF
        await card.set("copier.ring_tail", tail, number)
        await stage.pause()


async def records_elsewhere(stage: Stage) -> None:
    """A record ring where no memory is, misaligned, of any size, moved while commands end."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(1, 6)):
        number = rng.randrange(HOST_CHANNELS)
        low = stage.sink.address + rng.randrange(stage.sink.length // 2)
        await card.set("copier.record_lo", low, number)
        await card.set("copier.record_hi", rng.choice((0, stage.bench.host.NOWHERE_HIGH)), number)
        config = rng.choice((0, 1, 4, 10)) | rng.randrange(32) << 8
        await card.set("copier.record_config", config, number)
        await stage.pause()


async def channel_resets(stage: Stage) -> None:
    """Channels are reset, disabled and enabled in the middle of commands."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(2, 8)):
        await stage.pause(3_000)
        channel = rng.choice(stage.channels)
        for value in rng.choice(((2, 1), (3,), (0, 1), (2, 2, 1), ())):
            await card.set("copier.control", value, channel.number)
        if rng.random() < 0.5:
            await channel.open(channel.number)
        for _ in range(rng.randrange(COPIER_LIMITS["queue_depth"])):
            await channel.submit(**_honest_copy(stage))


ACTS = (
    honest_copies,
    channel_noise,
    lying_lists,
    command_ring,
    records_elsewhere,
    channel_resets,
)
