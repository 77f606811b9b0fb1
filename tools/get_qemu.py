# SPDX-License-Identifier: BSD-2-Clause
"""QEMU with the device `vfio-user-pci`, in a private prefix with its own C library.

Debian 12's QEMU is older than that device. A later Debian's build runs through its own dynamic
loader, so nothing of the system is replaced.
"""

from fetched import fetched
from progress import SetupError, run
from unpack import unpack
from wrapper import write_wrapper

__all__ = ["get_qemu"]

NEEDED = (
    "qemu-system-x86_",
    "qemu-system-data_",
    "qemu-system-common_",
    "seabios_",
    "lib",
    "zlib1g_",
)


def get_qemu(cache, versions):
    """Provide ``cache/qemu/qemu-system-x86_64``.

    Raises
    ------
    SetupError
        If the packages cannot be had, or the build lacks the device.
    """
    home = cache / "qemu"

    def fill(apt):
        prefix = home / "prefix"
        for package in apt.download_closure(versions["package"], versions["target"]):
            if package.name.startswith(NEEDED):
                unpack(package, prefix)
        program = home / "qemu-system-x86_64"
        data = f"{prefix}/usr/share"
        write_wrapper(program, prefix, f"-L '{data}/qemu' -L '{data}/seabios'")
        if "options:" not in run(program, "-device", f"{versions['device']},help", timeout_s=60):
            raise SetupError(f"this QEMU has no device {versions['device']}")

    fetched(home, versions, fill, package=versions["package"], suite=versions["target"],
            megabytes=40)  # fmt: skip
