#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Provides what the project needs and a fresh Debian 12 lacks. Quick when it is all there.

Exit status: 0 done; 1 failed; 3 Debian packages are missing and we are not root (the command to
run is printed).
"""

import argparse
import fcntl
import os
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from get_chroot import get_chroot
from get_debian_packages import get_debian_packages
from get_kernel import get_kernel
from get_nextpnr import get_nextpnr
from get_prjxray import get_prjxray
from get_python import get_python
from get_qemu import get_qemu
from progress import SetupError, say

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
PARTS = ("packages", "python", "qemu", "kernel")
ON_REQUEST = ("chroot", "nextpnr", "prjxray")


def provide(parts):
    """Provide ``parts``, those that only fetch at the same time."""
    versions = tomllib.loads((ROOT / "tools" / "versions.toml").read_text())
    if "packages" in parts:
        zephyr = versions["debian"]["zephyr"] if os.environ.get("ZEPHYR_BASE") else []
        get_debian_packages([*versions["debian"]["packages"], *zephyr])
    fetches = {
        "python": lambda: get_python(ROOT),
        "qemu": lambda: get_qemu(CACHE, versions["qemu"]),
        "kernel": lambda: get_kernel(CACHE, versions["kernel"]),
        "chroot": lambda: get_chroot(CACHE, versions["chroot"]),
        "nextpnr": lambda: get_nextpnr(CACHE, versions["nextpnr"]),
        "prjxray": lambda: get_prjxray(CACHE, versions["prjxray"]),
    }
    with ThreadPoolExecutor() as pool:
        for running in [pool.submit(fetches[part]) for part in parts if part in fetches]:
            running.result()


def main():
    """Parse the command line, take the lock, provide; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"what to provide: {', '.join(PARTS)} (default: all of these), "
        f"{', '.join(ON_REQUEST)}",
    )
    arguments = parser.parse_args()
    known = PARTS + ON_REQUEST
    unknown = sorted(set(arguments.parts) - set(known))
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; choose from {', '.join(known)}")
    CACHE.mkdir(exist_ok=True)
    try:
        with open(CACHE / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            provide(arguments.parts or PARTS)
    except SetupError as error:
        say("setup", f"failed: {error}")
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
