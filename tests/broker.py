"""A real mosquitto on random loopback ports, certificates of a test authority, and readers that keep what they hear."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgepose import config

HOST = "127.0.0.1"
USER, PASSWORD = "flat", "correct horse"
PATIENCE_S = 60.0
"""How long anything may take that must come; only a failure takes so long."""

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def tool(name: str) -> str:
    """Path of a Debian program, or the test is skipped, saying what to install."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed: apt install mosquitto mosquitto-clients openssl")
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return sock.getsockname()[1]


def wait_until(true: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, f"waited {timeout_s} s in vain for: {what}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path


class Authority:
    """A certificate authority of its own, made with openssl."""

    def __init__(self, folder: Path, name: str = "edgepose test authority") -> None:
        self._folder = folder
        self._count = 0
        self._own = Certificate(folder / "ca.crt", folder / "ca.key")
        folder.mkdir(parents=True, exist_ok=True)
        _openssl(
            *("req", "-x509", "-days", "2", *_NEW_KEY, "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-subj", f"/CN={name}", "-out", str(self._own.cert), "-keyout", str(self._own.key)),
        )

    @property
    def ca_file(self) -> Path:
        return self._own.cert

    def issue(self, common_name: str, alternative_names: str = "", days: int = 1) -> Certificate:
        """A certificate such as issue("localhost", "DNS:localhost,IP:127.0.0.1")."""
        self._count += 1
        made = Certificate(self._folder / f"{self._count}.crt", self._folder / f"{self._count}.key")
        request, extra = self._folder / "request.csr", self._folder / "extra.cnf"
        usage = "keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n"
        extra.write_text(usage + (f"subjectAltName={alternative_names}\n" if alternative_names else ""))
        _openssl(
            *("req", *_NEW_KEY, "-subj", f"/CN={common_name}", "-out", str(request), "-keyout", str(made.key)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self._own.cert), "-CAkey", str(self._own.key)),
            *("-CAcreateserial", "-days", str(days), "-extfile", str(extra), "-out", str(made.cert)),
        )
        return made


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments: str) -> None:
    subprocess.run([tool("openssl"), *arguments], check=True, capture_output=True)


class Mosquitto:
    """One broker process; it keeps its ports over a restart, and forgets its messages."""

    def __init__(
        self,
        folder: Path,
        *,
        login: bool = False,
        acl: str = "",
        tls: Certificate | None = None,
        client_ca: Path | None = None,
        extra: str = "",
    ) -> None:
        """`login`: USER and PASSWORD are asked for; `client_ca`: a client certificate is too, on the TLS port."""
        self.folder = folder
        self.port = free_port()
        self.tls_port = free_port() if tls else 0
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["per_listener_settings false", "persistence false", f"log_dest file {self._log}", "log_type all"]
        lines += ["user root"] if os.geteuid() == 0 else []
        lines += [f"allow_anonymous {'false' if login else 'true'}"]
        if login:
            lines.append(f"password_file {_password_file(folder)}")
        if acl:
            (folder / "acl").write_text(acl)
            lines.append(f"acl_file {folder / 'acl'}")
        lines += extra.splitlines()
        lines.append(f"listener {self.port} {HOST}")
        if tls:
            lines += [f"listener {self.tls_port} {HOST}", f"certfile {tls.cert}", f"keyfile {tls.key}"]
            lines += [f"cafile {client_ca}", "require_certificate true"] if client_ca else []
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> "Mosquitto":
        self._process = subprocess.Popen(
            [tool("mosquitto"), "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._listens, f"mosquitto to listen on port {self.port}; its log:\n{self.log}")
        return self

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, f"mosquitto ended; its log:\n{self.log}"
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False


def _password_file(folder: Path) -> Path:
    path = folder / "passwords"
    subprocess.run([tool("mosquitto_passwd"), "-b", "-c", str(path), USER, PASSWORD], check=True, capture_output=True)
    return path


@dataclass(frozen=True)
class Heard:
    """A message as a reader got it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: int | None
    content_type: str | None


class Reader:
    """A subscriber that keeps everything."""

    def __init__(
        self,
        port: int,
        topics: str = "#",
        *,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        login: bool = False,
    ) -> None:
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._ready = threading.Event()
        self._topics = topics
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        if login:
            self._client.username_pw_set(USER, PASSWORD)
        self._client.on_connect = lambda *_: self._client.subscribe(topics, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(HOST, port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S), "the reader was not allowed to subscribe"

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        properties = message.properties
        heard = Heard(
            message.topic,
            message.payload,
            message.qos,
            message.retain,
            getattr(properties, "MessageExpiryInterval", None),
            getattr(properties, "ContentType", None),
        )
        with self._lock:
            self._heard.append(heard)

    @property
    def heard(self) -> list[Heard]:
        with self._lock:
            return list(self._heard)

    def payloads(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.heard if message.topic == topic]

    def wait_for(self, topic: str, payload: bytes | None = None, count: int = 1) -> None:
        """Until so many messages of a topic, and with that payload where one is given, have come."""

        def found() -> bool:
            return sum(payload is None or payload == got for got in self.payloads(topic)) >= count

        wait_until(
            found, f"{count} × {topic} {payload!r}; heard {[(m.topic, m.payload[:60]) for m in self.heard][-20:]}"
        )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def retained(port: int, topics: str = "#") -> dict[str, bytes]:
    """What the broker keeps: the state that somebody who comes now gets to see."""
    reader = Reader(port, topics)
    try:
        marker = f"test/marker/{time.monotonic_ns()}"
        reader._client.subscribe(marker, qos=1)  # of another QoS it could overtake
        reader._client.publish(marker, b"all retained messages are before me", qos=1)
        wait_until(lambda: reader.payloads(marker), "the marker")
        return {message.topic: message.payload for message in reader.heard if message.retain}
    finally:
        reader.close()


def wait_for_retained(port: int, topic: str, payload: bytes | None) -> None:
    """Until the broker keeps that of a topic; None: nothing. What a reader has heard may be of earlier, this is not."""
    wait_until(lambda: retained(port, topic).get(topic) == payload, f"the broker to keep {payload!r} of {topic}")


def settings(port: int, **more: object) -> config.Mqtt:
    """Configuration for a broker on this port."""
    return config.Mqtt(host=HOST, port=port, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_certificate(authority: Authority) -> Certificate:
    return authority.issue("localhost", f"DNS:localhost,IP:{HOST}")


@pytest.fixture
def start_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Start brokers with the arguments of Mosquitto; they end with the test."""
    started: list[Mosquitto] = []

    def start(**arguments: object) -> Mosquitto:
        started.append(Mosquitto(tmp_path / f"broker{len(started)}", **arguments))  # type: ignore[arg-type]
        return started[-1].start()

    yield start
    for broker in started:
        broker.kill()


@pytest.fixture
def mosquitto(start_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """An open broker."""
    return start_mosquitto()


@pytest.fixture
def read() -> Iterator[Callable[..., Reader]]:
    """Make readers with the arguments of Reader; they end with the test."""
    made: list[Reader] = []

    def make(*arguments: object, **more: object) -> Reader:
        made.append(Reader(*arguments, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for reader in made:
        reader.close()
