# SPDX-License-Identifier: BSD-2-Clause
"""The bench image shows on its LEDs what passes and what does not. Runs inside the simulator."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import First, RisingEdge, Timer, ValueChange, with_timeout

CLOCK_NS, CPU_CLOCK_NS = 16, 20
CPU, RAM, TIMER, ALIGNMENTS, PAGE, CHECKS, PASSED = range(1, 8)
STEPS = [CPU, RAM, TIMER, ALIGNMENTS, PAGE, CHECKS, PASSED]
BLINK = 8
BOUND_US = 20_000
STANDS_US = 600  # longer than a blink


class Bench:
    """The image, powered up: codes that the LEDs showed, and what the firmware said."""

    def __init__(self, dut):
        self.dut = dut
        self.codes = []
        self.said = ""

    @classmethod
    async def powered_up(cls, dut, *, corrupt=0, mute=0):
        bench = cls(dut)
        dut.corrupt.value, dut.mute.value = corrupt, mute
        dut.rst.value = dut.cpu_rst.value = 1
        cocotb.start_soon(Clock(dut.clk, CLOCK_NS, "ns").start())
        cocotb.start_soon(Clock(dut.cpu_clk, CPU_CLOCK_NS, "ns").start())
        await Timer(8 * CPU_CLOCK_NS, "ns")
        dut.rst.value = dut.cpu_rst.value = 0
        cocotb.start_soon(bench._watch())
        cocotb.start_soon(bench._listen())
        return bench

    async def _watch(self):
        while True:
            await ValueChange(self.dut.leds)
            self.codes.append(int(self.dut.leds.value))

    async def _listen(self):
        while True:
            await RisingEdge(self.dut.uart_byte_valid)
            self.said += chr(int(self.dut.uart_byte.value))

    async def shows(self, code):
        async def until():
            while not self.codes or self.codes[-1] != code:
                await ValueChange(self.dut.leds)
                await Timer(1, "ns")
        await with_timeout(until(), BOUND_US, "us")

    async def stops(self, line):
        """Wait until the firmware has said ``line``; then its LEDs must stand still."""
        async def until():
            while line not in self.said:
                await RisingEdge(self.dut.uart_byte_valid)
                await Timer(1, "ns")
        await with_timeout(until(), BOUND_US, "us")
        moved, still = ValueChange(self.dut.leds), Timer(STANDS_US, "us")
        assert await First(moved, still) is still


@cocotb.test()
async def rounds_pass_until_a_copy_comes_back_wrong(dut):
    bench = await Bench.powered_up(dut)

    await bench.shows(BLINK | PASSED)
    assert bench.codes == [*STEPS[:-1], BLINK | PASSED]
    dut.corrupt.value = 1
    await bench.stops("round 2: step 4 failed\r\n")

    assert bench.codes[len(STEPS):] == [BLINK | step for step in (CPU, RAM, TIMER, ALIGNMENTS)]
    assert bench.said.startswith("round 1: passed\r\n"
                                 "copy: 1 bytes, host offset 0, from 0, to 0: result 0\r\n")


@cocotb.test()
async def a_host_that_does_not_answer_stops_the_leds_at_the_first_copy(dut):
    bench = await Bench.powered_up(dut, mute=1)

    await bench.stops("round 1: step 4 failed\r\n")

    assert bench.codes == [CPU, RAM, TIMER, ALIGNMENTS]
    assert "result -" in bench.said
