# SPDX-License-Identifier: GPL-2.0-only
"""The kernel module builds without a warning, sparse's endian checks included."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "host-driver" / "kernel"
HEADERS = ROOT / ".cache" / "kernel" / "build"

pytestmark = pytest.mark.cosim


@pytest.fixture
def sources(tmp_path):
    if not HEADERS.exists():
        pytest.fail(f"{HEADERS.relative_to(ROOT)} is missing: run `make setup`")
    copy = tmp_path / "kernel"
    ignored = shutil.ignore_patterns("*.o", "*.ko", "*.mod", "*.mod.c", ".*.cmd")
    return shutil.copytree(KERNEL, copy, ignore=ignored)


def complaints(sources):
    """Build with every check on; returns the lines that complain."""
    build = subprocess.run(
        ["make", "-C", sources, f"KDIR={HEADERS}", "W=1", "C=2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert build.returncode == 0, build.stdout
    assert (sources / "vop_host.ko").exists()
    return [line for line in build.stdout.splitlines() if "warning:" in line or "error:" in line]


def test_the_module_builds_without_a_warning(sources):
    assert complaints(sources) == []


def test_a_mistaken_byte_order_would_be_found(sources):
    guard = sources / "vop_host_guard.c"
    guard.write_text(guard.read_text() + "\n__le32 mistaken(void);\n"
                     "__le32 mistaken(void) { return (u32)1; }\n")

    assert any("vop_host_guard.c" in line and "base types" in line for line in complaints(sources))
