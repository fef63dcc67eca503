"""The installer from a checkout on machines that have nothing yet, where it fetches and builds everything itself.

EDGEPOSE_FRESH_ROOTS names them: folders, with a colon between, that hold a system each; install.sh makes them.
"""

import os
from pathlib import Path

import pytest
import yaml

from tests.broker import wait_until
from tests.nspawn import Nspawn, skip_without_nspawn, wait_for_unit
from tests.service import CONFIG, SECRET, TOP, UNIT, Service, put_clips

ROOTS = [Path(root) for root in os.environ["EDGEPOSE_FRESH_ROOTS"].split(":")]
INSTALLER = "/srv/checkout/systemd/install.sh"
RULE = "/usr/local/lib/udev/rules.d/60-edgepose-coral.rules"
BROKER = """listener 1883 127.0.0.1
allow_anonymous false
password_file /etc/mosquitto/passwords
persistence false
"""
ANSWERS = ("/srv/clips/clip.mp4", "Living room", "mqtt://flat@127.0.0.1", "correct horse", "yes", "yes")
"""The five questions, with the broker's password after the broker."""


@pytest.mark.parametrize("root", ROOTS, ids=[root.name for root in ROOTS])
def test_one_command_and_five_answers_on_a_fresh_machine(root: Path, tmp_path: Path):
    skip_without_nspawn()
    binds = {TOP: "/srv/checkout", put_clips(tmp_path): "/srv/clips"}
    with Nspawn(tmp_path / "machine", root=root, network=True, binds=binds) as machine:
        certificates = os.environ.get("PIP_CERT", "")
        pip = ("env", "PIP_CERT=/srv/certificates.pem") if certificates else ()
        if certificates:
            machine.put("/srv/certificates.pem", Path(certificates).read_text())
        put_broker(machine)

        said = machine.run(*pip, INSTALLER, "--setup", stdin="\n".join(ANSWERS) + "\n", timeout_s=3600)
        print(said)
        assert "installing Debian packages: python3 python3-venv gcc libc6-dev python3-dev" in said
        assert "edgepose/" in said and "/setup arrived with MQTT 5" in said
        assert "is installed" in said
        service = Service(machine)
        wait_until(lambda: "1 camera online" in service.show("StatusText"), f"frames; log:\n{service.log()}", 120)
        wait_until(lambda: "broker connected" in service.show("StatusText"), f"the broker; log:\n{service.log()}", 120)
        written = yaml.safe_load(machine.run("cat", CONFIG))
        assert list(written["cameras"]) == ["living_room"]
        assert set(written["cameras"]["living_room"]["zones"]) == {"bed", "door"}
        assert written["mqtt"]["password_file"] == "credential:mqtt-password"
        assert machine.run("stat", "-c", "%a %U", SECRET).split() == ["600", "root"]

        look_at_the_service(machine, service)
        ask_again(machine, service)
        write_nothing(machine, service)

        machine.run("/opt/edgepose/install.sh", "--uninstall", "--purge")
        assert machine.run("systemctl", "show", "-P", "LoadState", UNIT).strip() == "not-found"
        assert machine.attempt("test", "-e", RULE).returncode == 1


def put_broker(machine: Nspawn) -> None:
    """A broker on the machine itself that wants a password."""
    machine.run("apt-get", "update", "-qq", timeout_s=600)
    packages = ("mosquitto", "mosquitto-clients")
    machine.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, timeout_s=900)
    machine.run("systemctl", "stop", "mosquitto.service")
    machine.put("/etc/mosquitto/mosquitto.conf", BROKER)
    machine.run("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwords", "flat", "correct horse")
    machine.run("chown", "mosquitto", "/etc/mosquitto/passwords")
    machine.run("systemctl", "start", "mosquitto.service")


def look_at_the_service(machine: Nspawn, service: Service) -> None:
    version = int(machine.run("systemctl", "--version").split()[1])
    assert service.show("Type") == ("notify" if version < 254 else "notify-reload")
    assert machine.run("systemd-analyze", "verify", "--man=no", UNIT) == ""
    assert service.show("SupplementaryGroups") == "video"
    assert "1a6e" in machine.run("cat", RULE)
    if version >= 254:
        machine.run("udevadm", "verify", RULE)
    machine.run("systemctl", "reload", UNIT)


def ask_again(machine: Nspawn, service: Service) -> None:
    """Setup keeps all that it is not told to change, and what the owner has written."""
    before = machine.run("cat", CONFIG)
    enters = "\n" * 5 + "no\n"
    assert "stays as it is" in machine.run("edgepose", "setup", stdin=enters)
    assert machine.run("cat", CONFIG) == before
    machine.put(CONFIG, before + "care: {fall: {down_s: 2.5}}\n")
    machine.run("edgepose", "setup", stdin="\nBedroom\n\n\nno\n")
    after = yaml.safe_load(machine.run("cat", CONFIG))
    assert list(after["cameras"]) == ["bedroom"] and after["care"] == {"fall": {"down_s": 2.5}}
    assert set(after["cameras"]["bedroom"]["zones"]) == {"bed", "door"}
    machine.run("systemctl", "restart", UNIT)
    wait_for_unit(machine, UNIT, "active", 120)
    wait_until(lambda: "1 camera online" in service.show("StatusText"), f"frames; log:\n{service.log()}", 120)


def write_nothing(machine: Nspawn, service: Service) -> None:
    """In steady state an SD card gets nothing from the service: its process writes no byte to a disk."""
    watch = f"cat /proc/{service.pid}/io"
    wait_until(lambda: "broker connected" in service.show("StatusText"), "the broker", 120)
    machine.run("sleep", "10")
    before = written_bytes(machine.run("sh", "-c", watch))
    machine.run("sleep", "20")
    after = written_bytes(machine.run("sh", "-c", watch))
    print(f"{after - before} bytes were written to disk in 20 s")
    assert after == before


def written_bytes(text: str) -> int:
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("write_bytes")))
