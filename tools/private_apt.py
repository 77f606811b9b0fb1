# SPDX-License-Identifier: BSD-2-Clause
"""Packages of any Debian suite, fetched without touching the system's package lists or sources.

The servers, the proxy and the keyring are those that this machine's own apt is configured with;
only the suite is another. Root is not needed.

Ref: apt.conf(5), sources.list(5).
"""

import os
import subprocess
from pathlib import Path

from progress import SetupError, run

__all__ = ["PrivateApt", "debian_servers"]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECURITY = "-security"


def debian_servers():
    """URIs that this machine fetches Debian from, as ``(main archive, security archive or None)``.

    Raises
    ------
    SetupError
        If apt is not there, or names no source for the release that runs here.
    """
    codename = _codename()
    listing = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)")
    servers = {}
    for line in listing.splitlines():
        uri, suite, component = line.rsplit(" ", 2)
        if component == "main":
            servers.setdefault(suite, uri)
    if codename not in servers:
        raise SetupError(
            f"apt's sources name no server for Debian {codename!r}; found suites: "
            f"{', '.join(sorted(servers)) or 'none'}"
        )
    return servers[codename], servers.get(codename + SECURITY)


def _codename():
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise SetupError("/etc/os-release has no VERSION_CODENAME: Debian is needed")


class PrivateApt:
    """An apt whose state lies under ``root``, with ``suites`` as its only sources.

    It believes that nothing is installed, so the closure of a package is complete, down to the C
    library.

    Parameters
    ----------
    root : :class:`pathlib.Path`
        Directory for package lists and downloads. Created.
    suites : list of :class:`str`
        For example ``["trixie", "trixie-backports"]``. A suite ending in ``-security`` is taken
        from the security archive, and left out where the machine has none.
    """

    def __init__(self, root, suites):
        self.archives = root / "archives"
        for directory in (self.archives / "partial", root / "lists" / "partial"):
            directory.mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        (root / "sources.list").write_text(self._sources(suites))
        self._configuration = root / "apt.conf"
        self._configuration.write_text(f"""
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Dir::State "{root}";
Dir::State::lists "{root}/lists";
Dir::State::status "{root}/status";
Dir::Cache "{root}";
Dir::Cache::archives "{self.archives}";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "{_user()}";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
Debug::NoLocking "true";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
""")

    @staticmethod
    def _sources(suites):
        main, security = debian_servers()
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        lines = []
        for suite in suites:
            uri = security if suite.endswith(SECURITY) else main
            if uri:
                lines.append(f"deb {signed}{uri} {suite} main\n")
        return "".join(lines)

    def _run(self, tool, *words):
        # `-c` is read after the system's own files, so that its settings win and a proxy stays.
        return run(tool, f"-c={self._configuration}", *words, env={**os.environ, "LC_ALL": "C"})

    def update(self):
        """Fetch the package lists."""
        self._run("apt-get", "-q", "update")

    def candidate(self, package, suite=None):
        """The version of ``package`` that would be installed, or ``None``."""
        words = ["-t", suite] if suite else []
        for line in self._run("apt-cache", *words, "policy", package).splitlines():
            name, _, value = line.strip().partition(": ")
            if name == "Candidate" and value != "(none)":
                return value
        return None

    def depends(self, package):
        """Names of the direct dependencies of ``package``."""
        listing = self._run("apt-cache", "depends", "--no-recommends", "--no-suggests", package)
        return [line.split()[-1] for line in listing.splitlines() if "Depends:" in line]

    def download_closure(self, package, suite):
        """Fetch ``package`` with all that it needs; returns the files."""
        self._run("apt-get", "-q", "-y", "install", "--download-only", "-t", suite, package)
        return sorted(self.archives.glob("*.deb"))

    def download(self, *packages):
        """Fetch exactly ``packages``; returns the files."""
        run("apt-get", f"-c={self._configuration}", "-q", "download", *packages, cwd=self.archives)
        return sorted(self.archives.glob("*.deb"))


def _user():
    """Whom apt fetches as: a directory in a home is closed to apt's own unprivileged user."""
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
