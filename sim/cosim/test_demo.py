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
    # The card reads the header of a reply by itself; the read behind it ends at a boundary.
    for kind, limit, most_short in (("memory_write", "mps", 0), ("memory_read", "mrrs", MESSAGES)):
        size = report[limit]
        inner = report["inner_sizes"][f"to_host_{kind}"]
        short = sum(inner.values()) - inner[str(size)]
        assert short <= most_short, f"{kind} inside a message: {inner}"
        assert inner[str(size)] * size >= len(content) - 2 * 2 * MESSAGES * size
        full = report["sizes"][f"to_host_{kind}"][str(size)]
        assert f"of {limit.upper()} bytes: {full} of" in output


@pytest.mark.cosim
def test_a_failing_command_fails_the_demo(tmp_path):
    status, output = demo(SHARE=str(tmp_path), CARD="echo fine; cat /host/none")

    assert status == 1
    assert "cat: /host/none: ENOENT" in output
