"""A machine with a really booted systemd of its own: systemd-nspawn on an overlay, which leaves nothing behind.

The overlay and its writable layer live in a mount namespace that ends with the container, so there is nothing to
unmount afterwards, whatever happens to the test. The network is the container's own and leads nowhere, unless another
is asked for.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import pytest

from tests.broker import wait_until

BOOT_S = 120.0
"""Two seconds on a desktop; more where many tests share a core."""

# The upper layer is memory; it begins with what the test wants to be there at boot.
_BOOT = r"""
set -eu
for group in $4; do
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
done
mount -t tmpfs -o size=4g tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
cp -a "$2/." "$1/upper"
mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" "$1/root"
shift 4
exec "$@"
"""
_HOST_SYSTEMD = Path("/run/systemd/system")
_CGROUPS = Path("/sys/fs/cgroup")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def skip_without_nspawn() -> None:
    """Skip the test, saying why, where no container can be booted."""
    if os.geteuid() != 0:
        pytest.skip("only root can boot a container: sudo -E .venv/bin/python -m pytest tests/integration")
    for name in ("systemd-nspawn", "nsenter", "unshare", "setpriv"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt install systemd-container util-linux")


class Nspawn:
    """A booted container; use it as a context."""

    def __init__(
        self,
        folder: Path,
        *,
        root: Path = Path("/"),
        binds: Mapping[Path, str] | None = None,
        network: bool = False,
    ) -> None:
        """`root` is what the machine starts from and never changes; `binds` are host paths seen at other places.

        `network`: the machine has the host's network, to install from.
        """
        self._log = folder / "nspawn.log"
        self._seed = folder / "seed"
        self._seed.mkdir(parents=True)
        self._root = root
        self._binds = dict(binds or {})
        self._network = ["--resolv-conf=copy-host"] if network else ["--private-network", "--resolv-conf=off"]
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._name = f"edgepose-{uuid.uuid4().hex[:8]}"
        self._cgroups = [] if _HOST_SYSTEMD.exists() else [place / self._name for place in _cgroup_roots()]

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine, before it is booted or while it runs."""
        if self._process is None:
            target = self._seed / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(mode)
        else:
            self.run("install", "-D", "-m", f"{mode:o}", "/dev/stdin", path, stdin=text)

    def run(self, *command: str, check: bool = True, stdin: str = "", timeout_s: float = 300) -> str:
        """What a command in the machine writes, standard error too. Fails the test where it fails, if `check`."""
        done = self.attempt(*command, stdin=stdin, timeout_s=timeout_s)
        assert not check or done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def attempt(self, *command: str, stdin: str = "", timeout_s: float = 300) -> "subprocess.CompletedProcess[str]":
        """Run a command in the machine; `stdout` of the result holds standard error too."""
        return subprocess.run(
            self.entered(*command),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def entered(self, *command: str) -> list[str]:
        """The command line that runs a command in the machine, from outside."""
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        return [*enter, "/usr/bin/env", "-i", f"PATH={_PATH}", "HOME=/root", "LC_ALL=C.UTF-8", *command]

    def __enter__(self) -> "Nspawn":
        mount_point = Path(tempfile.mkdtemp(prefix="edgepose-nspawn-"))
        container = ["systemd-nspawn", "--quiet", "-D", str(mount_point / "root"), "-M", self._name]
        container += [*self._network, "--register=no", "--link-journal=no", "--timezone=off"]
        container += ["--keep-unit"] if self._cgroups else []  # else systemd gives it a scope of its own
        # As on a machine: reading how good the clock is. Setting it takes a capability that a container hasn't got.
        container += ["--system-call-filter=adjtimex clock_adjtime bpf"]
        container += [f"--bind-ro={source}:{target}" for source, target in self._binds.items()]
        # Only what a test starts runs in there, whatever the root has enabled.
        container += ["--boot", "--", "--unit=basic.target"]
        script = ["sh", "-c", _BOOT, "sh", str(mount_point), str(self._seed), str(self._root)]
        script.append(" ".join(map(str, self._cgroups)))
        apart = ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*apart, *script, *container],
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._mount_point = mount_point
        try:
            self._await_boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._end()

    def _await_boot(self) -> None:
        wait_until(self._find_leader, "the container's systemd to start", BOOT_S)
        state = ""

        def booted() -> bool:
            nonlocal state
            state = self.run("systemctl", "is-system-running", check=False).strip()
            return state in {"running", "degraded"}

        try:
            wait_until(booted, "the container to boot", BOOT_S)
        except AssertionError as exc:
            raise AssertionError(f"{exc}; it says {state!r}, and its log:\n{self._text()}") from exc

    def _find_leader(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.skip(f"systemd-nspawn can't boot a container on this machine: {self._text().strip()}")
        self._leader = next((pid for pid in _descendants(self._process.pid) if _is_init(pid)), 0)
        return bool(self._leader)

    def _end(self) -> None:
        """Power off, then make sure of it; the mounts end with the last process."""
        process = self._process
        if process is None:
            return
        if self._leader and process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.attempt("systemctl", "poweroff", "--no-wall", timeout_s=20)
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None and process.poll() is None:
                if number is signal.SIGKILL:
                    for pid in _descendants(process.pid):
                        os.kill(pid, number)
                process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
                break
        self._mount_point.rmdir()
        for group in filter(Path.is_dir, self._cgroups):  # none where the start failed before making them
            for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                folder.rmdir()
            group.rmdir()

    def _text(self) -> str:
        return self._log.read_text(errors="replace")


def _cgroup_roots() -> list[Path]:
    """Where a machine without systemd keeps the hierarchies that systemd needs: version 2, 1, or both."""
    found = [_CGROUPS / "systemd", _CGROUPS / "unified"]
    return [place for place in found if place.is_dir()] or [_CGROUPS]


def _descendants(pid: int) -> Iterator[int]:
    """The children of a process, theirs, and so on."""
    try:
        children = [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in _words(task / "children")]
    except OSError:
        return
    for child in children:
        yield child
        yield from _descendants(child)


def _is_init(pid: int) -> bool:
    """Whether a process is systemd, and number 1 of a namespace of its own."""
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return False
    own = status["NSpid"].split()
    return len(own) > 1 and own[-1] == "1" and status["Name"].strip() == "systemd"


def _words(path: Path) -> list[str]:
    return path.read_text().split()


def wait_for_unit(machine: Nspawn, unit: str, state: str, timeout_s: float = 90) -> None:
    """Until a unit is `active`, `failed` and so on."""
    seen = ""

    def reached() -> bool:
        nonlocal seen
        seen = machine.run("systemctl", "is-active", unit, check=False).strip()
        time.sleep(0.05)
        return seen == state

    try:
        wait_until(reached, f"{unit} to be {state}", timeout_s)
    except AssertionError as exc:
        log = machine.run("journalctl", "-u", unit, "-n", "40", "--no-pager", check=False)
        raise AssertionError(f"{exc}; it is {seen}:\n{log}") from exc
