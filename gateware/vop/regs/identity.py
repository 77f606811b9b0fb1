# SPDX-License-Identifier: BSD-2-Clause
"""Block `identity`: who the card is, and which layout it speaks. Always first."""

from ..regmap.model import Access, Block, Constants, Field, Register, Side

__all__ = ["IDENTITY", "VERSION"]

VERSION = Constants("version", "The register map's own version. Software that meets another major "
                    "refuses it and prints both numbers.", (
    ("magic", 0x31504F56, "`VOP1`, read as little-endian text."),
    ("layout_major", 1, "Changes when a layout changes incompatibly."),
    ("layout_minor", 1, "Grows when something is added."),
    ("pci_vendor_id", 0x1D1D, "PCI vendor id of the reference card."),
    ("pci_device_id", 0x2F2F, "PCI device id of the reference card."),
    ("pci_class_code", 0x088000, "PCI class: base system peripheral, other."),
))

IDENTITY = Block("identity", 0x0000, 0x100, "Who the card is. Constant while it is powered.", (
    Register("magic", 0x00, "Reads `VOP1`; all ones means that the card is gone.", (
        Field("value", 0, 32, Access.R, "The magic number of constants `version`."),
    ), written_by=Side.CARD),
    Register("layout", 0x04, "Version of this register map.", (
        Field("minor", 0, 16, Access.R, "Layout minor."),
        Field("major", 16, 16, Access.R, "Layout major."),
    ), written_by=Side.CARD),
    Register("features", 0x08, "What this gateware can do.", (
        Field("copy", 0, 1, Access.R, "The copier has the command `copy`."),
        Field("publish", 1, 1, Access.R, "The copier has the command `publish`."),
        Field("complete", 2, 1, Access.R, "The copier has the command `complete`."),
        Field("chain", 3, 1, Access.R, "The copier has the command `chain`."),
        Field("arm", 4, 1, Access.R, "The copier has the command `arm`, and `publish` obeys it."),
        Field("push", 5, 1, Access.R, "`publish` can push payload."),
        Field("list", 6, 1, Access.R, "`copy` and `chain` take scatter-gather lists."),
        Field("command_ring", 7, 1, Access.R, "Channels take commands from rings in card RAM."),
        Field("single_store", 8, 1, Access.R, "`complete` and `arm` can be given in one store."),
        Field("sim", 31, 1, Access.R, "The card is a simulation; software may say so."),
    ), written_by=Side.CARD),
    Register("build", 0x0C, "Build identification.", (
        Field("id", 0, 32, Access.R, "First 32 bits of the gateware's content hash, or 0."),
    ), written_by=Side.CARD),
    Register("ram", 0x10, "Card RAM.", (
        Field("bytes", 0, 32, Access.R, "Size of card RAM, in bytes; BAR2 is at least as large."),
    ), written_by=Side.CARD),
    Register("copier", 0x14, "Shape of the copier.", (
        Field("channels", 0, 8, Access.R, "Channels in all."),
        Field("host_channels", 8, 8, Access.R, "Channels 0 to n-1 belong to the host, the others "
              "to the card's CPU."),
        Field("queue_depth", 16, 8, Access.R, "Inline commands that a channel holds."),
        Field("guard_windows", 24, 8, Access.R, "Windows of the guard."),
    ), written_by=Side.CARD),
    Register("clock", 0x18, "Clock of the PCIe domain.", (
        Field("hz", 0, 32, Access.R, "Frequency, in Hz; the rate of `stats.cycles` and of mtime."),
    ), written_by=Side.CARD),
))
