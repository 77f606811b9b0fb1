# SPDX-License-Identifier: Apache-2.0
"""Where the linker put a function."""

import subprocess


def extent(elf, name):
    """Return the card address and the length in bytes of function ``name``."""
    listing = subprocess.run(
        ["riscv64-unknown-elf-nm", "--print-size", elf],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    for line in listing.splitlines():
        columns = line.split()
        if columns[-1] == name and len(columns) == 4:
            return int(columns[0], 16), int(columns[1], 16)
    raise LookupError(f"{elf} has no function {name}")
