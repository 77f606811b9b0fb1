# SPDX-License-Identifier: BSD-2-Clause
"""A reset lasts long enough to clear the memories, however short what asked for it was."""

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator
from vop.reset_stretch import RESET_CYCLES, ResetStretch


def run(story):
    dut = ResetStretch()
    hot = Signal()
    simulator = Simulator(ResetInserter(hot)(dut))
    simulator.add_clock(1e-6)

    async def testbench(ctx):
        await story(ctx, dut, hot)

    simulator.add_testbench(testbench)
    simulator.run()


async def length(ctx, signal):
    """Cycles until ``signal`` falls."""
    cycles = 0
    while ctx.get(signal):
        await ctx.tick()
        cycles += 1
        assert cycles <= 2 * RESET_CYCLES, "it does not end"
    return cycles


def test_the_card_is_in_reset_after_power_up_and_its_registers_a_cycle_longer():
    async def story(ctx, dut, _hot):
        assert await length(ctx, dut.active) == RESET_CYCLES
        assert await length(ctx, dut.hold) == 1
    run(story)


@pytest.mark.parametrize("cycles", [1, 40])
@pytest.mark.parametrize("after", [1, 700])
@pytest.mark.parametrize("by", ["hot", "request"])
def test_each_cause_of_a_reset_starts_it_anew(cycles, after, by):
    async def story(ctx, dut, hot):
        cause = hot if by == "hot" else dut.request
        await ctx.tick().repeat(after)
        ctx.set(cause, 1)
        await ctx.tick().repeat(cycles)
        assert ctx.get(dut.active)
        ctx.set(cause, 0)
        assert await length(ctx, dut.active) == RESET_CYCLES
    run(story)
