"""edgepose as a service of a booted systemd, with a broker beside it."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
import yaml

from edgepose import networks
from edgepose.demo_clip import CLIP
from tests.broker import PASSWORD, USER, tool, wait_until
from tests.nspawn import Nspawn, skip_without_nspawn, wait_for_unit

TOP = Path(__file__).parent.parent
SYSTEM_PYTHON = Path("/usr/bin/python3")
UNIT = "edgepose.service"
INSTALLER = "/srv/systemd/install.sh"
CONFIG, SECRET = "/etc/edgepose/edgepose.yaml", "/etc/edgepose/secrets/mqtt-password"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/test.conf"
_MOSQUITTO = """listener 1883 127.0.0.1
allow_anonymous false
password_file /etc/mosquitto/passwords
persistence false
user root
"""


def build_wheels(folder: Path) -> Path:
    """Wheels of this checkout and of what it needs, for the system's own Python, which the installer takes."""
    skip_without_nspawn()
    if not networks.installed():
        pytest.skip("no network is in models/, so a service would have nothing to run")
    asked = [str(SYSTEM_PYTHON), "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')"]
    version = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if version != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip(
            f"{SYSTEM_PYTHON} is {version or 'without venv'}: run the tests with the same version, see Makefile"
        )
    source = folder / "source"
    shutil.copytree(TOP, source, ignore=shutil.ignore_patterns(".*", "build", "tests", "*.so", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--wheel-dir", folder, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def configuration(source: dict[str, Any] | None = None, **sections: Any) -> str:
    """The YAML of a service that plays the demonstration clip for ever, or another source."""
    whole: dict[str, Any] = {
        "node": {"name": "flat"},
        "mqtt": {"host": "127.0.0.1", "username": USER, "password_file": "credential:mqtt-password"},
        "cameras": {"room": {"source": source or {"type": "file", "path": "/srv/clips/clip.mp4", "loop": True}}},
        "model": {"name": min(networks.installed(), key=lambda path: path.stem).stem, "threads": 1},
    }
    for camera in whole["cameras"].values():
        camera["source"]["realtime"] = True
    return yaml.safe_dump({**whole, **sections})


class Service:
    """edgepose.service in a machine."""

    def __init__(self, machine: Nspawn) -> None:
        self.machine = machine

    def show(self, name: str) -> str:
        """A property of the unit (systemctl show)."""
        return self.machine.run("systemctl", "show", "-P", name, UNIT).strip()

    @property
    def pid(self) -> int:
        return int(self.show("MainPID"))

    @property
    def restarts(self) -> int:
        return int(self.show("NRestarts"))

    def journal(self, *options: str) -> str:
        """What this start, or these options, left in the journal."""
        invocation = options or (f"_SYSTEMD_INVOCATION_ID={self.show('InvocationID')}",)
        return self.machine.run("journalctl", "-o", "cat", "--no-pager", *invocation, check=False)

    def log(self) -> str:
        """All that the unit and systemd ever said of it."""
        return self.journal("-u", UNIT)

    def configure(self, text: str) -> None:
        self.machine.put(CONFIG, text)

    def override(self, text: str) -> None:
        """Put these lines of [Service] over the unit's."""
        self.machine.put(DROP_IN, f"[Service]\n{text}\n")
        self.machine.run("systemctl", "daemon-reload")

    def start(self) -> None:
        self.machine.run("systemctl", "restart", UNIT)

    def says(self, *words: str, options: tuple[str, ...] = ()) -> None:
        """Until the journal, which is written a moment later, holds all of these words; options are journalctl's."""
        for each in words:
            wait_until(
                lambda each=each: each in self.journal("-u", UNIT, *options),
                f"{each!r} in the log:\n{self.log()}",
            )

    def wait_for_status(self, words: str) -> None:
        wait_until(lambda: words in self.show("StatusText"), f"{words!r} in the status line; log:\n{self.log()}")

    def reset(self) -> None:
        """As it was installed, and running."""
        self.machine.run("systemctl", "stop", UNIT)
        self.machine.run("systemctl", "reset-failed", UNIT, check=False)
        self.machine.run("rm", "-rf", DROP_IN)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.put(SECRET, f"{PASSWORD}\n", 0o600)
        self.configure(configuration())
        self.start()
        wait_for_unit(self.machine, UNIT, "active")

    def hear(self, topic: str, count: int = 1) -> list[str]:
        """So many messages of a topic, from a subscriber that comes now."""
        listen = ("mosquitto_sub", "-u", USER, "-P", PASSWORD, "-W", "30", "-t", topic, "-C", str(count))
        return self.machine.run(*listen).splitlines()


@contextlib.contextmanager
def machine_with_broker(wheels: Path, folder: Path) -> Iterator[Nspawn]:
    """A booted machine with a broker, the wheels, and the installer as a checkout has it."""
    tool("mosquitto"), tool("mosquitto_sub")
    binds = {wheels: "/srv/wheels", TOP / "systemd": "/srv/systemd", put_clips(folder): "/srv/clips"}
    machine = Nspawn(folder, binds=binds)
    machine.put("/etc/mosquitto/mosquitto.conf", _MOSQUITTO)
    machine.put("/srv/edgepose.yaml", configuration())
    machine.put("/srv/password", f"{PASSWORD}\n")
    with machine:
        machine.run("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwords", USER, PASSWORD)
        machine.run("systemctl", "start", "mosquitto.service")
        yield machine


@contextlib.contextmanager
def installed_service(wheels: Path, folder: Path) -> Iterator[Service]:
    """The service, installed and started by the installer."""
    with machine_with_broker(wheels, folder) as machine:
        said = machine.run(
            *(INSTALLER, "--wheels", "/srv/wheels"),
            *("--config", "/srv/edgepose.yaml", "--mqtt-password", "/srv/password"),
        )
        assert "is installed" in said
        yield Service(machine)


def put_clips(folder: Path) -> Path:
    """A folder with the demonstration clip, as a file and as a stream."""
    clips = folder / "clips"
    clips.mkdir(parents=True)
    shutil.copy(CLIP, clips / "clip.mp4")
    _remux(CLIP, clips / "clip.ts")
    return clips


def _remux(clip: Path, stream: Path) -> None:
    """The same pictures in MPEG-TS, which can be read as it comes."""
    with av.open(clip) as source, av.open(stream, "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
