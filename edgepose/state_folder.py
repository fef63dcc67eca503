"""The few small files that outlive the process: which cameras are switched off, which alerts stand, the verdicts."""

import contextlib
import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from edgepose.errors import EdgeposeError
from edgepose.journal import sync_folder

log = logging.getLogger(__name__)


def state_path(node: str, environment: "os._Environ[str] | dict[str, str]" = os.environ) -> Path:
    """Where a node keeps its state: systemd's StateDirectory=, else a folder of its own in the user's state home."""
    given = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    home = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME", "/")) / ".local" / "state"
    return Path(home) / "edgepose" / node


class StateFolder:
    """Files that are written whole or not at all. A disk that fails is logged and counted, and never in the way."""

    def __init__(self, path: Path) -> None:
        """Raises EdgeposeError where another process works in this folder."""
        self.path = path
        self.unsaved = 0
        """How often something could not be written."""
        self._lock = self._locked()

    def read(self, name: str) -> bytes | None:
        """What was written last, None where there is nothing or it can't be read."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            log.warning("%s can't be read (%s)", self.path / name, exc.strerror)
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put `data` in the place of what was there; after a power cut it is the one or the other."""
        fresh = self.path / f"{name}.new"
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path / name)
            sync_folder(self.path)
        except OSError as exc:
            self._complain(exc)
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)

    def close(self) -> None:
        """Let other processes in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _locked(self) -> IO[bytes] | None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = (self.path / "lock").open("wb")
        except OSError as exc:
            self._complain(exc)
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            file.close()
            raise EdgeposeError(
                f"{self.path} is used by another edgepose; stop that one, or set STATE_DIRECTORY to another folder"
            ) from exc
        return file

    def _complain(self, exc: OSError) -> None:
        if not self.unsaved:
            log.warning(
                "%s can't be written (%s): what should outlive a restart won't; free some space, or look at the disk",
                self.path,
                exc.strerror,
            )
        self.unsaved += 1
