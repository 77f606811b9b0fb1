# SPDX-License-Identifier: BSD-2-Clause
"""Machine timer, interrupt controller, UART."""

import pytest
from csr_access import read, run, write
from vop.regs import DOORBELLS, INTC, INTERRUPT_LINES, TIMER, UART
from vop.soc.intc import InterruptController
from vop.soc.soc import LOCAL_BITS
from vop.soc.timer import MachineTimer
from vop.soc.uart import Uart

COPIER = 1 << INTERRUPT_LINES["copier"]
USED = 1 << INTERRUPT_LINES["used"]


def test_the_timer_interrupts_when_its_time_has_come():
    dut = MachineTimer(address_bits=LOCAL_BITS)

    async def bench(ctx):
        await ctx.tick().repeat(5)
        assert ctx.get(dut.timer_interrupt) == 0
        await write(ctx, dut.bus, TIMER.address("mtimecmp_lo"), 100)
        await write(ctx, dut.bus, TIMER.address("mtimecmp_hi"), 0)
        await ctx.tick().until(dut.timer_interrupt)
        assert 100 <= ctx.get(dut.mtime) <= 103

    run(dut, bench)


def test_a_leap_lands_on_its_cycle_and_counting_goes_on():
    dut = MachineTimer(address_bits=LOCAL_BITS)
    target = 0x1_2345_6789

    async def bench(ctx):
        ctx.set(dut.leap_to, target)
        ctx.set(dut.leap, 1)
        await ctx.tick()
        ctx.set(dut.leap, 0)
        assert ctx.get(dut.mtime) == target
        await ctx.tick()
        assert ctx.get(dut.mtime) == target + 1
        assert await read(ctx, dut.bus, TIMER.address("mtime_hi")) == 1
        assert await read(ctx, dut.bus, TIMER.address("mtime_lo")) == (target + 3) & 0xFFFF_FFFF

    run(dut, bench)


def test_a_cpu_in_reset_asks_for_no_time_but_time_goes_on():
    dut = MachineTimer(address_bits=LOCAL_BITS)

    async def bench(ctx):
        await write(ctx, dut.bus, TIMER.address("mtimecmp_hi"), 0)
        await write(ctx, dut.bus, TIMER.address("msip"), 1)
        assert ctx.get(dut.software_interrupt) == 1
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.mtimecmp) == 0xFFFF_FFFF_FFFF_FFFF
        assert ctx.get(dut.software_interrupt) == 0
        assert ctx.get(dut.mtime) == 5

    run(dut, bench)


def test_a_pulse_is_latched_until_cleared():
    dut = InterruptController(address_bits=LOCAL_BITS)

    async def bench(ctx):
        for pin in (dut.copier, dut.used):
            ctx.set(pin, 1)
            await ctx.tick()
            ctx.set(pin, 0)
        assert await read(ctx, dut.bus, INTC.address("pending")) == COPIER | USED
        assert ctx.get(dut.lines) == 0
        await write(ctx, dut.bus, INTC.address("clear"), COPIER)
        assert await read(ctx, dut.bus, INTC.address("pending")) == USED

    run(dut, bench)


def test_a_pulse_in_the_cycle_of_its_clearing_is_kept():
    dut = InterruptController(address_bits=LOCAL_BITS)

    async def bench(ctx):
        ctx.set(dut.used, 1)
        await write(ctx, dut.bus, INTC.address("clear"), USED)
        await ctx.tick()
        ctx.set(dut.used, 0)
        assert await read(ctx, dut.bus, INTC.address("pending")) == USED

    run(dut, bench)


