# SPDX-License-Identifier: BSD-2-Clause
"""RHS Research LiteFury: the NiteFury II's board with an xc7a100t. Not tried on hardware."""

from amaranth_boards.nitefury import LitefuryPlatform

from ..vivado.board import Board, with_resources
from .nitefury2 import LINK, PCIE, TRANSCEIVERS

__all__ = ["BOARD"]


class _Platform(LitefuryPlatform):
    resources = with_resources(LitefuryPlatform, PCIE)


BOARD = Board("LiteFury", _Platform, LINK, TRANSCEIVERS, clock="clk200", idcode=0x363_1093)
