# SPDX-License-Identifier: BSD-2-Clause
"""The CPU's bus crosses clocks of any ratio, and what the CPU gives up harms no later access."""

import pytest
from amaranth.sim import Simulator
from vop.soc import wishbone
from vop.soc.bus_cdc import BurstCrossing, BusCrossing, HoldCrossing, LineCrossing

CLOCKS_NS = [(8, 8), (8, 5.3), (8, 21), (8, 8.1)]


def simulate(dut, clocks_ns, testbench, *processes):
    simulator = Simulator(dut)
    card_ns, cpu_ns = clocks_ns
    simulator.add_clock(card_ns * 1e-9)
    simulator.add_clock(cpu_ns * 1e-9, domain="cpu", phase=1e-9)
    simulator.add_testbench(testbench)
    for process in processes:
        simulator.add_process(process)
    simulator.run_until(20e-6)


def target_that_answers(dut, accesses, delay=1):
    """Answer each access with its address times 3, ``delay`` cycles later."""
    async def process(ctx):
        left = delay
        async for _clk, _rst, stb, ack, adr, we, data in ctx.tick().sample(
                dut.target.stb, dut.target.ack, dut.target.adr, dut.target.we, dut.target.dat_w):
            if ack:
                ctx.set(dut.target.ack, 0)
                left = delay
            elif stb and left:
                left -= 1
            elif stb:
                accesses.append((adr, we, data))
                ctx.set(dut.target.dat_r, adr * 3)
                ctx.set(dut.target.ack, 1)
    return process


async def access(ctx, dut, adr, *, we=0, data=0, cti=0):
    bus = dut.initiator
    for pin, value in ((bus.adr, adr), (bus.we, we), (bus.dat_w, data), (bus.cti, cti),
                       (bus.cyc, 1), (bus.stb, 1)):
        ctx.set(pin, value)
    data, *_ = await ctx.tick("cpu").sample(bus.dat_r).until(bus.ack)
    ctx.set(bus.stb, 0)
    ctx.set(bus.cyc, int(cti == wishbone.INCREMENTING))
    return data


@pytest.mark.parametrize("clocks_ns", CLOCKS_NS)
@pytest.mark.parametrize("delay", [0, 5])
def test_each_access_arrives_once_and_gets_its_own_answer(clocks_ns, delay):
    dut = BusCrossing(domain="cpu")
    accesses, answers = [], []

    async def cpu(ctx):
        for adr in range(1, 21):
            answers.append(await access(ctx, dut, adr, we=adr & 1, data=adr * 7))

    simulate(dut, clocks_ns, cpu, target_that_answers(dut, accesses, delay))
    assert accesses == [(adr, adr & 1, adr * 7) for adr in range(1, 21)]
    assert answers == [adr * 3 for adr in range(1, 21)]


@pytest.mark.parametrize("clocks_ns", CLOCKS_NS)
def test_the_answer_to_an_access_given_up_is_dropped(clocks_ns):
    dut = BusCrossing(domain="cpu")
    accesses, answers = [], []

    async def cpu(ctx):
        for adr in range(1, 9):
            ctx.set(dut.initiator.adr, 100 + adr)
            ctx.set(dut.initiator.cyc, 1)
            ctx.set(dut.initiator.stb, 1)
            await ctx.tick("cpu").repeat(1 + adr % 3)
            ctx.set(dut.initiator.cyc, 0)
            ctx.set(dut.initiator.stb, 0)
            await ctx.tick("cpu")
            answers.append(await access(ctx, dut, adr))

    simulate(dut, clocks_ns, cpu, target_that_answers(dut, accesses))
    assert answers == [adr * 3 for adr in range(1, 9)]


def test_an_access_that_waits_for_ever_ends_when_the_cpu_is_reset():
    dut = BusCrossing(domain="cpu")
    answers = []

    async def cpu(ctx):
        ctx.set(dut.initiator.cyc, 1)
        ctx.set(dut.initiator.stb, 1)
        await ctx.tick("cpu").repeat(20)
        ctx.set(dut.abort, 1)
        ctx.set(dut.initiator.cyc, 0)
        ctx.set(dut.initiator.stb, 0)
        await ctx.tick("cpu").repeat(20)
        ctx.set(dut.abort, 0)
        answers.append(await access(ctx, dut, 5))

    async def target_that_waits(ctx):
        async for _clk, _rst, stb, adr in ctx.tick().sample(dut.target.stb, dut.target.adr):
            ctx.set(dut.target.dat_r, 77)
            ctx.set(dut.target.ack, stb and adr == 5)

    simulate(dut, (8, 8.1), cpu, target_that_waits)
    assert answers == [77]


