"""What a node was called when it last spoke to a broker, so that it can tidy up after it has been renamed."""

import logging

import msgspec

from edgepose.alerts import Files

log = logging.getLogger(__name__)

FILE = "names.json"


class Names(msgspec.Struct, frozen=True):
    """Whatever topics are made of."""

    prefix: str
    node: str
    discovery_prefix: str


def former(files: Files, now: Names) -> Names | None:
    """The names of the last time, where they were others."""
    data = files.read(FILE)
    if data is None:
        return None
    try:
        before = msgspec.json.decode(data, type=Names)
    except msgspec.DecodeError as exc:
        log.warning("%s of an earlier run can't be read (%s)", FILE, exc)
        return None
    return None if before == now else before


def remember(files: Files, now: Names) -> None:
    """Write them down, where that is news."""
    data = msgspec.json.encode(now)
    if files.read(FILE) != data:
        files.write(FILE, data)
