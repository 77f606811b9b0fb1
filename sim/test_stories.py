# SPDX-License-Identifier: BSD-2-Clause
"""Every story, told to the whole card at its pins: at full speed, and with pauses everywhere."""

from functools import partial
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
#: Bound of the card's reads, in cycles: 40 us, so that stories of silence stay short.
TIMEOUT_CYCLES = 5000


@pytest.fixture(scope="module")
def card():
    return build(partial(SimCard, timeout_cycles=TIMEOUT_CYCLES), name="sim_card")


@pytest.mark.slow
@pytest.mark.parametrize("pace", ["flowing", "stuttering"])
@pytest.mark.parametrize("story", STORIES)
def test_story(card, story, pace, seed):
    simulate(card, f"sim.stories.{story}", seed=seed, pace=pace)
