# SPDX-License-Identifier: BSD-2-Clause
"""Acts of a host that breaks the rules of the link, or pulls the ground away."""

from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpType

from sim.models.completer import Fault

from .stage import Stage

__all__ = ["ACTS"]


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
        await stage.pause(300)


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
        answered = await host.inject(request)
        assert answered or stage.hot_resets, "every non-posted request must be answered"
        await stage.pause(500)


async def register_noise(stage: Stage) -> None:
    """Writes to registers in any order, of either side's, defined or not."""
    rng, card = stage.rng, stage.bench.card
    for _ in range(rng.randrange(4, 40)):
        name = rng.choice((
            "identity.magic", "link.boot_state", "link.alive", "doorbell.h2c_set",
            "doorbell.h2c_enable", "doorbell.c2h_ring", "msi.mask", "msix.pending_lo",
            "stats.marker", "stats.cycles_lo"))  # fmt: skip
        await card.set(name, rng.getrandbits(32))
        if rng.random() < 0.2:
            await card.host.write(0, rng.randrange(0x1400, 0x2000) & ~3, rng.randbytes(4))


async def aperture_noise(stage: Stage) -> None:
    """Bursts into card RAM at any alignment, also where a transfer reads or writes."""
    for _ in range(stage.rng.randrange(2, 12)):
        data = stage.rng.randbytes(stage.rng.choice((1, 4, 7, 64, 127, 300)))
        await stage.bench.card.load(stage.card_address(len(data)), data)


async def doorbell_storm(stage: Stage) -> None:
    """Every doorbell, as fast as the link goes."""
    for _ in range(stage.rng.randrange(20, 100)):
        await stage.bench.card.set("doorbell.h2c_set", stage.rng.getrandbits(32))


async def bus_mastering_off(stage: Stage) -> None:
    """Bus mastering is switched off in the middle of whatever there is, and on again."""
    for _ in range(stage.rng.randrange(1, 4)):
        await stage.pause(6_000)
        await stage.configure(stage.bench.host.set_bus_master(False))
        await stage.pause(3_000)
        await stage.configure(stage.bench.host.set_bus_master(True))


async def function_reset(stage: Stage) -> None:
    """The function is reset at any cycle."""
    await stage.pause(20_000)
    await stage.reset(hot=False)


async def hot_reset(stage: Stage) -> None:
    """The link goes down at any cycle, once or twice."""
    for _ in range(stage.rng.randrange(1, 3)):
        await stage.pause(20_000)
        await stage.reset(hot=True)


ACTS = (
    bad_completions,
    completions_from_nowhere,
    odd_requests,
    register_noise,
    aperture_noise,
    doorbell_storm,
    bus_mastering_off,
    function_reset,
    hot_reset,
)
