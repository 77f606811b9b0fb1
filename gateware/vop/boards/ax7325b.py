# SPDX-License-Identifier: BSD-2-Clause
"""Alinx AX7325B: xc7k325t on a full-size card, four of its eight lanes. Not tried on hardware."""

from amaranth.build import Attrs, Clock, DiffPairs, PinsN, Resource, Subsignal
from amaranth_boards.alinx_ax7325b import AX7325BPlatform
from amaranth_boards.resources import UARTResource

from ..vivado.board import Board, Link, with_resources

__all__ = ["BOARD"]

#: In amaranth-boards 0.0.21 PERST# has 3.3 V, in bank 17 with the LEDs and memory of 1.5 V, and
#: there is no reference clock. Its pins here are those of Xilinx's KC705 (MGTREFCLK1_115), which
#: has the same part and the same pins for every lane: no public source for this board was found.
#: Compare them with its schematic.
PCIE = Resource("pcie", 0,
    Subsignal("rst", PinsN("B18", dir="i"), Attrs(IOSTANDARD="LVCMOS15")),
    Subsignal("clk", DiffPairs(p="U8", n="U7", dir="i"), Clock(100e6)),
    Subsignal("rx", DiffPairs(p="M6 P6 R4 T6", n="M5 P5 R3 T5", dir="i")),
    Subsignal("tx", DiffPairs(p="L4 M2 N4 P2", n="L3 M1 N3 P1", dir="o")))

#: The stock one has 3.3 V, in bank 13, whose supply is VADJ.
UART = UARTResource(0, rx="AJ26", tx="AK26", attrs=Attrs(IOSTANDARD="LVCMOS25"))


class _Platform(AX7325BPlatform):
    resources = with_resources(AX7325BPlatform, PCIE, UART)


BOARD = Board(
    "Alinx AX7325B", _Platform, Link(lanes=4, generation=2, width=128),
    transceivers=("GTXE2_CHANNEL_X0Y7", "GTXE2_CHANNEL_X0Y6",
                  "GTXE2_CHANNEL_X0Y5", "GTXE2_CHANNEL_X0Y4"),
    clock="clk", idcode=0x365_1093, cable="ft232")
