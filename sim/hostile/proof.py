# SPDX-License-Identifier: BSD-2-Clause
"""What ends every seed: the host is quiet and honest, and one transfer of every kind succeeds."""

import struct

from cocotb.triggers import Timer
from vop.regs.copier import VRING_FLAGS, CommandError, Opcode

from sim.models import ring
from sim.models.card import Channel, Record, command
from sim.models.guest import CardChannel
from sim.models.memory import Buffer
from sim.models.puppet import Puppet

from .stage import COMMANDS, HOST_CHANNELS, Stage

__all__ = ["RECOVERIES", "prove_that_the_card_works"]

#: How the host mends the card: the least that must do, and the two resets.
RECOVERIES = ("channels", "function", "link")

_BYTES = 3000
#: Card RAM.
_PLACE, _REPLY, _TABLE, _LIST, _RING = 0x8000, 0x8C00, 0x8D00, 0x8E00, 0x9000
_REQUEST_BYTES, _REPLY_PARTS = 100, (60, 200)
#: Offsets in the arena.
_MIRROR, _AVAIL, _LINEAR = 0x4000, 0x5000, 0x6000
_ARMED = 5
_FIRMWARE_WAKES_NS = 5_000


async def _recover(stage: Stage, recovery: str) -> None:
    """Mend the card."""
    bench, card = stage.bench, stage.bench.card
    completer = bench.host.completer
    completer.faults.clear()
    completer.latency_ns = completer.late_ns = 0
    await bench.host.set_bus_master(True)
    if recovery != "channels":
        await stage.reset(hot=recovery == "link")
        return
    await card.set("link.cpu", 0)
    await card.set("msi.mask", 0)
    for number in range(HOST_CHANNELS):
        await card.set("copier.control", 2, number)
        await card.set("copier.ring_config", 0, number)
        await card.set("copier.coalesce", 0, number)
        await card.set("msi.moderation", 0, number)
        await card.set("msix.control", 1, number)
    await bench.rest()  # what was late has come
    await stage.reopen()


async def _ended_well(channel: Channel) -> Record:
    record = await channel.record()
    assert record.error is CommandError.OK, f"command must end well, not with {record.error!r}"
    return record


def _carved(stage: Stage, at: int, length: int) -> tuple[int, bytes]:
    """Address and content of a part of the arena."""
    return stage.arena.address + at, stage.arena.content[at : at + length]


async def _copies(stage: Stage, channel: Channel) -> None:
    """To the card and back, with a vector for each."""
    host = stage.bench.host
    there, back = (host.memory.allocate(_BYTES) for _ in range(2))
    vector = channel.number if stage.has_msix else channel.number % host.granted
    for buffer, to_host in ((there, False), (back, True)):
        host.vectors.clear()
        await channel.submit(Opcode.COPY, host=buffer.address, card=_PLACE, length=_BYTES,
                             to_host=to_host, interrupt=True)  # fmt: skip
        await _ended_well(channel)
        await host.vector(vector)
    assert back.content == there.content, "bytes must arrive as they left"


async def _list(stage: Stage, channel: Channel) -> None:
    """Two pieces of the arena are gathered into card RAM."""
    pieces = [_carved(stage, 0x101, 70), _carved(stage, 0x2003, 301)]
    entries = b"".join(struct.pack("<QII", at, len(content), 0) for at, content in pieces)
    await stage.bench.card.load(_LIST, entries)
    gathered = b"".join(content for _, content in pieces)
    await channel.submit(
        Opcode.COPY, host=_LIST, card=_PLACE, length=len(gathered), entries=len(pieces)
    )
    await _ended_well(channel)
    assert await stage.bench.card.dump(_PLACE, len(gathered)) == gathered


async def _command_ring(stage: Stage, channel: Channel) -> None:
    """Three commands from a ring of two."""
    card, number = stage.bench.card, channel.number
    back: Buffer = stage.bench.host.memory.allocate(3 * 64)
    await card.set("copier.control", 0, number)
    await card.set("copier.ring_base", COMMANDS, number)
    await card.set("copier.ring_config", 1, number)
    await card.set("copier.control", 1, number)
    for place in range(3):
        words = command(Opcode.COPY, host=back.address + 64 * place, card=_PLACE + 64 * place,
                        length=64, to_host=True)  # fmt: skip
        await card.load(COMMANDS + place % 2 * 32, struct.pack("<8I", *words))
        await card.set("copier.ring_tail", place + 1, number)
        await _ended_well(channel)
    assert back.content == await card.dump(_PLACE, 3 * 64)


