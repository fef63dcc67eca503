"""What a node does beside skeletons: commands, alerts, discovery, health, and what it leaves behind; a real broker."""

import contextlib
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgepose.demo_clip import CLIP
from edgepose.wire_care import EventMessage
from edgepose.wire_health import HealthMessage
from tests.broker import HOST, Mosquitto, Reader, free_port, retained, wait_for_retained, wait_until
from tests.daemon import Daemon, config
from tests.relay import Relay

NODE = "edgepose/flat"
ROOM = f"{NODE}/room"
DISCOVERY = "homeassistant/device/edgepose_flat/config"
SOURCE = {"type": "file", "path": str(CLIP), "loop": True, "realtime": True}
pytestmark = pytest.mark.broker


class Speaker:
    """Somebody who sends commands."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.connect(HOST, port)
        self._client.loop_start()

    def say(self, topic: str, payload: bytes | str, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def speaker(mosquitto: Mosquitto) -> Iterator[Speaker]:
    made = Speaker(mosquitto.port)
    yield made
    made.close()


@pytest.fixture
def reader(mosquitto: Mosquitto) -> Iterator[Reader]:
    made = Reader(mosquitto.port, "#")
    yield made
    made.close()


def wanted(port: int, **more: Any) -> dict[str, Any]:
    return {**config(port, SOURCE), **more}


def events(reader: Reader) -> list[EventMessage]:
    return [msgspec.json.decode(payload, type=EventMessage) for payload in reader.payloads(f"{ROOM}/event")]


def wait_for_told(count: int, *readers: Reader) -> list[EventMessage]:
    """So many events, each once, as a subscriber keeps them: whose acknowledgement is cut off comes a second time."""

    def told() -> list[EventMessage]:
        heard = [event for reader in readers for event in events(reader)]
        return list({(event.id, event.phase): event for event in heard}.values())

    wait_until(lambda: len(told()) >= count, f"{count} events")
    return told()


def count_after(reader: Reader, topic: str, count: int) -> None:
    reader.wait_for(topic, count=len(reader.payloads(topic)) + count)


def comes_to_rest(reader: Reader, topic: str, quiet_s: float = 1.0) -> None:
    """Until nothing more has come for a while: what was under way may still arrive, what is made anew may not."""
    seen, since_s = -1, 0.0

    def resting() -> bool:
        nonlocal seen, since_s
        now_s, count = time.monotonic(), len(reader.payloads(topic))
        if count != seen:
            seen, since_s = count, now_s
        return now_s - since_s >= quiet_s

    wait_until(resting, f"{topic} to come to rest")


def test_a_camera_is_switched_off_and_on_and_stays_off_over_a_restart(
    mosquitto: Mosquitto, reader: Reader, speaker: Speaker, daemons: Any
):
    daemon: Daemon = daemons(wanted(mosquitto.port))
    count_after(reader, f"{ROOM}/pose", 3)
    assert reader.payloads(f"{ROOM}/enabled/state") == [b"ON"]
    speaker.say(f"{ROOM}/enabled/set", "OFF")
    reader.wait_for(f"{ROOM}/status", b"disabled")
    reader.wait_for(f"{ROOM}/enabled/state", b"OFF")
    comes_to_rest(reader, f"{ROOM}/pose")

    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0
    reader.wait_for(f"{NODE}/status", b"stopped")
    before, told = len(reader.payloads(f"{ROOM}/pose")), reader.payloads(f"{ROOM}/status").count(b"disabled")
    daemon.start()
    reader.wait_for(f"{ROOM}/status", b"disabled", count=told + 1)
    assert len(reader.payloads(f"{ROOM}/pose")) == before
    speaker.say(f"{ROOM}/enabled/set", "ON")
    count_after(reader, f"{ROOM}/pose", 3)
    wait_for_retained(mosquitto.port, f"{ROOM}/enabled/state", b"ON")


def test_garbage_on_command_topics_is_logged_and_ignored(
    mosquitto: Mosquitto, reader: Reader, speaker: Speaker, daemons: Any
):
    daemon: Daemon = daemons(wanted(mosquitto.port))
    count_after(reader, f"{ROOM}/pose", 1)
    speaker.say(f"{ROOM}/enabled/set", b"\x00\xff\xfe")
    speaker.say(f"{ROOM}/enabled/set", b"OFF" * 100_000)
    speaker.say(f"{ROOM}/enabled/set", "OFF", retain=True)
    speaker.say(f"{NODE}/hall/enabled/set", "OFF")
    speaker.say(f"{NODE}/alert/nothing/ack/set", '{"by":"nurse","verdict":"true"}')
    speaker.say(f"{NODE}/alert/nothing/ack/set", "[" * 900)
    speaker.say(f"{ROOM}/enabled/set", b"x" * 2_000_000)  # more than we take: the broker keeps it from us
    # The retained one went to a live subscription, where a broker hands it on as any other; it counts once.
    reader.wait_for(f"{ROOM}/status", b"disabled")
    speaker.say(f"{ROOM}/enabled/set", "ON")
    count_after(reader, f"{ROOM}/pose", 3)
    daemon.says("expected ON or OFF", "bytes are more", "there is no camera of that name", "no alert 'nothing'")
    assert "Traceback" not in daemon.log
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0


def test_a_test_alarm_stands_through_a_crash_and_a_broker_that_is_away_until_somebody_acknowledges_an_alert(
    mosquitto: Mosquitto, daemons: Any
):
    before, network = Reader(mosquitto.port, "#"), Relay(mosquitto.port)
    daemon: Daemon = daemons(wanted(network.port))
    count_after(before, f"{ROOM}/pose", 1)
    daemon.send(signal.SIGUSR1)
    before.wait_for(f"{ROOM}/event")
    first = events(before)[0]
    assert (first.kind, first.phase, first.camera) == ("test", "confirmed", "room")
    heard = next(message for message in before.heard if message.topic == f"{ROOM}/event")
    assert (heard.qos, heard.retain) == (1, False) and 86000 < (heard.expiry_s or 0) <= 86400
    before.wait_for(f"{ROOM}/alert/test")

    network.cut()
    mosquitto.kill()
    daemon.says("trying again")
    daemon.send(signal.SIGUSR1)
    wait_until(lambda: daemon.log.count("test alarm test-") == 2, "the second alarm")
    daemon.send(signal.SIGKILL)
    daemon.ends()
    daemon.start()
    mosquitto.start()
    after = Reader(mosquitto.port, "#")  # listens before the daemon is let through, so that it hears every event
    network.mend()
    _, *late = wait_for_told(4, before, after)
    daemon.says("events of an earlier run still wait")
    assert [event.phase for event in late] == ["expired", "confirmed", "expired"], (
        "in order, though a crash was between"
    )
    assert late[0].id == first.id and late[1].id == late[2].id != first.id

    daemon.send(signal.SIGUSR1)
    stands = wait_for_told(5, before, after)[-1]
    speaker = Speaker(mosquitto.port)
    speaker.say(f"{NODE}/alert/{stands.id}/ack/set", '{"by":"nurse","verdict":"false"}')
    acked = wait_for_told(6, before, after)[-1]
    assert (acked.id, acked.phase) == (stands.id, "acked")
    assert acked.evidence == {"by": "nurse", "verdict": "false"}
    wait_for_retained(mosquitto.port, f"{ROOM}/alert/test", None)
    speaker.close()
    network.close()


def test_home_assistants_birth_brings_everything_again(
    mosquitto: Mosquitto, reader: Reader, speaker: Speaker, daemons: Any
):
    daemons(wanted(mosquitto.port))
    kept = [DISCOVERY, f"{NODE}/status", f"{NODE}/info", f"{ROOM}/status", f"{ROOM}/occupancy", f"{ROOM}/enabled/state"]
    for topic in kept:
        reader.wait_for(topic)
    count_after(reader, f"{ROOM}/pose", 3)
    # That nothing stands is told again a moment after the connection; wait for that, or it might be taken for more.
    reader.wait_for(f"{ROOM}/alert/fall", b"", count=2)
    before = {topic: len(reader.payloads(topic)) for topic in [*kept, f"{ROOM}/alert/fall"]}
    speaker.say("homeassistant/status", "online")
    for topic, count in before.items():
        reader.wait_for(topic, count=count + 1)
    assert set(kept) <= set(retained(mosquitto.port))


def test_health_comes_over_mqtt_and_http(mosquitto: Mosquitto, reader: Reader, daemons: Any):
    port = free_port()
    daemons(wanted(mosquitto.port, http={"bind": f"{HOST}:{port}"}))

    def newest() -> HealthMessage | None:
        heard = reader.payloads(f"{NODE}/health")
        return msgspec.json.decode(heard[-1], type=HealthMessage) if heard else None

    wait_until(
        lambda: (now := newest()) and now.cameras["room"].status == "online" and now.cameras["room"].fps > 0,
        "the camera in the health message",
        150,  # two of them
    )
    health = newest()
    assert health is not None
    assert health.queue.durable and health.connections == 1
    assert health.memory_mb > 10 and health.uptime_s >= 0

    wait_until(lambda: b'edgepose_camera_online{camera="room"} 1.0' in get(port, "/metrics")[1], "the camera's metric")
    code, text = get(port, "/metrics")
    for name in (b"edgepose_camera_fps", b"edgepose_events_waiting", b"edgepose_resident_memory_bytes"):
        assert b"# TYPE " + name in text
    assert code == 200
    assert get(port, "/healthz") == (200, b'{"status":"ok","late":[]}')
    assert get(port, "/etc/passwd")[0] == 404


def get(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read()


def test_a_taken_port_ends_the_start_with_one_sentence(mosquitto: Mosquitto, daemons: Any):
    port = mosquitto.port
    daemon: Daemon = daemons(wanted(mosquitto.port, http={"bind": f"{HOST}:{port}"}))
    assert daemon.ends() == 1
    last = daemon.log.strip().splitlines()[-1]
    assert last.startswith(f"edgepose: http.bind: {HOST}:{port} can't be listened on")
    assert "Traceback" not in daemon.log


def test_two_daemons_do_not_share_a_state(mosquitto: Mosquitto, reader: Reader, daemons: Any):
    first: Daemon = daemons(wanted(mosquitto.port))
    count_after(reader, f"{ROOM}/pose", 1)
    second: Daemon = daemons(wanted(mosquitto.port), state=first.state)
    assert second.ends() == 1
    assert "is used by another edgepose" in second.log.strip().splitlines()[-1]


def test_topics_of_what_left_the_configuration_are_cleared_and_strangers_are_left_alone(
    mosquitto: Mosquitto, reader: Reader, speaker: Speaker, daemons: Any
):
    zone = {"kind": "other", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    two = wanted(mosquitto.port)
    two["cameras"] = {
        "room": {"source": SOURCE, "zones": {"all": zone, "left": zone}},
        "hall": {"source": SOURCE, "zones": {"door": zone}},
    }
    speaker.say(f"{NODE}/lamp/status", "online", retain=True)
    speaker.say(f"{NODE}/room/alert/long_lie", '{"id":"of an earlier life"}', retain=True)
    daemon: Daemon = daemons(two)
    for topic in ("room/zone/left/state", "hall/zone/door/state", "hall/occupancy"):
        reader.wait_for(f"{NODE}/{topic}")
    reader.wait_for(f"{NODE}/room/alert/long_lie", b"")

    one = wanted(mosquitto.port)
    one["cameras"] = {"room": {"source": SOURCE, "zones": {"all": zone}}}
    daemon.write(one)
    daemon.send(signal.SIGHUP)
    for topic in (
        "room/zone/left/state",
        "hall/zone/door/state",
        "hall/occupancy",
        "hall/status",
        "hall/enabled/state",
    ):
        reader.wait_for(f"{NODE}/{topic}", b"")
    kept = retained(mosquitto.port)
    assert not [topic for topic in kept if "hall" in topic]
    assert {f"{NODE}/lamp/status", f"{NODE}/room/zone/all/state", f"{NODE}/room/status"} <= set(kept)

    def removals() -> list[Any]:
        return [json.loads(payload)["components"].get("hall_occupancy") for payload in reader.payloads(DISCOVERY)]

    wait_until(lambda: {"platform": "binary_sensor"} in removals(), "it to be taken away once")
    wait_until(
        lambda: "hall_occupancy" not in json.loads(retained(mosquitto.port)[DISCOVERY])["components"], "the rest"
    )

    daemon.write({**one, "mqtt": {**one["mqtt"], "discovery": {"enabled": False}}})
    daemon.send(signal.SIGHUP)
    wait_for_retained(mosquitto.port, DISCOVERY, None)


def test_a_zone_tells_who_is_in_it_and_for_how_long(mosquitto: Mosquitto, reader: Reader, daemons: Any):
    wide = wanted(mosquitto.port)
    wide["cameras"]["room"]["zones"] = {"all": {"kind": "other", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}}
    daemons(wide)
    topic = f"{ROOM}/zone/all/state"
    wait_until(
        lambda: any(json.loads(payload)["occupied"] for payload in reader.payloads(topic)), "somebody in the zone", 60
    )
    state = next(state for payload in reader.payloads(topic) if (state := json.loads(payload))["occupied"])
    assert state["people"] >= 1 and state["posture"] and state["dwell_s"] >= 0


def writable(pid: int) -> list[Path]:
    """What a process has open for writing (proc(5): flags in octal, the lowest two bits are the access mode)."""
    folder, found = Path(f"/proc/{pid}"), []
    for info in (folder / "fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            if int(info.read_text().partition("flags:")[2].split()[0], 8) & 3:
                found.append((folder / "fd" / info.name).resolve())
    return found


def test_nothing_is_written_outside_the_state_folder(
    mosquitto: Mosquitto, reader: Reader, daemons: Any, tmp_path: Path
):
    daemon: Daemon = daemons(wanted(mosquitto.port))
    count_after(reader, f"{ROOM}/pose", 5)
    daemon.send(signal.SIGUSR1)
    reader.wait_for(f"{ROOM}/event")
    written = [path for path in writable(daemon.process.pid) if path.is_file()]
    assert written, "its log at least"
    assert {path for path in written if daemon.state not in path.parents} == {daemon.log_path}
    assert {path.name.removesuffix(".new") for path in daemon.state.iterdir()} <= {
        "lock",
        "events.queue",
        "alerts.json",
        "switches.json",
        "names.json",
    }
    daemon.kill()
    assert sum(path.stat().st_size for path in daemon.state.iterdir()) < 100_000


def test_a_full_disk_loses_no_alarm_and_is_told(mosquitto: Mosquitto, reader: Reader, daemons: Any, tmp_path: Path):
    state = tmp_path / "small"
    state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(state)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system to fill can be mounted by root alone")
    try:
        daemon: Daemon = daemons(wanted(mosquitto.port), state=state)
        count_after(reader, f"{ROOM}/pose", 1)
        with pytest.raises(OSError, match="No space left"), (state / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 512)
        daemon.send(signal.SIGUSR1)
        reader.wait_for(f"{ROOM}/event")
        daemon.says("No space left on device")
        (state / "filler").unlink()
        daemon.send(signal.SIGUSR1)
        reader.wait_for(f"{ROOM}/event", count=3)
        wait_until((state / "alerts.json").exists, "it to be kept again, once there is room")
        daemon.send(signal.SIGTERM)
        assert daemon.ends() == 0
        assert "Traceback" not in daemon.log
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def test_a_node_that_is_renamed_takes_its_old_name_with_it(mosquitto: Mosquitto, reader: Reader, daemons: Any):
    daemon: Daemon = daemons(wanted(mosquitto.port))
    reader.wait_for(f"{ROOM}/occupancy")
    wait_until((daemon.state / "names.json").exists, "the name to be written down")
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0
    daemon.write({**wanted(mosquitto.port), "node": {"name": "house"}})
    daemon.start()
    reader.wait_for("edgepose/house/room/pose", count=3)
    reader.wait_for(f"{NODE}/status", b"")
    wait_until(lambda: not [topic for topic in retained(mosquitto.port) if "flat" in topic], "the rest")
    assert "homeassistant/device/edgepose_house/config" in retained(mosquitto.port)
