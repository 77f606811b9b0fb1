# SPDX-License-Identifier: BSD-2-Clause
"""Block `msi`: the vectors that the host granted, and what waits for them."""

from ..regmap.model import Access, Block, Field, Register, Side

__all__ = ["MSI"]

MSI = Block("msi", 0x0300, 0x100, "Message-signalled interrupts.", (
    Register("granted", 0x00, "What the host's configuration allows.", (
        Field("enabled", 0, 1, Access.R, "MSI is enabled in configuration space."),
        Field("vectors_log2", 4, 3, Access.R, "Log2 of the vectors granted. A vector beyond them "
              "is raised modulo their number."),
    )),
    Register("pending", 0x04, "Vectors raised and not yet taken by the hard block.", (
        Field("vectors", 0, 32, Access.R, "Bit n: vector n waits."),
    )),
    Register("mask", 0x08, "Vectors held back.", (
        Field("vectors", 0, 32, Access.RW, "Bit n: vector n stays pending until unmasked."),
    ), written_by=Side.HOST),
))
