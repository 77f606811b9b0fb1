# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM: order, fairness, rates, and what a read sees of a write in the same cycle."""

import random
import re

import pytest
from amaranth.sim import Simulator
from vop.soc.memory import CardMemory
from vop.soc.turns import Turns

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


def test_initial_content_is_read_back_by_every_port():
    image = bytes(range(256))
    dut = CardMemory(ram_bytes=RAM_BYTES, reads=3, init=image)
    seen = []

    async def bench(ctx):
        for line in (0, 1, 2, 15, 16):
            seen.append((line, [await read_line(ctx, port, line) for port in dut.reads]))

    simulate(dut, bench)
    assert len(seen) == 5
    for line, values in seen:
        expected = int.from_bytes(image[16 * line:16 * line + 16], "little")
        assert values == [expected] * 3, line


def test_only_the_strobed_bytes_of_a_line_change():
    dut = CardMemory(ram_bytes=RAM_BYTES, writes=3, init=b"\xee" * RAM_BYTES)
    seen = []

    async def bench(ctx):
        await put(ctx, dut.writes[0].request, line=5, data=0x11223344, strobe=0b0101)
        await put(ctx, dut.writes[1].request, line=5, data=0x55 << 120, strobe=1 << 15)
        await put(ctx, dut.writes[2].request, line=5, data=0x66 << 32, strobe=1 << 4)
        seen.append(await read_line(ctx, dut.reads[0], 5))
        seen.append(await read_line(ctx, dut.reads[0], 4))

    simulate(dut, bench)
    assert [line.to_bytes(16, "little") for line in seen] == [
        bytes.fromhex("44ee22ee66eeeeeeeeeeeeeeeeeeee55"), b"\xee" * 16]


def test_a_read_stream_and_a_write_stream_each_move_a_line_every_cycle_beside_other_reads():
    dut = CardMemory(ram_bytes=RAM_BYTES, reads=3)
    taken = {"reads": 0, "writes": 0}
    waits = []
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

    async def read_now_and_then(ctx):
        generator = random.Random(1)
        port = dut.reads[2].request
        for _ in range(40):
            ctx.set(port.payload, generator.randrange(LINES))
            ctx.set(port.valid, 1)
            waited = 0
            while not (await ctx.tick().sample(port.ready))[-1]:
                waited += 1
            waits.append(waited)
            ctx.set(port.valid, 0)
            await ctx.tick()

    simulate(dut, stream_reads, stream_writes, read_now_and_then)
    assert taken == {"reads": cycles, "writes": cycles}
    assert len(waits) == 40
    assert max(waits) <= 3


@pytest.mark.parametrize("readers", [1, 2, 4])
def test_another_reader_waits_no_longer_than_its_turn_and_patience_allow(readers):
    patience = 3
    dut = CardMemory(ram_bytes=RAM_BYTES, reads=1 + readers, patience=patience)
    waits = []

    async def hog(ctx):
        ctx.set(dut.reads[0].request.payload, 2)
        ctx.set(dut.reads[0].request.valid, 1)

    def reader(port):
        async def bench(ctx):
            ctx.set(port.payload, 4)
            ctx.set(port.valid, 1)
            for _ in range(20):
                waited = 0
                while not (await ctx.tick().sample(port.ready))[-1]:
                    waited += 1
                waits.append(waited)
        return bench

    simulate(dut, *(reader(port.request) for port in dut.reads[1:]), background=[hog])
    assert len(waits) == 20 * readers
    assert max(waits) == (patience + 1) * readers - 1


def test_the_span_port_never_waits_and_the_others_share_what_it_leaves():
    dut = CardMemory(ram_bytes=RAM_BYTES, writes=2)
    waits = {"span": [], 0: [], 1: []}

    async def first(ctx):
        for line in range(60):
            waits["span"].append(await put(ctx, dut.span.request, line=line % LINES, data=line,
                                           strobe=EVERY_BYTE))
            await ctx.tick()

    def other(index):
        async def bench(ctx):
            for line in range(28):
                waits[index].append(await put(ctx, dut.writes[index].request, line=line % LINES,
                                              data=line, strobe=EVERY_BYTE))
        return bench

    simulate(dut, first, other(0), other(1))
    assert waits["span"] == [0] * 60
    assert len(waits[0]) == len(waits[1]) == 28
    assert max(waits[0] + waits[1]) <= 4


