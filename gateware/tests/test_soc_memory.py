# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM: order, fairness, and the collision that block RAM does not forgive."""

import random
import re

import pytest
from amaranth.sim import Simulator
from vop.soc.memory import CardMemory
from vop.soc.memory_bank import Bank

RAM_BYTES = 1024
LINES = RAM_BYTES // 16
EVERY_BYTE = 0xFFFF


def simulate(dut, *testbenches, background=()):
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    simulator.run()


async def put(ctx, request, **fields):
    """Offer a write until it is taken; return the cycles that it waited."""
    ctx.set(request.payload, fields)
    ctx.set(request.valid, 1)
    waited = 0
    while True:
        *_, ready = await ctx.tick().sample(request.ready)
        if ready:
            break
        waited += 1
    ctx.set(request.valid, 0)
    return waited


async def read_line(ctx, port, line):
    ctx.set(port.request.payload, line)
    ctx.set(port.request.valid, 1)
    await ctx.tick().until(port.request.ready)
    ctx.set(port.request.valid, 0)
    payload, *_ = await ctx.tick().sample(port.response.payload).until(port.response.valid)
    return payload


async def cpu_read(ctx, port, line):
    """Read on a CPU port; return the line and the cycles that it waited."""
    waited = await put(ctx, port.request, line=line, data=0, strobe=0)
    return ctx.get(port.response), waited


def test_initial_content_is_read_back_by_every_port():
    image = bytes(range(256))
    dut = CardMemory(ram_bytes=RAM_BYTES, reads=2, init=image)
    seen = []

    async def bench(ctx):
        for line in (0, 1, 2, 15, 16):
            seen.append((line, await read_line(ctx, dut.reads[0], line),
                         await read_line(ctx, dut.reads[1], line),
                         (await cpu_read(ctx, dut.cpus[0], line))[0],
                         (await cpu_read(ctx, dut.cpus[1], line))[0]))

    simulate(dut, bench)
    assert len(seen) == 5
    for line, *values in seen:
        expected = int.from_bytes(image[16 * line:16 * line + 16], "little")
        assert values == [expected] * 4, line


def test_only_the_strobed_bytes_of_a_line_change():
    dut = CardMemory(ram_bytes=RAM_BYTES, writes=2, init=b"\xee" * RAM_BYTES)
    seen = []

    async def bench(ctx):
        await put(ctx, dut.writes[0].request, line=5, data=0x11223344, strobe=0b0101)
        await put(ctx, dut.writes[1].request, line=5, data=0x55 << 120, strobe=1 << 15)
        await put(ctx, dut.cpus[0].request, line=5, data=0x66 << 32, strobe=1 << 4)
        seen.append(await read_line(ctx, dut.reads[0], 5))
        seen.append(await read_line(ctx, dut.reads[0], 4))

    simulate(dut, bench)
    assert [line.to_bytes(16, "little") for line in seen] == [
        bytes.fromhex("44ee22ee66eeeeeeeeeeeeeeeeeeee55"), b"\xee" * 16]


def test_a_read_stream_and_a_write_stream_each_move_a_line_every_cycle_beside_the_cpu():
    dut = CardMemory(ram_bytes=RAM_BYTES)
    taken = {"reads": 0, "writes": 0}
    cpu_waits = []
    cycles = 200

    async def stream_reads(ctx):
        port = dut.reads[0].request
        ctx.set(port.valid, 1)
        for line in range(cycles):
            ctx.set(port.payload, line % LINES)
            *_, ready = await ctx.tick().sample(port.ready)
            taken["reads"] += ready
        ctx.set(port.valid, 0)

    async def stream_writes(ctx):
        port = dut.writes[0].request
        ctx.set(port.valid, 1)
        for line in range(cycles):
            ctx.set(port.payload, {"line": (line + 9) % LINES, "data": line, "strobe": EVERY_BYTE})
            *_, ready = await ctx.tick().sample(port.ready)
            taken["writes"] += ready
        ctx.set(port.valid, 0)

    async def run_cpu(ctx):
        generator = random.Random(1)
        for _ in range(50):
            _line, waited = await cpu_read(ctx, dut.cpus[0], generator.randrange(LINES))
            cpu_waits.append(waited)

    simulate(dut, stream_reads, stream_writes, run_cpu)
    assert taken == {"reads": cycles, "writes": cycles}
    assert max(cpu_waits) <= 3


