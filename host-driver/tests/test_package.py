# SPDX-License-Identifier: BSD-2-Clause
"""The Debian packages on a clean Debian 12: installed, a share served by what they have, removed.

The kernel that DKMS builds for is the co-simulation's, of the same release of Debian.
"""

import os
import subprocess
from pathlib import Path

import pytest

from sim.cosim.artifacts import kernel_release
from sim.cosim.host_machine import DKMS_MODULE, HostMachine

TOP = Path(__file__).resolve().parents[2]
ROOT = TOP / ".cache" / "chroot" / "root.tar"
PACKAGES = TOP / "build" / "deb"
# dpkg logs that a package was there; it would not be dpkg if it did not.
LOG = "var/log/dpkg.log"
TIMEOUT_S = 300
COMMAND_TIMEOUT_S = 60

pytestmark = pytest.mark.cosim


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"]).returncode == 0


class Machine:
    """A root of its own: what runs in it sees its files, this machine's /dev, and /proc."""

    def __init__(self, root):
        self.root = root
        (root / LOG).touch()
        (self.kernel,) = (root / "lib/modules").iterdir()
        # A machine that runs this kernel has its module lists already.
        self.run("depmod", self.kernel.name)

    def run(self, *words):
        """Run a command inside; returns what it printed. Its mounts end with it."""
        script = ('mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && '
                  'exec chroot "$0" "$@"')  # fmt: skip
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, self.root, *words],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
                 "LC_ALL": "C"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout}"
        return done.stdout

    def install(self):
        """Install our packages from a folder that is gone afterwards."""
        folder = self.root / "tmp" / "packages"
        folder.mkdir()
        found = sorted(PACKAGES.glob("*.deb"))
        assert found, f"{PACKAGES.relative_to(TOP)} has no package: run `make deb`"
        for package in found:
            (folder / package.name).write_bytes(package.read_bytes())
        output = self.run("dpkg", "-i", *(f"/tmp/packages/{package.name}" for package in found))
        for package in folder.iterdir():
            package.unlink()
        folder.rmdir()
        return output

    def files(self):
        """Every path on its disk: a running machine has /proc and /run in memory."""
        return {
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.relative_to(self.root).parts[0] not in ("proc", "run")
        }


def enabled(machine):
    """Where systemd is told to start the daemon."""
    # A link whose target is in the other root: a glob of its name would pass it over.
    links = (machine.root / "etc/systemd/system").rglob("*")
    return [path for path in links if path.name == "vopd.service"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    if not may_mount():
        pytest.skip("needs root with the right to mount: run `sudo make cosim`")
    if not ROOT.exists():
        pytest.fail(f"{ROOT.relative_to(TOP)} is missing: run `python3 tools/setup.py chroot`")
    root = tmp_path_factory.mktemp("machine")
    subprocess.run(["tar", "-x", "-f", ROOT, "-C", root], check=True)
    yield Machine(root)
    subprocess.run(["rm", "-rf", root], check=True)


@pytest.fixture(scope="module")
def installed(machine):
    """The machine with both packages on it; its files before are at ``before``."""
    machine.before = machine.files()
    machine.install()
    return machine


def test_dkms_has_built_the_module_for_the_kernel_whose_headers_are_there(installed):
    assert installed.run("dkms", "status", "-m", "vop_host").strip().endswith(": installed")


    information = installed.run("modinfo", f"/lib/modules/{installed.kernel.name}/{DKMS_MODULE}")

    assert f"vermagic:       {installed.kernel.name} " in information
    assert "firmware:       vop/card.bin" in information


def test_the_module_is_loaded_by_itself_when_a_card_is_found(installed):
    aliases = (installed.kernel / "modules.alias").read_text()

    assert " vop_host\n" in aliases


def test_the_programs_run_with_the_libraries_that_are_there(installed):
    assert "vopd" in installed.run("vopd", "--help")
    assert "vopctl" in installed.run("vopctl", "--help")


def test_systemd_understands_every_line_of_the_unit(installed):
    # It warns of what it does not know, and goes on. No page of a manual is on this machine.
    said = installed.run("systemd-analyze", "verify", "--man=no", "vopd.service")

    assert [line for line in said.splitlines() if "vopd" in line] == []


def test_the_daemon_is_not_enabled(installed):
    assert enabled(installed) == []


def test_the_module_and_the_daemon_of_the_packages_serve_a_share(installed, tmp_path):
    assert installed.kernel.name == kernel_release(), "run `python3 tools/setup.py kernel chroot`"
    (tmp_path / "hello").write_text("from a package\n")

    with HostMachine("packages", tmp_path, installed=installed.root) as host:
        host.attach_share()
        listed = host.guest.check("vopctl list")
        read = host.shell.run("cat /host/hello", COMMAND_TIMEOUT_S)

    assert "online" in listed
    assert (read.status, read.output) == (0, "from a package\n")
    assert host.counters()["faults"] == []


def test_nothing_is_left_when_the_packages_are_removed(installed):
    installed.run("systemctl", "enable", "vopd.service")
    assert enabled(installed) != []
    assert installed.files() > installed.before

    installed.run("dpkg", "--purge", "openvop-tools", "openvop-dkms")

    assert installed.files() ^ installed.before == set()
    assert "vop_host" not in (installed.kernel / "modules.alias").read_text()