@pytest.mark.parametrize("line", [4, 5, LINES - 2])
def test_a_span_writes_two_neighbouring_lines_at_once(line):
    dut = CardMemory(ram_bytes=RAM_BYTES, init=b"\xee" * RAM_BYTES)
    seen = []

    async def bench(ctx):
        await put(ctx, dut.span.request, line=line, data=int.from_bytes(range(16), "little"),
                  strobe=0xFFF0, next_strobe=0x0007)
        for number in range(LINES):
            seen.append(await read_line(ctx, dut.reads[0], number))

    simulate(dut, bench)
    expected = {line: b"\xee" * 4 + bytes(range(4, 16)),
                line + 1: bytes(range(3)) + b"\xee" * 13}
    assert [value.to_bytes(16, "little") for value in seen] == [
        expected.get(number, b"\xee" * 16) for number in range(LINES)]


def test_a_write_is_seen_by_reads_accepted_after_it_and_by_none_accepted_with_it():
    dut = CardMemory(ram_bytes=RAM_BYTES, reads=3, writes=3)
    generator = random.Random(2)
    lines = [0] * LINES          # as of the writes accepted before the cycle
    expected = {0: [], 1: [], 2: []}
    seen = {0: [], 1: [], 2: []}

    def writer(request, seed):
        async def bench(ctx):
            random_source = random.Random(seed)
            for _ in range(200):
                await put(ctx, request, line=random_source.randrange(4),
                          data=random_source.getrandbits(128), strobe=EVERY_BYTE)
        return bench

    def reader(request):
        async def bench(ctx):
            for _ in range(200):
                ctx.set(request.payload, generator.randrange(4))
                ctx.set(request.valid, 1)
                await ctx.tick().until(request.ready)
            ctx.set(request.valid, 0)
            await ctx.tick().repeat(4)
        return bench

    async def watch(ctx):
        signals = [signal for port in (*dut.reads, *dut.writes) for signal in (
            port.request.valid, port.request.ready, port.request.payload)]
        answers = [signal for port in dut.reads for signal in (
            port.response.valid, port.response.payload)]
        async for _clk, _rst, *values in ctx.tick().sample(*signals, *answers):
            for index in range(3):
                valid, ready, line = values[3 * index:3 * index + 3]
                if valid and ready:
                    expected[index].append(lines[line])
            for index in range(3, 6):
                valid, ready, write = values[3 * index:3 * index + 3]
                if valid and ready:
                    lines[write.line] = write.data
            for index in range(3):
                valid, line = values[18 + 2 * index:20 + 2 * index]
                if valid:
                    seen[index].append(line)

    simulate(dut, *(writer(port.request, seed) for seed, port in enumerate(dut.writes)),
             *(reader(port.request) for port in dut.reads), background=[watch])
    assert all(len(lines_read) == 200 for lines_read in seen.values())
    assert seen == expected


def test_turns_go_round_among_those_who_ask():
    dut = Turns(count=4)
    order = []

    async def bench(ctx):
        ctx.set(dut.served, 1)
        for requests in (0b1111, 0b1111, 0b1111, 0b1111, 0b1010, 0b1010, 0b0001, 0b0001, 0):
            ctx.set(dut.requests, requests)
            order.append(ctx.get(dut.turn))
            await ctx.tick()
        ctx.set(dut.requests, 0b0011)
        ctx.set(dut.served, 0)
        await ctx.tick().repeat(3)
        order.append(ctx.get(dut.turn))

    simulate(dut, bench)
    assert order == [0, 1, 2, 3, 0, 1, 3, 0, 0, 0]


def test_turns_refuse_nobody_to_serve():
    with pytest.raises(ValueError, match=r"^Requester count must be at least 1, not 0$"):
        Turns(count=0)


@pytest.mark.parametrize(("parameters", "message"), [
    ({"ram_bytes": 1024, "width": 32}, "Line width must be 64, 128 or 256 bits, not 32"),
    ({"ram_bytes": 1000},
     "Card RAM must be a power of two of at least four lines, not 1000 bytes"),
    ({"ram_bytes": 32}, "Card RAM must be a power of two of at least four lines, not 32 bytes"),
    ({"ram_bytes": 64, "reads": 1},
     "Card RAM must have two read ports and one to four write ports, not 1 and 1"),
    ({"ram_bytes": 64, "writes": 0},
     "Card RAM must have two read ports and one to four write ports, not 2 and 0"),
    ({"ram_bytes": 64, "patience": 0}, "Patience must be at least 1 cycle, not 0"),
    ({"ram_bytes": 64, "init": bytes(65)},
     "Initial content must fit 64 bytes of card RAM, not be 65 bytes"),
])
def test_a_bad_parameter_is_refused(parameters, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        CardMemory(**parameters)
