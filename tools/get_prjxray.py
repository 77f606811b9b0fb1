# SPDX-License-Identifier: BSD-2-Clause
"""Project X-Ray: what each configuration bit of a Xilinx 7-series part does, and its programs.

Only Debian's development suite has it. The programs run in a private prefix with its own C library.
Of the database one part's files are kept: the whole is 400 MB.
"""

from fetched import fetched
from progress import SetupError, run
from unpack import unpack
from wrapper import write_wrapper

__all__ = ["get_prjxray"]

NEEDED = ("lib", "prjxray_")
DATABASE = "prjxray-database_"


def get_prjxray(cache, versions):
    """Provide ``xc7frames2bit``, ``bitread`` and the folder ``database`` in ``cache/prjxray``.

    Raises
    ------
    SetupError
        If the packages cannot be had, or the part is not in the database.
    """
    home = cache / "prjxray"

    def fill(apt):
        prefix = home / "prefix"
        family, die, part = (versions[key] for key in ("family", "die", "part"))
        wanted = [f"*/{family}/{name}" for name in (
            "segbits_*.db", "ppips_*.db", f"{die}/tilegrid.json", f"{part}/part.yaml")]  # fmt: skip
        apt.download_closure(versions["package"], versions["suites"][0])
        for package in apt.download_closure(versions["database"], versions["suites"][0]):
            if package.name.startswith(DATABASE):
                unpack(package, prefix, *wanted)
            elif package.name.startswith(NEEDED):
                unpack(package, prefix)
        database = home / "database"
        database.symlink_to(f"prefix/usr/share/prjxray/database/{family}")
        for missing in (die, part):
            if not (database / missing).is_dir():
                raise SetupError(f"{versions['database']} has no {missing}")
        for name in versions["programs"]:
            write_wrapper(home / name, prefix)
            run(home / name, "--version", timeout_s=60)

    fetched(home, versions, fill, package=versions["database"], megabytes=15)
