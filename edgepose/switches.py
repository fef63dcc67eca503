"""Which cameras somebody has switched off, over restarts as well: privacy must not end with a power cut."""

import logging

import msgspec

from edgepose.alerts import Files

log = logging.getLogger(__name__)

FILE = "switches.json"


class Switches:
    """Every camera is on until it is switched off."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._off = _decoded(files.read(FILE))

    def on(self, camera: str) -> bool:
        """Whether a camera may look."""
        return camera not in self._off

    def set(self, camera: str, on: bool) -> None:
        """Switch a camera; written down where that is news."""
        if on == self.on(camera):
            return
        self._off = self._off - {camera} if on else self._off | {camera}
        self._files.write(FILE, msgspec.json.encode({"off": sorted(self._off)}))


class _File(msgspec.Struct):
    off: set[str]


def _decoded(data: bytes | None) -> set[str]:
    if data is None:
        return set()
    try:
        return msgspec.json.decode(data, type=_File).off
    except msgspec.DecodeError as exc:
        log.warning("%s of an earlier run can't be read (%s); all cameras are switched on", FILE, exc)
        return set()
