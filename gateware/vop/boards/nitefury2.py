# SPDX-License-Identifier: BSD-2-Clause
"""RHS Research NiteFury II: xc7a200t on an M.2 card, x4 Gen2. Not tried on hardware."""

from amaranth.build import Attrs, Clock, DiffPairs, PinsN, Resource, Subsignal
from amaranth_boards.nitefury import NitefuryIIPlatform

from ..vivado.board import Board, Link, with_resources

__all__ = ["BOARD", "LINK", "PCIE", "TRANSCEIVERS"]

#: In amaranth-boards 0.0.21 PERST# is an output, its pull-up is no string, and the reference clock
#: has an I/O standard, which a transceiver's must not have, and no frequency.
PCIE = Resource("pcie", 0,
    Subsignal("clkreq", PinsN("G1", dir="o"), Attrs(IOSTANDARD="LVCMOS33")),
    Subsignal("rst", PinsN("J1", dir="i"), Attrs(IOSTANDARD="LVCMOS33", PULLUP="TRUE")),
    Subsignal("clk", DiffPairs(p="F6", n="E6", dir="i"), Clock(100e6)),
    Subsignal("rx", DiffPairs(p="B10 B8 D11 D9", n="A10 A8 C11 C9", dir="i")),
    Subsignal("tx", DiffPairs(p="B6 B4 D5 D7", n="A6 A4 C5 C7", dir="o")))

LINK = Link(lanes=4, generation=2, width=128)

#: The transceivers behind those pins: lane 0 is not the first of its quad.
TRANSCEIVERS = ("GTPE2_CHANNEL_X0Y6", "GTPE2_CHANNEL_X0Y4",
                "GTPE2_CHANNEL_X0Y5", "GTPE2_CHANNEL_X0Y7")


class _Platform(NitefuryIIPlatform):
    resources = with_resources(NitefuryIIPlatform, PCIE)


BOARD = Board("NiteFury II", _Platform, LINK, TRANSCEIVERS, clock="clk200", idcode=0x363_6093)
