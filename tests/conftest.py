"""Fixtures that many tests share."""

import os

import pytest

from tests.broker import authority, mosquitto, read, server_certificate, start_mosquitto
from tests.daemon import daemons

__all__ = ["authority", "daemons", "mosquitto", "read", "server_certificate", "start_mosquitto"]


@pytest.fixture(autouse=True, scope="session")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Daemons that a test starts keep their state here, not in the home of whoever runs the tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ.pop("STATE_DIRECTORY", None)
