# SPDX-License-Identifier: BSD-2-Clause
"""Blocks `msi` and `msix`: vectors that the card raises, as the host allows them."""

from ..regmap.model import Access, Block, Constants, Field, Register, Side

__all__ = ["MSI", "MSIX", "VECTORS"]

VECTORS = Constants("vectors", "Interrupt vectors towards the host.", (
    ("count", 32, "Vectors, and entries of the MSI-X table."),
    ("moderation_cycles", 128, "Unit of `msi.moderation.interval`, in cycles of the PCIe clock."),
))

_COUNT = VECTORS["count"]

MSI = Block("msi", 0x0300, 0x100, "Message-signalled interrupts. MSI-X is used where it is "
            "enabled, else MSI; while neither is, vectors stay pending.", (
    Register("granted", 0x00, "What the host's configuration allows.", (
        Field("enabled", 0, 1, Access.R, "MSI is enabled in configuration space."),
        Field("vectors_log2", 4, 3, Access.R, "Log2 of the MSI vectors granted. A vector beyond "
              "them is raised modulo their number."),
        Field("msix_enabled", 8, 1, Access.R, "MSI-X is enabled in configuration space.", since=1),
        Field("msix_masked", 9, 1, Access.R, "MSI-X is masked as a whole (Function Mask).",
              since=1),
    ), written_by=Side.HOST),
    Register("pending", 0x04, "Vectors raised that have not left.", (
        Field("vectors", 0, 32, Access.R, "Bit n: vector n waits."),
    ), written_by=Side.HOST),
    Register("mask", 0x08, "Vectors held back, under MSI and MSI-X alike.", (
        Field("vectors", 0, 32, Access.RW, "Bit n: vector n stays pending until unmasked."),
    ), written_by=Side.HOST),
    Register("moderation", 0x80, "How often vector n may leave.", (
        Field("interval", 0, 16, Access.RW, "Least time between two messages of the vector, in "
              "units of `vectors.moderation_cycles`, to within one unit. 0: no limit.", since=1),
        Field("events", 16, 8, Access.RW, "Within that time the vector leaves all the same when "
              "it was raised so many times since it last left. 0: never.", since=1),
    ), written_by=Side.HOST, count=_COUNT, stride=4),
))

MSIX = Block("msix", 0x2000, 0x400, "MSI-X table and pending bits, as PCIe Base 4.0, 7.7.2 lays "
             "them out.", (
    Register("address_lo", 0x00, "Message Address of entry n, low half.", (
        Field("value", 0, 32, Access.RW, "Bits 31 to 0; the low 2 are ignored.", since=1),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
    Register("address_hi", 0x04, "Message Upper Address of entry n.", (
        Field("value", 0, 32, Access.RW, "Bits 63 to 32.", since=1),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
    Register("data", 0x08, "Message Data of entry n.", (
        Field("value", 0, 32, Access.RW, "What is written there.", since=1),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
    Register("control", 0x0C, "Vector Control of entry n.", (
        Field("masked", 0, 1, Access.RW, "1: the vector stays pending.", reset=1, since=1),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
    Register("pending_lo", 0x200, "Pending Bit Array.", (
        Field("vectors", 0, 32, Access.R, "Bit n: vector n waits.", since=1),
    ), written_by=Side.HOST),
    Register("pending_hi", 0x204, "Pending Bit Array, entries 32 to 63: none.", (
        Field("vectors", 0, 32, Access.R, "Zero.", since=1),
    ), written_by=Side.HOST),
))
