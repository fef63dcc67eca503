"""The installer on a booted machine: install, upgrade, an upgrade that fails, uninstall."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import wait_until
from tests.nspawn import Nspawn, wait_for_unit
from tests.service import CONFIG, INSTALLER, SECRET, UNIT, Service, configuration, machine_with_broker

OFFLINE = ("--wheels", "/srv/wheels")
VENV = "/opt/edgepose/venv"
STATE = ("/var/lib/edgepose", "/var/lib/private")
_PLACES = ("/etc", "/opt", "/srv", "/usr", "/var/lib")


@pytest.fixture(scope="module")
def machine(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nspawn]:
    with machine_with_broker(wheels, tmp_path_factory.mktemp("install")) as machine:
        yield machine


def files(machine: Nspawn) -> set[str]:
    """Everything that an installation could leave behind; what Python and systemd cache is not ours."""
    others = ("-not", "-path", "*/__pycache__*", "-not", "-path", "/var/lib/systemd/*")
    return set(machine.run("find", *_PLACES, "-xdev", *others).splitlines())


def test_install_upgrade_and_uninstall(machine: Nspawn):
    """One life of an installation, because a virtual environment takes long to make."""
    before = files(machine)

    # The first time there is only an example, so nothing is started, and what to do next is told.
    said = machine.run(INSTALLER, *OFFLINE)
    assert f"edit {CONFIG}, then: edgepose check {CONFIG} && systemctl start edgepose" in said
    assert machine.run("systemctl", "is-active", UNIT, check=False).strip() == "inactive"
    assert machine.run("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert machine.run("stat", "-c", "%a %U", "/etc/edgepose/secrets").split() == ["700", "root"]
    assert "good" in machine.run("edgepose", "check", CONFIG)
    first = machine.run("readlink", VENV)

    # The owner edits it and starts; an upgrade keeps that, and the new version runs.
    mine = configuration() + "# my own words\n"
    machine.put(CONFIG, mine)
    service = Service(machine)
    said = machine.run(INSTALLER, *OFFLINE, "--config", "/srv/edgepose.yaml", "--mqtt-password", "/srv/password")
    assert "stays as it is" in said
    assert machine.run("cat", CONFIG) == mine
    assert machine.run("stat", "-c", "%a", SECRET).strip() == "600"
    second = machine.run("readlink", VENV)
    assert second != first
    assert [name for name in machine.run("ls", "/opt/edgepose").split() if "venv-" in name] == [second.strip()]
    wait_until(lambda: "1 camera online" in service.show("StatusText"), f"frames; log:\n{service.log()}")

    # What can't be installed changes nothing.
    pid = service.pid
    refused = machine.attempt(INSTALLER, "--wheels", "/srv/clips")
    assert refused.returncode == 1
    assert "edgepose: /srv/clips lacks something; fill it with: pip wheel" in refused.stdout
    machine.put(CONFIG, mine.replace("cameras:", "kameras:"))
    refused = machine.attempt(INSTALLER, *OFFLINE)
    assert refused.returncode == 1
    assert "did you mean 'cameras'?" in refused.stdout
    assert refused.stdout.endswith(f"mend the configuration {CONFIG}, and run this again; nothing has been changed\n")
    assert (service.pid, machine.run("readlink", VENV)) == (pid, second)
    assert [name for name in machine.run("ls", "/opt/edgepose").split() if "venv-" in name] == [second.strip()]
    machine.put(CONFIG, mine)

    # Without the program, what belongs to the owner is still there; --purge takes it too.
    machine.run("/opt/edgepose/install.sh", "--uninstall")
    assert machine.run("systemctl", "show", "-P", "LoadState", UNIT).strip() == "not-found"
    assert machine.run("cat", CONFIG) == mine
    left = files(machine) - before
    assert {name for name in left if not name.startswith(STATE)} == {
        *("/etc/edgepose", CONFIG, "/etc/edgepose/secrets", SECRET, "/etc/edgepose/secrets/camera")
    }
    machine.run(INSTALLER, "--uninstall", "--purge")
    assert files(machine) - before <= {"/var/lib/private"}, "that folder is systemd's own"


def test_a_version_that_does_not_start_gives_way_to_the_one_before(machine: Nspawn, wheels: Path):
    machine.run(INSTALLER, *OFFLINE, "--config", "/srv/edgepose.yaml", "--mqtt-password", "/srv/password")
    before = machine.run("readlink", VENV)
    spoil(wheels, wheels / "broken")
    refused = machine.attempt(INSTALLER, "--wheels", "/srv/wheels/broken")
    assert refused.returncode == 1
    assert "the new version does not start, so the previous one is in its place again" in refused.stdout
    assert refused.stdout.endswith("what the new one said last: broken on purpose\n")
    wait_for_unit(machine, UNIT, "active")
    assert machine.run("readlink", VENV) == before
    assert machine.run("ls", "/opt/edgepose").count("venv-") == 1


def spoil(wheels: Path, folder: Path) -> None:
    """The same wheels, but for a daemon that ends as soon as it is started."""
    folder.mkdir()
    for wheel in wheels.glob("*.whl"):
        if not wheel.name.startswith("edgepose-"):
            (folder / wheel.name).hardlink_to(wheel)
            continue
        with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(folder / wheel.name, "w") as bad:
            for name in good.namelist():
                broken = name == "edgepose/commands/run.py"
                bad.writestr(name, "raise SystemExit('broken on purpose')\n" if broken else good.read(name))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frobnicate"], "--frobnicate is not an option; see --help"),
        (["--config"], "--config needs a path after it; see --help"),
        (["--config", "/nowhere.yaml"], "/nowhere.yaml, which --config names, can't be read"),
        (["--purge"], "--purge goes with --uninstall"),
    ],
)
def test_what_it_can_not_do_is_one_sentence(machine: Nspawn, arguments: list[str], words: str):
    refused = machine.attempt(INSTALLER, *arguments)
    assert (refused.returncode, refused.stdout) == (1, f"edgepose: {words}\n")
