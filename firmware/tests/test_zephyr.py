# SPDX-License-Identifier: Apache-2.0
"""The Zephyr image builds from the tree at ZEPHYR_BASE, and serves as the bare-metal one does."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from symbols import extent
from vop.boards.sim import SimCard
from vop.regs.card import CARD_ADDRESSES

from sim.harness.build import build
from sim.harness.simulate import simulate
from sim.test_stories import TIMEOUT_CYCLES

APP = Path(__file__).resolve().parents[1] / "zephyr-app"
PROGRAMS = ("cmake", "ninja", "dtc", "gperf", "riscv64-unknown-elf-gcc")
MODULES = ("elftools", "yaml", "pykwalify", "packaging", "anytree")


def missing():
    """Return why nothing can be built, or an empty string."""
    tree = os.environ.get("ZEPHYR_BASE", "")
    if not (Path(tree) / "VERSION").is_file():
        return "needs a Zephyr tree: set ZEPHYR_BASE"
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    lacking += [name for name in MODULES if importlib.util.find_spec(name) is None]
    return f"needs {', '.join(lacking)}" if lacking else ""


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]


def build_image(folder, *options):
    """Build the application into ``folder``; return what the build said."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [APP / "build.sh", *options],
        env={**os.environ, "BUILD": str(folder), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Build the image as users do; return its path and what the build said."""
    folder = tmp_path_factory.mktemp("zephyr")
    said = build_image(folder)
    return folder / "card.bin", said


def test_the_image_fits_card_ram_and_builds_without_a_warning(image):
    path, said = image

    assert 0 < path.stat().st_size < CARD_ADDRESSES["default_ram_bytes"] // 2
    assert "warning:" not in said


def test_the_talkative_image_builds(tmp_path):
    assert "warning:" not in build_image(tmp_path, "-DOVERLAY_CONFIG=debug.conf")


def test_the_image_mounts_and_copies(image):
    verdict = simulate(
        build(SimCard(timeout_cycles=TIMEOUT_CYCLES), name="sim_card"),
        "firmware_story",
        image=str(image[0]),
        early=extent(image[0].with_suffix(".elf"), "vop_vdev_reset"),
    )

    assert verdict.passed == 5


def test_without_a_tree_the_build_says_so(tmp_path):
    environment = {**os.environ, "ZEPHYR_BASE": str(tmp_path), "BUILD": str(tmp_path)}

    done = subprocess.run([APP / "build.sh"], env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip

    assert (done.returncode, done.stderr) == (1, f"build.sh: {tmp_path} is no Zephyr tree\n")
