# SPDX-License-Identifier: BSD-2-Clause
"""One seed for all randomness of a run, printed, replayed with `--seed`; reasons of skips."""

import pytest

from sim.harness.simulate import SKIPPED, new_seed


def pytest_addoption(parser):
    """Add `--seed`."""
    parser.addoption("--seed", type=int, default=None, help="random seed of the run; 0 draws one")


@pytest.fixture(scope="session")
def seed(request):
    """Seed of this session: `--seed`, else, and for 0, a new one."""
    return request.config.getoption("--seed") or new_seed()


def pytest_terminal_summary(terminalreporter):
    """Say which stories were skipped inside runs that passed, and why."""
    for report in terminalreporter.getreports("passed"):
        for line in report.capstdout.splitlines():
            if line.startswith(SKIPPED):
                terminalreporter.write_line(f"{report.nodeid}: {line}")
