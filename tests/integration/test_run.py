"""`edgepose run` as it will run on a device: a process, a real stream, a real broker, a subscriber."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edgepose import wire
from edgepose.demo_clip import CLIP
from edgepose.skeleton import BODY18_NAMES
from tests.broker import PASSWORD, USER, Mosquitto, Reader, wait_until
from tests.clips import encoded, frames_of, truncated
from tests.daemon import config
from tests.streams import HttpCamera, RtspCamera, skip_without_rtsp_server

NODE = "edgepose/flat"
POSE = f"{NODE}/room/pose"
pytestmark = pytest.mark.broker


def poses(reader: Reader) -> list[wire.PoseMessage]:
    """Every pose message, checked against its schema; unknown fields are errors too."""
    return [msgspec.json.decode(payload, type=wire.PoseMessage) for payload in reader.payloads(POSE)]


def assert_good(messages: list[wire.PoseMessage]) -> None:
    assert messages
    for message in messages:
        assert (message.v, message.cam, message.layout) == (1, "room", "body18")
        for person in message.people:
            assert len(person.kp) == 54
            assert all(0 <= number <= 1 for number in (*person.kp, *person.box, person.score))
    seqs = [message.seq for message in messages]
    assert seqs == sorted(set(seqs)), "frames in order, none twice"
    assert sum(bool(message.people) for message in messages) > len(messages) / 2


def test_every_frame_of_a_file_arrives_in_order_at_a_5_and_a_311_reader(mosquitto: Mosquitto, daemons: Any):
    new = Reader(mosquitto.port, "edgepose/#")
    old = Reader(mosquitto.port, "edgepose/#", protocol=MQTTProtocolVersion.MQTTv311)
    daemon = daemons(config(mosquitto.port, {"type": "file", "path": str(CLIP)}))
    assert daemon.ends() == 0, daemon.log
    new.wait_for(f"{NODE}/status", b"stopped")
    old.wait_for(f"{NODE}/status", b"stopped")
    messages = poses(new)
    assert_good(messages)
    assert [message.seq for message in messages] == list(range(len(messages)))
    assert f"after {len(messages)} frames" in daemon.log
    assert new.payloads(POSE) == old.payloads(POSE)
    said = [word for word, _ in groupby(new.payloads(f"{NODE}/room/status"))]
    assert said == [b"offline", b"online", b"offline"]
    assert msgspec.json.decode(new.payloads(f"{NODE}/info")[0], type=wire.Info).cameras == ["room"]
    assert msgspec.json.decode(new.payloads(f"{NODE}/room/occupancy")[-1], type=wire.OccupancyMessage).v == 1


def test_hands_face_and_feet_are_in_the_pose_messages_of_who_asks_for_them(mosquitto: Mosquitto, daemons: Any):
    reader = Reader(mosquitto.port, "edgepose/#")
    asked = {"wholebody": {"hands": True, "face": True, "feet": True}, "model": {"name": "edgepose_192x256_int8"}}
    daemon = daemons({**config(mosquitto.port, {"type": "file", "path": str(CLIP)}), **asked})
    reader.wait_for(POSE, count=200)
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0, daemon.log
    messages = poses(reader)
    assert_good(messages)
    people = [person for message in messages for person in message.people]
    for name, count in (("left_hand", 21), ("right_hand", 21), ("face", 70), ("feet", 6)):
        found = [np.reshape(getattr(person, name), (count, 3)) for person in people]
        assert all(((rows >= 0) & (rows <= 1)).all() for rows in found), name
        assert any(rows.any() for rows in found), f"{name} is seen in the clip"
    for person in people:
        body = np.reshape(person.kp, (18, 3))
        ankles = {side: body[BODY18_NAMES.index(f"{side}_ankle")] for side in ("left", "right")}
        feet = dict(zip(("left", "right"), np.reshape(person.feet, (2, 3, 3)), strict=True))
        for side, rows in feet.items():
            if rows.any():
                heel = rows[rows[:, 2] > 0, :2].mean(axis=0)
                away = {name: np.hypot(*(heel - ankle[:2])) for name, ankle in ankles.items() if ankle[2]}
                assert away[side] < 0.2, "a foot hangs on its own ankle"


def test_sigterm_leaves_stopped_and_sigkill_leaves_offline(mosquitto: Mosquitto, daemons: Any):
    reader = Reader(mosquitto.port, "edgepose/#")
    source = {"type": "file", "path": str(CLIP), "loop": True, "realtime": True}
    daemon = daemons(config(mosquitto.port, source))
    reader.wait_for(POSE, count=5)
    started = time.monotonic()
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0, daemon.log
    print(f"stopped after {time.monotonic() - started:.2f} s")
    reader.wait_for(f"{NODE}/status", b"stopped")
    assert reader.payloads(f"{NODE}/room/status")[-1] == b"offline"

    reader = Reader(mosquitto.port, "edgepose/#")
    daemon = daemons(config(mosquitto.port, source))
    reader.wait_for(POSE, count=5)
    assert reader.payloads(f"{NODE}/status")[-1] == b"online"
    daemon.send(signal.SIGKILL)
    daemon.ends()
    reader.wait_for(f"{NODE}/status", b"offline")


def test_sighup_takes_a_good_file_and_leaves_a_bad_one_aside(mosquitto: Mosquitto, daemons: Any):
    reader = Reader(mosquitto.port, "edgepose/#")
    source = {"type": "file", "path": str(CLIP), "loop": True, "realtime": True}
    good = config(mosquitto.port, source)
    daemon = daemons(good)
    reader.wait_for(POSE, count=3)

    daemon.write({**good, "modle": {}})
    daemon.send(signal.SIGHUP)
    daemon.says("the old one keeps running", "modle: unknown key; did you mean 'model'?")
    reader.wait_for(POSE, count=len(reader.payloads(POSE)) + 3)

    daemon.write({**good, "cameras": {"hall": {"source": source}}})
    daemon.send(signal.SIGHUP)
    reader.wait_for(f"{NODE}/hall/pose", count=3)
    assert daemon.process.poll() is None
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0


def test_a_broker_that_comes_later_is_waited_for(start_mosquitto: Any, daemons: Any, tmp_path: Path):
    broker = Mosquitto(tmp_path / "late")
    source = {"type": "file", "path": str(CLIP), "loop": True, "realtime": True}
    daemon = daemons(config(broker.port, source))
    daemon.says("trying again")
    try:
        broker.start()
        reader = Reader(broker.port, "edgepose/#")
        reader.wait_for(POSE, count=3)
        assert daemon.process.poll() is None
    finally:
        daemon.kill()
        broker.kill()


def test_a_refused_password_ends_the_start_with_one_sentence(start_mosquitto: Any, daemons: Any, tmp_path: Path):
    broker = start_mosquitto(login=True)
    (tmp_path / "secret").write_text("wrong\n")
    source = {"type": "file", "path": str(CLIP), "loop": True, "realtime": True}
    mqtt = {"username": USER, "password_file": str(tmp_path / "secret")}
    daemon = daemons(config(broker.port, source, **mqtt))
    assert daemon.ends() == 1
    last = daemon.log.strip().splitlines()[-1]
    assert last.startswith("edgepose: ") and "password" in last
    assert "Traceback" not in daemon.log

    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    reader = Reader(broker.port, "edgepose/#", login=True)
    daemons(config(broker.port, source, **mqtt))
    reader.wait_for(POSE, count=1)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (
            {"cameras": {"room": {"source": {"type": "file", "path": "/nonexistent/clip.mp4"}}}},
            1,
            "/nonexistent/clip.mp4",
        ),
        ({"model": {"name": "/nonexistent/net.tflite"}}, 1, "no network at /nonexistent/net.tflite"),
        ({"model": {"nam": "auto"}}, 78, "model.nam: unknown key; did you mean 'name'?"),
    ],
)
def test_what_cannot_work_ends_the_start(
    mosquitto: Mosquitto, daemons: Any, change: dict[str, Any], code: int, words: str
):
    daemon = daemons({**config(mosquitto.port, {"type": "file", "path": str(CLIP)}), **change})
    assert daemon.ends() == code
    assert words in daemon.log
    assert "Traceback" not in daemon.log


def test_a_truncated_clip_is_published_as_far_as_it_goes(mosquitto: Mosquitto, daemons: Any, tmp_path: Path):
    reader = Reader(mosquitto.port, "edgepose/#")
    daemon = daemons(config(mosquitto.port, {"type": "file", "path": str(truncated(CLIP, tmp_path / "short.mp4"))}))
    assert daemon.ends() == 1
    reader.wait_for(f"{NODE}/status", b"stopped")
    assert poses(reader)
    assert "short.mp4" in daemon.log.strip().splitlines()[-1]


@contextmanager
def mjpeg() -> Iterator[dict[str, Any]]:
    """The demo clip as a camera that serves motion JPEG."""
    pictures = [encoded(frame) for frame in frames_of(CLIP, first=60, count=30)]
    with HttpCamera(fps=15.0, jpeg=lambda number: pictures[number % len(pictures)]) as camera:
        yield {"type": "http", "url": camera.url()}


@contextmanager
def rtsp() -> Iterator[dict[str, Any]]:
    """The demo clip as an RTSP camera."""
    skip_without_rtsp_server()
    with RtspCamera(f"( filesrc location={CLIP} ! qtdemux ! rtph264pay name=pay0 pt=96 )") as camera:
        yield {"type": "rtsp", "url": camera.url()}


@pytest.mark.parametrize("stream", [mjpeg, rtsp])
def test_a_live_stream_is_published_in_order_to_a_5_and_a_311_reader(mosquitto: Mosquitto, daemons: Any, stream: Any):
    new = Reader(mosquitto.port, "edgepose/#")
    old = Reader(mosquitto.port, "edgepose/#", protocol=MQTTProtocolVersion.MQTTv311)
    with stream() as source:
        daemon = daemons(config(mosquitto.port, source))
        wait_until(lambda: sum(bool(m.people) for m in poses(new)) >= 20, "people to be published")
        daemon.send(signal.SIGTERM)
        assert daemon.ends() == 0, daemon.log
    new.wait_for(f"{NODE}/status", b"stopped")
    old.wait_for(f"{NODE}/status", b"stopped")
    assert_good(poses(new))
    assert new.payloads(POSE) == old.payloads(POSE)


def test_a_camera_that_goes_away_is_reported_and_found_again(mosquitto: Mosquitto, daemons: Any):
    reader = Reader(mosquitto.port, "edgepose/#")
    camera = HttpCamera(fps=15.0)
    daemon = daemons(config(mosquitto.port, {"type": "http", "url": camera.url()}))
    reader.wait_for(f"{NODE}/room/status", b"online")
    camera.stop()
    reader.wait_for(f"{NODE}/room/status", b"stalled")
    with HttpCamera(port=camera.port, fps=15.0):
        reader.wait_for(f"{NODE}/room/status", b"online", count=2)
        daemon.send(signal.SIGTERM)
        assert daemon.ends() == 0, daemon.log
