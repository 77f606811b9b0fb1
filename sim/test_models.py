# SPDX-License-Identifier: BSD-2-Clause
"""The models are right before the card is judged by them."""

import pytest

from sim.harness.build import build
from sim.harness.simulate import simulate
from sim.models.wires import Wires


@pytest.fixture(scope="module")
def wires():
    return build(Wires(), name="wires")


@pytest.mark.parametrize("pace", ["flowing", "stuttering"])
def test_a_card_in_python_meets_the_models(wires, pace, seed):
    simulate(wires, "sim.stories.story_python_card", seed=seed, pace=pace)
