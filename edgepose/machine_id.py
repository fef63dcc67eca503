"""Identities that belong to this machine and this boot, fit to be published.

machine-id(5) asks that the raw id be kept confidential and that applications derive their own from it; this is what
sd_id128_get_machine_app_specific() and sd_id128_get_boot_app_specific() do (systemd, sd_id128_get_machine(3)):
HMAC-SHA256 of the application's id, keyed with the machine's, cut to 128 bits and marked as a version 4 UUID.
"""

import hashlib
import hmac
import uuid
from functools import lru_cache
from pathlib import Path

APP_ID = uuid.UUID("7095902a-30a2-4d10-baa9-c22354de80df")
"""edgepose's own id; `systemd-id128 machine-id --app-specific=ID` prints the same derived id."""

MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def app_specific(base: uuid.UUID) -> uuid.UUID:
    """The id that stands for `base` inside edgepose and tells nobody what `base` is."""
    digest = hmac.digest(base.bytes, APP_ID.bytes, hashlib.sha256)
    return uuid.UUID(bytes=digest[:16], version=4)


@lru_cache(maxsize=1)
def machine_id() -> uuid.UUID:
    """The derived id of this machine; a random one, kept for the life of the process, where it has none."""
    for path in MACHINE_ID_FILES:
        raw = _read_id(path)
        if raw is not None:
            return app_specific(raw)
    return uuid.uuid4()


@lru_cache(maxsize=1)
def boot() -> str:
    """Four hex digits that change with every boot: monotonic times compare only where they are the same."""
    raw = _read_id(BOOT_ID_FILE)
    return (app_specific(raw) if raw is not None else uuid.uuid4()).hex[:4]


def client_id(node: str) -> str:
    """`edgepose-` and 14 hex digits, stable over restarts and at most the 23 bytes that every broker must take.

    The node's name is mixed in, so that two daemons of one machine, or two cards written from one image, don't throw
    each other off the broker (MQTT 3.1.1 section 3.1.3.1 sets the length, 3.1.4 the throwing).
    """
    digest = hmac.digest(machine_id().bytes, node.encode(), hashlib.sha256)
    return f"edgepose-{digest.hex()[:14]}"


def _read_id(path: Path) -> uuid.UUID | None:
    try:
        found = uuid.UUID(path.read_text().strip())
    except (OSError, ValueError):  # absent, or "uninitialized" on a machine that boots for the first time
        return None
    return found if found.int else None
