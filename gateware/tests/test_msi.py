# SPDX-License-Identifier: BSD-2-Clause
"""Vectors pending, masked, moderated, folded, by MSI or MSI-X, and never ahead of their data."""

import functools
import inspect

import pytest
from endpoint_bench import EndpointBench
from stream_driver import Pace, both_paces, send, simulate
from tlp_codec import Tlp, random_request
from vop.msi import Msi
from vop.pcie.tlp import Kind

GRANTED, PENDING, MASK = 0x0300, 0x0304, 0x0308
MODERATION = 0x0380
TABLE, PENDING_BITS = 0x2000, 0x2200
TICK = 128


class Bench:
    """Blocks `msi` and `msix` between a host, a link and raisers that the tests play."""

    def __init__(self, ctx, dut):
        self.ctx = ctx
        self.dut = dut

    async def grant(self, *, log2=5, msi=1, msix=0, function_masked=0, bus_master=1, drained=1):
        self.ctx.set(self.dut.config, {
            "msi_enabled": msi, "msix_enabled": msix, "msix_masked": function_masked,
            "bus_master": bus_master, "msi_vectors_log2": log2})
        self.drain(drained)
        while self.ctx.get(self.dut.resetting):
            await self.ctx.tick()

    def drain(self, drained):
        self.ctx.set(self.dut.tx_drained, drained)

    async def raise_vector(self, vector, raiser=0):
        stream = self.dut.vectors[raiser]
        self.ctx.set(stream.payload, vector)
        self.ctx.set(stream.valid, 1)
        ready, cycles = 0, 0
        while not ready:
            *_, ready = await self.ctx.tick().sample(stream.ready)
            cycles += 1
        self.ctx.set(stream.valid, 0)
        assert cycles <= 3

    async def taken(self, cycles=80):
        """What a willing link takes within some cycles: vectors, or (address, data)."""
        msi, message = self.dut.msi, self.dut.message
        seen = []
        self.ctx.set(msi.ready, 1)
        self.ctx.set(message.ready, 1)
        for _ in range(cycles):
            *_, by_msi, vector, by_msix, beat = await self.ctx.tick().sample(
                msi.valid, msi.payload, message.valid, message.payload)
            if by_msi:
                seen.append(vector)
            if by_msix:
                header = beat.header
                assert (header.kind, header.length_dw, header.first_be, header.last_be) == (
                    Kind.MEMORY_WRITE, 1, 15, 0)
                assert beat.first
                assert beat.last
                seen.append((header.address, beat.data & 0xFFFF_FFFF))
        self.ctx.set(msi.ready, 0)
        self.ctx.set(message.ready, 0)
        return seen

    async def _access(self, bus, address, value=None, strobe=0xF):
        ctx = self.ctx
        ctx.set(bus.address, address)
        ctx.set(bus.read, value is None)
        ctx.set(bus.write, value is not None)
        ctx.set(bus.write_data, value or 0)
        ctx.set(bus.write_strobe, strobe)
        await ctx.tick()
        ctx.set(bus.read, 0)
        ctx.set(bus.write, 0)
        return ctx.get(bus.read_data)

    def _bus(self, address):
        return self.dut.bus if address < 0x2000 else self.dut.table_bus

    async def read(self, address):
        return await self._access(self._bus(address), address)

    async def write(self, address, value, strobe=0xF):
        await self._access(self._bus(address), address, value, strobe)

    async def set_entry(self, vector, *, address, data, masked=0):
        for place, word in enumerate((address & 0xFFFF_FFFF, address >> 32, data, masked)):
            await self.write(TABLE + 16 * vector + 4 * place, word)

    async def offered(self):
        """Wait for an offer."""
        valids = 0
        while not valids:
            *_, valids = await self.ctx.tick().sample(
                self.dut.msi.valid | self.dut.message.valid)


