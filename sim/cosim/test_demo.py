# SPDX-License-Identifier: BSD-2-Clause
"""The demo's path as a user takes it: `python -m sim.cosim.demo`."""

import json
import os
import subprocess
import sys

import pytest

from .demo import BAD_INPUT, REPORT

DEMO_TIMEOUT_S = 1500
# 9P messages for one mebibyte at most, at an msize of 32 KiB or more with its headers. One to the
# host goes in two transfers, as its beginning is pushed; of each the first and the last request may
# be short.
MESSAGES = 33
# Bytes that a read asks for at least, if it does not end its message.
LEAST_READ = 128


def demo(**environment):
    """Run the demo; returns its exit status and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "sim.cosim.demo"],
        env={**os.environ, "SHARE": "", "CARD": "", "FIRMWARE": "baremetal", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEMO_TIMEOUT_S,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"SHARE": "/nowhere/at/all"}, "/nowhere/at/all: there is no such directory"),
        ({"SHARE": __file__}, "not a directory"),
        ({"FIRMWARE": "floppy"}, "FIRMWARE must be auto, baremetal or zephyr, not 'floppy'"),
        ({"FIRMWARE": "zephyr", "ZEPHYR_BASE": ""}, "needs a Zephyr tree"),
        ({"INTERACTIVE": "perhaps"}, "INTERACTIVE must be 0 or 1, not 'perhaps'"),
        ({"CARD": " ; "}, "CARD names no command"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(environment, complaint):
    status, output = demo(**environment)

    assert status == BAD_INPUT
    assert complaint in output


@pytest.mark.cosim
def test_the_demo_copies_a_file_in_full_size_packets_and_reads_no_register(tmp_path):
    content = bytes(range(256)) * 4096
    (tmp_path / "a.bin").write_bytes(content)

    status, output = demo(SHARE=str(tmp_path), CARD="ls /host; cp /host/a.bin /host/b.bin")

    assert status == 0, output
    assert (tmp_path / "b.bin").read_bytes() == content
    report = json.loads(REPORT.read_text())
    assert [command["status"] for command in report["commands"]] == [0, 0]
    assert report["host_mmio_reads"] == 0
    # Inside a message every write is full. A read is as large as the free credits allow.
    ends = 2 * 2 * MESSAGES
    writes, reads = (
        {int(size): count for size, count in report["inner_sizes"][f"to_host_{kind}"].items()}
        for kind in ("memory_write", "memory_read")
    )
    assert set(writes) == {report["mps"]}
    assert min(reads) >= LEAST_READ
    assert max(reads) == report["mrrs"]
    for inner, limit in ((writes, "mps"), (reads, "mrrs")):
        moved = sum(size * count for size, count in inner.items())
        assert moved >= len(content) - ends * report[limit]
        full = report["sizes"][f"to_host_memory_{'write' if limit == 'mps' else 'read'}"]
        assert f"of {limit.upper()} bytes: {full[str(report[limit])]} of" in output


@pytest.mark.cosim
def test_a_failing_command_fails_the_demo(tmp_path):
    status, output = demo(SHARE=str(tmp_path), CARD="echo fine; cat /host/none")

    assert status == 1
    assert "cat: /host/none: ENOENT" in output
