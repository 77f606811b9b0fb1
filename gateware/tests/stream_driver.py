# SPDX-License-Identifier: BSD-2-Clause
"""Drive and drain streams in Amaranth's simulator, flowing or stuttering."""

import random

import pytest
from amaranth.sim import Simulator

__all__ = ["PACES", "Pace", "both_paces", "receive", "send", "simulate"]

PACES = ("flowing", "stuttering")
both_paces = pytest.mark.parametrize("pace_name", PACES)


class Pace:
    """Says in each cycle whether a side is willing. The seed is printed, and fixed by the caller.

    One ``Pace`` serves a whole test: ``pace.rng`` is also where its random data come from.
    """

    def __init__(self, name, seed):
        print(f"pace {name}, seed {seed}")
        self.name = name
        self.rng = random.Random(seed)
        self._willing = random.Random(seed + 1)

    def __call__(self):
        return self.name == "flowing" or self._willing.random() < 0.6


def simulate(dut, *testbenches, background=(), limit_cycles=50_000):
    """Run until every testbench has ended; late ends in a failure that says so."""
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    waiting = len(testbenches)

    def ending(testbench):
        async def wrapped(ctx):
            nonlocal waiting
            await testbench(ctx)
            waiting -= 1
        return wrapped

    async def watchdog(ctx):
        for _ in range(limit_cycles):    # repeat() would be left unfinished, and warn
            await ctx.tick()
        if waiting:
            raise TimeoutError(f"{waiting} testbenches still wait after {limit_cycles} cycles")

    for testbench in testbenches:
        simulator.add_testbench(ending(testbench))
    for testbench in (*background, watchdog):
        simulator.add_testbench(testbench, background=True)
    simulator.run()


async def send(ctx, stream, payloads, pace):
    """Offer ``payloads`` one behind the other."""
    for payload in payloads:
        while not pace():
            await ctx.tick()
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        ready = 0
        while not ready:
            *_, ready = await ctx.tick().sample(stream.ready)
        ctx.set(stream.valid, 0)


async def receive(ctx, stream, pace, take):
    """Give each payload to ``take``, for ever; an offer that is withdrawn or changed fails."""
    offered = None
    while True:
        ready = pace()
        ctx.set(stream.ready, ready)
        _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        if offered is not None:
            assert valid, "an offer was withdrawn"
            assert payload == offered, "an offer was changed"
        offered = payload if valid and not ready else None
        if valid and ready:
            take(payload)
