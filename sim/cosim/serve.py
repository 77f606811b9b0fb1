# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb test that is the co-simulation: powers the card up, and serves one QEMU."""

import logging
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer
from vop.regs.card import CARD_ADDRESSES
from vop.regs.msi import VECTORS

from sim.cosim.bridge import Bridge
from sim.cosim.counters import CONFIGURATION_BYTES, Counters
from sim.cosim.disturbance import Disturbance
from sim.cosim.simulator import (
    CONFIGURATION,
    COUNTERS,
    DIRECTORY,
    DISTURBANCE,
    MSIX,
    SOCKET,
    TLPS,
)
from sim.cosim.tlp_log import TlpLog
from sim.cosim.vfio_user import Region, VfioUserServer
from sim.models.endpoint import CardFunction
from sim.models.pcie_7x import CLOCK_NS, Pcie7x

CONNECT_TIMEOUT_S = 120
RESET_CYCLES = 16
BAR0_BYTES = CARD_ADDRESSES["bar0_bytes"]


class _Complaints(logging.Handler):
    """Collects warnings: the models of root complex and link only warn of a broken protocol."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


@cocotb.test()
async def the_card_serves_one_guest_without_a_fault(dut):
    """Ends when QEMU does; whatever was not as it must be fails it."""
    run = Path(os.environ[DIRECTORY])
    logging.getLogger("cocotb.pcie").setLevel(logging.WARNING)
    complaints = _Complaints()
    logging.getLogger("cocotb.pcie").addHandler(complaints)
    function, block = await _powered_up(dut)
    region_bytes = {Region.BAR0: BAR0_BYTES, Region.BAR2: function.ram_bytes,
                    Region.CONFIG: CONFIGURATION_BYTES}  # fmt: skip
    server = VfioUserServer(
        run / SOCKET,
        region_bytes=region_bytes,
        vectors=1 << function.msi.msi_multiple_message_capable,
        msix_vectors=VECTORS["count"] if MSIX in os.environ else 0,
    )
    counters = Counters(block, function, run / CONFIGURATION)
    disturbance = Disturbance(run / DISTURBANCE, function)
    bridge = Bridge(dut, server, function, counters, region_bytes, disturbance)
    cocotb.start_soon(counters.watch(dut.marker))
    log = TlpLog(block, region_bytes)
    cocotb.start_soon(log.watch(dut.marker, run / TLPS))

    assert server.accept(CONNECT_TIMEOUT_S), f"QEMU did not connect in {CONNECT_TIMEOUT_S} s"
    await bridge.serve()
    server.close()

    faults = bridge.faults + block.faults + complaints.texts
    counters.write(run / COUNTERS, faults)
    assert not faults, faults


async def _powered_up(dut):
    """Clock, reset and the models in front of the pins."""
    for pin in (dut.leap, dut.leap_to):
        pin.value = 0
    dut.rst.value = 1
    function = CardFunction(CARD_ADDRESSES["default_ram_bytes"], msix=MSIX in os.environ)
    block = Pcie7x(dut, upstream=function.transmit)
    function.block = block
    block.start()
    Clock(dut.clk, CLOCK_NS, "ns").start()
    await Timer(RESET_CYCLES * CLOCK_NS, "ns")
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    return function, block
