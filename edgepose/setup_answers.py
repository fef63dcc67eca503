"""What `edgepose setup` is told, and the configuration that comes of it: pure, without asking anybody."""

import copy
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from edgepose.adapters.camera_url import PLACEHOLDER
from edgepose.errors import ConfigError

Document = dict[str, Any]
"""A configuration as YAML gives it."""

_UMLAUTS = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"}
ZONES: Document = {
    "bed": {"kind": "bed", "polygon": [[0.1, 0.5], [0.6, 0.5], [0.6, 0.95], [0.1, 0.95]]},
    "door": {"kind": "door", "polygon": [[0.8, 0.1], [1.0, 0.1], [1.0, 0.8], [0.8, 0.8]]},
}
"""To begin with; where they really are is drawn by whoever sees the room."""


@dataclass(frozen=True)
class Source:
    """A camera as it was chosen."""

    section: Document
    """The `source` section, without a password."""
    password: str | None = None
    """That of its URL."""


@dataclass(frozen=True)
class Broker:
    """A broker as it was typed."""

    section: Document
    """host, and port, username and tls where they were given."""
    password: str | None = None


def source_of(text: str) -> Source:
    """A device (/dev/video0), `picamera2` (or `picamera2:1`), a file, or a URL. Raises ConfigError."""
    if match := re.fullmatch(r"picamera2(?::(\d+))?", text):
        return Source({"type": "picamera2"} | ({"camera": int(match[1])} if match[1] and int(match[1]) else {}))
    if text.startswith("/dev/"):
        return Source({"type": "v4l2", "device": text})
    if "://" in text:
        scheme = text.partition("://")[0].lower()
        kinds = {"rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http"}
        if scheme not in kinds:
            raise ConfigError(f"{scheme}:// is not a camera's address; it begins with rtsp:// or http://")
        url, password = _without_password(text)
        return Source({"type": kinds[scheme], "url": url}, password)
    if text.startswith("/"):
        return Source({"type": "file", "path": text, "loop": True, "realtime": True})
    raise ConfigError(
        f"{text!r} is no camera: give /dev/video0, picamera2, a file, or rtsp://user:password@address/path"
    )


def broker_of(text: str) -> Broker:
    """HOST, HOST:PORT or mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT]. Raises ConfigError."""
    try:
        parts = urlsplit(text if "://" in text else f"mqtt://{text}")
        port = parts.port
    except ValueError as exc:
        raise ConfigError(f"{text!r} is no broker: give HOST, HOST:PORT or mqtts://USER@HOST") from exc
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        raise ConfigError(f"{text!r} is no broker: give HOST, HOST:PORT or mqtts://USER@HOST")
    section: Document = {"host": parts.hostname}
    if port:
        section["port"] = port
    if parts.username:
        section["username"] = unquote(parts.username)
    if parts.scheme == "mqtts":
        section["tls"] = {"ca_file": "system"}
    return Broker(section, unquote(parts.password) if parts.password else None)


def camera_name(room: str) -> str:
    """A room's name as topics can bear it: `Bad & WC` becomes bad_wc. Raises ConfigError where nothing is left."""
    folded = room.lower().translate(_UMLAUTS)
    name = re.sub(r"[^a-z0-9_-]+", "_", folded).strip("_")[:64]
    if not name:
        raise ConfigError(f"{room!r} has no letter or digit; call the room something like bedroom")
    return name


def configured(before: Document, *, node: str, room: str, source: Document, broker: Document, zones: bool) -> Document:
    """The configuration with these answers in it; what was there and was not asked about stays.

    The first camera is the one that was asked about; where its room has another name now, it moves there.
    """
    document = copy.deepcopy(before)
    document.setdefault("node", {})["name"] = node
    mqtt = document.setdefault("mqtt", {})
    asked = ("host", "port", "username", "password_file", "tls")
    document["mqtt"] = broker | {key: value for key, value in mqtt.items() if key not in asked}
    cameras: Document = document.get("cameras") or {}
    former = next(iter(cameras), room)
    camera = cameras.get(former, {})
    kept = camera.get("source", {})
    same = all(kept.get(key) == source.get(key) for key in ("type", "url", "device", "path", "camera"))
    camera = camera | {"source": (kept | source) if same else source}
    if zones and not camera.get("zones"):
        camera["zones"] = copy.deepcopy(ZONES)
    document["cameras"] = {room: camera} | {
        name: other for name, other in cameras.items() if name not in (former, room)
    }
    return document


def _without_password(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    if not parts.password or parts.password in PLACEHOLDER:
        return url, None
    user, _, where = parts.netloc.rpartition("@")
    login = user.partition(":")[0]
    return parts._replace(netloc=f"{login}:{PLACEHOLDER}@{where}").geturl(), unquote(parts.password)
