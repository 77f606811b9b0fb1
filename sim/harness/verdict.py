# SPDX-License-Identifier: BSD-2-Clause
"""The one place that decides green or red.

A simulator's exit status is 0 even when a test fails, when there is no test, or when the module
cannot be imported; only the results file tells the truth.
"""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Red", "Verdict", "judge"]


class Red(AssertionError):
    """A run that is not green; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """A green run: ``passed`` tests passed, ``skipped`` were skipped, none failed."""

    passed: int
    skipped: int


def judge(results: Path) -> Verdict:
    """Judge a run by its results file.

    Raises
    ------
    Red
        If the file is missing or broken, if no test passed, or if any failed.
    """
    try:
        cases = list(ElementTree.parse(results).iter("testcase"))
    except (OSError, ElementTree.ParseError) as reason:
        raise Red(f"Simulation must leave a results file, but: {reason}") from None
    failed = [
        case for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = [case for case in cases if case.find("skipped") is not None]
    if failed:
        names = ", ".join(str(case.get("name")) for case in failed)
        raise Red(f"{len(failed)} of {len(cases)} tests failed: {names}")
    passed = len(cases) - len(skipped)
    if not passed:
        raise Red(f"At least one test must pass, not 0 of {len(cases)}")
    return Verdict(passed, len(skipped))
