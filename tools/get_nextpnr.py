# SPDX-License-Identifier: BSD-2-Clause
"""nextpnr for Xilinx 7-series and a native yosys, in a private prefix with its own C library.

Only Debian's development suite has that nextpnr. Both run through their own dynamic loader, so
nothing of the system is replaced. The native yosys is several times faster than the one from PyPI.
"""

from fetched import fetched
from progress import SetupError, run
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

    def fill(apt):
        prefix = home / "prefix"
        apt.download_closure(versions["package"], versions["suites"][0])
        for package in apt.download_closure(versions["synthesis"], versions["suites"][0]):
            if package.name.startswith(CHIP_DATABASES):
                unpack(package, prefix, f"*/chipdb-{versions['chip']}.bin")
            elif package.name.startswith(NEEDED):
                unpack(package, prefix)
        database = next(prefix.rglob(f"chipdb-{versions['chip']}.bin"), None)
        if database is None:
            raise SetupError(f"{versions['package']} has no database of {versions['chip']}")
        program, synthesis = home / versions["package"], home / versions["synthesis"]
        write_wrapper(program, prefix, f"--chipdb '{database}'")
        write_wrapper(synthesis, prefix)
        # yosys looks for its files beside what runs: here that is the dynamic loader.
        (prefix / LIBRARIES).parent.joinpath("share").symlink_to("../share")
        write_wrapper(prefix / LIBRARIES / "yosys-abc", prefix)
        run(program, "--version", timeout_s=60)
        run(synthesis, "-p", "help synth_xilinx", timeout_s=60)

    fetched(home, versions, fill, package=versions["package"], megabytes=40)
