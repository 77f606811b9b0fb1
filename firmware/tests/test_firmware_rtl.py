# SPDX-License-Identifier: Apache-2.0
"""The bare-metal image on the whole card in RTL, with a vop-host of the tests' own."""

import shutil
import subprocess
from pathlib import Path

import pytest
from symbols import extent
from vop.boards.sim import SimCard

from sim.harness.build import build
from sim.harness.simulate import simulate
from sim.test_stories import TIMEOUT_CYCLES

COMPILER = "riscv64-unknown-elf-gcc"
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which(COMPILER) is None, reason=f"needs {COMPILER}: run `make setup`"
    ),
]


def test_the_firmware_mounts_and_copies(tmp_path):
    subprocess.run(
        ["make", "-s", "-C", ROOT / "firmware" / "baremetal", f"BUILD={tmp_path}"], check=True
    )

    verdict = simulate(
        build(SimCard(timeout_cycles=TIMEOUT_CYCLES), name="sim_card"),
        "firmware_story",
        image=str(tmp_path / "card.bin"),
        early=extent(tmp_path / "card.elf", "vop_vdev_reset"),
    )

    assert verdict.passed == 5
