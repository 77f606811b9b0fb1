# SPDX-License-Identifier: BSD-2-Clause
"""The harness is red when it must be."""

from functools import partial

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from vop import verilog
from vop.shallow_queue import ShallowQueue

from sim.harness import build as build_module
from sim.harness import recipe
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


QUEUE_OF_FOUR = partial(ShallowQueue, shape=8, depth=4)


def test_a_model_that_exists_is_found_without_conversion(monkeypatch, tmp_path):
    conversions = []
    monkeypatch.setattr(verilog, "convert", lambda *_, **__: conversions.append(1) or "text")
    monkeypatch.setattr(build_module, "BUILD_ROOT", tmp_path)
    monkeypatch.setattr(build_module, "_verilate", finish)

    model = build(QUEUE_OF_FOUR, name="queue")

    assert build(QUEUE_OF_FOUR, name="queue") == model
    assert len(conversions) == 1
    build(QUEUE_OF_FOUR, name="other")
    assert len(conversions) == 2
    (model.directory / "ready").unlink()
    assert build(QUEUE_OF_FOUR, name="queue") == model
    assert len(conversions) == 3
    build(ShallowQueue(8, depth=4), name="queue")
    assert len(conversions) == 4


def finish(directory, *_arguments):
    directory.mkdir(exist_ok=True)
    (directory / "ready").touch()


def test_an_edit_during_conversion_is_not_remembered(monkeypatch, tmp_path):
    conversions = []
    monkeypatch.setattr(verilog, "convert", lambda *_, **__: conversions.append(1) or "text")
    monkeypatch.setattr(build_module, "BUILD_ROOT", tmp_path)
    monkeypatch.setattr(build_module, "_verilate", finish)
    keys = iter(["before", None, "before", None])
    monkeypatch.setattr(build_module, "key_of", lambda make: next(keys))

    build(QUEUE_OF_FOUR, name="queue")
    build(QUEUE_OF_FOUR, name="queue")

    assert len(conversions) == 2


def test_equal_recipes_have_equal_keys_and_different_ones_do_not():
    keys = [
        recipe.key_of(make)
        for make in (QUEUE_OF_FOUR, partial(ShallowQueue, shape=8, depth=8), ShallowQueue)
    ]

    assert recipe.key_of(partial(ShallowQueue, shape=8, depth=4)) == keys[0]
    assert None not in keys
    assert len(set(keys)) == 3


def test_what_cannot_be_known_by_its_sources_has_no_key():
    class Local(ShallowQueue):
        pass

    for make in (
        Counter,
        Local,
        partial(ShallowQueue, 8, depth=4),
        partial(ShallowQueue, depth=object()),
    ):
        assert recipe.key_of(make) is None


def test_an_edited_source_has_another_key_and_none_in_a_process_that_may_have_loaded_the_old(
    monkeypatch, tmp_path
):
    def as_process_that_began_now():
        monkeypatch.setattr(recipe, "_AT_START", recipe.digest_of_folder(tmp_path))

    source = tmp_path / "deep" / "queue.py"
    source.parent.mkdir()
    source.write_text("depth = 1\n")
    monkeypatch.setattr(recipe, "_PACKAGE", tmp_path)
    as_process_that_began_now()
    before = recipe.key_of(QUEUE_OF_FOUR)

    source.write_text("depth = 2\n")
    assert recipe.key_of(QUEUE_OF_FOUR) is None
    as_process_that_began_now()
    assert recipe.key_of(QUEUE_OF_FOUR) not in (None, before)
    source.rename(tmp_path / "deep" / "other.py")
    as_process_that_began_now()
    moved = recipe.key_of(QUEUE_OF_FOUR)
    assert moved is not None
    source.write_text("depth = 2\n")
    as_process_that_began_now()
    assert recipe.key_of(QUEUE_OF_FOUR) not in (None, moved)


def test_another_version_of_a_tool_makes_another_key(monkeypatch):
    before = recipe.key_of(QUEUE_OF_FOUR)

    monkeypatch.setattr(recipe, "version", lambda package: "another")

    assert recipe.key_of(QUEUE_OF_FOUR) not in (None, before)
