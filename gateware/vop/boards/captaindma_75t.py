# SPDX-License-Identifier: BSD-2-Clause
"""CaptainDMA 75T: xc7a75t on a small card, x1 Gen2. Not tried on hardware.

Pins, as facts, from the constraints that PCILeech publishes for it.
"""

from amaranth.build import Attrs, Clock, DiffPairs, Pins, PinsN, Resource, Subsignal
from amaranth.vendor import XilinxPlatform
from amaranth_boards.resources import LEDResources

from ..vivado.board import Board, Link

__all__ = ["BOARD"]


class _Platform(XilinxPlatform):
    device = "xc7a75t"
    package = "fgg484"
    speed = "2"
    connectors = []
    resources = [
        Resource("clk100", 0, Pins("J19", dir="i"), Clock(100e6), Attrs(IOSTANDARD="LVCMOS33")),
        *LEDResources(pins="G21 G22", invert=True, attrs=Attrs(IOSTANDARD="LVCMOS33")),
        Resource("pcie", 0,
            Subsignal("rst", PinsN("C13", dir="i"), Attrs(IOSTANDARD="LVCMOS33")),
            Subsignal("clk", DiffPairs(p="F10", n="E10", dir="i"), Clock(100e6)),
            Subsignal("rx", DiffPairs(p="D9", n="C9", dir="i")),
            Subsignal("tx", DiffPairs(p="D7", n="C7", dir="o"))),
    ]

    def toolchain_prepare(self, fragment, name, **overrides):
        return super().toolchain_prepare(fragment, name, **overrides, add_constraints="""\
set_property CFGBVS VCCO [current_design]
set_property CONFIG_VOLTAGE 3.3 [current_design]
""")


BOARD = Board(
    "CaptainDMA 75T", _Platform, Link(lanes=1, generation=2, width=64),
    transceivers=("GTPE2_CHANNEL_X0Y7",), clock="clk100", idcode=0x363_2093)