def story(test):
    """Make a coroutine of (bench, ctx, ...) a test."""
    @functools.wraps(test)
    def run(**parameters):
        dut = Msi(128)

        async def testbench(ctx):
            await test(Bench(ctx, dut), ctx, **parameters)
        simulate(dut, testbench)
    signature = inspect.signature(test)
    run.__signature__ = signature.replace(parameters=list(signature.parameters.values())[2:])
    return run


@story
async def test_every_vector_leaves_once(bench, ctx):
    await bench.grant()
    for vector in range(32):
        await bench.raise_vector(vector, raiser=vector % 2)

    assert sorted(await bench.taken(300)) == list(range(32))
    assert await bench.read(PENDING) == 0
    await ctx.tick().repeat(40)
    assert ctx.get(bench.dut.idle)


@story
async def test_a_vector_is_offered_three_cycles_after_its_raise(bench, ctx):
    await bench.grant()
    await ctx.tick().repeat(50)
    ctx.set(bench.dut.vectors[0].payload, 21)
    ctx.set(bench.dut.vectors[0].valid, 1)
    ctx.set(bench.dut.msi.ready, 1)
    offers = []
    for _ in range(8):
        *_, ready, offer = await ctx.tick().sample(bench.dut.vectors[0].ready, bench.dut.msi.valid)
        if ready:
            ctx.set(bench.dut.vectors[0].valid, 0)
        offers.append(offer)

    assert offers == [0, 0, 0, 1, 0, 0, 0, 0]


@story
async def test_two_raisers_in_one_cycle_are_both_heard(bench, ctx):
    await bench.grant()
    ctx.set(bench.dut.vectors[0].payload, 9)
    ctx.set(bench.dut.vectors[0].valid, 1)
    await bench.raise_vector(4, raiser=1)
    await bench.raise_vector(9)

    assert sorted(await bench.taken()) == [4, 9]


@story
async def test_a_vector_waits_until_the_link_is_drained_and_holds_the_sender_meanwhile(bench, ctx):
    await bench.grant(drained=0)
    await bench.raise_vector(3)
    assert await bench.taken() == []
    assert ctx.get(bench.dut.hold)

    bench.drain(1)
    assert await bench.taken() == [3]
    assert not ctx.get(bench.dut.hold)


@story
async def test_a_vector_raised_again_while_it_is_offered_leaves_again_behind_its_data(bench, ctx):
    await bench.grant()
    await bench.raise_vector(3)
    await bench.offered()
    bench.drain(0)
    await bench.raise_vector(3)
    assert await bench.taken() == [3]
    assert await bench.read(PENDING) == 1 << 3

    bench.drain(1)
    assert await bench.taken() == [3]


@story
async def test_a_vector_raised_twice_before_it_leaves_merges(bench, ctx):
    await bench.grant(msi=0)
    await bench.raise_vector(6)
    await bench.raise_vector(6)
    await bench.grant()

    assert await bench.taken() == [6]


@pytest.mark.parametrize("again", range(1, 12))
@story
async def test_a_raise_is_never_lost_whenever_it_comes(bench, ctx, again):
    await bench.grant()
    stream = bench.dut.vectors[0]
    ctx.set(stream.payload, 6)
    ctx.set(bench.dut.msi.ready, 1)
    raised, left = [], []
    for cycle in range(100):
        if cycle in (0, again):
            ctx.set(stream.valid, 1)
        *_, valid, ready, leaves = await ctx.tick().sample(
            stream.valid, stream.ready, bench.dut.msi.valid)
        if valid and ready:
            raised.append(cycle)
            ctx.set(stream.valid, 0)
        if leaves:
            left.append(cycle)

    assert left[-1] > raised[-1]
    assert await bench.read(PENDING) == 0


