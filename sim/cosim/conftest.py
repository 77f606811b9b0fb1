# SPDX-License-Identifier: BSD-2-Clause
"""What the machines of a failed test said last: their logs are gone when CI's clone is."""

import pytest

from .run import Cosim


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add the end of each log to the report of a test that failed with a machine at hand."""
    report = yield
    if report.failed:
        for fixture in item.funcargs.values():
            if isinstance(fixture, Cosim):
                report.sections += list(fixture.last_words().items())
    return report