@pytest.mark.parametrize("clocks_ns", CLOCKS_NS)
@pytest.mark.parametrize("delay", [0, 5])
def test_bursts_and_single_reads_arrive_once_and_get_their_own_words(clocks_ns, delay):
    dut = BurstCrossing(domain="cpu")
    accesses, answers = [], []
    reads = [*range(16, 24), 5, *range(40, 48), *range(16, 24), 7, 7]

    async def cpu(ctx):
        for place, adr in enumerate(reads):
            goes_on = adr >= 16 and adr % 8 != 7
            cti = wishbone.INCREMENTING if goes_on else 7 if adr >= 16 else 0
            answers.append(await access(ctx, dut, adr, cti=cti))
            if place % 3 == 0:
                await ctx.tick("cpu")

    simulate(dut, clocks_ns, cpu, target_that_answers(dut, accesses, delay))
    assert [adr for adr, *_ in accesses] == reads
    assert answers == [adr * 3 for adr in reads]


def test_the_target_sees_one_cycle_for_a_whole_burst_and_the_cpu_a_word_in_each():
    dut = BurstCrossing(domain="cpu")
    levels, ctis, pauses = [], [], []

    async def watch(ctx):
        async for _clk, _rst, cyc, ack, cti in ctx.tick().sample(
                dut.target.cyc, dut.target.ack, dut.target.cti):
            if not levels or levels[-1] != cyc:
                levels.append(cyc)
            if ack:
                ctis.append(cti)

    async def cpu(ctx):
        ctx.set(dut.initiator.cyc, 1)
        ctx.set(dut.initiator.stb, 1)
        for adr in range(8):
            ctx.set(dut.initiator.adr, adr)
            ctx.set(dut.initiator.cti, 7 if adr == 7 else wishbone.INCREMENTING)
            pauses.append(0)
            while not (await ctx.tick("cpu").sample(dut.initiator.ack))[-1]:
                pauses[-1] += 1
        ctx.set(dut.initiator.cyc, 0)
        ctx.set(dut.initiator.stb, 0)

    simulate(dut, (8, 8.1), cpu, target_that_answers(dut, []), watch)
    assert levels == [0, 1, 0]
    assert ctis == [wishbone.INCREMENTING] * 7 + [7]
    assert pauses[1:] == [0] * 7


@pytest.mark.parametrize("clocks_ns", CLOCKS_NS)
@pytest.mark.parametrize("words", [0, 1, 5])
@pytest.mark.parametrize("aborts", [False, True])
def test_a_burst_given_up_harms_no_later_one(clocks_ns, words, aborts):
    dut = BurstCrossing(domain="cpu")
    answers = []

    async def cpu(ctx):
        for pause in (1, 4, 40):
            for adr in range(64, 64 + words):
                await access(ctx, dut, adr, cti=wishbone.INCREMENTING)
            ctx.set(dut.initiator.adr, 64 + words)
            ctx.set(dut.initiator.cti, wishbone.INCREMENTING)
            ctx.set(dut.initiator.cyc, 1)
            ctx.set(dut.initiator.stb, 1)
            await ctx.tick("cpu").repeat(pause)
            ctx.set(dut.initiator.cyc, 0)
            ctx.set(dut.initiator.stb, 0)
            if aborts:
                await ctx.tick()
                ctx.set(dut.abort, 1)
                await ctx.tick("cpu").repeat(8)
                await ctx.tick()
                ctx.set(dut.abort, 0)
            await ctx.tick("cpu")
            for adr in range(8, 16):
                cti = 7 if adr == 15 else wishbone.INCREMENTING
                answers.append(await access(ctx, dut, adr, cti=cti))

    simulate(dut, clocks_ns, cpu, target_that_answers(dut, []))
    assert answers == [adr * 3 for adr in range(8, 16)] * 3


def test_a_hold_of_one_cycle_reaches_a_slow_cpu():
    dut = HoldCrossing(domain="cpu")
    seen = []

    async def bench(ctx):
        await ctx.tick("cpu").repeat(8)
        assert ctx.get(dut.o) == 0
        await ctx.tick()
        ctx.set(dut.i, 1)
        await ctx.tick()
        ctx.set(dut.i, 0)
        for _ in range(6):
            *_, held = await ctx.tick("cpu").sample(dut.o)
            seen.append(held)

    simulate(dut, (8, 50), bench)
    assert 1 in seen
    assert seen[-1] == 0


def test_a_line_reaches_the_cpu_and_a_glitch_between_two_cycles_of_the_card_does_not():
    dut = LineCrossing(domain="cpu", width=2)
    seen = []

    async def bench(ctx):
        for _ in range(8):
            await ctx.tick()
            ctx.set(dut.i, 0b11)
            await ctx.delay(20e-9)
            ctx.set(dut.i, 0b10)

    async def watch(ctx):
        async for _clk, _rst, line in ctx.tick("cpu").sample(dut.o):
            seen.append(line)

    simulate(dut, (80, 5), bench, watch)
    assert set(seen) == {0b00, 0b10}
    assert seen[-1] == 0b10
