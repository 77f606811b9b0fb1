# SPDX-License-Identifier: BSD-2-Clause
"""The bench itself: its model without a card, its documents, its judgement. No simulation."""

import re
import subprocess
from pathlib import Path

import pytest

from . import abi, record, report
from .charts import Series, line_chart
from .copies import link_ceiling
from .keys import KEYS, Figure
from .machine import Machine
from .sweeps import SWEEPS

HERE = Path(__file__).parent
#: Of the issue that asked for the bench: key, what it must reach, what it aims at.
LIMITS = {
    "c2h_64k_mps256": (0.99, 1.0),
    "c2h_64_mps128": (0.65, 1.0),
    "h2c_4k_c64_lat1000": (0.98, 1.0),
    "h2c_4k_c256_lat2000": (0.90, 0.94),
    "bidir_4k_mps128": (0.95, 0.99),
    "copy_64_h2c_latency_cycles": (30, 18),
    "publish_cycles": (40, 25),
    "tlps_per_small_request": (10, 7),
}


def test_the_model_of_block_link_and_host_keeps_its_rules(tmp_path):
    (tmp_path / "abi.h").write_text(abi.header())
    parts = [HERE / "model" / f"{name}.cc" for name in ("host", "receive", "transmit", "tlp")]
    program = tmp_path / "test_model"
    subprocess.run(
        ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}", f"-I{HERE}/model",
         str(HERE / "test_model.cc"), *map(str, parts), "-o", str(program)],
        check=True,
    )  # fmt: skip

    outcome = subprocess.run([program], stdout=subprocess.PIPE, text=True)

    assert (outcome.returncode, outcome.stdout) == (0, "")


def test_the_committed_documents_are_those_of_the_record():
    stale = [
        str(path.relative_to(record.ROOT))
        for path, content in report.documents(record.read()).items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]

    assert stale == [], "run `make bench RECORD=1`"


def test_the_record_has_every_key_and_every_sweep():
    recorded = record.read()

    assert list(recorded["keys"]) == list(KEYS)
    assert list(recorded["sweeps"]) == list(SWEEPS)


def test_the_limits_are_those_that_were_asked_for():
    assert {name: (KEYS[name].must, KEYS[name].aim) for name in LIMITS} == LIMITS
    assert len(KEYS) == 31


def test_the_ceilings_are_those_of_the_link():
    assert [round(link_ceiling(size), 2) for size in (64, 128, 256)] == [12.19, 13.84, 14.84]


def measured(**figures):
    return {"keys": figures, "sweeps": {}}


def test_a_figure_as_on_record_passes():
    same = measured(publish_cycles={"value": 31})

    assert record.compare(same, same) == []


@pytest.mark.parametrize("value", [30, 41])
def test_a_figure_that_differs_is_named_also_if_it_is_better(value):
    wrong = record.compare(
        measured(publish_cycles={"value": value}), measured(publish_cycles={"value": 31})
    )

    assert len(wrong) == 1
    assert wrong[0].startswith(f"publish_cycles: 31 on record, measured {value}")
    assert ("must reach 40 and did before" in wrong[0]) == (value > 40)


def test_a_curve_that_differs_is_named():
    before, after = ({"keys": {}, "sweeps": {"curve": [[0, n]]}} for n in (1, 2))

    assert record.compare(after, before) == ["curve: another course than on record"]


@pytest.mark.parametrize(
    ("name", "figure", "verdict"),
    [
        ("publish_cycles", Figure(25), "aim"),
        ("publish_cycles", Figure(40), "pass"),
        ("publish_cycles", Figure(41), "MISS"),
        ("c2h_64k_mps128", Figure(13.84, link_ceiling(128)), "aim"),
        ("c2h_64k_mps128", Figure(13.75, link_ceiling(128)), "pass"),
        ("c2h_64k_mps128", Figure(13.69, link_ceiling(128)), "MISS"),
    ],
)
def test_a_figure_is_judged_by_its_ratio_if_it_has_one(name, figure, verdict):
    assert record.verdict(name, figure.as_json()) == verdict


def test_what_could_not_be_measured_is_a_miss():
    assert record.verdict("publish_cycles", {"value": None, "reason": "it is late"}) == "MISS"


@pytest.mark.parametrize(
    ("bar", "offset", "length"), [(0, 4, 8), (0, 0, 9), (2, 32, 64), (2, 0, 0)]
)
def test_the_host_stores_no_more_than_its_processor_can(bar, offset, length):
    machine = Machine.__new__(Machine)

    with pytest.raises(ValueError, match=re.escape(f"A store to BAR{bar} must lie in")):
        machine.store(bar, offset, bytes(length))


def test_a_drawing_is_the_same_to_the_byte_each_time():
    ticks = [(0, "0"), (1, "1")]
    charts = {
        line_chart("T", "x", "y", [Series("a", [(0, 0), (1, 1)])], x_ticks=ticks, y_ticks=ticks)
        for _ in range(2)
    }

    assert len(charts) == 1
    assert "-0" not in charts.pop()
