"""Identities that may be published."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepose import machine_id


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    machine_id.machine_id.cache_clear()
    machine_id.boot.cache_clear()
    yield
    machine_id.machine_id.cache_clear()
    machine_id.boot.cache_clear()


def systemd_id(what: str) -> str:
    if shutil.which("systemd-id128") is None:
        pytest.skip("systemd-id128 is not installed")
    command = ["systemd-id128", what, f"--app-specific={machine_id.APP_ID}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_machine_is_called_as_systemd_would_call_it_to_us():
    if not Path("/etc/machine-id").exists():
        pytest.skip("this machine has no /etc/machine-id")
    assert machine_id.machine_id().hex == systemd_id("machine-id")


def test_the_boot_is_called_as_systemd_would_call_it_to_us():
    assert machine_id.boot() == systemd_id("boot-id")[:4]


def test_a_client_id_holds_nothing_of_the_raw_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    raw = uuid.uuid4()
    print("machine id", raw)
    (tmp_path / "machine-id").write_text(f"{raw.hex}\n")
    monkeypatch.setattr(machine_id, "MACHINE_ID_FILES", (tmp_path / "machine-id",))
    client_id = machine_id.client_id("flat")
    assert client_id.startswith("edgepose-")
    assert client_id.removeprefix("edgepose-")[:8] not in raw.hex
    assert client_id == machine_id.client_id("flat")


def test_a_client_id_is_one_that_every_broker_must_take():
    client_id = machine_id.client_id("a-node-with-quite-a-long-name")
    assert len(client_id.encode()) <= 23


def test_two_nodes_on_one_machine_differ():
    assert machine_id.client_id("flat-1") != machine_id.client_id("flat-2")


@pytest.mark.parametrize("content", ["", "uninitialized\n", "0" * 32, "not an id"])
def test_a_machine_without_an_id_gets_one_for_the_life_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
):
    (tmp_path / "machine-id").write_text(content)
    monkeypatch.setattr(machine_id, "MACHINE_ID_FILES", (tmp_path / "machine-id", tmp_path / "none"))
    first = machine_id.client_id("flat")
    assert first == machine_id.client_id("flat")
    machine_id.machine_id.cache_clear()
    assert first != machine_id.client_id("flat")
