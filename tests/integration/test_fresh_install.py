"""The installer from a checkout on machines that have nothing yet, where it fetches and builds everything itself.

EDGEPOSE_FRESH_ROOTS names them: folders, with a colon between, that hold a system each, such as what this leaves:
debootstrap --variant=minbase --include=systemd-sysv,dbus,ca-certificates bookworm FOLDER
"""

import os
from pathlib import Path

import pytest

from tests.broker import free_port, wait_until
from tests.nspawn import Nspawn, skip_without_nspawn, wait_for_unit
from tests.service import TOP, UNIT, Service, configuration, put_clips

ROOTS = [Path(root) for root in os.environ.get("EDGEPOSE_FRESH_ROOTS", "").split(":") if root]
INSTALLER = "/srv/checkout/systemd/install.sh"


@pytest.mark.parametrize("root", ROOTS or [None], ids=[root.name for root in ROOTS] or ["none"])
def test_a_fresh_machine_from_the_checkout_alone(root: Path | None, tmp_path: Path):
    if root is None:
        pytest.skip("EDGEPOSE_FRESH_ROOTS names no folder with a fresh system")
    skip_without_nspawn()
    certificates = os.environ.get("PIP_CERT", "")
    binds = {TOP: "/srv/checkout", put_clips(tmp_path): "/srv/clips"}
    with Nspawn(tmp_path / "machine", root=root, network=True, binds=binds) as machine:
        pip = ()
        if certificates:
            machine.put("/srv/certificates.pem", Path(certificates).read_text())
            pip = ("env", "PIP_CERT=/srv/certificates.pem")
        machine.put("/srv/edgepose.yaml", configuration(mqtt={"host": "127.0.0.1", "port": free_port()}))
        said = machine.run(*pip, INSTALLER, "--config", "/srv/edgepose.yaml", timeout_s=1800)
        print(said)
        assert "is installed" in said
        wait_for_unit(machine, UNIT, "active")
        service = Service(machine)
        wait_until(lambda: "1 camera online" in service.show("StatusText"), f"frames; log:\n{service.log()}")
        assert "broker away" in service.show("StatusText")
        version = int(machine.run("systemctl", "--version").split()[1])
        assert service.show("Type") == ("notify" if version < 254 else "notify-reload")
        assert machine.run("systemd-analyze", "verify", "--man=no", UNIT) == ""
        machine.run("systemctl", "reload", UNIT)
        machine.run("/opt/edgepose/install.sh", "--uninstall", "--purge")
        assert machine.run("systemctl", "show", "-P", "LoadState", UNIT).strip() == "not-found"
