# SPDX-License-Identifier: Apache-2.0
"""What the firmware's tests share."""

import pytest
from core_build import build_shared


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory):
    """Where this process builds: pytest-xdist runs several, and each has a session of its own."""
    return tmp_path_factory.mktemp("core")


@pytest.fixture(scope="session")
def core_objects(build_folder):
    """The core and the model, compiled once a session: the sources are few."""
    return build_shared(build_folder)