@story
async def test_a_masked_vector_stays_pending_holds_nobody_and_leaves_when_unmasked(bench, ctx):
    await bench.grant()
    await bench.write(MASK, 1 << 8)
    await bench.raise_vector(8)
    await bench.raise_vector(9)
    assert await bench.taken() == [9]
    assert await bench.read(PENDING) == 1 << 8
    await ctx.tick().repeat(40)
    assert (ctx.get(bench.dut.hold), ctx.get(bench.dut.idle)) == (0, 1)

    await bench.write(MASK, 0)
    await ctx.tick()
    assert not ctx.get(bench.dut.idle)
    assert await bench.taken() == [8]


@pytest.mark.parametrize("off", ["msi", "bus_master"])
@story
async def test_nothing_leaves_while_msi_or_bus_mastering_is_off(bench, ctx, off):
    await bench.grant(**{off: 0})
    await bench.raise_vector(2)
    assert await bench.taken() == []
    assert await bench.read(PENDING) == 1 << 2
    await ctx.tick().repeat(40)
    assert (ctx.get(bench.dut.hold), ctx.get(bench.dut.idle)) == (0, 1)

    await bench.grant()
    assert await bench.taken() == [2]


@pytest.mark.parametrize(("msix", "off"), [(0, "msi"), (1, "bus_master")])
@story
async def test_an_offer_is_withdrawn_when_it_may_no_longer_leave_and_made_again_later(
        bench, ctx, msix, off):
    await bench.grant(msix=msix)
    await bench.set_entry(2, address=0xFEE0_0000, data=7)
    await bench.raise_vector(2)
    await bench.offered()
    await bench.grant(**{"msix": msix, off: 0})
    assert await bench.taken() == []
    assert await bench.read(PENDING) == 1 << 2

    await bench.grant(msix=msix)
    assert await bench.taken() == [(0xFEE0_0000, 7) if msix else 2]
    assert await bench.read(PENDING) == 0


@pytest.mark.parametrize("change", [{"bus_master": 0}, {"msix": 1}], ids=["master-off", "msix-on"])
@story
async def test_what_a_hard_block_is_offered_stands_until_it_is_taken(bench, ctx, change):
    await bench.grant()
    await bench.raise_vector(2)
    await bench.offered()
    await bench.grant(**change)
    for _ in range(20):
        assert (ctx.get(bench.dut.msi.valid), ctx.get(bench.dut.msi.payload)) == (1, 2)
        await ctx.tick()
    assert await bench.taken() == [2]
    assert await bench.read(PENDING) == 0


@pytest.mark.parametrize("vectors_log2", range(6))
@story
async def test_a_vector_beyond_those_granted_leaves_modulo_their_number(bench, ctx, vectors_log2):
    await bench.grant(log2=vectors_log2)
    for vector in (1, 7, 19, 31):
        await bench.raise_vector(vector)
        assert await bench.taken() == [vector % (1 << vectors_log2)]


@story
async def test_a_reset_forgets_every_vector_mask_limit_and_entry(bench, ctx):
    await bench.grant()
    await bench.set_entry(4, address=0xFEE0_0000, data=7)
    await bench.write(MODERATION + 16, 5 << 16 | 9)
    await bench.write(MASK, 1 << 30)
    await bench.raise_vector(1)
    await bench.offered()
    await bench.raise_vector(4)
    await bench.raise_vector(30)
    await ctx.tick().repeat(4)
    assert await bench.read(PENDING) == 1 << 30 | 0b10010
    ctx.set(bench.dut.reset, 1)
    await ctx.tick()
    ctx.set(bench.dut.reset, 0)
    await bench.grant()

    assert await bench.taken() == []
    assert await bench.read(PENDING) == await bench.read(MASK) == 0
    assert await bench.read(MODERATION + 16) == 0
    assert await bench.read(TABLE + 16 * 4 + 12) == 1, "masked"


