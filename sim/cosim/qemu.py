# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's command line: the host machine of the co-simulation.

Ref: QEMU's documentation, "vfio-user" and "9p filesystem".
"""

import json

from .artifacts import artifact

__all__ = ["MESSAGE_TIMEOUT_MS", "qemu_command"]

# QEMU gives a request up after this long, and then the socket is dead for good. The bridge bounds
# every request itself, in simulated time that is far less.
MESSAGE_TIMEOUT_MS = 600_000

MEMORY_MIB = 256
KERNEL_COMMAND_LINE = "console=ttyS0 panic=-1 loglevel=7 no_timer_check tsc=unstable"


def qemu_command(*, initramfs, log, control, card, share=None, card_socket=None, remap=False):
    """The words to start QEMU with.

    Parameters
    ----------
    initramfs, log : path
        What to boot; where the guest's serial console is written.
    control, card : path
        Sockets that listen for the ports of the same names.
    share : path or None
        Directory that the guest finds as 9p tag `share`, live.
    card_socket : path or None
        Where the bridge listens; without it the machine has no card.
    remap : bool
        With an IOMMU that remaps interrupts, Linux grants a device several MSI vectors.
    """
    words = [
        artifact("qemu"), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35,memory-backend=memory", "-cpu", "max", "-smp", "1",
        # Not KVM: where /dev/kvm exists it may still not work.
        "-accel", "tcg", "-m", f"{MEMORY_MIB}M",
        # Shared, so that the bridge maps it and the card's DMA needs no message.
        "-object", f"memory-backend-memfd,id=memory,size={MEMORY_MIB}M,share=on",
        "-kernel", artifact("vmlinux"), "-initrd", initramfs,
        "-serial", f"file:{log}",
        "-device", "virtio-serial-pci",
    ]  # fmt: skip
    for name, path in (("control", control), ("card", card)):
        words += ["-chardev", f"socket,id={name},path={_escaped(path)},server=off",
                  "-device", f"virtserialport,chardev={name},name={name}"]  # fmt: skip
    if share is not None:
        words += ["-fsdev", f"local,id=share,path={_escaped(share)},security_model=none",
                  "-device", "virtio-9p-pci,fsdev=share,mount_tag=share"]  # fmt: skip
    command_line = KERNEL_COMMAND_LINE
    if remap:
        words += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
        command_line += " intel_iommu=on iommu=pt"
    words += ["-append", command_line]
    if card_socket is not None:
        device = {"driver": "vfio-user-pci", "bus": "downstream", "rombar": 0,
                  "x-msg-timeout": MESSAGE_TIMEOUT_MS,
                  "socket": {"type": "unix", "path": str(card_socket)}}  # fmt: skip
        words += ["-device", "pcie-root-port,id=downstream,slot=1,chassis=1",
                  "-device", json.dumps(device)]  # fmt: skip
    return [str(word) for word in words]


def _escaped(path):
    """QEMU's options end at a comma; two stand for one."""
    return str(path).replace(",", ",,")
