# SPDX-License-Identifier: BSD-2-Clause
"""Block `msi`: vectors pending, masked, folded, and never ahead of the data they announce."""

import pytest
from endpoint_bench import EndpointBench
from stream_driver import Pace, both_paces, send, simulate
from tlp_codec import random_request
from vop.msi import Msi, MsiQueue
from vop.pcie.tlp import Kind

PENDING, MASK, GRANTED = 0x0304, 0x0308, 0x0300


async def grant(ctx, dut, *, vectors_log2=5, enabled=1, bus_master=1, drained=1):
    ctx.set(dut.config, {"msi_enabled": enabled, "bus_master": bus_master,
                         "msi_vectors_log2": vectors_log2})
    ctx.set(dut.tx_drained, drained)


async def raise_vector(ctx, dut, vector, raiser=0):
    ctx.set(dut.vectors[raiser].payload, vector)
    ctx.set(dut.vectors[raiser].valid, 1)
    assert ctx.get(dut.vectors[raiser].ready)
    await ctx.tick()
    ctx.set(dut.vectors[raiser].valid, 0)


async def taken(ctx, dut, cycles=8):
    """Vectors that a willing block takes within some cycles."""
    vectors = []
    ctx.set(dut.msi.ready, 1)
    for _ in range(cycles):
        *_, valid, vector = await ctx.tick().sample(dut.msi.valid, dut.msi.payload)
        if valid:
            vectors.append(vector)
    ctx.set(dut.msi.ready, 0)
    return vectors


async def access(ctx, bus, address, value=None):
    ctx.set(bus.address, address)
    ctx.set(bus.read, value is None)
    ctx.set(bus.write, value is not None)
    ctx.set(bus.write_data, value or 0)
    ctx.set(bus.write_strobe, 0xF)
    await ctx.tick()
    ctx.set(bus.read, 0)
    ctx.set(bus.write, 0)
    return ctx.get(bus.read_data)


def story(test):
    """Make a coroutine of (ctx, queue) a test."""
    def run():
        dut = MsiQueue()

        async def testbench(ctx):
            await test(ctx, dut)
        simulate(dut, testbench)
    run.__name__ = test.__name__
    return run


@story
async def test_every_vector_leaves_once(ctx, dut):
    await grant(ctx, dut)
    for vector in range(32):
        await raise_vector(ctx, dut, vector, raiser=vector % 2)

    assert sorted(await taken(ctx, dut, 50)) == list(range(32))
    assert ctx.get(dut.pending) == 0
    assert ctx.get(dut.idle)


@story
async def test_two_raisers_in_one_cycle_are_both_heard(ctx, dut):
    await grant(ctx, dut)
    ctx.set(dut.vectors[1].payload, 9)
    ctx.set(dut.vectors[1].valid, 1)
    await raise_vector(ctx, dut, 4)
    ctx.set(dut.vectors[1].valid, 0)

    assert await taken(ctx, dut) == [4, 9]


@story
async def test_a_vector_waits_until_the_link_is_drained_and_holds_the_sender_meanwhile(ctx, dut):
    await grant(ctx, dut, drained=0)
    await raise_vector(ctx, dut, 3)
    assert ctx.get(dut.hold)
    assert await taken(ctx, dut) == []

    ctx.set(dut.tx_drained, 1)
    await ctx.tick()
    assert not ctx.get(dut.hold)
    assert await taken(ctx, dut) == [3]


@story
async def test_a_write_accepted_in_the_cycle_of_the_raise_goes_first(ctx, dut):
    await grant(ctx, dut, drained=1)
    await raise_vector(ctx, dut, 3)      # tx_drained falls in the cycle after the accept
    ctx.set(dut.tx_drained, 0)

    assert await taken(ctx, dut) == []


@story
async def test_a_vector_raised_again_while_it_is_offered_leaves_again_behind_its_data(ctx, dut):
    await grant(ctx, dut)
    await raise_vector(ctx, dut, 3)
    await ctx.tick().until(dut.msi.valid)
    ctx.set(dut.tx_drained, 0)
    await raise_vector(ctx, dut, 3)
    assert await taken(ctx, dut) == [3]
    assert ctx.get(dut.pending) == 1 << 3

    ctx.set(dut.tx_drained, 1)
    assert await taken(ctx, dut) == [3]


@story
async def test_a_vector_raised_twice_before_it_leaves_merges(ctx, dut):
    await grant(ctx, dut, drained=0)
    await raise_vector(ctx, dut, 6)
    await raise_vector(ctx, dut, 6)
    ctx.set(dut.tx_drained, 1)

    assert await taken(ctx, dut) == [6]


@story
async def test_a_vector_raised_again_in_the_cycle_it_is_released_leaves_again(ctx, dut):
    await grant(ctx, dut)
    await raise_vector(ctx, dut, 6)
    await raise_vector(ctx, dut, 6)      # the first is just being found behind its data
    ctx.set(dut.tx_drained, 0)
    assert await taken(ctx, dut) == [6]

    ctx.set(dut.tx_drained, 1)
    assert await taken(ctx, dut) == [6]


@story
async def test_a_masked_vector_stays_pending_holds_nobody_and_leaves_when_unmasked(ctx, dut):
    await grant(ctx, dut)
    ctx.set(dut.mask, 1 << 8)
    await raise_vector(ctx, dut, 8)
    await raise_vector(ctx, dut, 9)
    assert await taken(ctx, dut) == [9]
    assert (ctx.get(dut.pending), ctx.get(dut.hold), ctx.get(dut.idle)) == (1 << 8, 0, 1)

    ctx.set(dut.mask, 0)
    assert await taken(ctx, dut) == [8]


