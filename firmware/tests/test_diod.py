# SPDX-License-Identifier: Apache-2.0
"""The card shell over diod, the server that vopd spawns: what a model might misremember."""

import shutil
import socket
import subprocess
import zlib

import pytest
from core_build import build_program

DIOD = shutil.which("diod", path="/usr/sbin:/usr/bin")

pytestmark = pytest.mark.skipif(DIOD is None, reason="needs diod: run `make setup`")


@pytest.fixture(scope="module")
def shell_program(build_folder, core_objects):
    return build_program("shell_over_fd", build_folder, core_objects)


@pytest.fixture
def shell(shell_program, tmp_path):
    """Run a line over a fresh server of ``tmp_path``; return its status and output."""

    def run(line):
        ours, theirs = socket.socketpair()
        number = str(theirs.fileno())
        command = [DIOD, "-f", "-n", "-c", "/dev/null", "-e", str(tmp_path), "-L", "stderr"]
        with subprocess.Popen(
            [*command, "--rfdno", number, "--wfdno", number],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            theirs.close()
            with ours:
                done = subprocess.run(
                    [shell_program, str(ours.fileno()), str(tmp_path), line],
                    pass_fds=[ours.fileno()],
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
            # diod 1.0.24 sometimes crashes while it ends: what counts is what it answered.
            complaints = server.communicate(timeout=10)[1]
        assert "np_fid_create: unclunked" not in complaints
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 65536, 1048576])
def test_a_copy_is_identical_to_its_source(shell, tmp_path, size):
    data = bytes(n * 31 + (n >> 9) & 0xFF for n in range(size))
    (tmp_path / "a").write_bytes(data)

    status, output = shell("cp /host/a /host/b; crc32 /host/b")

    assert status == 0
    assert (tmp_path / "b").read_bytes() == data
    assert output == f"{zlib.crc32(data):08x} {size} /host/b\n"


def test_names_with_spaces_and_letters_of_any_language_work(shell, tmp_path):
    (tmp_path / "Grüße an 東京.txt").write_text("hi\n")

    status, output = shell("ls /host; cat '/host/Grüße an 東京.txt'")

    assert (status, output) == (0, "Grüße an 東京.txt\nhi\n")


def test_a_directory_of_500_entries_is_listed_whole(shell, tmp_path):
    names = [f"entry with a rather long name, number {n:03}" for n in range(500)]
    for name in names:
        (tmp_path / name).touch()

    status, output = shell("ls /host")

    assert status == 0
    assert sorted(output.splitlines()) == names


def test_the_tree_is_changed_on_the_host(shell, tmp_path):
    (tmp_path / "f").write_text("x")

    status, output = shell(
        "mkdir -p /host/p/q; mv /host/f /host/p/q; cp /host/p/q/f /host/g; rm /host/p/q/f;"
        "rm -d /host/p/q; stat /host/g; df; mounts"
    )

    assert status == 0, output
    assert (tmp_path / "g").read_text() == "x"
    assert list((tmp_path / "p").iterdir()) == []
    assert "  size: 1\n" in output
    assert "/host 9p msize=65" in output


@pytest.mark.parametrize(
    ("line", "status", "output"),
    [
        ("cat /host/none", 2, "cat: /host/none: ENOENT: no such file or directory\n"),
        ("cat /host/d/none", 2, "cat: /host/d/none: ENOENT: no such file or directory\n"),
        ("cat /host/f/g", 20, "cat: /host/f/g: ENOTDIR: not a directory\n"),
        ("cat /host/d", 21, "cat: /host/d: EISDIR: is a directory\n"),
        ("mkdir /host/d", 17, "mkdir: /host/d: EEXIST: file exists\n"),
        ("rm /host/d", 21, "rm: /host/d: EISDIR: is a directory\n"),
        ("rm -d /host/d", 39, "rm: /host/d: ENOTEMPTY: directory not empty\n"),
        ("mv /host/none /host/x", 2, "mv: /host/none: ENOENT: no such file or directory\n"),
    ],
)
def test_a_refusal_names_the_servers_errno(shell, tmp_path, line, status, output):
    (tmp_path / "f").touch()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "child").touch()

    assert shell(line) == (status, output)


def test_a_walk_that_stops_midway_leaves_no_fid_behind(shell, tmp_path):
    (tmp_path / "d").mkdir()

    status, _ = shell("cat /host/d/none; cat /host/d/none; mkdir -p /host/d/e/f; ls /host/d")

    assert status == 0
