# SPDX-License-Identifier: Apache-2.0
"""The firmware's core on the developer's machine, under address and undefined-behaviour sanitizers.

Each C program is built once, lists its cases, and each case is a test of its own. A case that
reports no check fails: silence is not success.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CORE = HERE.parent / "core"
BUILD = HERE.parents[1] / "build" / "firmware" / "tests"

PROGRAMS = ("test_units", "test_transport", "test_9p", "test_shell", "test_fuzz")
SHARED = ("bench.c", "check.c", "model_card.c", "model_host.c", "model_9p.c")

FLAGS = (
    "-std=gnu11",
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
)

RESULT = re.compile(r"^(\w+) checks=(\d+) failures=(\d+)$", re.MULTILINE)
CASE = re.compile(r"^\tCASE\((\w+)\),$", re.MULTILINE)


def compiler():
    return os.environ.get("CC", "cc")


def core_sources():
    return sorted([*CORE.glob("*.c"), *CORE.glob("shell/*.c")])


def compile_to_object(source):
    target = BUILD / f"{source.stem}.o"
    includes = ["-I", CORE / "include", "-I", CORE / "shell", "-I", HERE]
    subprocess.run([compiler(), *FLAGS, *includes, "-c", source, "-o", target], check=True)
    return target


@pytest.fixture(scope="session")
def programs():
    """Build every program; the sources are few enough to compile them afresh."""
    BUILD.mkdir(parents=True, exist_ok=True)
    shared = [compile_to_object(source) for source in core_sources()]
    shared += [compile_to_object(HERE / name) for name in SHARED]
    built = {}
    for name in PROGRAMS:
        built[name] = BUILD / name
        own = compile_to_object(HERE / f"{name}.c")
        subprocess.run([compiler(), *FLAGS, own, *shared, "-o", built[name]], check=True)
    return built


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
