# SPDX-License-Identifier: BSD-2-Clause
"""Where the pieces of a co-simulation lie, and a clear word when one is missing."""

from pathlib import Path

__all__ = ["ROOT", "BUILD", "Missing", "artifact", "kernel_release"]

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"

# What each piece is, and the make target that provides it.
_PIECES = {
    "qemu": (".cache/qemu/qemu-system-x86_64", "setup"),
    "vmlinux": (".cache/kernel/vmlinux", "setup"),
    "modules": (".cache/kernel/modules", "setup"),
    "release": (".cache/kernel/release", "setup"),
    "vop_host": ("host-driver/kernel/vop_host.ko", "driver"),
    "vopd": ("build/host/vopd", "daemon"),
    "vopctl": ("build/host/vopctl", "daemon"),
    "baremetal": ("build/firmware/baremetal/card.bin", "firmware"),
    "zephyr": ("build/firmware/zephyr/card.bin", "firmware"),
}


class Missing(Exception):
    """A piece has not been built or fetched."""


def artifact(name):
    """Path of the piece ``name``.

    Raises
    ------
    Missing
        If it is not there; the text names the make target that provides it.
    """
    path, target = _PIECES[name]
    if not (ROOT / path).exists():
        raise Missing(f"{path} is missing: run `make {target}`")
    return ROOT / path


def kernel_release():
    """Name of the guest's kernel, as `uname -r` prints it."""
    return artifact("release").read_text().strip()
