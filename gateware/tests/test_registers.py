# SPDX-License-Identifier: BSD-2-Clause
"""The shared registers: turns, blocks, sides; doorbells, link, identity, statistics, idleness."""

import random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from csr_access import read, run, write
from vop.counters import CounterMemory
from vop.doorbell import Doorbell
from vop.identity import Identity
from vop.idle import IdleDetector
from vop.link import Link
from vop.registers import BlockDecoder, RegisterArbiter
from vop.regs import (
    DOORBELL,
    GUARD,
    IDENTITY,
    LINK,
    MSI,
    MSIX,
    STATS,
    VERSION,
    FaultKind,
)
from vop.stats import Stats

BLOCKS = (IDENTITY, LINK, DOORBELL, MSI, GUARD, STATS, MSIX)


def test_both_sides_take_turns_and_each_gets_its_own_answer():
    dut = RegisterArbiter()
    answers = {"host": [], "card": []}

    async def answer_with_the_address(ctx):
        answer = 0
        async for _clk, _rst, reading, address in ctx.tick().sample(dut.bus.read, dut.bus.address):
            ctx.set(dut.bus.read_data, answer)
            answer = address if reading else 0

    def side(name, base):
        port, grant = getattr(dut, name), getattr(dut, f"{name}_grant")

        async def bench(ctx):
            for index in range(40):
                ctx.set(port.address, base + 4 * index)
                ctx.set(port.read, 1)
                waited = 0
                while True:
                    *_, granted = await ctx.tick().sample(grant)
                    if granted:
                        break
                    waited += 1
                assert waited <= 1
                ctx.set(port.read, 0)
                await ctx.tick()
                answers[name].append(ctx.get(port.read_data))
        return bench

    run(dut, side("host", 0x1000), side("card", 0x2000), processes=[answer_with_the_address])
    assert answers["host"] == [0x1000 + 4 * index for index in range(40)]
    assert answers["card"] == [0x2000 + 4 * index for index in range(40)]


@pytest.mark.parametrize(("address", "card", "block", "is_refused"), [
    (LINK.address("device_page_lo"), 0, "link", False),
    (LINK.address("device_page_lo"), 1, None, True),
    (LINK.address("boot_state"), 1, "link", False),
    (LINK.address("boot_state"), 0, None, True),
    (DOORBELL.address("h2c_set"), 1, None, True),
    (DOORBELL.address("c2h_ring"), 0, None, True),
    (DOORBELL.address("c2h_ring"), 1, "doorbell", False),
    (GUARD.address("pages", 15), 1, None, True),
    (GUARD.address("pages", 15), 0, "guard", False),
    (STATS.address("marker"), 0, None, True),
    (IDENTITY.address("magic"), 0, None, True),
    (0xF000, 0, None, True),
    (0xF000, 1, None, True),
])
def test_a_write_reaches_its_block_only_from_the_side_that_may(address, card, block, is_refused):
    dut = BlockDecoder(BLOCKS)
    written = []

    async def watch(ctx):
        ports = [getattr(dut, block.name) for block in BLOCKS]
        async for _clk, _rst, *strobes in ctx.tick().sample(*(port.write for port in ports)):
            written.extend(block.name for block, strobe in zip(BLOCKS, strobes, strict=True)
                           if strobe)

    async def bench(ctx):
        ctx.set(dut.bus.address, address)
        ctx.set(dut.bus.card, card)
        ctx.set(dut.bus.write, 1)
        await ctx.tick()
        ctx.set(dut.bus.write, 0)
        assert ctx.get(dut.refused) == is_refused
        await ctx.tick()
        assert ctx.get(dut.refused) == 0

    run(dut, bench, background=[watch])
    assert written == ([block] if block else [])


def test_a_doorbell_of_each_group_raises_the_line_of_its_group():
    dut = Doorbell()

    async def bench(ctx):
        await write(ctx, dut.bus, DOORBELL.address("h2c_enable"), 0xFFFF_FFFE)
        for doorbell, groups in ((0, 0b0000), (7, 0b0001), (8, 0b0010), (23, 0b0100), (31, 0b1000)):
            await write(ctx, dut.bus, DOORBELL.address("h2c_set"), 1 << doorbell)
            await ctx.tick()
            assert ctx.get(dut.groups) == groups
            assert await read(ctx, dut.bus, DOORBELL.address("h2c_pending")) == 1 << doorbell
            await write(ctx, dut.bus, DOORBELL.address("h2c_pending"), 1 << doorbell)
            assert ctx.get(dut.groups) == 0

    run(dut, bench)


def test_each_vector_that_the_cpu_rings_is_raised():
    dut = Doorbell()
    raised = []

    async def bench(ctx):
        for vector in (9, 3, 3, 31):
            await write(ctx, dut.bus, DOORBELL.address("c2h_ring"), vector)
            ctx.set(dut.vectors.ready, 0)
            await ctx.tick()
            ctx.set(dut.vectors.ready, 1)
            for _ in range(3):
                *_, valid, payload = await ctx.tick().sample(
                    dut.vectors.valid, dut.vectors.payload)
                if valid:
                    raised.append(payload)

    run(dut, bench)
    assert raised == [9, 3, 3, 31]


@pytest.mark.parametrize("cpu_run", [0, 1])
def test_the_cpu_is_held_as_configured_and_its_words_die_with_it(cpu_run):
    dut = Link(cpu_run=cpu_run)

    async def bench(ctx):
        assert ctx.get(dut.cpu_hold) == 1 - cpu_run
        await write(ctx, dut.bus, LINK.address("cpu"), 1)
        await write(ctx, dut.bus, LINK.address("boot_state"), 2)
        await write(ctx, dut.bus, LINK.address("device_page_lo"), 0x5000)
        assert await read(ctx, dut.bus, LINK.address("boot_state")) == 2
        await write(ctx, dut.bus, LINK.address("cpu"), 0)
        assert ctx.get(dut.cpu_hold) == 1
        assert await read(ctx, dut.bus, LINK.address("boot_state")) == 0
        assert await read(ctx, dut.bus, LINK.address("device_page_lo")) == 0x5000

    run(dut, bench)


