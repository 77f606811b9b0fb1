# SPDX-License-Identifier: BSD-2-Clause
"""Block `doorbell`: the host rings the card's CPU, the card's CPU rings the host."""

from ..regmap.model import Access, Block, Constants, Field, Register, Side

__all__ = ["DOORBELL", "DOORBELLS"]

DOORBELLS = Constants("doorbells", "Sizes of the doorbell block.", (
    ("h2c_count", 32, "Host-to-card doorbells."),
    ("h2c_group", 8, "Doorbells that share one CPU interrupt line."),
    ("none", -1, "In a device page: no doorbell has been assigned."),
))

DOORBELL = Block("doorbell", 0x0200, 0x100, "Doorbells between host and card.", (
    Register("h2c_set", 0x00, "The host rings the card.", (
        Field("doorbells", 0, 32, Access.W, "Writing 1 to bit n rings doorbell n."),
    ), written_by=Side.HOST),
    Register("h2c_pending", 0x04, "Doorbells that rang.", (
        Field("doorbells", 0, 32, Access.RW1C, "Bit n: doorbell n rang since it was cleared."),
    ), written_by=Side.CARD),
    Register("h2c_enable", 0x08, "Doorbells that interrupt the CPU.", (
        Field("doorbells", 0, 32, Access.RW, "Bit n: doorbell n raises the line of its group."),
    ), written_by=Side.CARD),
    Register("c2h_ring", 0x0C, "The card rings the host.", (
        Field("vector", 0, 5, Access.W, "MSI vector to raise, 0 to 31. It leaves behind every "
              "write that the copier has reported as done."),
    ), written_by=Side.CARD),
))