def test_the_cpu_goes_first_when_reads_of_its_bank_never_pause():
    dut = CardMemory(ram_bytes=RAM_BYTES, patience=3)
    waits = []

    async def hog(ctx):
        ctx.set(dut.reads[0].request.payload, 2)
        ctx.set(dut.reads[0].request.valid, 1)

    async def run_cpu(ctx):
        for _ in range(20):
            waits.append((await cpu_read(ctx, dut.cpus[0], 4))[1])

    simulate(dut, run_cpu, background=[hog])
    assert len(waits) == 20
    assert max(waits) == 3


def test_the_first_write_port_never_waits_and_the_others_use_the_other_bank():
    dut = CardMemory(ram_bytes=RAM_BYTES, writes=3)
    waits = {0: [], 1: [], 2: []}

    def writer(index):
        async def bench(ctx):
            for line in range(60):
                waits[index].append(await put(ctx, dut.writes[index].request, line=line % LINES,
                                              data=line, strobe=EVERY_BYTE))
        return bench

    simulate(dut, writer(0), writer(1), writer(2))
    assert waits[0] == [0] * 60
    assert len(waits[1]) == len(waits[2]) == 60
    assert max(waits[1] + waits[2]) <= 4


def test_no_bank_reads_the_line_that_it_writes_in_the_same_cycle():
    dut = CardMemory(ram_bytes=RAM_BYTES, reads=2, writes=2)
    banks = []
    collisions = []
    accesses = []

    def hammer(request, seed, make):
        async def bench(ctx):
            generator = random.Random(seed)
            for _ in range(300):
                fields = make(generator)
                ctx.set(request.payload, fields)
                ctx.set(request.valid, 1)
                await ctx.tick().until(request.ready)
            ctx.set(request.valid, 0)
        return bench

    def write(generator):
        return {"line": generator.randrange(4), "data": 0, "strobe": generator.choice((1, 1 << 9))}

    def access(generator):
        return {"line": generator.randrange(4), "data": 0, "strobe": generator.choice((0, 1))}

    async def watch(ctx):
        async for _clk, _rst, *values in ctx.tick().sample(*(
                signal for bank in banks for signal in (
                    bank.write_strobe, bank.write_address, bank.strobe, bank.read, bank.address))):
            for at in range(0, len(values), 5):
                write_strobe, write_address, strobe, reading, address = values[at:at + 5]
                if write_strobe and (strobe or reading):
                    accesses.append(address)
                    if address == write_address:
                        collisions.append(address)

    original = Bank.__init__

    def record(self, **parameters):
        original(self, **parameters)
        banks.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bank, "__init__", record)
        simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(hammer(dut.writes[0].request, 1, write))
    simulator.add_testbench(hammer(dut.writes[1].request, 2, write))
    simulator.add_testbench(hammer(dut.reads[0].request, 3, lambda g: g.randrange(4)))
    simulator.add_testbench(hammer(dut.reads[1].request, 4, lambda g: g.randrange(4)))
    simulator.add_testbench(hammer(dut.cpus[0].request, 5, access))
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert len(accesses) > 100
    assert collisions == []


@pytest.mark.parametrize(("parameters", "message"), [
    ({"ram_bytes": 1024, "width": 32}, "Line width must be 64, 128 or 256 bits, not 32"),
    ({"ram_bytes": 1000},
     "Card RAM must be a power of two of at least four lines, not 1000 bytes"),
    ({"ram_bytes": 32}, "Card RAM must be a power of two of at least four lines, not 32 bytes"),
    ({"ram_bytes": 64, "reads": 0}, "Card RAM must have a read and a write port, not 0 and 1"),
    ({"ram_bytes": 64, "patience": 0}, "Patience must be at least 1 cycle, not 0"),
    ({"ram_bytes": 64, "init": bytes(65)},
     "Initial content must fit 64 bytes of card RAM, not be 65 bytes"),
])
def test_a_bad_parameter_is_refused(parameters, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        CardMemory(**parameters)
