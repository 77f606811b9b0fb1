# SPDX-License-Identifier: BSD-2-Clause
"""What goes on a host: below a DESTDIR, and in the Debian packages. docs/install.md lists it."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
KERNEL = TOP / "host-driver" / "kernel"
VERSION = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
TREE = f"usr/src/vop_host-{VERSION}"


@pytest.fixture
def packaging(vopctl_program, tmp_path):
    """Runs make in host-driver/packaging, with some image of the card."""
    image = tmp_path / "card.bin"
    image.write_bytes(b"an image")

    def make(*words, **environment):
        return subprocess.run(
            ["make", "-s", "-C", TOP / "host-driver" / "packaging", *words,
             f"IMAGE={image}", f"PROGRAMS={vopctl_program.parent}"],
            env={**os.environ, "MAKEFLAGS": "", **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip

    return make


@pytest.fixture
def staged(packaging, tmp_path):
    """An installation below a folder."""
    destination = tmp_path / "staged"
    done = packaging("install", f"DESTDIR={destination}", "PREFIX=/usr")
    assert done.returncode == 0, done.stdout
    return destination


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_a_staged_installation_has_all_that_a_host_needs(staged):
    outside_the_tree = {path for path in files_below(staged) if not path.startswith(TREE)}

    assert outside_the_tree == {
        "usr/lib/firmware/vop/card.bin",
        "usr/lib/udev/rules.d/60-vop.rules",
        "usr/lib/systemd/system/vopd.service",
        "usr/sbin/vopd",
        "usr/sbin/vopctl",
        "usr/share/man/man8/vopd.8.gz",
        "usr/share/man/man8/vopctl.8.gz",
    }


def test_the_source_tree_has_every_file_that_the_module_includes(staged):
    tree = staged / TREE
    sources = [path for path in tree.rglob("*.[ch]") if path.parent == tree]
    objects = re.findall(r"(\w+)\.o\b", (tree / "Kbuild").read_text())

    included = {
        name for path in sources for name in re.findall(r'#include "(.+)"', path.read_text())
    }

    assert len(included) > 3
    assert [name for name in included if not (tree / name).exists()] == []
    assert {path.stem for path in sources if path.suffix == ".c"} == set(objects) - {"vop_host"}


def test_dkms_is_told_the_version_of_the_project(staged):
    assert f'PACKAGE_VERSION="{VERSION}"' in (staged / TREE / "dkms.conf").read_text()


def test_the_firmware_lies_where_the_module_asks_for_it(staged):
    name = re.search(r'VOP_FIRMWARE_NAME\s+"(.+)"', (KERNEL / "vop_host.h").read_text()).group(1)

    assert (staged / "usr/lib/firmware" / name).read_bytes() == b"an image"


def test_the_unit_starts_the_daemon_of_its_own_prefix(packaging, tmp_path):
    done = packaging("install", f"DESTDIR={tmp_path / 'staged'}", "PREFIX=/opt/vop")

    assert done.returncode == 0, done.stdout
    unit = tmp_path / "staged/opt/vop/lib/systemd/system/vopd.service"
    assert "ExecStart=/opt/vop/sbin/vopd " in unit.read_text()


def test_uninstall_removes_what_install_has_put_there_and_nothing_else(staged, packaging):
    foreign = staged / "usr/sbin/foreign"
    foreign.touch()

    done = packaging("uninstall", f"DESTDIR={staged}", "PREFIX=/usr")

    assert done.returncode == 0, done.stdout
    assert files_below(staged) == {"usr/sbin/foreign"}
    assert not (staged / TREE).exists()
    assert not (staged / "usr/lib/firmware/vop").exists()


def test_uninstall_asks_for_no_dkms_and_install_does(packaging):
    # Make only says what it would do here: without a DESTDIR it is about this machine.
    tells = {target: packaging("-n", target).stdout for target in ("install", "uninstall")}

    assert "dkms is not installed" in tells["install"]
    assert "dkms is not installed" not in tells["uninstall"]
    assert "dkms remove" in tells["uninstall"]


def test_a_missing_image_is_told_with_the_command_that_makes_it(packaging, tmp_path):
    done = subprocess.run(
        ["make", "-C", TOP / "host-driver" / "packaging", "install-module",
         f"DESTDIR={tmp_path}", f"IMAGE={tmp_path}/none"],
        env={**os.environ, "LC_ALL": "C", "MAKEFLAGS": ""},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert "none is missing: run `make firmware`" in done.stdout


def test_the_packages_have_what_a_staged_installation_has_and_are_reproducible(
    staged, packaging, tmp_path
):
    builds = []
    for number in range(2):
        folder = tmp_path / f"deb{number}"
        # Not one of the files is older, so all of them must take this date.
        done = packaging("deb", f"DEB={folder}", SOURCE_DATE_EPOCH="1700000000", TZ=f"UTC{number}")
        assert done.returncode == 0, done.stdout
        builds.append({path.name: path.read_bytes() for path in folder.iterdir()})
    packed = tmp_path / "packed"
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, packed], check=True)
        name = subprocess.check_output(["dpkg-deb", "-f", package, "Version"], text=True)
        assert name.strip() == VERSION

    assert builds[0] == builds[1]
    assert {name.partition("_")[0] for name in builds[0]} == {"openvop-dkms", "openvop-tools"}
    documents = {path for path in files_below(packed) if path.startswith("usr/share/doc/")}
    assert files_below(packed) - documents == files_below(staged)
