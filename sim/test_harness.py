# SPDX-License-Identifier: BSD-2-Clause
"""The harness is red when it must be."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sim.harness.build import build
from sim.harness.simulate import simulate
from sim.harness.verdict import Red, judge

SPECIMENS = "sim.harness.specimens"


class Counter(wiring.Component):
    """The least that can be simulated."""

    count: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        return m


@pytest.fixture(scope="module")
def model():
    return build(Counter(), name="counter")


def test_a_passing_story_is_green_and_gets_its_parameters(model):
    verdict = simulate(model, f"{SPECIMENS}.passes", answer=42)

    assert (verdict.passed, verdict.skipped) == (1, 0)


def test_a_failing_story_is_red_and_named(model):
    with pytest.raises(Red, match=r"1 of 2 tests failed: this_one_fails\nseed 7;"):
        simulate(model, f"{SPECIMENS}.fails", seed=7)


@pytest.mark.parametrize("specimen", ["empty", "unimportable"])
def test_a_module_that_yields_no_test_is_red(model, specimen):
    with pytest.raises(Red, match=r"results file|At least one test must pass"):
        simulate(model, f"{SPECIMENS}.{specimen}")


def test_a_run_that_only_skips_is_red(model):
    with pytest.raises(Red, match="At least one test must pass, not 0 of 1"):
        simulate(model, f"{SPECIMENS}.skips")


def test_a_broken_results_file_is_red(tmp_path):
    results = tmp_path / "results.xml"
    results.write_text("<testsuites><testsuite>")

    with pytest.raises(Red, match="must leave a results file"):
        judge(results)


def test_a_model_is_built_once(model):
    made = (model.directory / "ready").stat().st_mtime_ns

    assert build(Counter(), name="counter") == model
    assert (model.directory / "ready").stat().st_mtime_ns == made
