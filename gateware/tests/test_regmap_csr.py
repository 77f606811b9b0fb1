# SPDX-License-Identifier: BSD-2-Clause
"""A bank does what its declaration says of each access."""

import pytest
from csr_access import read, run, write
from vop.regmap.model import Access, Block, Field, Register
from vop.regmap.to_csr import CsrBank

PART = Block("part", 0x100, 0x40, "One register for each access.", (
    Register("plain", 0x00, "Plain.", (
        Field("low", 0, 8, Access.RW, "Low.", reset=0x11),
        Field("high", 16, 16, Access.RW, "High."),
    )),
    Register("shown", 0x04, "Shown.", (Field("value", 4, 8, Access.R, "Value."),)),
    Register("pulse", 0x08, "Pulse.", (Field("bits", 0, 8, Access.W, "Bits."),)),
    Register("events", 0x0C, "Events.", (Field("bits", 0, 8, Access.RW1C, "Bits."),)),
    Register("orders", 0x10, "Orders.", (Field("bits", 0, 8, Access.RW1S, "Bits."),)),
    Register("slots", 0x20, "Slots.", (Field("value", 0, 32, Access.RW, "Value."),),
             count=4, stride=8),
))


def test_a_plain_field_holds_what_was_written_byte_by_byte():
    dut = CsrBank(PART)

    async def bench(ctx):
        assert await read(ctx, dut.bus, 0x100) == 0x11
        await write(ctx, dut.bus, 0x100, 0xAABB_CCDD)
        assert await read(ctx, dut.bus, 0x100) == 0xAABB_00DD
        await write(ctx, dut.bus, 0x100, 0x1122_3344, strobe=0b1000)
        assert await read(ctx, dut.bus, 0x100) == 0x11BB_00DD
        assert ctx.get(dut.plain.high) == 0x11BB

    run(dut, bench)


def test_a_field_that_is_only_read_shows_its_input_and_ignores_writes():
    dut = CsrBank(PART)

    async def bench(ctx):
        ctx.set(dut.shown.value, 0x5A)
        await write(ctx, dut.bus, 0x104, 0xFFFF_FFFF)
        assert await read(ctx, dut.bus, 0x104) == 0x5A0

    run(dut, bench)


def test_a_field_that_is_only_written_shows_its_bits_for_one_cycle():
    dut = CsrBank(PART)
    seen = []

    async def bench(ctx):
        await write(ctx, dut.bus, 0x108, 0x81)
        await ctx.tick().repeat(3)
        assert await read(ctx, dut.bus, 0x108) == 0

    async def watch(ctx):
        async for _clk, _rst, bits, was_written in ctx.tick().sample(
                dut.pulse.bits, dut.pulse.was_written):
            seen.append((bits, was_written))

    run(dut, bench, background=[watch])
    assert [pair for pair in seen if pair != (0, 0)] == [(0x81, 1)]


def test_events_are_cleared_by_ones_and_setting_wins():
    dut = CsrBank(PART)

    async def bench(ctx):
        ctx.set(dut.events.bits_set, 0x0F)
        await ctx.tick()
        ctx.set(dut.events.bits_set, 0)
        await write(ctx, dut.bus, 0x10C, 0x03)
        assert await read(ctx, dut.bus, 0x10C) == 0x0C
        ctx.set(dut.events.bits_set, 0x04)
        await write(ctx, dut.bus, 0x10C, 0xFF)
        assert await read(ctx, dut.bus, 0x10C) == 0x04

    run(dut, bench)


def test_orders_are_set_by_ones_and_cleared_by_the_gateware():
    dut = CsrBank(PART)

    async def bench(ctx):
        await write(ctx, dut.bus, 0x110, 0x0F)
        await write(ctx, dut.bus, 0x110, 0x30)
        ctx.set(dut.orders.bits_clear, 0x03)
        await ctx.tick()
        ctx.set(dut.orders.bits_clear, 0)
        assert await read(ctx, dut.bus, 0x110) == 0x3C

    run(dut, bench)


def test_an_array_has_a_value_for_each_instance():
    dut = CsrBank(PART)

    async def bench(ctx):
        for index in range(4):
            await write(ctx, dut.bus, 0x120 + 8 * index, index + 1)
        assert [await read(ctx, dut.bus, 0x120 + 8 * index) for index in range(4)] == [1, 2, 3, 4]
        assert await read(ctx, dut.bus, 0x124) == 0
        assert ctx.get(dut.slots[2].value) == 3

    run(dut, bench)


def test_another_block_is_not_answered():
    dut = CsrBank(PART)

    async def bench(ctx):
        await write(ctx, dut.bus, 0x140, 0xFF)
        assert await read(ctx, dut.bus, 0x100) == 0x11
        assert await read(ctx, dut.bus, 0x000) == 0

    run(dut, bench)


def test_restoring_takes_only_the_named_registers_back():
    dut = CsrBank(PART, resets={("plain", "high"): 7}, restorable=("plain",))

    async def bench(ctx):
        assert await read(ctx, dut.bus, 0x100) == 0x7_0011
        await write(ctx, dut.bus, 0x100, 0)
        await write(ctx, dut.bus, 0x120, 9)
        ctx.set(dut.restore, 1)
        await ctx.tick()
        ctx.set(dut.restore, 0)
        assert await read(ctx, dut.bus, 0x100) == 0x7_0011
        assert await read(ctx, dut.bus, 0x120) == 9

    run(dut, bench)


def test_a_reset_value_of_a_field_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match=r"^\"Block 'part' has no field 'plain.middle'\"$"):
        CsrBank(PART, resets={("plain", "middle"): 1})


def test_a_restorable_register_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match=r"^\"Block 'part' has no register 'middle'\"$"):
        CsrBank(PART, restorable=("middle",))
