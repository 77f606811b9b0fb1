# SPDX-License-Identifier: Apache-2.0
"""The firmware's core on the developer's machine, under address and undefined-behaviour sanitizers.

Each C program is built once, lists its cases, and each case is a test of its own. A case that
reports no check fails: silence is not success.
"""

import re
import subprocess

import pytest
from core_build import HERE, build_program

PROGRAMS = ("test_units", "test_transport", "test_queues", "test_9p", "test_shell", "test_fuzz")

RESULT = re.compile(r"^(\w+) checks=(\d+) failures=(\d+)$", re.MULTILINE)
CASE = re.compile(r"^\tCASE\((\w+)\),$", re.MULTILINE)


@pytest.fixture(scope="session")
def programs(build_folder, core_objects):
    """Every program of cases."""
    return {
        name: build_program(name, build_folder, core_objects, "check.c") for name in PROGRAMS
    }


def cases():
    """Names from the sources: collecting must not compile."""
    found = []
    for program in PROGRAMS:
        found += [(program, case) for case in CASE.findall((HERE / f"{program}.c").read_text())]
    return found


@pytest.mark.parametrize(("program", "case"), cases(), ids=[case for _, case in cases()])
def test_core(programs, program, case):
    run = subprocess.run(
        [programs[program], case], capture_output=True, text=True, timeout=120, check=False
    )

    assert run.returncode == 0, run.stderr
    results = RESULT.findall(run.stdout)
    assert [name for name, _, _ in results] == [case], run.stdout
    assert int(results[0][1]) > 0, f"{case} checked nothing"
    assert int(results[0][2]) == 0, run.stderr


def test_every_listed_case_is_collected(programs):
    for name, program in programs.items():
        listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)

        assert listed.stdout.split() == [case for owner, case in cases() if owner == name]
