# SPDX-License-Identifier: BSD-2-Clause
"""One seed for all randomness of a run: printed, and replayed with `--seed`."""

import pytest

from sim.harness.simulate import new_seed


def pytest_addoption(parser):
    """Add `--seed`."""
    parser.addoption("--seed", type=int, default=None, help="replay a run with this random seed")


@pytest.fixture(scope="session")
def seed(request):
    """Seed of this session: `--seed`, else a new one."""
    return request.config.getoption("--seed") or new_seed()
