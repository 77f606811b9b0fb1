# SPDX-License-Identifier: BSD-2-Clause
"""Mark the tests of what is not in the card yet: `make engine` runs them, `make unit` does not."""

import pytest


def pytest_collection_modifyitems(items):
    """Mark every test of the engine and of its requester."""
    for item in items:
        if item.path.name.startswith(("test_engine_", "test_requester_")):
            item.add_marker(pytest.mark.engine)
