# SPDX-License-Identifier: BSD-2-Clause
"""A program runs on the card's computer, in RTL, however it came there."""

import pytest
from computer import COMPILER, Computer, assemble

from sim.harness.build import build
from sim.harness.simulate import simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(COMPILER is None, reason="needs gcc-riscv64-unknown-elf: run `make setup`"),
]


def test_firmware_in_the_initial_content_runs(tmp_path):
    image = assemble("computer", tmp_path)

    verdict = simulate(build(Computer(firmware=image, cpu_run=1), name="computer"),
                       "computer_story")

    assert verdict.passed == 6


def test_firmware_that_the_host_loads_runs():
    verdict = simulate(build(Computer(), name="computer"), "computer_story", loads=True)

    assert verdict.passed == 6


@pytest.mark.parametrize("cpu_clock_ps", [6_600, 13_400])
def test_firmware_runs_on_a_clock_of_its_own(cpu_clock_ps):
    model = build(Computer(cpu_domain="cpu"), name="computer")

    verdict = simulate(model, "computer_story", loads=True, cpu_clock_ps=cpu_clock_ps)

    assert verdict.passed == 6
