"""`edgepose setup`: five questions, and a first configuration that works; run it again to change an answer."""

import argparse
import getpass
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import yaml

from edgepose import config as settings
from edgepose import setup_answers, wire
from edgepose.clock import WallClock
from edgepose.config_yaml import parse_config
from edgepose.errors import ConfigError, EdgeposeError, PublishError
from edgepose.ports import Message
from edgepose.setup_answers import Broker, Document

SERVICE = Path("/etc/edgepose/edgepose.yaml")
HEADER = "# Made by edgepose setup; `edgepose check` finds every mistake, `edgepose schema` describes every key.\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--config", type=Path, default=SERVICE, metavar="FILE", help=f"the configuration (default: {SERVICE})"
    )


def run(args: argparse.Namespace) -> int:
    """Ask, write, and try the broker. Nothing is written where an answer can't be used."""
    path: Path = args.config
    before = _document(path)
    _say("Enter takes what stands in brackets.")
    source = _asked("1. Which camera", _camera(before), setup_answers.source_of, hint=_cameras())
    room = _asked("2. Which room", next(iter(before.get("cameras") or {}), "room"), setup_answers.camera_name)
    broker = _broker(before)
    zones = False
    if not any((camera or {}).get("zones") for camera in (before.get("cameras") or {}).values()):
        zones = _yes("4. Put in zones for a bed and a door, to be moved to their places later", default=False)
    secrets = _Secrets(path)
    section = broker.section
    if section.get("username"):
        section["password_file"] = secrets.name("mqtt-password")
    if source.password is not None:
        source.section["password_file"] = secrets.name(f"camera/{room}")
    node = (before.get("node") or {}).get("name") or _host()
    document = setup_answers.configured(
        before, node=node, room=room, source=source.section, broker=section, zones=zones
    )
    _write(path, document, before)
    secrets.write("mqtt-password", broker.password)
    secrets.write(f"camera/{room}", source.password)
    _try_broker(document, broker, secrets)
    _say(_next_steps(path))
    return 0


# Asking.


def _say(text: str) -> None:
    print(text, flush=True)


