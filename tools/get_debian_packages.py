# SPDX-License-Identifier: BSD-2-Clause
"""Debian packages of the build machine: finds those that are missing, and installs them as root."""

import importlib.util
import os
import shutil
import sys

from progress import SetupError, run, say

__all__ = ["NOT_ROOT", "get_debian_packages"]

NOT_ROOT = 3
"""Exit status: packages are missing, and only root may install them."""


def get_debian_packages(packages):
    """Install those of ``packages`` that are missing.

    Raises
    ------
    SetupError
        Status :data:`NOT_ROOT`, with the command to run, if some are missing and we are not root.
    """
    if shutil.which("dpkg-query") is None:
        raise SetupError("dpkg-query is not installed: Debian 12 is needed")
    wanted = [*packages, *_python_packages()]
    missing = [name for name in wanted if not _is_installed(name)]
    if not missing:
        say("packages", f"{len(wanted)} Debian packages are there")
        return
    if os.geteuid() != 0:
        raise SetupError(
            "Debian packages are missing. Please run\n    sudo apt-get install "
            f"--no-install-recommends {' '.join(missing)}\nand try again.",
            NOT_ROOT,
        )
    say("packages", f"installing {' '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-q", "update", env=quiet)
    run("apt-get", "-q", "-y", "install", "--no-install-recommends", *missing, env=quiet)
    say("packages", f"{len(missing)} Debian packages installed")


def _python_packages():
    """What Debian splits off its own interpreter: virtual environments, the library for cocotb."""
    packages = [] if importlib.util.find_spec("ensurepip") else ["python3-venv"]
    if sys.base_prefix == "/usr":
        packages.append(f"libpython{sys.version_info.major}.{sys.version_info.minor}")
    return packages


def _is_installed(name):
    try:
        return run("dpkg-query", "-W", "-f", "${db:Status-Status}", name) == "installed"
    except SetupError:
        return False