@pytest.mark.parametrize("off", ["enabled", "bus_master"])
def test_nothing_leaves_while_msi_or_bus_mastering_is_off(off):
    dut = MsiQueue()

    async def testbench(ctx):
        await grant(ctx, dut, **{off: 0})
        await raise_vector(ctx, dut, 2)
        assert await taken(ctx, dut) == []
        assert (ctx.get(dut.pending), ctx.get(dut.hold)) == (1 << 2, 0)
        await grant(ctx, dut)
        assert await taken(ctx, dut) == [2]

    simulate(dut, testbench)


@story
async def test_an_offer_is_withdrawn_when_msi_is_switched_off_and_made_again_later(ctx, dut):
    await grant(ctx, dut)
    await raise_vector(ctx, dut, 2)
    await ctx.tick().until(dut.msi.valid)
    await grant(ctx, dut, enabled=0)
    assert await taken(ctx, dut) == []
    assert (ctx.get(dut.pending), ctx.get(dut.idle)) == (1 << 2, 1)

    await grant(ctx, dut)
    assert await taken(ctx, dut) == [2]


@pytest.mark.parametrize("vectors_log2", range(6))
def test_a_vector_beyond_those_granted_leaves_modulo_their_number(vectors_log2):
    dut = MsiQueue()

    async def testbench(ctx):
        await grant(ctx, dut, vectors_log2=vectors_log2)
        for vector in (1, 7, 19, 31):
            await raise_vector(ctx, dut, vector)
            assert await taken(ctx, dut) == [vector % (1 << vectors_log2)]

    simulate(dut, testbench)


@story
async def test_vectors_raised_without_end_still_let_tlps_begin(ctx, dut):
    await grant(ctx, dut, drained=1)
    ctx.set(dut.vectors[0].valid, 1)
    for _ in range(20):
        await ctx.tick()
        assert not ctx.get(dut.hold)


@story
async def test_a_reset_forgets_every_vector(ctx, dut):
    await grant(ctx, dut)
    await raise_vector(ctx, dut, 1)
    await ctx.tick().until(dut.msi.valid)
    await raise_vector(ctx, dut, 4)
    ctx.set(dut.tx_drained, 0)
    await raise_vector(ctx, dut, 2)
    assert ctx.get(dut.pending) == 0b10110
    ctx.set(dut.reset, 1)
    await ctx.tick()
    ctx.set(dut.reset, 0)
    ctx.set(dut.tx_drained, 1)

    assert await taken(ctx, dut) == []
    assert ctx.get(dut.pending) == 0


def test_registers_show_what_is_granted_and_pending_and_hold_the_mask():
    dut = Msi()

    async def testbench(ctx):
        await grant(ctx, dut, vectors_log2=3)
        assert await access(ctx, dut.bus, GRANTED) == 3 << 4 | 1
        await access(ctx, dut.bus, MASK, 0x8000_0001)
        assert await access(ctx, dut.bus, MASK) == 0x8000_0001
        await raise_vector(ctx, dut, 31)
        assert await access(ctx, dut.bus, PENDING) == 1 << 31
        assert await access(ctx, dut.bus, 0x0404) == 0, "another block's register"
        ctx.set(dut.reset, 1)
        await ctx.tick()
        ctx.set(dut.reset, 0)
        assert await access(ctx, dut.bus, MASK) == await access(ctx, dut.bus, PENDING) == 0

    simulate(dut, testbench)


@both_paces
@pytest.mark.parametrize("seed", range(3))
def test_a_vector_leaves_behind_every_write_accepted_before_it(pace_name, seed):
    pace = Pace(pace_name, seed)
    bench = EndpointBench(pace)
    endpoint = bench.endpoint
    accepted = left = 0
    behind = []                          # writes that had to leave before each vector

    def write_beats(length):
        return [{"header": {"kind": Kind.MEMORY_WRITE, "address": 0x1000, "length_dw": 4 * length,
                            "first_be": 15, "last_be": 15},
                 "first": beat == 0, "last": beat == length - 1} for beat in range(length)]

    async def keep_writing(ctx):
        nonlocal accepted
        while True:
            await send(ctx, endpoint.writes, write_beats(pace.rng.randrange(1, 9)), pace)
            accepted += 1

    async def block_takes_vectors(ctx):
        while True:
            willing = pace()
            ctx.set(bench.pins.cfg_interrupt_rdy, willing)
            *_, asks = await ctx.tick().sample(bench.pins.cfg_interrupt)
            if asks and willing:
                assert len(bench.monitor.tlps) >= behind.pop(0)

    async def story(ctx):
        nonlocal left
        for _ in range(15):
            await ctx.tick().repeat(pace.rng.randrange(1, 30))
            behind.append(accepted)
            await raise_vector(ctx, endpoint, pace.rng.randrange(32))
            while behind:                # bounded by the harness, although writes never cease
                await ctx.tick()
            left += 1

    bench.run(story, background=[keep_writing, block_takes_vectors], msi_log2=5)

    assert left == 15
    assert accepted > 30


def test_a_completion_follows_the_writes_accepted_before_its_read():
    pace = Pace("stuttering", 11)
    bench = EndpointBench(pace)
    read = random_request(pace.rng, "MRd", length=1, address=0x8000_0000)

    async def story(ctx):
        await send(ctx, bench.endpoint.writes, [
            {"header": {"kind": Kind.MEMORY_WRITE, "address": 0x1000 * n, "length_dw": 1,
                        "first_be": 15}, "first": 1, "last": 1} for n in range(10)], pace)
        await bench.send(ctx, [(read, 0)])
        await bench.settle(ctx)

    bench.run(story)

    assert [tlp.kind for tlp in bench.monitor.tlps] == ["MWr"] * 10 + ["CplD"]
