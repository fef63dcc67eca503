"""The service under a systemd that has really booted: sandbox, watchdog, credentials, status, stop and state."""

import json
import re
import time

import pytest

from tests.broker import wait_until
from tests.nspawn import wait_for_unit
from tests.service import CONFIG, SECRET, UNIT, Service, configuration

# What the daemon may and may not do, as a program that is run in its place.
_PROBE = r"""
import json, mmap, os, socket
from pathlib import Path
from edgepose import clock, machine_id

def works(what):
    try:
        what()
    except OSError as exc:
        return exc.strerror
    return "works"

state = Path(os.environ["STATE_DIRECTORY"])
print(json.dumps({
    "state": works(lambda: (state / "probe").write_text("x")),
    "camera": works(lambda: open("/dev/video0")),
    "other device": works(lambda: open("/dev/of-another-kind")),
    "clock": clock.kernel_max_error_us() is not None,
    "boot": machine_id.boot() == machine_id.boot.__wrapped__(),
    "/etc": works(lambda: Path("/etc/probe").write_text("x")),
    "/opt": works(lambda: Path("/opt/edgepose/probe").write_text("x")),
    "/root": works(lambda: os.listdir("/root")),
    "executable memory": works(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "packet socket": works(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "namespace": works(lambda: os.unshare(os.CLONE_NEWUSER)) if hasattr(os, "unshare") else "Operation not permitted",
    "other processes": [name for name in os.listdir("/proc") if name.isdigit() and int(name) == 1],
}))
"""


def test_it_gets_ready_and_its_status_line_tells_how_it_is(service: Service):
    started, active = (
        int(service.show(f"{name}TimestampMonotonic")) / 1e6 for name in ("ExecMainStart", "ActiveEnter")
    )
    good = re.compile(r"1 camera online, [1-9][0-9.]* frames/s, broker connected")
    wait_until(lambda: good.fullmatch(service.show("StatusText")), f"a rate; log:\n{service.log()}")
    status = service.machine.run("systemctl", "status", "--no-pager", UNIT)
    assert re.search(rf'Status: "{good.pattern}"', status)
    memory = service.machine.run("grep", "-E", "VmRSS|VmHWM", f"/proc/{service.pid}/status").split()
    print(f"ready after {active - started:.2f} s; {service.show('StatusText')}; {' '.join(memory)}")


def test_verify_is_silent_and_the_exposure_is_at_most_2(service: Service):
    assert service.machine.run("systemd-analyze", "verify", "--man=no", UNIT) == ""
    judged = service.machine.attempt("systemd-analyze", "security", "--no-pager", "--threshold=20", UNIT)
    print(judged.stdout.splitlines()[-1])
    assert judged.returncode == 0, judged.stdout


def test_what_it_may_and_what_it_may_not(service: Service):
    service.machine.put("/srv/probe.py", _PROBE)
    # Character devices 81 are cameras, of which the kernel has none here; 1:11 is there, and would answer anybody.
    service.machine.run("sh", "-c", "mknod -m 0660 /dev/video0 c 81 0; chown root:video /dev/video0")
    service.machine.run("mknod", "-m", "0666", "/dev/of-another-kind", "c", "1", "11")
    service.override("ExecStartPre=/opt/edgepose/venv/bin/python /srv/probe.py")
    service.start()
    service.says('"other processes"')
    found = json.loads(next(line for line in service.log().splitlines() if line.startswith("{")))
    assert found == {
        "state": "works",
        "camera": "No such device or address",
        "other device": "Operation not permitted",
        "clock": True,
        "boot": True,
        "/etc": "Read-only file system",
        "/opt": "Read-only file system",
        "/root": "Permission denied",
        "executable memory": "Operation not permitted",
        "packet socket": "Address family not supported by protocol",
        "namespace": "Operation not permitted",
        "other processes": [],
    }


def test_the_fast_kernels_work_without_executable_memory(service: Service):
    service.configure(configuration(logging={"level": "debug"}))
    service.start()
    service.says("XNNPACK delegate")
    assert json.loads(service.hear("edgepose/flat/room/pose")[0])["cam"] == "room"


def test_a_process_that_stands_still_is_killed_and_started_again(service: Service):
    service.override("WatchdogSec=2")
    service.start()
    service.wait_for_status("1 camera online")
    before = service.pid
    service.machine.run("kill", "-STOP", str(before))
    wait_until(lambda: service.restarts >= 1, "the watchdog")
    wait_for_unit(service.machine, UNIT, "active")
    service.says("Watchdog timeout")
    assert service.pid != before
    service.wait_for_status("1 camera online")


