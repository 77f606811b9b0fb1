# SPDX-License-Identifier: BSD-2-Clause
"""Block `link`: where the device page is, who plays which role, and how far the card has booted."""

from enum import IntEnum

from ..regmap.model import Access, Block, Field, Register, Side

__all__ = ["BootState", "Role", "LINK"]


class BootState(IntEnum):
    """How far the firmware is. Written by the card, cleared by a CPU reset."""

    RESET = 0    #: no firmware has spoken since the CPU reset
    BOOTING = 1  #: firmware runs, and has not found the device page yet
    READY = 2    #: device page found, its `h2c_config_db` published
    REFUSED = 3  #: firmware met another layout major, or a page without the magic: `boot_detail`
    CRASHED = 4  #: firmware trapped; `boot_detail` holds mcause in its low byte, mepc above


class Role(IntEnum):
    """Which role the card plays."""

    VOP_GUEST = 0  #: the card has the virtio drivers
    VOP_HOST = 1   #: the card has the virtio devices (reserved)


LINK = Block("link", 0x0100, 0x100, "The device page, the roles, and the card's CPU.", (
    Register("device_page_lo", 0x00, "Host bus address of the device page, low half.", (
        Field("value", 0, 32, Access.RW, "Address bits 31 to 0; page aligned."),
    ), written_by=Side.HOST),
    Register("device_page_hi", 0x04, "Host bus address of the device page, high half.", (
        Field("value", 0, 32, Access.RW, "Address bits 63 to 32."),
    ), written_by=Side.HOST),
    Register("device_page_bytes", 0x08, "Size of the device page; written last, it publishes it.", (
        Field("value", 0, 32, Access.RW, "Size in bytes; 0 means that there is none."),
    ), written_by=Side.HOST),
    Register("role", 0x0C, "Role of the card.", (
        Field("value", 0, 1, Access.RW, "The role that the host gives the card.", enum=Role),
    ), written_by=Side.HOST),
    Register("cpu", 0x10, "The card's CPU.", (
        Field("run", 0, 1, Access.RW, "1 lets the CPU run, 0 holds it in reset. The reset value is "
              "a parameter of the gateware: 1 where firmware is baked into the bitstream."),
    ), written_by=Side.HOST),
    Register("boot_state", 0x14, "How far the firmware is.", (
        Field("value", 0, 8, Access.RW, "State of the firmware.", enum=BootState),
    ), written_by=Side.CARD),
    Register("boot_detail", 0x18, "Explains `boot_state`.", (
        Field("value", 0, 32, Access.RW, "Depends on the state."),
    ), written_by=Side.CARD),
    Register("alive", 0x1C, "Proof of life.", (
        Field("count", 0, 32, Access.RW, "Counted up by the firmware's main loop."),
    ), written_by=Side.CARD),
    Register("host_protocol", 0x20, "What the host speaks beyond VOP v5.9.", (
        Field("info_align", 0, 8, Access.RW, "Alignment, in bytes, of the vring information block: "
              "1 (v5.9.0) or 4 (5.10-rc1 and stables); 0 means 1."),
        Field("push_slot_log2", 8, 8, Access.RW, "Log2 of the bytes of a push slot, 6 to 16, where "
              "each vring has a push area: `num` slots, at the vring's address + "
              "align4096(vring_size(num, 4096) + 16). 0: there is none."),
    ), written_by=Side.HOST),
))
