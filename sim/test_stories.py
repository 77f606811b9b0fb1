# SPDX-License-Identifier: BSD-2-Clause
"""Every story, told to the whole card at its pins: on each hard block, at each width and pace."""

from functools import cache, partial
from pathlib import Path

import pytest
from vop.boards.sim import SimCard

from sim.harness.build import build
from sim.harness.simulate import simulate

STORIES = sorted(
    path.stem
    for path in (Path(__file__).parent / "stories").glob("story_*.py")
    if path.stem != "story_python_card"  # told to the models alone: see test_models.py
)
WIDTHS = {"pcie_7x": (64, 128), "pcie_usplus": (128, 256)}
#: What these tell of lies above the TLP contract, which pauses alike on every block.
ABOVE_THE_CONTRACT = {
    "story_doorbell",
    "story_firmware_boots",
    "story_hostile_card",
    "story_idle",
    "story_ring",
}
#: Bound of the card's reads, in cycles: 40 us, so that stories of silence stay short.
TIMEOUT_CYCLES = 5000


@cache
def card(block, width):
    """Simulator of the card on ``block``."""
    return build(
        partial(SimCard, block=block, width=width, timeout_cycles=TIMEOUT_CYCLES), name="sim_card"
    )


def tellings():
    """Each story flowing everywhere; stuttering wherever that can make a difference."""
    for block, widths in WIDTHS.items():
        for width in widths:
            for story in STORIES:
                yield block, width, story, "flowing"
                if story not in ABOVE_THE_CONTRACT or (block, width) == ("pcie_7x", 128):
                    yield block, width, story, "stuttering"


@pytest.mark.slow
@pytest.mark.parametrize(("block", "width", "story", "pace"), list(tellings()))
def test_story(block, width, story, pace, seed):
    simulate(
        card(block, width), f"sim.stories.{story}", seed=seed, pace=pace, block=block, width=width
    )
