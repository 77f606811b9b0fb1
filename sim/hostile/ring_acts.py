# SPDX-License-Identifier: BSD-2-Clause
"""Acts of a ring that lies: loops, wrong indexes, huge lengths, foreign addresses."""

import struct

from vop.regs.copier import VRING_FLAGS, Opcode

from sim.models import ring

from .stage import CONTEXTS, CONTEXTS_END, SCRATCH, Stage

__all__ = ["ACTS"]

_NEXT, _WRITE, _INDIRECT = 1, 2, 4
_INDIRECT_ALLOWED, _BUFFERS_IN_HOST = 4, 256
#: Pages of scratch that a lying ring may begin in.
_RING_PAGES = 32
_FLAGS = sum(value for _name, value, _doc in VRING_FLAGS.values)
_ENTRY_BYTES = 16
#: Descriptors of the table that most indirect descriptors name.
_TABLE = 8
_MOST_BYTES = 6000


def _descriptor(stage: Stage, num: int, table: int) -> bytes:
    """One of ``num`` descriptors; where it is indirect it may name the one at ``table``."""
    rng = stage.rng
    address = rng.choice((
        stage.card_address(), stage.card_address(), rng.getrandbits(20), rng.getrandbits(64),
        stage.host_address()))  # fmt: skip
    length = rng.choice((0, 1, 16, 64, 500, 4096, rng.getrandbits(32)))
    flags = rng.choice((0, _NEXT, _NEXT, _WRITE, _NEXT | _WRITE, _INDIRECT, rng.getrandbits(16)))
    follower = rng.randrange(num) if rng.random() < 0.85 else rng.getrandbits(16)
    if flags & _INDIRECT and rng.random() < 0.8:
        address = table + rng.choice((0, 0, 0, 4))
        length = _ENTRY_BYTES * rng.randrange(2 * _TABLE) + rng.choice((0, 0, 0, 0, 8))
    return struct.pack("<QIHH", address, length, flags, follower)


async def _lay_down(stage: Stage) -> tuple[int, int, int]:
    """Write a ring and its context; return the context's address, its flags, the ring's entries.

    Most of the context is sound, so that the lies deeper down are met.
    """
    rng, card = stage.rng, stage.bench.card
    num = 1 << rng.randrange(1, 6)
    layout = ring.Layout(rng.randrange(_RING_PAGES) * 4096 + SCRATCH, num)
    table = stage.card_address(_ENTRY_BYTES * _TABLE) & ~15
    await card.load(table, b"".join(_descriptor(stage, _TABLE, table) for _ in range(_TABLE)))
    await card.load(layout.desc, b"".join(_descriptor(stage, num, table) for _ in range(num)))
    heads = (rng.choice((*range(num), rng.getrandbits(16))) for _ in range(num))
    index = rng.choice((num, 1, rng.getrandbits(16)))
    flags, used_event = rng.getrandbits(2), rng.getrandbits(16)
    avail = struct.pack(f"<HH{num}HH", flags, index, *heads, used_event)
    await card.load(layout.avail, avail)
    flags = rng.choice((0, 1, 4, 4, 12, 16, 24, _BUFFERS_IN_HOST | 4, rng.randrange(_FLAGS + 1)))
    context = bytearray(ring.context(
        layout, desc_host=stage.host_address(), avail_host=stage.host_address(),
        vector=rng.randrange(32), flags=flags))  # fmt: skip
    struct.pack_into("<B", context, 33, rng.choice((6, 9, rng.randrange(256))))
    struct.pack_into("<QQ", context, 40, stage.host_address(), stage.host_address() & ~63)
    if rng.random() < 0.3:
        context[rng.randrange(64)] ^= 1 << rng.randrange(8)
    at = rng.randrange(CONTEXTS, CONTEXTS_END, len(context))
    await card.load(at, bytes(context))
    return at, struct.unpack_from("<H", context, 14)[0], num


def _chain(stage: Stage, flags: int) -> dict[str, int]:
    """Members of a `chain` that say where its linear side lies."""
    rng = stage.rng
    length = rng.randrange(1, _MOST_BYTES)
    if rng.random() < 0.3:  # a list, of whatever lies there: each of its entries is checked
        linear, entries = stage.card_address(256) & ~15, rng.randrange(1, 8)
    elif flags & _BUFFERS_IN_HOST:
        linear, entries = stage.card_address(length), 0
    else:
        place = rng.randrange(stage.private.length - length)
        linear, entries = stage.private.address + place, 0
    skip = rng.choice((0, 0, 1, 100, rng.getrandbits(32)))
    return dict(length=length, host=linear, entries=entries, used_id=skip,
                to_host=rng.random() < 0.5)  # fmt: skip


async def lying_ring(stage: Stage) -> None:
    """Every command but `chain`, of a ring with loops, wrong indexes and foreign addresses."""
    rng = stage.rng
    context, _flags, num = await _lay_down(stage)
    for _ in range(rng.randrange(1, 6)):
        channel = rng.choice(stage.channels)
        if rng.random() < 0.3:
            await channel.open(channel.number)
        opcode = rng.choice((Opcode.PUBLISH, Opcode.COMPLETE, Opcode.ARM))
        used_id = 0 if opcode is Opcode.PUBLISH else rng.choice((0, num - 1, rng.getrandbits(16)))
        await channel.submit(opcode, card=context, used_id=used_id)
        await stage.pause()


async def lying_chains(stage: Stage) -> None:
    """`chain` in both directions, from any head; indirect tables that loop, nest, and end early."""
    rng = stage.rng
    for _ in range(rng.randrange(1, 4)):
        context, flags, num = await _lay_down(stage)
        for _ in range(rng.randrange(2, 8)):
            channel = rng.choice(stage.channels)
            if rng.random() < 0.6:
                await channel.open(channel.number)
            head = rng.choice((*range(num), rng.getrandbits(16)))
            await channel.submit(Opcode.CHAIN, card=context, head=head, **_chain(stage, flags))
            await stage.pause()


async def moving_ring(stage: Stage) -> None:
    """A ring and its indexes change, also backwards, while it is published and walked."""
    rng, card = stage.rng, stage.bench.card
    context, flags, num = await _lay_down(stage)
    for _ in range(rng.randrange(3, 12)):
        channel = rng.choice(stage.channels)
        await channel.submit(Opcode.PUBLISH, card=context)
        member, value = rng.choice((
            (36, rng.getrandbits(16)),  # published
            (38, rng.getrandbits(16)),  # used_idx
            (12, 1 << rng.randrange(16)),  # num
            (8, stage.card_address() & ~3),  # used_card, of which half is written
        ))  # fmt: skip
        await card.load(context + member, struct.pack("<H", value & 0xFFFF))
        if rng.random() < 0.5:
            await channel.submit(
                Opcode.CHAIN, card=context, head=rng.randrange(num), **_chain(stage, flags)
            )
        await stage.pause(1_000)


ACTS = (lying_ring, lying_chains, moving_ring)
