# SPDX-License-Identifier: BSD-2-Clause
"""The Zephyr firmware on the RTL, in front of a stock kernel: what the bare-metal one does, too."""

import os
from pathlib import Path

import pytest

from .host_machine import HostMachine

pytestmark = [
    pytest.mark.cosim,
    pytest.mark.skipif(
        not (Path(os.environ.get("ZEPHYR_BASE", "")) / "VERSION").is_file(),
        reason="needs a Zephyr tree: set ZEPHYR_BASE",
    ),
]

COMMAND_TIMEOUT_S = 300


def pattern(length):
    return bytes(range(251)) * (length // 251) + bytes(range(length % 251))


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """A share with a file, and an empty directory."""
    directory = tmp_path_factory.mktemp("share")
    (directory / "song").write_bytes(pattern(70_000))
    (directory / "empty").mkdir()
    return directory


@pytest.fixture(scope="module")
def machine(share):
    """A host whose card runs Zephyr. Its bridge must not have met any fault."""
    with HostMachine("test-zephyr", share, "zephyr") as machine:
        machine.attach_share()
        yield machine
    assert machine.counters()["faults"] == []


def test_a_copy_is_identical_to_its_source(machine, share):
    outcome = machine.shell.run("cp /host/song '/host/söng; again'", COMMAND_TIMEOUT_S)

    assert outcome.status == 0
    assert (share / "söng; again").read_bytes() == pattern(70_000)


def test_the_tree_is_changed_on_the_host(machine, share):
    outcome = machine.shell.run(
        "mkdir /host/empty/d; mv '/host/söng; again' /host/empty/d/moved; rm /host/song",
        COMMAND_TIMEOUT_S,
    )

    assert outcome.status == 0
    assert [path.name for path in share.rglob("*")] == ["empty", "d", "moved"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cat /host/none", "cat: /host/none: ENOENT: no such file or directory"),
        ("cat /host/empty", "cat: /host/empty: EISDIR: is a directory"),
        ("rm /host", "rm: /host: EBUSY: device or resource busy"),
        ("mv /host /host/x", "mv: /host: EBUSY: device or resource busy"),
        ("mkdir /host/empty", "mkdir: /host/empty: EEXIST: file exists"),
        ("ls /none", "ls: /none: ENOENT: no such file or directory"),
        ("rm /host/empty/d/moved/x", "rm: /host/empty/d/moved/x: ENOTDIR: not a directory"),
        (f"cat /host/{300 * 'x'}", f"cat: /host/{300 * 'x'}: ENAMETOOLONG: file name too long"),
    ],
)
def test_a_failure_names_linuxs_errno(machine, command, message):
    outcome = machine.shell.run(command, COMMAND_TIMEOUT_S)

    assert outcome.output.strip() == message


def test_a_share_whose_server_is_killed_can_be_attached_again(machine):
    machine.guest.check("kill -9 $(pidof diod)")
    machine.guest.check("while vopctl backends | grep -q 9p:host; do sleep 0.1; done")
    assert machine.shell.run("cat /host/empty/d/moved", COMMAND_TIMEOUT_S).status != 0

    machine.guest.check("vopctl add 9p /share,tag=host")
    machine.guest.check("until vopctl backends | grep -q '9p:host ready'; do sleep 0.1; done")

    assert machine.shell.run("stat /host/empty/d/moved", COMMAND_TIMEOUT_S).status == 0