async def _ring(stage: Stage, channel: Channel) -> None:
    """A request with an indirect part: published, read, answered, completed; then arm."""
    bench, card = stage.bench, stage.bench.card
    num = 4
    layout = ring.Layout(_RING, num)
    request, reply = bench.rng.randbytes(_REQUEST_BYTES), _carved(stage, _LINEAR, sum(_REPLY_PARTS))
    first, second = _REPLY_PARTS
    chain = {0: ring.Descriptor(_PLACE, len(request), next=1),
             1: ring.Descriptor(_TABLE, 32, indirect=True)}  # fmt: skip
    inner = {0: ring.Descriptor(_REPLY, first, writable=True, next=1),
             1: ring.Descriptor(_REPLY + first, second, writable=True)}  # fmt: skip
    flags = {name: value for name, value, _doc in VRING_FLAGS.values}
    context = ring.context(
        layout, desc_host=stage.arena.address + _MIRROR, avail_host=stage.arena.address + _AVAIL,
        vector=3, flags=flags["event_idx"] | flags["indirect"])  # fmt: skip
    await card.load(layout.base, bytes(layout.end - layout.base))
    for at, data in ((_PLACE, request), (_TABLE, ring.table(inner, 2)), (layout.context, context),
                     (layout.desc, ring.table(chain, num)),
                     (layout.avail, ring.avail_ring([0], num))):  # fmt: skip
        await card.load(at, data)

    bench.host.vectors.clear()
    await channel.submit(Opcode.PUBLISH, card=layout.context)
    await _ended_well(channel)
    mirror = stage.arena.content
    assert mirror[_MIRROR : _MIRROR + 32] == ring.table(chain, num)[:32]
    index, slots = ring.read_avail(mirror[_AVAIL:], num)
    assert (index, slots[0]) == (1, 0)
    await bench.host.vector(3 if stage.has_msix else 3 % bench.host.granted)

    await channel.submit(Opcode.CHAIN, host=stage.arena.address, card=layout.context,
                         length=1 << 20, to_host=True)  # fmt: skip
    assert (await _ended_well(channel)).bytes == len(request)
    assert stage.arena.content[: len(request)] == request
    await channel.submit(Opcode.CHAIN, host=reply[0], card=layout.context, length=len(reply[1]))
    assert (await _ended_well(channel)).bytes == len(reply[1])
    assert await card.dump(_REPLY, len(reply[1])) == reply[1]
    await channel.submit(Opcode.COMPLETE, card=layout.context, used_len=len(reply[1]))
    await _ended_well(channel)
    index, used = ring.read_used(await card.dump(layout.used, 6 + 8 * num), num)
    assert (index, used[0]) == (1, (0, len(reply[1])))
    await channel.submit(Opcode.ARM, card=layout.context, used_id=_ARMED)
    await _ended_well(channel)
    assert await card.dump(layout.used + 4 + 8 * num, 2) == _ARMED.to_bytes(2, "little")


async def _firmware(stage: Stage) -> None:
    """The CPU starts, and moves bytes by a channel of its own."""
    card = stage.bench.card
    puppet = await Puppet.started(card)
    await Timer(_FIRMWARE_WAKES_NS, "ns")  # without a reset, "ready" may be that of its forerunner
    channel = CardChannel(card, puppet)
    await channel.open()
    at, content = _carved(stage, 0x77, 500)
    record = await channel.run(Opcode.COPY, host=at, card=_PLACE, length=len(content))
    assert record.error is CommandError.OK, f"firmware's copy must end well: {record.error!r}"
    assert await card.dump(_PLACE, len(content)) == content


async def prove_that_the_card_works(stage: Stage, recovery: str) -> None:
    """Quiet the host, mend the card by ``recovery``, and do one of everything.

    Raises
    ------
    AssertionError
        If the card does not work, or something was touched that must not be.
    """
    await _recover(stage, recovery)
    stage.check_secret()
    channel = stage.rng.choice(stage.channels)
    for kind in (_copies, _list, _command_ring, _ring):
        await kind(stage, channel)
    await _firmware(stage)
    assert await stage.bench.card.get("identity.magic") == 0x31504F56
    stage.check_secret()
