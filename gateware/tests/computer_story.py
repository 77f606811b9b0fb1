# SPDX-License-Identifier: BSD-2-Clause
"""The card's computer runs a program: greets, parks, wakes. Runs inside the simulator."""

from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from computer import assemble
from vop.regs import DOORBELL, IDENTITY, LINK, STATS, VERSION, BootState

from sim.harness.simulate import parameters

CLOCK_NS = 8
BOUND_US = 400


class Host:
    """What the pins of the bench take: register accesses, writes of card RAM, characters read."""

    def __init__(self, dut):
        self.dut = dut
        self.said = ""

    @classmethod
    async def powered_up(cls, dut):
        for pin in (dut.host__read, dut.host__write, dut.host__card, dut.host__write_strobe,
                    dut.aperture__valid, dut.leap, dut.copier_interrupt, dut.used_interrupt):
            pin.value = 0
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, CLOCK_NS, "ns").start())
        if hasattr(dut, "cpu_clk"):
            dut.cpu_rst.value = 0
            cocotb.start_soon(Clock(dut.cpu_clk, parameters()["cpu_clock_ps"], "ps").start())
        for _ in range(8):
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        host = cls(dut)
        cocotb.start_soon(host._listen())
        if parameters().get("loads"):
            await host.load(assemble("computer", Path.cwd()))
            await host.write(LINK.address("cpu"), 1)
        return host

    async def _listen(self):
        while True:
            await RisingEdge(self.dut.uart_byte_valid)
            self.said += chr(int(self.dut.uart_byte.value))

    async def _access(self, strobe, address):
        self.dut.host__address.value = address
        strobe.value = 1
        while True:
            await RisingEdge(self.dut.clk)
            granted = int(self.dut.host_grant.value)
            await FallingEdge(self.dut.clk)
            if granted:
                break
        strobe.value = 0

    async def write(self, address, value):
        self.dut.host__write_data.value = value
        self.dut.host__write_strobe.value = 0xF
        await self._access(self.dut.host__write, address)

    async def read(self, address):
        await self._access(self.dut.host__read, address)
        await FallingEdge(self.dut.clk)
        return int(self.dut.host__read_data.value)

    async def load(self, image):
        for line in range((len(image) + 15) // 16):
            data = int.from_bytes(image[16 * line:16 * line + 16], "little")
            self.dut.aperture__payload.value = line | data << 8 | 0xFFFF << 136
            self.dut.aperture__valid.value = 1
            await FallingEdge(self.dut.clk)
        self.dut.aperture__valid.value = 0

    async def until_parked(self):
        await with_timeout(self._until_parked(), BOUND_US, "us")

    async def _until_parked(self):
        for _ in range(20):  # a wake-up that is on its way
            await FallingEdge(self.dut.clk)
        while not int(self.dut.idle.value):
            await FallingEdge(self.dut.clk)

    async def pulse(self, pin):
        pin.value = 1
        await FallingEdge(self.dut.clk)
        pin.value = 0


@cocotb.test()
async def a_program_computes_greets_and_parks(dut):
    host = await Host.powered_up(dut)

    await host.until_parked()

    assert host.said == "card\n"
    assert int(dut.marker.value) == 385
    assert await host.read(LINK.address("boot_state")) == BootState.READY
    assert await host.read(IDENTITY.address("magic")) == VERSION["magic"]


@cocotb.test()
async def a_doorbell_and_a_latched_line_each_end_the_wait(dut):
    host = await Host.powered_up(dut)
    await host.until_parked()

    await host.write(DOORBELL.address("h2c_set"), 1 << 17)
    await host.until_parked()
    await host.pulse(dut.used_interrupt)
    await host.until_parked()
    await host.pulse(dut.copier_interrupt)
    await host.until_parked()

    assert host.said == "card\ndll"
    assert await host.read(DOORBELL.address("h2c_pending")) == 0


@cocotb.test()
async def a_leap_of_mtime_ends_the_wait(dut):
    host = await Host.powered_up(dut)
    await host.until_parked()
    await host.write(DOORBELL.address("h2c_set"), 1)
    await host.until_parked()
    due = int(dut.mtimecmp.value)
    assert due > int(dut.mtime.value) + 900_000

    dut.leap_to.value = due
    await host.pulse(dut.leap)
    await host.until_parked()

    assert host.said == "card\ndt"
    assert due <= int(dut.mtime.value) < due + 5000


@cocotb.test()
async def the_cpu_and_the_host_share_the_registers_under_load(dut):
    host = await Host.powered_up(dut)

    while not int(dut.idle.value):
        assert await host.read(IDENTITY.address("magic")) == VERSION["magic"]
        await host.write(LINK.address("device_page_lo"), 0x1234_5000)
        assert await host.read(LINK.address("device_page_lo")) == 0x1234_5000
        if host.said.endswith("\n"):
            break
    await host.until_parked()

    assert host.said == "card\n"


@cocotb.test()
async def a_write_by_the_host_to_what_is_the_cards_is_dropped_and_counted(dut):
    host = await Host.powered_up(dut)
    await host.until_parked()
    before = await host.read(STATS.address("register_refused"))

    await host.write(LINK.address("boot_state"), 0)
    await host.write(0xFF00, 1)

    assert await host.read(LINK.address("boot_state")) == BootState.READY
    for _ in range(64):  # a counter is up to date when all have been visited
        refused = await host.read(STATS.address("register_refused"))
    assert refused == before + 2


@cocotb.test()
async def a_held_cpu_runs_again_from_the_start(dut):
    host = await Host.powered_up(dut)
    await host.until_parked()

    await host.write(LINK.address("cpu"), 0)
    await host.until_parked()
    assert await host.read(LINK.address("boot_state")) == BootState.RESET
    await host.write(LINK.address("cpu"), 1)
    await host.until_parked()

    assert host.said == "card\ncard\n"