def _ask(question: str, default: str) -> str:
    print(f"{question} [{default}]: " if default else f"{question}: ", end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise ConfigError("setup was left before its last question; nothing has been changed")
    if not sys.stdin.isatty():
        print(flush=True)
    return line.strip() or default


def _asked(question: str, default: str, meaning: Callable[[str], Any], hint: str = "") -> Any:
    """Until there is an answer that can be used; where nobody can be asked again, ConfigError is raised."""
    if hint:
        _say(hint)
    while True:
        try:
            return meaning(_ask(question, default))
        except ConfigError as exc:
            if not sys.stdin.isatty():
                raise
            _say(f"   {exc}")


def _yes(question: str, *, default: bool) -> bool:
    return _ask(f"{question}? (yes or no)", "yes" if default else "no").lower() in ("y", "yes", "j", "ja")


def _broker(before: Document) -> Broker:
    mqtt = before.get("mqtt") or {}
    scheme, user = ("mqtts://" if mqtt.get("tls") is not None else ""), mqtt.get("username")
    where = f"{mqtt.get('host', 'localhost')}{':' + str(mqtt['port']) if mqtt.get('port') else ''}"
    default = f"{scheme or 'mqtt://'}{user}@{where}" if user else f"{scheme}{where}"
    broker: Broker = _asked("3. Which broker (HOST, HOST:PORT or mqtts://USER@HOST)", default, setup_answers.broker_of)
    kept = mqtt.get("tls")
    if kept and "tls" in broker.section:
        broker.section["tls"] = kept
    if "username" in broker.section and broker.password is None:
        known = broker.section["username"] == user
        hidden = " (Enter keeps the one that is there)" if known else ""
        return Broker(broker.section, _password(f"   Password of {broker.section['username']}{hidden}") or None)
    return broker


def _password(question: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{question}: ")
    return _ask(question, "")


def _camera(before: Document) -> str:
    """What to offer: what is configured, else the first camera that is plugged in."""
    for camera in (before.get("cameras") or {}).values():
        source = camera.get("source") or {}
        for key in ("url", "device", "path"):
            if key in source:
                return str(source[key])
        if source.get("type") == "picamera2":
            return f"picamera2:{source['camera']}" if source.get("camera") else "picamera2"
        if source.get("type") == "v4l2":
            return settings.V4l2Source().device
    return next(iter(_plugged_in()), "")


def _cameras() -> str:
    lines = [f"   {place}  {name}" for place, name in _plugged_in().items()]
    lines.append("   rtsp://USER:PASSWORD@ADDRESS/PATH, or http://…  a camera in the network")
    return "\n".join(lines)


def _plugged_in() -> dict[str, str]:
    """Camera modules and USB cameras, with their names."""
    found: dict[str, str] = {}
    with suppress(EdgeposeError, RuntimeError, OSError):
        from edgepose.adapters import picamera2_library

        for number, info in enumerate(picamera2_library.load().Picamera2.global_camera_info()):
            if "usb" not in str(info.get("Id", "")).lower():
                found["picamera2" if number == 0 else f"picamera2:{number}"] = str(info.get("Model", "camera module"))
    for device in sorted(Path("/sys/class/video4linux").glob("video*")):
        with suppress(OSError):
            # A USB camera has more than one device; the first gives pictures. Boards have many that are no cameras.
            if "/usb" in str(device.resolve()) and (device / "index").read_text().strip() == "0":
                found[f"/dev/{device.name}"] = (device / "name").read_text().strip()
    return found


def _host() -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", platform.node().partition(".")[0]).strip("-")[:64] or "edgepose"


# Keeping.


class _Secrets:
    """Passwords in files beside the configuration, which only their owner reads."""

    def __init__(self, config: Path) -> None:
        self._folder = config.absolute().parent / "secrets"
        self._service = config.absolute() == SERVICE

    def name(self, secret: str) -> str:
        """How the configuration calls it: the service gets its own from systemd."""
        return f"credential:{secret.replace('/', '_')}" if self._service else str(self._folder / secret)

    def write(self, secret: str, text: str | None) -> None:
        """Keep it; None leaves what is there."""
        if text is None:
            return
        path = self._folder / secret
        path.parent.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, 0o600)
            file.write(f"{text}\n")

    def read(self, secret: str) -> str | None:
        """What is kept."""
        with suppress(OSError):
            return (self._folder / secret).read_text(encoding="utf-8").rstrip("\n") or None
        return None


def _document(path: Path) -> Document:
    """The configuration that is there; an example that nobody has edited counts as none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} can't be read: {exc}; try sudo") from exc
    if text.startswith(_EXAMPLE):
        return {}
    config, problems = parse_config(text)
    if config is None:
        raise ConfigError(f"{problems[0].text(path)}; mend it first, or move it away")
    document: Document = yaml.safe_load(text)
    return document


_EXAMPLE = "# The configuration of edgepose; `edgepose check FILE`"


def _write(path: Path, document: Document, before: Document) -> None:
    text = HEADER + yaml.safe_dump(document, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    config, problems = parse_config(text)
    if config is None:
        raise ConfigError("\n".join(f"{problem.path}: {problem.what}" for problem in problems))
    if document == before:
        _say(f"{path} stays as it is")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if before:
            # Comments and order are the owner's, and YAML's reader forgets them.
            path.with_suffix(".yaml.before-setup").write_bytes(path.read_bytes())
            _say(f"what was there before is kept as {path.with_suffix('.yaml.before-setup')}")
        new = path.with_suffix(".yaml.new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as exc:
        raise ConfigError(f"{path} can't be written: {exc.strerror}; try sudo edgepose setup") from exc
    _say(f"{path} is written")


def _try_broker(document: Document, broker: Broker, secrets: _Secrets) -> None:
    """A message, where it is wanted; that it doesn't arrive is told, and is no failure of the setup."""
    from edgepose.adapters.mqtt_once import send_once

    if not _yes("5. Send a test message to the broker now", default=True):
        return
    config = msgspec.convert(document, settings.Config)
    topics = wire.Topics(config.mqtt.topic_prefix, config.node.name)
    password = broker.password or secrets.read("mqtt-password") if config.mqtt.username else None
    payload = json.dumps(
        {"text": f"edgepose on {config.node.name} reaches this broker", "ts": round(WallClock().stamp().ts, 3)}
    )
    try:
        done = send_once(config.mqtt, password, Message(topics.of_node("setup"), payload.encode(), qos=1))
    except PublishError as exc:
        _say(f"   It did not arrive: {exc}")
        return
    _say(f"   {topics.of_node('setup')} arrived with MQTT {done.protocol} after {done.millis:.0f} ms")


def _next_steps(path: Path) -> str:
    if path.absolute() == SERVICE:
        return "Next: sudo systemctl restart edgepose, and edgepose doctor looks whether all is well"
    return f"Next: edgepose doctor --config {path}, then edgepose run --config {path}"
