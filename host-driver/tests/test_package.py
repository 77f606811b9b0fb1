# SPDX-License-Identifier: BSD-2-Clause
"""On a clean Debian 12: the packages come, serve a share, and go; `make install` comes and goes.

The kernel that DKMS builds for is the co-simulation's, of the same release of Debian.
"""

import re
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
# And DKMS makes itself a key, when it first builds anything.
KEYS = {"var/lib/dkms/mok.key", "var/lib/dkms/mok.pub"}
TIMEOUT_S = 300
COMMAND_TIMEOUT_S = 60

pytestmark = pytest.mark.cosim


PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# udevd's view of a card, without a kernel that has one; its node is not made.
CARD = "/sys/devices/virtual/misc/vop_virtio0"


class Machine:
    """A root of its own: what runs in it sees its files, this machine's /dev, our clone."""

    def __init__(self, root):
        self.root = root
        (root / LOG).touch()
        # Its index of manual pages changes with every package.
        (root / "var/lib/man-db/auto-update").unlink()
        (self.kernel,) = (root / "lib/modules").iterdir()
        # A machine that runs this kernel has its module lists already.
        self.run("depmod", self.kernel.name)

    def run(self, *words):
        """Run a command inside; returns what it printed. Its mounts end with it."""
        script = ('mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && '
                  'mount -t tmpfs run "$0/run" && '
                  'mount --bind -o ro "$1" "$0/mnt" && shift && exec chroot "$0" "$@"')  # fmt: skip
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, self.root, TOP, *words],
            env={"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive",
                 "LC_ALL": "C"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout}"
        return done.stdout

    def packaging(self, target):
        """Run make in our clone's host-driver/packaging, as a person would; returns its output."""
        return self.run("make", "-C", "/mnt/host-driver/packaging", target,
                        f"RELEASE={self.kernel.name}")  # fmt: skip

    def files(self):
        """Every path on it."""
        paths = {str(path.relative_to(self.root)) for path in self.root.rglob("*")}
        return paths - KEYS

    def left(self):
        """Paths with our name in them, but for the kernel's headers."""
        return {path for path in self.files() if "vop" in path and "linux-headers" not in path}


def enabled(machine):
    """Where systemd is told to start the daemon."""
    # A link whose target is in the other root: a glob of its name would pass it over.
    links = (machine.root / "etc/systemd/system").rglob("*")
    return [path for path in links if path.name == "vopd.service"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    root = tmp_path_factory.mktemp("machine")
    # In memory, where its thousands of files come and go in a second.
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "machine", root], stderr=subprocess.PIPE, text=True
    )
    if mount.returncode != 0:
        reason = mount.stderr.partition("\n")[0]
        pytest.skip(f"needs root with the right to mount: {reason}")
    try:
        if not ROOT.exists():
            pytest.fail(f"{ROOT.relative_to(TOP)} is missing: run `python3 tools/setup.py chroot`")
        subprocess.run(["tar", "-x", "-f", ROOT, "-C", root], check=True)
        yield Machine(root)
    finally:
        subprocess.run(["umount", root], check=True)


@pytest.fixture(scope="module")
def packages():
    """Our packages, as the machine names them."""
    found = sorted(PACKAGES.glob("*.deb"))
    assert found, f"{PACKAGES.relative_to(TOP)} has no package: run `make deb`"
    return [f"/mnt/{package.relative_to(TOP)}" for package in found]


def test_lintian_finds_no_error_in_the_packages(machine, packages):
    machine.run("lintian", "--allow-root", "--fail-on", "error", *packages)


@pytest.fixture(scope="module")
def installed(machine, packages):
    """The machine with both packages on it; its files before are at ``before``."""
    machine.before = machine.files()
    machine.run("dpkg", "-i", *packages)
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


def test_the_daemon_is_not_enabled(installed):
    assert enabled(installed) == []


def test_systemd_has_nothing_to_say_of_the_unit(installed):
    assert installed.run("systemd-analyze", "--man=no", "verify", "vopd.service") == ""


def test_the_unit_exposes_little_of_the_host(installed):
    # systemd rates what a unit may do from 0.0 to 10.0; one without restrictions has 9.6.
    installed.run("systemd-analyze", "security", "--offline=yes", "--threshold=30", "vopd.service")


def test_udev_gives_the_card_to_root_and_shows_it_to_systemd(installed):
    told = installed.run("sh", "-c", f"""
        mount -t tmpfs sys /sys &&
        mkdir -p /sys/class/misc {CARD} && ln -s /sys/class/misc {CARD}/subsystem &&
        touch {CARD}/uevent &&
        SYSTEMD_DEVICE_VERIFY_SYSFS=0 udevadm test {CARD.removeprefix("/sys")} 2>&1""")

    assert "60-vop.rules:5 OWNER 0" in told
    assert "60-vop.rules:5 MODE 0600" in told
    assert re.search("^TAGS=:systemd:$", told, re.MULTILINE)
    assert re.findall(r"60-vop.rules:\d+ [A-Z][a-z].*", told) == []


def test_the_module_and_the_daemon_of_the_packages_serve_a_share(installed, tmp_path):
    assert installed.kernel.name == kernel_release(), (
        "the two kernels must be one: remove .cache/kernel and .cache/chroot, run `make cosim`"
    )
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


def test_make_uninstall_takes_back_what_make_install_did(machine):
    machine.packaging("install")
    assert machine.run("dkms", "status", "-m", "vop_host").strip().endswith(": installed")
    assert "Usage" in machine.run("/usr/local/sbin/vopd", "--help")

    machine.packaging("uninstall")

    assert machine.left() == set()


def test_make_uninstall_takes_it_back_where_dkms_went_first(machine):
    machine.packaging("install")
    machine.run("dpkg", "--purge", "dkms")
    assert "var/lib/dkms/vop_host" in machine.left()

    machine.packaging("uninstall")

    assert machine.left() == set()
    assert "vop_host" not in (machine.kernel / "modules.alias").read_text()
