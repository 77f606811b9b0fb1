# SPDX-License-Identifier: BSD-2-Clause
"""Accesses on a register bus in Amaranth's simulator, and the run around them."""

from amaranth.sim import Simulator

__all__ = ["read", "run", "write"]


async def write(ctx, bus, address, value, *, strobe=0xF, card=0):
    """Write, and let the new value show."""
    ctx.set(bus.address, address)
    ctx.set(bus.write_data, value)
    ctx.set(bus.write_strobe, strobe)
    ctx.set(bus.card, card)
    ctx.set(bus.write, 1)
    await ctx.tick()
    ctx.set(bus.write, 0)
    await ctx.tick()


async def read(ctx, bus, address, *, card=0):
    """Read, and return the value."""
    ctx.set(bus.address, address)
    ctx.set(bus.card, card)
    ctx.set(bus.read, 1)
    await ctx.tick()
    ctx.set(bus.read, 0)
    value = ctx.get(bus.read_data)
    await ctx.tick()
    assert ctx.get(bus.read_data) == 0, "data must be zero when nothing was read"
    return value


def run(dut, *testbenches, background=(), processes=()):
    """Run until every testbench has ended."""
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    for process in processes:
        simulator.add_process(process)
    simulator.run()
