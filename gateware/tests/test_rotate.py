# SPDX-License-Identifier: BSD-2-Clause
"""Words turned by bytes: every amount, at every width."""

import pytest
from amaranth.sim import Simulator
from vop.rotate import ByteRotator


@pytest.mark.parametrize("width", [64, 128, 256])
def test_each_byte_moves_up_and_around(width):
    lanes = width // 8
    rotator = ByteRotator(width)

    async def story(ctx):
        ctx.set(rotator.i, int.from_bytes(range(lanes), "little"))
        for turn in range(lanes):
            ctx.set(rotator.turn, turn)
            await ctx.delay(1e-9)
            turned = ctx.get(rotator.o).to_bytes(lanes, "little")
            assert turned == bytes((lane - turn) % lanes for lane in range(lanes))

    simulator = Simulator(rotator)
    simulator.add_testbench(story)
    simulator.run()
