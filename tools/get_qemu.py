# SPDX-License-Identifier: BSD-2-Clause
"""QEMU with the device `vfio-user-pci`, in a private prefix with its own C library.

Debian 12's QEMU is older than that device. A later Debian's build runs through its own dynamic
loader, so nothing of the system is replaced.
"""

import shutil

from private_apt import PrivateApt
from progress import SetupError, run, say
from unpack import unpack

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
    program = home / "qemu-system-x86_64"
    stamp = home / "version"
    if stamp.exists() and program.exists():
        say("qemu", f"{stamp.read_text().strip()} is there")
        return
    shutil.rmtree(home, ignore_errors=True)
    say("qemu", f"reading the package lists of {', '.join(versions['suites'])}")
    apt = PrivateApt(home / "apt", versions["suites"])
    apt.update()
    version = apt.candidate(versions["package"], versions["target"])
    if version is None:
        raise SetupError(
            f"the Debian server of this machine has no {versions['package']} in "
            f"{versions['target']}"
        )
    if version != versions["known_good"]:
        say("qemu", f"note: tried with {versions['known_good']}, this is {version}")
    say("qemu", f"fetching {version} (about 40 MB)")
    packages = apt.download_closure(versions["package"], versions["target"])
    prefix = home / "prefix"
    for package in packages:
        if package.name.startswith(NEEDED):
            unpack(package, prefix)
    shutil.rmtree(home / "apt")
    _write_wrapper(program, prefix)
    _check_device(program, versions["device"])
    stamp.write_text(version + "\n")
    say("qemu", f"{version} is ready")


def _write_wrapper(program, prefix):
    program.write_text(f"""#!/bin/sh
exec '{prefix}/usr/lib64/ld-linux-x86-64.so.2' --library-path '{prefix}/usr/lib/x86_64-linux-gnu' \\
    '{prefix}/usr/bin/qemu-system-x86_64' -L '{prefix}/usr/share/qemu' \\
    -L '{prefix}/usr/share/seabios' "$@"
""")
    program.chmod(0o755)


def _check_device(program, device):
    if "options:" not in run(program, "-device", f"{device},help", timeout_s=60):
        raise SetupError(f"this QEMU has no device {device}")
