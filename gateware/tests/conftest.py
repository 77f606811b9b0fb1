# SPDX-License-Identifier: BSD-2-Clause
"""Mark the tests that take half an hour together: only `make unit-long` runs them."""

import pytest


def pytest_collection_modifyitems(items):
    """Mark every test of the parts of copier and requester; tests of the whole copier stay."""
    for item in items:
        if item.path.name.startswith(("test_engine_", "test_requester_")):
            item.add_marker(pytest.mark.long)
