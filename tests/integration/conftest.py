"""A machine with edgepose installed as its users install it, for all tests of the service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import Service, build_wheels, installed_service


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of this checkout and of everything it needs."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def booted_service(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with installed_service(wheels, tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def service(booted_service: Service) -> Service:
    """The service as it is after the installation, running."""
    booted_service.reset()
    return booted_service