@pytest.mark.parametrize("group", range(DOORBELLS["h2c_count"] // DOORBELLS["h2c_group"]))
def test_an_enabled_line_ends_the_wait_and_is_what_the_wait_reads(group):
    dut = InterruptController(address_bits=LOCAL_BITS)
    line = 1 << INTERRUPT_LINES["doorbell_group"] + group

    async def bench(ctx):
        ctx.set(dut.doorbell_groups, 1 << group)
        ctx.set(dut.uart, 1)
        await ctx.tick()
        assert ctx.get(dut.wake) == 0
        await write(ctx, dut.bus, INTC.address("enable"), line)
        await ctx.tick()
        assert ctx.get(dut.wake) == 1
        assert ctx.get(dut.lines) == line
        assert await read(ctx, dut.bus, INTC.address("wait")) == line

    run(dut, bench)


@pytest.mark.parametrize("pin", ["timer_interrupt", "software_interrupt"])
def test_the_timer_ends_the_wait_and_the_wait_reads_zero(pin):
    dut = InterruptController(address_bits=LOCAL_BITS)

    async def bench(ctx):
        ctx.set(getattr(dut, pin), 1)
        await ctx.tick()
        assert ctx.get(dut.wake) == 1
        assert await read(ctx, dut.bus, INTC.address("wait")) == 0

    run(dut, bench)


def test_a_cpu_in_reset_has_nothing_enabled_or_latched():
    dut = InterruptController(address_bits=LOCAL_BITS)

    async def bench(ctx):
        await write(ctx, dut.bus, INTC.address("enable"), USED)
        ctx.set(dut.used, 1)
        await ctx.tick()
        ctx.set(dut.used, 0)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        assert await read(ctx, dut.bus, INTC.address("enable")) == 0
        assert await read(ctx, dut.bus, INTC.address("pending")) == 0

    run(dut, bench)


@pytest.mark.parametrize("divisor", [4, 7])
def test_characters_cross_a_looped_line(divisor):
    dut = Uart(address_bits=LOCAL_BITS, divisor=divisor)
    sent = []

    async def loop(ctx):
        async for _clk, _rst, level, valid, character in ctx.tick().sample(
                dut.tx, dut.sent.valid, dut.sent.payload):
            ctx.set(dut.rx, level)
            if valid:
                sent.append(character)

    async def bench(ctx):
        for character in (0x00, 0xFF, 0x55, 0xA6):
            while not await read(ctx, dut.bus, UART.address("status")) & 1:
                pass
            await write(ctx, dut.bus, UART.address("data"), character)
            await ctx.tick().until(dut.interrupt)
            assert await read(ctx, dut.bus, UART.address("status")) & 0b110 == 0b010
            assert await read(ctx, dut.bus, UART.address("data")) == character
            assert ctx.get(dut.interrupt) == 0

    run(dut, bench, background=[loop])
    assert sent == [0x00, 0xFF, 0x55, 0xA6]


async def send_bits(ctx, dut, divisor, bits):
    for bit in bits:
        ctx.set(dut.rx, bit)
        await ctx.tick().repeat(divisor)
    ctx.set(dut.rx, 1)
    await ctx.tick().repeat(2 * divisor)


def frame(character):
    return [0, *(character >> n & 1 for n in range(8)), 1]


def test_a_character_that_nobody_took_is_overwritten_and_the_overrun_told():
    dut = Uart(address_bits=LOCAL_BITS, divisor=8)

    async def bench(ctx):
        await send_bits(ctx, dut, 8, frame(0x41))
        await send_bits(ctx, dut, 8, frame(0x42))
        assert await read(ctx, dut.bus, UART.address("status")) == 0b111
        assert await read(ctx, dut.bus, UART.address("data")) == 0x42
        assert await read(ctx, dut.bus, UART.address("status")) == 0b001

    run(dut, bench)


@pytest.mark.parametrize("bits", [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], []], ids=["no stop bit", "spike"])
def test_what_is_no_frame_is_dropped(bits):
    dut = Uart(address_bits=LOCAL_BITS, divisor=8)

    async def bench(ctx):
        ctx.set(dut.rx, 0)
        await ctx.tick().repeat(2)
        await send_bits(ctx, dut, 8, bits)
        await ctx.tick().repeat(100)
        assert await read(ctx, dut.bus, UART.address("status")) == 0b001
        await send_bits(ctx, dut, 8, frame(0x43))
        assert await read(ctx, dut.bus, UART.address("data")) == 0x43

    run(dut, bench)
