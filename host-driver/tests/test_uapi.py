# SPDX-License-Identifier: BSD-2-Clause
"""The uapi's numbers and layouts are those of Linux v5.9 on LP64, written here by hand.

The ILP32 numbers are asserted where the module declares them, in `vop_host_cdev.c`.
"""

import subprocess
from pathlib import Path

KERNEL = Path(__file__).resolve().parents[1] / "kernel"

V5_9 = {
    "VOP_VIRTIO_ADD_DEVICE": 0xC0087301,
    "VOP_VIRTIO_COPY_DESC": 0xC0087302,
    "VOP_VIRTIO_CONFIG_CHANGE": 0xC0087305,
    "VOP_MMAP_RINGS": 0x1000,
    "vop_copy_desc": 24,
    "vop_copy_desc.iov": 0,
    "vop_copy_desc.iovcnt": 8,
    "vop_copy_desc.vr_idx": 12,
    "vop_copy_desc.update_used": 13,
    "vop_copy_desc.out_len": 16,
    "vop_bootparam": 24,
    "vop_bootparam.h2c_config_db": 4,
    "vop_bootparam.scif_host_dma_addr": 8,
    "vop_device_desc": 8,
    "vop_device_desc.num_vq": 1,
    "vop_device_desc.feature_len": 2,
    "vop_device_desc.config_len": 3,
    "vop_device_desc.status": 4,
    "vop_vqconfig": 24,
    "vop_vqconfig.used_address": 8,
    "vop_vqconfig.num": 16,
    "vop_device_ctrl": 16,
    "vop_device_ctrl.config_change": 8,
    "vop_device_ctrl.vdev_reset": 9,
    "vop_device_ctrl.guest_ack": 10,
    "vop_device_ctrl.host_ack": 11,
    "vop_device_ctrl.used_address_updated": 12,
    "vop_device_ctrl.c2h_vdev_db": 13,
    "vop_device_ctrl.h2c_vdev_db": 14,
    "vop_vring_info": 8,
    "vop_vring_info.cookie": 4,
}


def test_numbers_and_layouts_are_those_of_v5_9(tmp_path):
    program = tmp_path / "print_uapi"
    source = Path(__file__).with_name("print_uapi.c")
    subprocess.run(
        ["gcc", "-Wall", "-Wextra", "-Werror", f"-I{KERNEL}", source, "-o", program], check=True
    )

    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout

    lines = [line.split() for line in printed.splitlines()]
    assert {name: int(value, 0) for name, value in lines} == V5_9