def test_the_card_says_who_it_is():
    dut = Identity(ram_bytes=4096, clock_hz=125_000_000, build_id=0xC0DE, features=("copy", "sim"))

    async def bench(ctx):
        assert await read(ctx, dut.bus, IDENTITY.address("magic")) == VERSION["magic"]
        assert await read(ctx, dut.bus, IDENTITY.address("features")) == 0x8000_0001
        assert await read(ctx, dut.bus, IDENTITY.address("build")) == 0xC0DE
        assert await read(ctx, dut.bus, IDENTITY.address("ram")) == 4096
        assert await read(ctx, dut.bus, IDENTITY.address("copier")) == 0x1008_0408
        assert await read(ctx, dut.bus, IDENTITY.address("clock")) == 125_000_000

    run(dut, bench)


def test_counters_the_first_fault_and_the_marker_are_read_where_they_are_declared():
    dut = Stats()

    async def bench(ctx):
        await ctx.tick().repeat(70)
        ctx.set(dut.counted.rx_mem_read, 1)
        ctx.set(dut.counted.completion_retry, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.counted.rx_mem_read, 0)
        await ctx.tick().repeat(2)
        ctx.set(dut.counted.completion_retry, 0)
        await ctx.tick().repeat(40)
        assert await read(ctx, dut.bus, STATS.address("rx_mem_read")) == 3
        assert await read(ctx, dut.bus, STATS.address("rx_mem_write")) == 0
        assert await read(ctx, dut.bus, STATS.address("completion_retry")) == 5
        assert await read(ctx, dut.bus, STATS.address("rx_mem_read") + 0x400) == 0
        ctx.set(dut.first_fault.kind, FaultKind.DROPPED_REQUEST)
        for dw in range(4):
            ctx.set(dut.first_fault.header[dw], 0x1111_1111 * (dw + 1))
        assert [await read(ctx, dut.bus, STATS.address("first_fault", dw)) for dw in range(4)] == [
            0x1111_1111, 0x2222_2222, 0x3333_3333, 0x4444_4444]
        assert await read(ctx, dut.bus, STATS.address("first_fault_kind")) == 3
        assert not ctx.get(dut.clear)
        ctx.set(dut.bus.write_strobe, 15)
        ctx.set(dut.bus.address, STATS.address("first_fault_kind"))
        ctx.set(dut.bus.write, 1)
        await ctx.tick()
        ctx.set(dut.bus.write, 0)
        assert ctx.get(dut.clear)
        await write(ctx, dut.bus, STATS.address("marker"), 2)
        assert ctx.get(dut.marker) == 2

    run(dut, bench)


@pytest.mark.parametrize("chance", [1.0, 0.7, 0.05])
def test_no_pulse_is_lost_however_many_counters_count_at_once(chance):
    count = 33
    dut = CounterMemory(count)
    rng = random.Random(count)
    wanted = [0] * count

    async def bench(ctx):
        for _ in range(600):
            pulses = [rng.random() < chance for _ in range(count)]
            for number, pulse in enumerate(pulses):
                wanted[number] += pulse
            ctx.set(dut.pulses, sum(pulse << number for number, pulse in enumerate(pulses)))
            await ctx.tick()
        ctx.set(dut.pulses, 0)
        await ctx.tick().repeat(count + 3)
        for number in range(count):
            ctx.set(dut.index, number)
            await ctx.tick()
            assert ctx.get(dut.value) == wanted[number]

    run(dut, bench)


def test_counters_start_from_zero_behind_a_reset():
    reset = Signal()
    counters = CounterMemory(5)
    top = Module()
    top.submodules.counters = ResetInserter(reset)(counters)

    async def bench(ctx):
        ctx.set(counters.pulses, 0b10100)
        await ctx.tick().repeat(30)
        ctx.set(counters.pulses, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(counters.index, 2)
        for _ in range(20):
            await ctx.tick()
            assert ctx.get(counters.value) == 0

    run(top, bench)



def test_the_halves_of_the_cycle_counter_belong_together():
    dut = Stats()

    async def bench(ctx):
        first = await read(ctx, dut.bus, STATS.address("cycles_lo"))
        second = await read(ctx, dut.bus, STATS.address("cycles_lo"))
        assert second == first + 2
        assert await read(ctx, dut.bus, STATS.address("cycles_hi")) == 0

    run(dut, bench)


def test_idle_is_said_only_after_a_long_quiet():
    dut = IdleDetector(cycles=5)

    async def bench(ctx):
        ctx.set(dut.quiet, 1)
        for _ in range(5):
            assert ctx.get(dut.idle) == 0
            await ctx.tick()
        assert ctx.get(dut.idle) == 1
        ctx.set(dut.quiet, 0)
        assert ctx.get(dut.idle) == 0
        await ctx.tick()
        ctx.set(dut.quiet, 1)
        assert ctx.get(dut.idle) == 0

    run(dut, bench)


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match=r"^Reset value of link.cpu.run must be 0 or 1, not 2$"):
        Link(cpu_run=2)
    with pytest.raises(ValueError, match=r"^Feature must be one of copy, publish, complete, chain, "
                                         r"arm, push, list, command_ring, single_store, sim, "
                                         r"not 'magic'$"):
        Identity(ram_bytes=64, clock_hz=1, features=("magic",))
