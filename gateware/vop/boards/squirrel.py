# SPDX-License-Identifier: BSD-2-Clause
"""LambdaConcept PCIe Squirrel: xc7a35t on a small card, x1 Gen2. Not tried on hardware.

Pins, as facts, from the constraints that PCILeech publishes for it.
"""

from amaranth.build import Attrs, Clock, DiffPairs, Pins, PinsN, Resource, Subsignal
from amaranth.vendor import XilinxPlatform
from amaranth_boards.resources import LEDResources

from ..vivado.board import Board, Link

__all__ = ["BOARD"]


class _Platform(XilinxPlatform):
    device = "xc7a35t"
    package = "fgg484"
    speed = "2"
    connectors = []
    resources = [
        Resource("clk100", 0, Pins("H4", dir="i"), Clock(100e6), Attrs(IOSTANDARD="LVCMOS33")),
        *LEDResources(pins="Y6 AB5", attrs=Attrs(IOSTANDARD="LVCMOS33")),
        Resource("pcie", 0,
            Subsignal("rst", PinsN("B13", dir="i"), Attrs(IOSTANDARD="LVCMOS33")),
            Subsignal("clk", DiffPairs(p="F6", n="E6", dir="i"), Clock(100e6)),
            Subsignal("rx", DiffPairs(p="B10", n="A10", dir="i")),
            Subsignal("tx", DiffPairs(p="B6", n="A6", dir="o"))),
    ]

    def toolchain_prepare(self, fragment, name, **overrides):
        return super().toolchain_prepare(fragment, name, **overrides, add_constraints="""\
set_property CFGBVS VCCO [current_design]
set_property CONFIG_VOLTAGE 3.3 [current_design]
""")


#: The part has 50 block RAMs of 4 KiB: card RAM of 256 KiB would not fit.
BOARD = Board(
    "PCIe Squirrel", _Platform, Link(lanes=1, generation=2, width=64),
    transceivers=("GTPE2_CHANNEL_X0Y2",), clock="clk100", idcode=0x362_D093, ram_bytes=0x2_0000)