@story
async def test_registers_show_what_is_granted_and_keep_what_is_written(bench, ctx):
    await bench.grant(log2=3, msix=1, function_masked=1)
    assert await bench.read(GRANTED) == 1 << 9 | 1 << 8 | 3 << 4 | 1
    await bench.write(MASK, 0x8000_0001)
    assert await bench.read(MASK) == 0x8000_0001
    await bench.raise_vector(31)
    await ctx.tick().repeat(4)
    assert await bench.read(PENDING) == await bench.read(PENDING_BITS) == 1 << 31
    assert await bench.read(PENDING_BITS + 4) == 0
    for vector in range(32):
        await bench.write(MODERATION + 4 * vector, vector << 16 | 1000 + vector)
        await bench.set_entry(vector, address=0x1_0000_0001 * vector << 4, data=~vector & 0xFFFF,
                              masked=vector & 1)
    for vector in range(32):
        assert await bench.read(MODERATION + 4 * vector) == vector << 16 | 1000 + vector
        assert [await bench.read(TABLE + 16 * vector + 4 * place) for place in range(4)] == [
            vector << 4, vector << 4, ~vector & 0xFFFF, vector & 1]
    await bench.write(MODERATION + 8, 0x1234_5678, strobe=0b0010)
    assert await bench.read(MODERATION + 8) == 2 << 16 | 0x5600 | 1002 & 0xFF
    assert await bench.read(0x0404) == 0, "another block's register"


@story
async def test_msix_messages_go_where_the_table_says(bench, ctx):
    await bench.grant(msix=1)
    for vector in (0, 17, 31):
        await bench.set_entry(vector, address=0x12_FEE0_1003 + 0x10_0000_0000 * vector,
                              data=0xABCD_0000 | vector)
        await bench.raise_vector(vector)
        assert await bench.taken() == [
            (0x12_FEE0_1000 + 0x10_0000_0000 * vector, 0xABCD_0000 | vector)]


@story
async def test_a_masked_entry_or_function_keeps_its_pending_bit(bench, ctx):
    await bench.grant(msix=1)
    await bench.set_entry(5, address=0xFEE0_0000, data=5, masked=1)
    await bench.raise_vector(5)
    assert await bench.taken() == []
    assert await bench.read(PENDING_BITS) == 1 << 5
    await bench.grant(msix=1, function_masked=1)
    await bench.write(TABLE + 16 * 5 + 12, 0)
    assert await bench.taken() == []

    await bench.grant(msix=1)
    assert await bench.taken() == [(0xFEE0_0000, 5)]
    assert await bench.read(PENDING_BITS) == 0


@story
async def test_a_message_on_offer_is_withdrawn_when_its_entry_is_masked(bench, ctx):
    await bench.grant(msix=1)
    await bench.set_entry(5, address=0xFEE0_0000, data=5)
    await bench.raise_vector(5)
    await bench.offered()
    await bench.write(TABLE + 16 * 5 + 12, 1)
    await ctx.tick().repeat(2)
    assert await bench.taken() == []

    await bench.set_entry(5, address=0xFEE0_0040, data=6)
    assert await bench.taken() == [(0xFEE0_0040, 6)]


