# SPDX-License-Identifier: BSD-2-Clause
"""What a hostile host, and a hostile ring, do. Each act is drawn from the stage's ``rng``.

An act may leave the card in any state; it waits for nothing without a bound.
"""

import struct

from cocotb.triggers import Timer
from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpType
from vop.regs.copier import VRING_FLAGS, Opcode

from sim.models import ring
from sim.models.completer import Fault

from .stage import SCRATCH, Stage

__all__ = ["ACTS"]

_NEXT, _WRITE, _INDIRECT = 1, 2, 4
#: Pages of scratch that a lying ring may begin in.
_RING_PAGES = 32
_FLAGS = sum(value for _name, value, _doc in VRING_FLAGS.values)


async def _pause(stage: Stage, most_ns: int = 2_000) -> None:
    await Timer(stage.rng.randrange(8, most_ns), "ns")


async def honest_copies(stage: Stage) -> None:
    """Copies of any length and alignment, for the others to disturb."""
    rng = stage.rng
    for _ in range(rng.randrange(2, 12)):
        length = rng.choice((1, 3, 64, 65, 500, 4096, 9000))
        at = rng.randrange(stage.private.length - length)
        await rng.choice(stage.channels).submit(
            Opcode.COPY,
            host=stage.private.address + at,
            card=stage.card_address(length),
            length=length,
            to_host=rng.random() < 0.5,
            interrupt=rng.random() < 0.5,
        )
        await _pause(stage)


async def bad_completions(stage: Stage) -> None:
    """Reads are answered late, twice, elsewhere, poisoned, refused, or not at all."""
    completer = stage.bench.host.completer
    completer.late_ns = stage.rng.choice((500, 20_000, 90_000))
    completer.latency_ns = stage.rng.choice((0, 300, 1_500))
    completer.split = stage.rng.choice(("whole", "rcb", "random"))
    completer.reorder = stage.rng.random() < 0.7
    faults = list(Fault)
    completer.faults.extend(stage.rng.choices(faults, k=stage.rng.randrange(1, 12)))


async def completions_from_nowhere(stage: Stage) -> None:
    """Completions that nothing asked for, or not so: of any tag, count, status and size."""
    rng, bench = stage.rng, stage.bench
    for _ in range(rng.randrange(1, 20)):
        completion = Tlp()
        with_data = rng.random() < 0.7
        completion.fmt_type = TlpType.CPL_DATA if with_data else TlpType.CPL
        completion.requester_id = bench.function.pcie_id
        completion.tag = rng.randrange(256)
        completion.status = rng.choice(list(CplStatus))
        completion.byte_count = rng.randrange(1, 4097)
        completion.lower_address = rng.randrange(128)
        completion.ep = with_data and rng.random() < 0.2
        if with_data:
            completion.set_data(rng.randbytes(4 * rng.choice((1, 2, 16, 31, 32))))
        bench.block.deliver(completion)
        await _pause(stage, 300)


async def odd_requests(stage: Stage) -> None:
    """Requests of every kind, with any byte enables, inside the BARs and beside them."""
    rng, host = stage.rng, stage.bench.host
    for _ in range(rng.randrange(1, 6)):
        request = Tlp()
        request.fmt_type = rng.choice((
            TlpType.IO_READ, TlpType.IO_WRITE, TlpType.MEM_READ_LOCKED, TlpType.FETCH_ADD,
            TlpType.SWAP, TlpType.CAS, TlpType.MEM_READ))  # fmt: skip
        request.length = 2 if request.fmt_type is TlpType.CAS else 1
        beyond = rng.choice((0, 0, 0x1000, 0xFFFC))
        request.address = host.bar_address(0) + beyond
        request.first_be = rng.randrange(1, 16)
        if request.has_data():
            request.set_data(rng.randbytes(4 * request.length))
        assert await host.inject(request), "every non-posted request must be answered"
        await _pause(stage, 500)


async def register_noise(stage: Stage) -> None:
    """Writes to registers in any order, of either side's, defined or not."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(4, 40)):
        name = rng.choice((
            "identity.magic", "link.boot_state", "link.alive", "doorbell.h2c_set",
            "doorbell.h2c_enable", "doorbell.c2h_ring", "msi.mask", "stats.marker",
            "stats.cycles_lo"))  # fmt: skip
        await card.set(name, rng.getrandbits(32))
        if rng.random() < 0.2:
            await card.host.write(0, rng.randrange(0x1400, 0x2000) & ~3, rng.randbytes(4))


async def channel_noise(stage: Stage) -> None:
    """Commands that are none, more of them than fit, and controls at any time."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(4, 30)):
        number = rng.randrange(8)
        if rng.random() < 0.2:
            await card.set("copier.control", rng.randrange(4), number)
        elif rng.random() < 0.2:
            await card.set("copier.ring_tail", rng.getrandbits(16), number)
        elif rng.random() < 0.3:
            word = rng.randrange(0x400) << 16 | rng.randrange(64)
            await card.set("copier.complete_id", word, number)
            await card.set("copier.complete_len", rng.getrandbits(32), number)
        else:
            # Never an honest one towards the host: it could go anywhere, as the host's own may.
            opcode = rng.choice((0, 2, 3, 5, 6, 9, 15))
            words = [opcode | rng.getrandbits(28) << 4, 0, 0, 0,
                     rng.choice((stage.card_address() & ~63, rng.getrandbits(32))), 0,
                     rng.getrandbits(16), rng.getrandbits(32)]  # fmt: skip
            await card.command(number, words)


