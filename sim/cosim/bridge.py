# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's vfio-user requests become TLPs; the card's TLPs reach guest memory and raise interrupts.

    guest kernel - QEMU - socket - Bridge - RootComplex - link - function - pins - card
                                   one coroutine, no queue         cocotb models    RTL

A request is taken from the socket only when the one before is done, so the socket keeps PCIe's
order towards the card. The link's receive loop keeps it towards the host: a completion or an
interrupt is behind every write that was posted before it.
"""

import time

from cocotb.triggers import FallingEdge, Timer
from cocotbext.axi import AddressSpace
from cocotbext.pcie.core import RootComplex
from cocotbext.pcie.core.utils import PcieId
from vop.regs.msi import MSIX

from sim.models.endpoint import CardDevice
from sim.models.pcie_7x import CLOCK_NS

from .host_space import HostSpace, msix_entry
from .vfio_user import Command, Region
from .write_combiner import WriteCombiner

__all__ = ["Bridge"]

BUS_NUMBER = 1
CARD = PcieId(BUS_NUMBER, 0, 0)

# Between two looks at the socket while the card works: 0.1 to 0.2 ms of wall time.
POLL_CYCLES = 128
# Bounds in simulated time. The card answers a register read within a microsecond.
COMPLETION_TIMEOUT_NS = 10_000_000
SETTLE_CYCLES = 100_000
# Posted writes under way; the model's credits do not wait for the pins.
MAX_POSTED = 32
RESET_CYCLES = 16

# In the PCI Express capability. Ref: PCIe Base 4.0, 7.5.3.4.
DEVICE_CONTROL = 8
FUNCTION_LEVEL_RESET = 1 << 15

# Low bits of a BAR. Ref: PCIe Base 4.0, 7.5.1.2.1.
BAR_TYPE, BAR_64_BIT = 0b110, 0b100


class _Host(RootComplex):
    """Root complex model that knows how many TLPs it has sent to the card, and taken from it."""

    def __init__(self):
        super().__init__()
        self.sent = self.taken = 0

    async def downstream_send(self, tlp):
        self.sent += 1
        await super().downstream_send(tlp)

    async def downstream_recv(self, tlp):
        await super().downstream_recv(tlp)
        self.taken += 1


class _Card(CardDevice):
    """The other end of the link, counting likewise, behind which what is wrong with it happens."""

    def __init__(self, function, disturbance):
        super().__init__(function)
        self._disturbance = disturbance
        self.sent = self.taken = 0

    async def upstream_send(self, tlp):
        self.sent += 1
        self._disturbance.spoil(tlp)
        await super().upstream_send(tlp)

    async def upstream_recv(self, tlp):
        await super().upstream_recv(tlp)
        self.taken += 1


class Bridge:
    """The card, as the PCI device of one guest.

    Parameters
    ----------
    dut
        The simulated card; `idle`, `mtime`, `mtimecmp`, `leap` and `leap_to` are used here.
    server : :class:`~sim.cosim.vfio_user.VfioUserServer`
        Connected to QEMU.
    function : :class:`~sim.models.endpoint.CardFunction`
        Configuration space and BARs; its ``block`` drives the pins.
    counters : :class:`~sim.cosim.counters.Counters`
        Told of leaps.
    region_bytes : dict of :class:`int` to :class:`int`
        Size of each region.
    disturbance : :class:`~sim.cosim.disturbance.Disturbance`
        What is wrong with link and slot.
    """

    def __init__(self, dut, server, function, counters, region_bytes, disturbance):
        self._dut = dut
        self._server = server
        self._function = function
        self._block = function.block
        self._counters = counters
        self._posted = 0
        self._combiner = WriteCombiner()
        self._routed = set()
        self._region_bytes = region_bytes
        self._disturbance = disturbance
        self.faults = []
        # The model's own memory and MSI regions give way to the guest's map: x86 has its MSI
        # address inside one of them.
        self._root = _Host()
        self._root.mem_address_space = AddressSpace(2**64)
        space = HostSpace(server, function.msi, function.msix, self.faults)
        self._root.mem_address_space.register_region(space, 0, 2**64)
        self._port = self._root.make_port()
        self._card = _Card(function, disturbance)
        self._card.connect(self._port)
        # Only the guest enumerates: the model's bridges learn what it decided.
        self._port.sec_bus_num = self._port.sub_bus_num = BUS_NUMBER
        self._learn()

    async def serve(self):
        """Do what QEMU asks, let simulated time pass, or rest; until QEMU is gone."""
        while True:
            if self._server.wait(0):
                try:
                    request = self._server.receive()
                    if request is not None:
                        await self._execute(request)
                    await self._route_vectors()
                except EOFError:
                    return
            elif combined := self._combiner.flush():
                await self._post(Region.BAR2, combined)
            elif self._quiet():
                await self._park()
            else:
                await Timer(POLL_CYCLES * CLOCK_NS, "ns")

    def _quiet(self):
        """Nothing is under way in either direction, and nothing is due on the card."""
        return self._link_is_quiet() and bool(self._dut.idle.value)

    def _link_is_quiet(self):
        """No TLP is under way, and no read waits for its completion."""
        host, card = self._root, self._card
        arrived = host.sent == card.taken and card.sent == host.taken
        return arrived and self._block.quiet()

    async def _park(self):
        """Rest until QEMU speaks or the card's timer is due, and let `mtime` follow wall time."""
        dut = self._dut
        mtime, mtimecmp = int(dut.mtime.value), int(dut.mtimecmp.value)
        armed = mtimecmp != 2**64 - 1
        left_s = max(mtimecmp - mtime, 0) * CLOCK_NS / 1e9
        began = time.monotonic()
        # A far alarm is as good as none, and select() takes no more.
        self._server.wait(left_s if armed and left_s < 3600 else None)
        rested_s = time.monotonic() - began
        leap_to = mtime + int(rested_s * 1e9 / CLOCK_NS)
        if armed:
            leap_to = min(leap_to, max(mtimecmp, mtime))
        self._counters.parked_s += rested_s
        self._counters.leapt_cycles += leap_to - mtime
        await FallingEdge(dut.clk)
        dut.leap_to.value = leap_to
        dut.leap.value = 1
        await FallingEdge(dut.clk)
        dut.leap.value = 0

    async def _execute(self, request):
        self._disturbance.look()
        if request.command is Command.REGION_WRITE and request.region == Region.BAR2:
            await self._post(Region.BAR2, self._combiner.add(request.offset, request.data))
            self._server.reply(request)
            return
        # Whatever else the processor does stays behind the stores that it gathered.
        await self._post(Region.BAR2, self._combiner.flush())
        if request.command is Command.REGION_READ:
            data = await self._read(request.region, request.offset, request.length)
            self._server.reply(request, data)
        elif request.command is Command.REGION_WRITE:
            await self._write(request.region, request.offset, request.data)
            self._server.reply(request)
        elif request.command is Command.DMA_UNMAP:
            # Answered only when no TLP to the range can be under way.
            await self._settle()
            self._server.reply(request)
        else:
            await self._settle()
            await self._reset()
            self._server.reply(request)

    async def _route_vectors(self):
        """Let the card's MSI-X table have unmasked what QEMU wants to hear of, and nothing else.

        An entry is masked while it is changed, and unmasked with its last word.
        """
        wanted = self._server.msix_wanted
        for vector in self._routed ^ wanted:
            address, data = msix_entry(vector)
            for name, word in (
                ("control", 1),
                ("address_lo", address & 0xFFFF_FFFF),
                ("address_hi", address >> 32),
                ("data", data),
                ("control", int(vector not in wanted)),
            ):
                stored = [(MSIX.address(name, vector), word.to_bytes(4, "little"))]
                await self._post(Region.BAR0, stored)
        self._routed = wanted

    async def _read(self, region, offset, length):
        if region == Region.CONFIG:
            return bytes(await self._root.config_read(CARD, offset, length))
        address = self._bar_address(region) + offset
        try:
            return bytes(
                await self._root.mem_region.read(address, length, COMPLETION_TIMEOUT_NS, "ns")
            )
        except Exception as reason:
            # The model raises bare exceptions: a timeout, or a completion that is not successful.
            self.faults.append(f"host read of {length} at BAR{region}+{offset:#x}: {reason}")
            return b"\xff" * length

    async def _write(self, region, offset, data):
        if region == Region.CONFIG:
            await self._root.config_write(CARD, offset, data)
            self._learn()
            return
        await self._post(region, [(offset, data)])

    async def _post(self, region, writes):
        for offset, data in writes:
            await self._post_one(self._bar_address(region) + offset, data)

    async def _post_one(self, address, data):
        while self._posted - self._block.to_card.tlps["memory_write"] >= MAX_POSTED:
            await Timer(CLOCK_NS, "ns")
        self._posted += 1
        await self._root.mem_region.write(address, data)

    def _bar_address(self, region):
        """Bus address of a BAR, as the guest has programmed it."""
        bar = self._function.bar
        address = bar[region] & ~0xF
        if bar[region] & BAR_TYPE == BAR_64_BIT:
            address |= bar[region + 1] << 32
        return address

    def _learn(self):
        """Take over what the guest configured, as far as root complex and bridges must know it.

        The bridges forward exactly the BARs: what lies in their windows is not sent up.
        """
        self._root.max_payload_size = self._function.pcie_cap.max_payload_size
        registers, memory = self._bar_address(Region.BAR0), self._bar_address(Region.BAR2)
        for hop in (self._port, self._root.upstream_bridge):
            hop.mem_base = registers
            hop.mem_limit = registers + self._region_bytes[Region.BAR0] - 1
            hop.prefetchable_mem_base = memory
            hop.prefetchable_mem_limit = memory + self._region_bytes[Region.BAR2] - 1

    async def _settle(self):
        """Wait until no TLP is under way. A card that never rests is a fault."""
        for _ in range(SETTLE_CYCLES):
            if self._link_is_quiet():
                return
            await Timer(CLOCK_NS, "ns")
        self.faults.append(f"the link did not come to rest in {SETTLE_CYCLES} cycles")

    async def _reset(self):
        """Reset the function, then the whole card behind it."""
        control = 4 * self._function.pcie_cap.offset + DEVICE_CONTROL
        value = int.from_bytes(await self._root.config_read(CARD, control, 2), "little")
        value |= FUNCTION_LEVEL_RESET
        await self._root.config_write(CARD, control, value.to_bytes(2, "little"))
        self._routed = set()  # the table is forgotten, every entry masked
        await self._settle()
        self._dut.rst.value = 1
        await Timer(RESET_CYCLES * CLOCK_NS, "ns")
        self._dut.rst.value = 0
        await FallingEdge(self._dut.clk)
