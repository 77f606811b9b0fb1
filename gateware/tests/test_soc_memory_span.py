# SPDX-License-Identifier: BSD-2-Clause
"""A write that runs over into the next line reaches both banks, each byte at its place."""

import random

import pytest
from amaranth.sim import Simulator
from vop.soc.memory_span import SpanSpread


@pytest.mark.parametrize("width", [64, 128, 256])
def test_each_byte_goes_to_its_line_whatever_the_start(width):
    rng = random.Random(width)
    size = width // 8
    dut = SpanSpread(line_bits=6, width=width)
    ram = bytearray(64 * size)
    expected = bytearray(64 * size)

    async def write(ctx, start, content):
        placed = {start + n: byte for n, byte in enumerate(content)}
        line = start // size
        strobes = [
            sum(1 << n for n in range(size) if (line + over) * size + n in placed)
            for over in (0, 1)
        ]
        request = dut.i.request
        ctx.set(request.valid, 1)
        ctx.set(request.payload, {
            "line": line, "strobe": strobes[0], "next_strobe": strobes[1],
            "data": sum(byte << 8 * (at % size) for at, byte in placed.items())})  # fmt: skip
        for bank, o in enumerate(dut.o):
            if ctx.get(o.valid):
                part = ctx.get(o.payload)
                for n in range(size):
                    if part.strobe >> n & 1:
                        ram[(2 * part.line + bank) * size + n] = part.data >> 8 * n & 0xFF
            else:
                assert not ctx.get(o.payload.strobe)

    async def story(ctx):
        for _ in range(500):
            start = rng.randrange(len(ram) - size)
            content = rng.randbytes(rng.randrange(1, size + 1))
            await write(ctx, start, content)
            expected[start : start + len(content)] = content
            assert ram == expected

    simulator = Simulator(dut)
    simulator.add_testbench(story)
    simulator.run()