async def aperture_noise(stage: Stage) -> None:
    """Bursts into card RAM at any alignment, also where a transfer reads or writes."""
    for _ in range(stage.rng.randrange(2, 12)):
        data = stage.rng.randbytes(stage.rng.choice((1, 4, 7, 64, 127, 300)))
        await stage.bench.card.load(stage.card_address(len(data)), data)


async def doorbell_storm(stage: Stage) -> None:
    """Every doorbell, as fast as the link goes."""
    for _ in range(stage.rng.randrange(20, 100)):
        await stage.bench.card.set("doorbell.h2c_set", stage.rng.getrandbits(32))


def _host_address(stage: Stage) -> int:
    """An address that a ring may name, or not."""
    rng = stage.rng
    return rng.choice((
        stage.arena.address + rng.randrange(stage.arena.length) & ~15,
        stage.arena.address + stage.arena.length - rng.randrange(64) & ~15,
        stage.secret.address,
        rng.getrandbits(64) & ~15,
    ))  # fmt: skip


def _descriptor(stage: Stage, num: int) -> bytes:
    rng = stage.rng
    address = rng.choice((
        stage.card_address(), rng.getrandbits(20), rng.getrandbits(64), _host_address(stage)))
    length = rng.choice((0, 1, 16, 64, 4096, rng.getrandbits(32)))
    flags = rng.choice((0, _NEXT, _NEXT, _WRITE, _NEXT | _WRITE, _INDIRECT, rng.getrandbits(16)))
    follower = rng.choice((rng.randrange(num), rng.randrange(num), rng.getrandbits(16)))
    return struct.pack("<QIHH", address, length, flags, follower)


async def lying_ring(stage: Stage) -> None:
    """A ring with loops, wrong indexes, huge lengths and foreign addresses; every command on it.

    Most of its context is sound, so that the lies deeper down are met.
    """
    rng, card = stage.rng, stage.bench.card
    num = 1 << rng.randrange(1, 6)
    layout = ring.Layout(rng.randrange(_RING_PAGES) * 4096 + SCRATCH, num)
    await card.load(layout.desc, b"".join(_descriptor(stage, num) for _ in range(num)))
    heads = (rng.choice((rng.randrange(num), rng.getrandbits(16))) for _ in range(num))
    index = rng.choice((num, 1, rng.getrandbits(16)))
    flags, used_event = rng.getrandbits(2), rng.getrandbits(16)
    avail = struct.pack(f"<HH{num}HH", flags, index, *heads, used_event)
    await card.load(layout.avail, avail)
    context = bytearray(ring.context(
        layout, desc_host=_host_address(stage), avail_host=_host_address(stage),
        vector=rng.randrange(32), flags=rng.choice((0, 1, 4, 16, 24, rng.randrange(_FLAGS + 1)))))
    struct.pack_into("<B", context, 33, rng.choice((6, 9, rng.randrange(256))))
    struct.pack_into("<QQ", context, 40, _host_address(stage), _host_address(stage) & ~63)
    if rng.random() < 0.3:
        context[rng.randrange(64)] ^= 1 << rng.randrange(8)
    await card.load(layout.context, bytes(context))
    for _ in range(rng.randrange(1, 5)):
        await rng.choice(stage.channels).submit(
            rng.choice((Opcode.PUBLISH, Opcode.COMPLETE, Opcode.ARM)),
            card=layout.context,
            used_id=rng.choice((rng.randrange(num), rng.getrandbits(16))),
        )
        await _pause(stage)


async def bus_mastering_off(stage: Stage) -> None:
    """Bus mastering is switched off in the middle of whatever there is, and on again."""
    for _ in range(stage.rng.randrange(1, 4)):
        await _pause(stage, 6_000)
        await stage.bench.host.set_bus_master(False)
        await _pause(stage, 3_000)
        await stage.bench.host.set_bus_master(True)


async def reset(stage: Stage) -> None:
    """The function is reset at any cycle."""
    await _pause(stage, 20_000)
    await stage.bench.reset_function()


#: Whatever a seed draws from these disturbs honest copies, which each seed makes besides.
ACTS = (
    honest_copies,
    bad_completions,
    completions_from_nowhere,
    odd_requests,
    register_noise,
    channel_noise,
    aperture_noise,
    doorbell_storm,
    lying_ring,
    bus_mastering_off,
    reset,
)
