# SPDX-License-Identifier: BSD-2-Clause
"""The device page and the vring information block: VOP v5.9's layouts, to the byte.

Ref: Linux v5.9, include/uapi/linux/mic_common.h. Blocks of varying length lie in the page back to
back: descriptor, `num_vq` vqconfigs, offered and accepted feature bits, configuration space,
padding to 8, device control.
"""

from enum import IntEnum

from ..regmap.model import Constants, Member, Side, Struct

__all__ = ["ConfigChange", "VOP", "BOOTPARAM", "DEVICE_DESC", "VQCONFIG", "VQCONFIG_FLAGS",
           "DEVICE_CTRL", "VRING_INFO"]


class ConfigChange(IntEnum):
    """Values of `vop_device_ctrl.config_change`."""

    NONE = 0
    DEVICE_REMOVE = 1
    CONFIG_CHANGED = 2


VOP = Constants("vop", "Limits and codes of the VOP protocol, as Linux v5.9 has them.", (
    ("magic", 0xC0FFEE00, "In the bootparam; a vring's cookie is magic + virtio id + queue index."),
    ("device_page_bytes", 4096, "Size of the device page."),
    ("max_desc_blk_bytes", 256, "Largest 8-aligned descriptor block, device control excluded."),
    ("max_vrings", 4, "Queues of a device."),
    ("max_vring_entries", 128, "Entries of a vring."),
    ("vring_align", 4096, "Alignment of the used part in the legacy vring layout."),
    ("int_dma_buf_bytes", 65536, "Bounce buffer of a vring on the host."),
    ("type_end", 0, "Descriptor type: end of the list."),
    ("type_removed", -1, "Descriptor type: a removed slot."),
))

VQCONFIG_FLAGS = Constants("vqconfig_flags", "Bits of a vqconfig's `flags`: what the driver does "
                           "beyond VOP v5.9.", (
    ("pushes", 1, "The readable payload of each chain, as far as it fits, is in its push slot "
     "before the chain is available: see `link.host_protocol.push_slot_log2`."),
))

BOOTPARAM = Struct("vop_bootparam", 24, "Start of the device page (mic_bootparam).", (
    Member("magic", 0, 4, Side.HOST, "`vop.magic`."),
    Member("h2c_config_db", 4, 1, Side.CARD, "Doorbell for configuration changes; -1 = none.",
           signed=True),
    Member("node_id", 5, 1, Side.HOST, "Number of the host + 1."),
    Member("h2c_scif_db", 6, 1, Side.HOST, "Unused: SCIF."),
    Member("c2h_scif_db", 7, 1, Side.HOST, "Unused: SCIF."),
    Member("scif_host_dma_addr", 8, 8, Side.HOST, "Unused: SCIF."),
    Member("scif_card_dma_addr", 16, 8, Side.CARD, "Unused: SCIF."),
))

DEVICE_DESC = Struct("vop_device_desc", 8, "Head of a descriptor block (mic_device_desc).", (
    Member("type", 0, 1, Side.HOST, "virtio device id; 0 = end of the list, -1 = removed.",
           signed=True),
    Member("num_vq", 1, 1, Side.HOST, "Queues."),
    Member("feature_len", 2, 1, Side.HOST, "Bytes of each of the two feature bitmaps."),
    Member("config_len", 3, 1, Side.HOST, "Bytes of configuration space."),
    Member("status", 4, 1, Side.CARD, "virtio device status."),
    Member("padding", 5, 1, Side.HOST, "Zero.", count=3),
))

VQCONFIG = Struct("vop_vqconfig", 24, "One queue (mic_vqconfig).", (
    Member("address", 0, 8, Side.HOST, "Host bus address of the vring."),
    Member("used_address", 8, 8, Side.CARD, "Card address of the used ring."),
    Member("num", 16, 2, Side.HOST, "Entries."),
    Member("flags", 18, 1, Side.CARD, "See constants `vqconfig_flags`; padding in v5.9. Written "
           "before `used_address_updated`."),
    Member("padding_0", 19, 1, Side.HOST, "Zero."),
    Member("padding_1", 20, 2, Side.HOST, "Zero.", count=2),
))

DEVICE_CTRL = Struct("vop_device_ctrl", 16, "End of a descriptor block (mic_device_ctrl).", (
    Member("vdev", 0, 8, Side.CARD, "A cookie of the guest; never dereferenced."),
    Member("config_change", 8, 1, Side.HOST, "`ConfigChange`."),
    Member("vdev_reset", 9, 1, Side.CARD, "1: the guest asks for a device reset."),
    Member("guest_ack", 10, 1, Side.CARD, "1: the guest has seen `config_change`."),
    Member("host_ack", 11, 1, Side.HOST, "1: the host has reset the device."),
    Member("used_address_updated", 12, 1, Side.CARD, "1: new `used_address`; the host clears it."),
    Member("c2h_vdev_db", 13, 1, Side.HOST, "Vector that the guest raises; -1 = none.",
           signed=True),
    Member("h2c_vdev_db", 14, 1, Side.CARD, "Doorbell that the host rings; -1 = none.",
           signed=True),
    Member("padding", 15, 1, Side.HOST, "Zero."),
))

VRING_INFO = Struct("vop_vring_info", 8, "Behind the vring in host memory (_mic_vring_info), at "
                    "vring_size(num, 4096), rounded up to 4 where `info_align` is 4. In v5.9.0 it "
                    "may be misaligned: it is accessed byte by byte.", (
    Member("avail_idx", 0, 2, Side.HOST, "Avail entries that the device end has consumed."),
    Member("padding", 2, 2, Side.HOST, "Unused."),
    Member("cookie", 4, 4, Side.HOST, "Magic + virtio id + queue index."),
))