@story
async def test_the_bus_may_read_the_table_while_messages_leave(bench, ctx):
    await bench.grant(msix=1)
    for vector in range(4):
        await bench.set_entry(vector, address=0xFEE0_0000 + 16 * vector, data=vector)
    ctx.set(bench.dut.message.ready, 1)
    stream = bench.dut.vectors[0]
    sent = []
    for turn in range(200):
        if turn % 25 == 0:
            ctx.set(stream.payload, turn // 25 % 4)
            ctx.set(stream.valid, 1)
        ctx.set(bench.dut.table_bus.address, TABLE + 16 * 31 + turn % 16)
        ctx.set(bench.dut.table_bus.read, turn % 3 != 0)
        *_, ready, valid, beat = await ctx.tick().sample(
            stream.ready, bench.dut.message.valid, bench.dut.message.payload)
        if ready:
            ctx.set(stream.valid, 0)
        if valid:
            sent.append((beat.header.address, beat.data & 0xFFFF_FFFF))

    assert sent == [(0xFEE0_0000 + 16 * vector, vector) for vector in (0, 1, 2, 3) * 2]


@story
async def test_a_moderated_vector_leaves_at_once_then_waits_for_its_interval(bench, ctx):
    await bench.grant()
    await bench.write(MODERATION + 4 * 3, 4)
    await bench.raise_vector(3)
    assert await bench.taken(8) == [3]
    await bench.raise_vector(3)
    await bench.raise_vector(3)
    assert await bench.taken(3 * TICK - 40) == []
    assert not ctx.get(bench.dut.idle), "it leaves by itself"

    assert await bench.taken(3 * TICK) == [3]
    await bench.raise_vector(4)
    assert await bench.taken(8) == [4], "others have no limit"


@story
async def test_a_moderated_vector_leaves_early_when_it_was_raised_often_enough(bench, ctx):
    await bench.grant()
    await bench.write(MODERATION + 4 * 3, 3 << 16 | 0xFFFF)
    await bench.raise_vector(3)
    assert await bench.taken() == [3]
    for _ in range(2):
        await bench.raise_vector(3)
        assert await bench.taken() == []
    await bench.raise_vector(3)
    assert await bench.taken() == [3]
    await bench.raise_vector(3)
    assert await bench.taken() == [], "the count starts again"


@story
async def test_vectors_raised_without_end_still_let_tlps_begin(bench, ctx):
    await bench.grant(drained=1)
    ctx.set(bench.dut.vectors[0].valid, 1)
    for _ in range(20):
        await ctx.tick()
        assert not ctx.get(bench.dut.hold)


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
            await send(ctx, endpoint.vectors[0], [pace.rng.randrange(32)], pace)
            while behind:                # bounded by the harness, although writes never cease
                await ctx.tick()
            left += 1

    bench.run(story, background=[keep_writing, block_takes_vectors], msi_log2=5)

    assert left == 15
    assert accepted > 30


def test_an_msix_message_leaves_behind_every_write_accepted_before_it_and_is_counted():
    pace = Pace("stuttering", 7)
    bench = EndpointBench(pace)
    entry = [0xFEE0_0000, 0, 0x4D, 0]
    setup = [(Tlp("MWr", 4, b"".join(word.to_bytes(4, "little") for word in entry),
                  address=0x8000_0000 + TABLE + 16 * 9, first_be=15, last_be=15), 0)]
    behind = []
    accepted = 0

    async def registers(ctx):            # the host's accesses go to the table, as in the card
        theirs, ours = bench.endpoint.registers, bench.endpoint.msix_registers
        while True:
            _, _, address, write, data, strobe, granted = await ctx.tick().sample(
                theirs.address, theirs.write, theirs.write_data, theirs.write_strobe,
                bench.endpoint.registers_grant)
            ctx.set(ours.address, address)
            ctx.set(ours.write, write & granted)
            ctx.set(ours.write_data, data)
            ctx.set(ours.write_strobe, strobe)

    async def story(ctx):
        nonlocal accepted
        await bench.send(ctx, setup)
        await bench.settle(ctx)
        for _ in range(8):
            for _ in range(pace.rng.randrange(4)):
                await send(ctx, bench.endpoint.writes, [
                    {"header": {"kind": Kind.MEMORY_WRITE, "address": 0x1000, "length_dw": 1,
                                "first_be": 15}, "first": 1, "last": 1}], pace)
                accepted += 1
            behind.append(accepted)
            await send(ctx, bench.endpoint.vectors[0], [9], pace)
            await bench.settle(ctx)

    bench.run(story, background=[registers], msix=1)

    places = [at for at, tlp in enumerate(bench.monitor.tlps) if tlp.address == 0xFEE0_0000]
    assert [at - number for number, at in enumerate(places)] == behind
    assert {bench.monitor.tlps[at].payload for at in places} == {b"\x4d\0\0\0"}
    assert (bench.counts["msix_sent"], bench.counts["msi_sent"]) == (8, 0)
    assert bench.counts["tx_mem_write"] == 8 + accepted


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
