# SPDX-License-Identifier: Apache-2.0
"""What the firmware's tests share."""

import pytest
from core_build import build_shared


@pytest.fixture(scope="session")
def core_objects():
    """The core and the model, compiled once a session: the sources are few."""
    return build_shared()
