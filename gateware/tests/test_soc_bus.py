# SPDX-License-Identifier: BSD-2-Clause
"""The CPU's two buses: bursts, loads and stores, registers, and what lies nowhere."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator
from vop.regs import CARD_ADDRESSES, INTC
from vop.soc import wishbone
from vop.soc.bus import ALL_ONES, DataBus, InstructionBus
from vop.soc.memory import CardMemory

RAM_BYTES = 1024
IMAGE = bytes((7 * index + index // 256) & 0xFF for index in range(RAM_BYTES))
LOCAL_BITS = 18
LAST = 0b111


def word_at(address):
    return int.from_bytes(IMAGE[address:address + 4], "little")


class Buses(wiring.Component):
    """Both buses before one card RAM, whose first read and write ports are free."""

    def __init__(self, width):
        self.memory = CardMemory(ram_bytes=RAM_BYTES, width=width, reads=3, writes=2, init=IMAGE)
        sizes = {"line_bits": self.memory.line_bits, "width": width}
        self.instruction = InstructionBus(**sizes)
        self.data = DataBus(**sizes, local_bits=LOCAL_BITS)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self.memory
        m.submodules.instruction = self.instruction
        m.submodules.data = self.data
        connect(m, self.instruction.memory, self.memory.reads[1])
        connect(m, self.data.loads, self.memory.reads[2])
        connect(m, self.data.stores, self.memory.writes[1])
        return m


def simulate(dut, *testbenches, background=()):
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    simulator.run()


async def acknowledged(ctx, bus):
    """Wait for an acknowledge; return the data and the cycles it took."""
    for cycles in range(1, 40):
        *_, ack, data = await ctx.tick().sample(bus.ack, bus.dat_r)
        if ack:
            return data, cycles
    raise AssertionError("no acknowledge in 40 cycles")


async def burst(ctx, bus, address, *, pause=0, stop_after=8):
    """Fetch words of an aligned burst as VexRiscv does; return them and the cycles."""
    words, cycles = [], 0
    ctx.set(bus.cyc, 1)
    for index in range(stop_after):
        ctx.set(bus.stb, 1)
        ctx.set(bus.adr, address // 4 + index)
        ctx.set(bus.cti, LAST if index == 7 else wishbone.INCREMENTING)
        word, took = await acknowledged(ctx, bus)
        words.append(word)
        cycles += took
        if pause:
            ctx.set(bus.stb, 0)
            await ctx.tick().repeat(pause)
    ctx.set(bus.stb, 0)
    ctx.set(bus.cyc, 0)
    return words, cycles


async def access(ctx, bus, address, *, store=None, strobe=0xF):
    ctx.set(bus.adr, address // 4)
    ctx.set(bus.we, store is not None)
    ctx.set(bus.dat_w, store or 0)
    ctx.set(bus.sel, strobe)
    ctx.set(bus.cyc, 1)
    ctx.set(bus.stb, 1)
    data, cycles = await acknowledged(ctx, bus)
    ctx.set(bus.cyc, 0)
    ctx.set(bus.stb, 0)
    return data, cycles


@pytest.mark.parametrize("width", [64, 128, 256])
@pytest.mark.parametrize("pause", [0, 1, 5])
def test_a_burst_brings_its_eight_words_at_any_pace(width, pause):
    dut = Buses(width)
    seen = []

    async def bench(ctx):
        for address in (0, 0x20, 0x3E0, 0x40):
            words, cycles = await burst(ctx, dut.instruction.bus, address, pause=pause)
            seen.append((address, words))
            if not pause and width == 128:
                assert cycles <= 14
            await ctx.tick()

    simulate(dut, bench)
    assert seen == [(address, [word_at(address + 4 * index) for index in range(8)])
                    for address in (0, 0x20, 0x3E0, 0x40)]


def test_a_burst_that_is_cut_off_leaves_nothing_behind():
    dut = Buses(128)
    seen = []

    async def bench(ctx):
        for cut in range(1, 8):
            await burst(ctx, dut.instruction.bus, 0x100, stop_after=cut)
            await ctx.tick().repeat(1 + cut % 2)
            seen.append((await burst(ctx, dut.instruction.bus, 0x200))[0])
            await ctx.tick()

    simulate(dut, bench)
    assert seen == [[word_at(0x200 + 4 * index) for index in range(8)]] * 7


def test_a_fetch_sees_what_was_stored_before_it():
    dut = Buses(128)
    seen = []

    async def bench(ctx):
        await burst(ctx, dut.instruction.bus, 0x80)
        await access(ctx, dut.data.bus, 0x84, store=0x1234_5678)
        seen.extend((await burst(ctx, dut.instruction.bus, 0x80))[0])

    simulate(dut, bench)
    assert seen == [word_at(0x80), 0x1234_5678, *(word_at(0x80 + 4 * at) for at in range(2, 8))]


def test_fetches_outside_card_ram_read_ones_and_count_as_faults():
    dut = Buses(128)
    faults = []

    async def count(ctx):
        async for _clk, _rst, fault in ctx.tick().sample(dut.instruction.fault):
            faults.extend([1] * fault)

    async def bench(ctx):
        words, _cycles = await burst(ctx, dut.instruction.bus, RAM_BYTES)
        assert words == [ALL_ONES] * 8
        await ctx.tick()
        words, _cycles = await burst(ctx, dut.instruction.bus, 0)
        assert words == [word_at(4 * index) for index in range(8)]

    simulate(dut, bench, background=[count])
    assert len(faults) == 8


def test_loads_and_stores_reach_single_bytes_of_card_ram():
    dut = Buses(128)
    cycles = {}

    async def bench(ctx):
        bus = dut.data.bus
        assert (await access(ctx, bus, 0x3FC))[0] == word_at(0x3FC)
        _data, cycles["store"] = await access(ctx, bus, 0x40, store=0xAABB_CCDD, strobe=0b0110)
        data, cycles["load"] = await access(ctx, bus, 0x40)
        assert data == word_at(0x40) & 0xFF00_00FF | 0x00BB_CC00
        assert (await access(ctx, bus, 0x44))[0] == word_at(0x44)

    simulate(dut, bench)
    assert cycles["store"] <= 3
    assert cycles["load"] <= 4


@pytest.mark.parametrize("address", [RAM_BYTES, 0x7FFF_FFFC, 0x8000_0000, 0xF004_0000])
def test_accesses_to_nothing_are_acknowledged_and_counted(address):
    dut = Buses(128)
    faults = []

    async def count(ctx):
        async for _clk, _rst, fault in ctx.tick().sample(dut.data.fault):
            faults.extend([1] * fault)

    async def bench(ctx):
        bus = dut.data.bus
        assert (await access(ctx, bus, address))[0] == ALL_ONES
        await access(ctx, bus, address, store=5)
        assert (await access(ctx, bus, 0))[0] == word_at(0)
        await access(ctx, bus, 0, store=word_at(0))
        assert (await access(ctx, bus, address % RAM_BYTES & ~3))[0] == word_at(
            address % RAM_BYTES & ~3)
        await ctx.tick().repeat(2)

    simulate(dut, bench, background=[count])
    assert len(faults) == 2


def test_registers_are_asked_once_and_wait_holds_until_it_may_be_answered():
    dut = Buses(128)
    strobes = []

    async def answer(ctx):
        data = dut.data
        shared_data = 0                  # the answer of the cycle before
        async for _clk, _rst, shared, local, address, grant in ctx.tick().sample(
                data.shared.read, data.local.read, data.local.address, data.shared_grant):
            taken = shared & grant
            if taken or local:
                strobes.append((int(taken), address))
            ctx.set(data.shared.read_data, shared_data)
            shared_data = 0x51 if taken else 0
            ctx.set(data.local.read_data, 0x10CA1 if local else 0)

    async def bench(ctx):
        data = dut.data
        ctx.set(data.shared_grant, 1)
        assert (await access(ctx, data.bus, CARD_ADDRESSES["registers"] + 0x10))[0] == 0x51
        assert (await access(ctx, data.bus, CARD_ADDRESSES["registers"] + 0x1_BFF8))[0] == 0x10CA1
        ctx.set(data.bus.adr, (CARD_ADDRESSES["registers"] + INTC.address("wait")) // 4)
        ctx.set(data.bus.we, 0)
        ctx.set(data.bus.cyc, 1)
        ctx.set(data.bus.stb, 1)
        await ctx.tick().repeat(10)
        assert ctx.get(data.parked)
        assert not ctx.get(data.bus.ack)
        ctx.set(data.wake, 1)
        assert (await acknowledged(ctx, data.bus))[0] == 0x10CA1

    simulate(dut, bench, background=[answer])
    assert strobes == [(1, 0x10), (0, 0x1_BFF8), (0, INTC.address("wait"))]
