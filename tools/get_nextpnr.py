# SPDX-License-Identifier: BSD-2-Clause
"""nextpnr for Xilinx 7-series and a native yosys, in a private prefix with its own C library.

Only Debian's development suite has that nextpnr. Both run through their own dynamic loader, so
nothing of the system is replaced. The native yosys is several times faster than the one from PyPI.
"""

import shutil

from private_apt import PrivateApt
from progress import SetupError, run, say
from unpack import unpack
from wrapper import LIBRARIES, write_wrapper

__all__ = ["get_nextpnr"]

NEEDED = ("lib", "zlib1g_", "nextpnr-himbaechel-xilinx_", "yosys_", "yosys-abc_")
CHIP_DATABASES = "nextpnr-himbaechel-xilinx-chipdb_"


def get_nextpnr(cache, versions):
    """Provide ``nextpnr-himbaechel-xilinx``, with the database of one chip, and ``yosys``.

    They are in ``cache/nextpnr``.

    Raises
    ------
    SetupError
        If the packages cannot be had, or the chip's database is not among them.
    """
    home = cache / "nextpnr"
    program = home / versions["package"]
    stamp = home / "version"
    if stamp.exists() and program.exists():
        say("nextpnr", f"{stamp.read_text().strip()} is there")
        return
    shutil.rmtree(home, ignore_errors=True)
    say("nextpnr", f"reading the package lists of {', '.join(versions['suites'])}")
    apt = PrivateApt(home / "apt", versions["suites"])
    apt.update()
    version = apt.candidate(versions["package"])
    if version is None:
        raise SetupError(
            f"the Debian server of this machine has no {versions['package']} in "
            f"{', '.join(versions['suites'])}"
        )
    if version != versions["known_good"]:
        say("nextpnr", f"note: tried with {versions['known_good']}, this is {version}")
    say("nextpnr", f"fetching {version} and yosys (about 40 MB)")
    prefix = home / "prefix"
    apt.download_closure(versions["package"], versions["suites"][0])
    for package in apt.download_closure(versions["synthesis"], versions["suites"][0]):
        if package.name.startswith(CHIP_DATABASES):
            unpack(package, prefix, f"*/chipdb-{versions['chip']}.bin")
        elif package.name.startswith(NEEDED):
            unpack(package, prefix)
    shutil.rmtree(home / "apt")
    database = next(prefix.rglob(f"chipdb-{versions['chip']}.bin"), None)
    if database is None:
        raise SetupError(f"{versions['package']} {version} has no database of {versions['chip']}")
    write_wrapper(program, prefix, f"--chipdb '{database}'")
    write_wrapper(home / versions["synthesis"], prefix)
    # yosys looks for its files beside what runs: here that is the dynamic loader.
    (prefix / LIBRARIES).parent.joinpath("share").symlink_to("../share")
    write_wrapper(prefix / LIBRARIES / "yosys-abc", prefix)
    run(program, "--version", timeout_s=60)
    run(home / versions["synthesis"], "-p", "help synth_xilinx", timeout_s=60)
    stamp.write_text(version + "\n")
    say("nextpnr", f"{version} is ready")