def test_a_pipeline_that_hangs_is_killed_and_tells_where_it_stood(service: Service):
    """The clip is a pipe, whose writer falls silent: frames come, then the decoder waits for ever."""
    service.override("WatchdogSec=3")
    feeder = "mkfifo /srv/pipe; exec 3<>/srv/pipe; head -c 400000 /srv/clips/clip.ts >&3; sleep infinity"
    service.machine.run("systemd-run", "--unit=feeder", "sh", "-c", feeder)
    try:
        service.configure(configuration({"type": "file", "path": "/srv/pipe"}))
        service.start()
        service.wait_for_status("1 camera online")
        wait_until(lambda: service.restarts >= 1, f"the watchdog; log:\n{service.log()}")
        service.says("Fatal Python error: Aborted", "camera_loop.py")
    finally:
        service.machine.run("systemctl", "stop", "feeder")


def test_it_stops_in_time_and_says_goodbye(service: Service):
    service.wait_for_status("1 camera online")
    started = time.monotonic()
    service.machine.run("systemctl", "stop", UNIT)
    print(f"stopped after {time.monotonic() - started:.2f} s")
    assert service.show("Result") == "success", "systemd had to kill it"
    assert service.hear("edgepose/flat/status") == ["stopped"]


def test_a_wrong_password_fails_and_the_right_one_works(service: Service):
    service.machine.put(SECRET, "wrong\n", 0o600)
    service.machine.run("systemctl", "restart", UNIT, check=False)
    wait_until(lambda: service.restarts >= 1, "a restart")
    service.says("refused the user name or password", options=("-p", "err"))

    service.machine.put(SECRET, "correct horse\n", 0o600)
    service.start()
    service.wait_for_status("broker connected")


def test_a_missing_password_is_told_and_is_not_tried_again(service: Service):
    service.machine.run("rm", SECRET)
    service.machine.run("systemctl", "restart", UNIT, check=False)
    wait_for_unit(service.machine, UNIT, "failed")
    assert (service.show("ExecMainStatus"), service.restarts) == ("78", 0)
    service.says("the file that LoadCredential=mqtt-password of the unit names is empty")


def test_secrets_of_cameras_arrive_and_nobody_else_reads_them(service: Service):
    service.machine.put("/etc/edgepose/secrets/camera/bedroom", "secret", 0o600)
    service.start()
    folder = f"/run/credentials/{UNIT}"
    assert service.machine.run("cat", f"{folder}/camera_bedroom") == "secret"
    reading = service.machine.attempt("setpriv", "--reuid=nobody", "--clear-groups", "cat", f"{folder}/camera_bedroom")
    assert "Permission denied" in reading.stdout
    environment = service.machine.run("cat", f"/proc/{service.pid}/environ", f"/proc/{service.pid}/cmdline")
    assert "correct horse" not in environment + service.log()


def test_a_bad_configuration_is_not_taken_and_shows_in_the_status(service: Service):
    before = service.pid
    service.configure(configuration(modle={}))
    service.machine.run("systemctl", "reload", UNIT)
    service.wait_for_status("the new configuration is bad")
    service.says("modle: unknown key; did you mean 'model'?", options=("-p", "err"))
    service.configure(configuration(model={"name": "auto", "threads": 1}))
    service.machine.run("systemctl", "reload", UNIT)
    wait_until(lambda: service.show("StatusText").startswith("1 camera online"), "the reload")
    assert service.pid == before


@pytest.mark.parametrize(("priority", "words"), [("info", "camera room: online"), ("err", "refused the user name")])
def test_lines_have_their_priority_in_the_journal(service: Service, priority: str, words: str):
    service.wait_for_status("1 camera online")
    service.machine.put(SECRET, "wrong\n", 0o600)
    service.machine.run("systemctl", "restart", UNIT, check=False)
    wait_until(lambda: service.restarts >= 1, "a restart")
    options = ("-t", "edgepose", "-p", f"{priority}..{priority}")
    service.says(words, options=options)
    exactly = service.journal("-u", UNIT, *options)
    assert "<6>" not in exactly and "<3>" not in exactly


def test_state_outlives_a_restart_and_a_kill(service: Service):
    folder = "/var/lib/private/edgepose"
    owner = service.machine.run("stat", "-c", "%u", folder).strip()
    service.machine.run("install", "-m", "600", "-o", owner, CONFIG, f"{folder}/kept")
    service.start()
    service.machine.run("kill", "-KILL", str(service.pid))
    wait_until(lambda: service.restarts >= 1, "a restart")
    wait_for_unit(service.machine, UNIT, "active")
    assert service.machine.run("stat", "-c", "%u %U %a", f"{folder}/kept").split() == [owner, "edgepose", "600"]
    assert service.machine.run("stat", "-c", "%a", folder).strip() == "700"


def test_it_starts_with_the_machine(service: Service):
    assert service.machine.run("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert service.show("WantedBy") == "multi-user.target"
