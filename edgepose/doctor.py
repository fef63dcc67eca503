"""Looks at everything that the daemon needs, thing after thing, and says what to do where something is amiss."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from paho.mqtt.enums import MQTTProtocolVersion

from edgepose import networks, vitals, wire
from edgepose.adapters import mqtt_tls
from edgepose.adapters.device_access import camera_module_devices, closed_to_us, user
from edgepose.adapters.model_tflite import TfliteModel, runtime_version
from edgepose.adapters.mqtt_connection import Connection, Identity
from edgepose.adapters.mqtt_protocol import NAMES, ProtocolChoice
from edgepose.adapters.mqtt_trouble import Disconnected
from edgepose.adapters.sources import open_source
from edgepose.clock import clock_synced
from edgepose.config import Camera, Config, Mqtt, Picamera2Source, V4l2Source
from edgepose.errors import EdgeposeError
from edgepose.ports import Message
from edgepose.secrets import read_secret
from edgepose.state_folder import state_path

HOT_C = 80.0
"""Where a Raspberry Pi begins to slow down."""
LEAST_FREE_MB = 50
ANSWER_S = 10.0
INFERENCES = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    good: bool
    text: str
    """What was found, and where it is not good, what to do."""


def findings(config: Config) -> Iterator[Finding]:
    """All of them, each as soon as it is known. Nothing that the daemon publishes or keeps is touched."""
    yield from _guarded("model", partial(_model, config))
    for name, camera in config.cameras.items():
        yield from _guarded(f"camera {name}", partial(_camera, name, camera))
    topics = wire.Topics(config.mqtt.topic_prefix, config.node.name)
    yield from _guarded("broker", partial(_broker, config.mqtt, topics))
    yield from _temperature()
    yield _throttling()
    yield _clock()
    yield _disk(state_path(config.node.name))


def _guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except EdgeposeError as exc:
        yield Finding(name, False, str(exc))


def _model(config: Config) -> Iterator[Finding]:
    chosen = networks.load_for(config.model.name, config.cameras)
    for network in {network.path: network for network in chosen.values()}.values():
        yield from _network(config, network)


def _network(config: Config, network: networks.Network) -> Iterator[Finding]:
    threads = networks.thread_count(config.model.threads)
    model = networks.open_plain(network, config.model)
    text = f"{network.sidecar.name} takes {_frame_ms(model):.0f} ms a frame with {threads} threads"
    yield Finding("model", True, text)
    yield Finding("XNNPACK", model.delegated, "in effect" if model.delegated else _without_xnnpack())
    if config.model.delegate != "none":
        yield from _guarded(f"delegate {config.model.delegate}", partial(_delegate, config, network))


def _without_xnnpack() -> str:
    if runtime_version().startswith("tflite-runtime"):
        cure = (
            "tflite-runtime has it for float networks alone; pip install ai-edge-litert, where there is a wheel of it"
        )
    else:
        cure = "install the runtime anew"
    return f"not in effect, so inference is several times slower; {cure}"


def _delegate(config: Config, network: networks.Network) -> Iterator[Finding]:
    millis = _frame_ms(networks.open_delegated(network, config.model))
    yield Finding(f"delegate {config.model.delegate}", True, f"in effect, {millis:.0f} ms a frame")


def _frame_ms(model: TfliteModel) -> float:
    """The shortest of some, milliseconds."""
    model.input_view()[...] = 0
    return min(_timed(model.infer) for _ in range(INFERENCES)) * 1e3


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _camera(name: str, camera: Camera) -> Iterator[Finding]:
    label = f"camera {name}"
    yield from _groups(label, camera)
    started = time.monotonic()
    with closing(open_source(camera.source, stall_timeout_s=camera.stall_timeout_s)) as source:
        frame = next(iter(source.frames()), None)
    if frame is None:
        yield Finding(label, False, "gave no frame; look whether the file is empty, or the camera ends its stream")
        return
    size = f"{frame.picture.width}x{frame.picture.height}"
    yield Finding(label, True, f"first frame, {size}, after {time.monotonic() - started:.1f} s")


def _groups(label: str, camera: Camera) -> Iterator[Finding]:
    match camera.source:
        case V4l2Source(device=device):
            places = [Path(device)]
        case Picamera2Source():
            places = camera_module_devices()
        case _:
            return
    closed = closed_to_us(places)
    if closed:
        yield Finding(label, False, closed)


def _broker(mqtt: Mqtt, topics: wire.Topics) -> Iterator[Finding]:
    identity = Identity(
        # Not the daemon's own id, which would throw it off the broker.
        client_id=f"edgepose-doctor-{secrets.token_hex(4)}",
        password=read_secret(mqtt.password_file) if mqtt.password_file else None,
        tls=mqtt_tls.context(mqtt.tls) if mqtt.tls else None,
        will=Message(topics.of_node("doctor"), b""),
    )
    protocol = ProtocolChoice()
    while True:
        try:
            millis = _connect(mqtt, identity, protocol.current)
        except Disconnected as exc:
            if protocol.reconsider(exc.trouble):
                continue
            yield Finding("TLS" if exc.trouble.kind.value == "tls" else "broker", False, exc.trouble.text)
            return
        break
    who = f"user {mqtt.username}" if mqtt.username else "nobody in particular"
    text = f"{mqtt.host}:{mqtt.effective_port} takes us as {who} with MQTT {NAMES[protocol.current]} in {millis:.0f} ms"
    yield Finding("broker", True, text)
    if mqtt.tls:
        yield Finding("TLS", True, f"the certificate is vouched for by mqtt.tls.ca_file ({mqtt.tls.ca_file})")


def _connect(mqtt: Mqtt, identity: Identity, protocol: MQTTProtocolVersion) -> float:
    """Milliseconds until the broker has accepted us. Raises Disconnected."""
    started = time.monotonic()
    here, there = socket.socketpair()
    connection = Connection(mqtt, identity, protocol=protocol)
    with here, there:
        try:
            connection.open()
            while not connection.accepted:
                connection.step(here, ANSWER_S)
            millis = (time.monotonic() - started) * 1e3
            connection.goodbye(here, time.monotonic() + 1)
            return millis
        finally:
            connection.abandon()


def _temperature() -> Iterator[Finding]:
    celsius = vitals.temperature_c()
    if celsius is not None:
        hot = celsius >= HOT_C
        advice = "; give the board a heat sink or a fan" if hot else ""
        yield Finding("temperature", not hot, f"{celsius:.0f} °C{advice}")


def _throttling() -> Finding:
    slowed = _vcgencmd() if shutil.which("vcgencmd") else vitals.throttled()
    if slowed is None:
        return Finding("throttling", True, "this machine doesn't tell")
    advice = "the board slows itself down now; use the power supply made for it, and cool it"
    return Finding("throttling", not slowed, advice if slowed else "none")


def _vcgencmd() -> bool | None:
    """What the Pi's firmware says: `throttled=0x50005`."""
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        said = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=True)
        return bool(int(said.stdout.strip().partition("=")[2], 16) & 0xF)
    return None


def _clock() -> Finding:
    if clock_synced():
        return Finding("clock", True, "set by a time server")
    return Finding(
        "clock",
        False,
        "not set by a time server, so times in messages can't be believed; "
        "sudo timedatectl set-ntp true, and see timedatectl timesync-status",
    )


def _disk(state: Path) -> Finding:
    place = next(folder for folder in (state, *state.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        return Finding("disk", False, f"{place} can't be written by {user()}; events would not survive a restart")
    free_mb = shutil.disk_usage(place).free / 1e6
    if free_mb < LEAST_FREE_MB:
        return Finding("disk", False, f"{free_mb:.0f} MB are left on {place}; free some, events are kept there")
    return Finding("disk", True, f"{free_mb:.0f} MB are left for {state}")
