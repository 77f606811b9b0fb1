# SPDX-License-Identifier: BSD-2-Clause
"""A clean Debian 12 with DKMS and a kernel's headers, as an archive: packages are tried in it."""

import os
import shutil

from fetched import fetched
from progress import SetupError, run, say
from unpack import unpack

__all__ = ["get_chroot"]

# Runs the words behind it on a disk in memory that is gone with them: $0 is where. Thousands of
# small files, written with care and removed again, take a disk two minutes.
IN_MEMORY = 'mount -t tmpfs scratch "$0" && TMPDIR="$0" exec "$@"'


def get_chroot(cache, versions):
    """Provide ``cache/chroot/root.tar``, the root of a small system.

    Only root can make one, or enter it; for anybody else there is a line that says so, and the test
    of the packages is skipped.

    Raises
    ------
    SetupError
        If the packages cannot be had.
    """
    if not may_mount():
        say("chroot", "not made: root with the right to mount is needed; packages are not tried")
        return
    home = cache / "chroot"

    def fill(apt):
        apt.download("mmdebstrap")
        for package in apt.archives.glob("mmdebstrap_*.deb"):
            unpack(package, home / "prefix")
        # This machine's way to its servers, for the apt of mmdebstrap; it may hold a password.
        acquire = home / "apt" / "acquire.conf"
        acquire.write_text(run("apt-config", "dump", "Acquire"))
        scratch = home / "scratch"
        scratch.mkdir()
        run("unshare", "--mount", "sh", "-c", IN_MEMORY, scratch,
            "perl", home / "prefix" / "usr" / "bin" / "mmdebstrap", "--variant=essential",
            "--mode=root", f"--include={','.join(versions['packages'])}", f"--aptopt={acquire}",
            '--aptopt=APT::Install-Recommends "false"', '--aptopt=APT::Sandbox::User "root"',
            "--dpkgopt=force-unsafe-io",
            versions["suites"][0], home / "root.tar", home / "apt" / "sources.list",
        )  # fmt: skip
        shutil.rmtree(home / "prefix")
        scratch.rmdir()

    try:
        fetched(home, versions, fill, package=versions["known"], megabytes=140)
    except SetupError as error:
        raise SetupError(
            "a clean Debian 12, to try our packages on, cannot be made from this machine's Debian "
            f"server; all else is there. Try again when it answers:\n{error}"
        ) from None


def may_mount():
    """Whether we are root and may mount, which not every container allows."""
    if os.geteuid() != 0:
        return False
    try:
        run("unshare", "--mount", "mount", "-t", "tmpfs", "probe", "/mnt")
    except SetupError:
        return False
    return True
