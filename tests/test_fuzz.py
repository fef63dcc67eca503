"""Whatever comes in, nothing hangs and nobody sees a traceback. EDGEPOSE_FUZZ=N tries N inputs of each kind."""

import itertools
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgepose import discovery, orders, sweep, wire
from edgepose.adapters.mqtt_paho import Listening, MqttPublisher
from edgepose.adapters.sources import open_source
from edgepose.alerts import Acknowledgement, Alerts, NoFiles
from edgepose.backoff import Backoff
from edgepose.clock import Stamp
from edgepose.config import Config, FileSource
from edgepose.config_yaml import parse_config
from edgepose.demo_clip import CLIP
from edgepose.errors import SourceError
from edgepose.ports import Incoming
from tests import broker
from tests.scripted_broker import ScriptedBroker, Visitor

INPUTS = int(os.environ.get("EDGEPOSE_FUZZ", "150"))
fuzz = settings(max_examples=INPUTS, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
FEW = max(5, INPUTS // 15)

GOOD: dict[str, Any] = {
    "node": {"name": "flat"},
    "mqtt": {
        "host": "localhost",
        "port": 1883,
        "username": "u",
        "password_file": "/p",
        "tls": {"ca_file": "system", "cert_file": "/c", "key_file": "/k"},
        "discovery": {"enabled": True, "prefix": "homeassistant"},
        "pose": {"max_hz": 10, "openpose": True},
    },
    "cameras": {
        "bed": {
            "source": {"type": "rtsp", "url": "rtsp://x", "transport": "tcp"},
            "mount": {"rotate": 90, "view": "wall"},
            "privacy_masks": [[[0, 0], [1, 0], [1, 1]]],
            "zones": {"bed": {"kind": "bed", "polygon": [[0, 0], [1, 0], [1, 1]]}},
            "stall_timeout_s": 5,
        }
    },
    "model": {"name": "auto", "threads": 2, "delegate": "none"},
    "association": {"min_keypoint": 0.1, "min_limb": 0.1, "max_people": 20},
    "tracking": {"max_lost_s": 3, "smoothing": "one_euro"},
    "care": {
        "fall": {"enabled": True, "repeat_s": 60},
        "long_lie": {"suspect_s": 30, "confirm_s": 60},
        "bed_exit": {"quiet_hours": "22:00-07:00"},
        "help_gesture": {"waves": 3},
    },
    "http": {"bind": "127.0.0.1:9464"},
    "logging": {"level": "info", "format": "text"},
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["", "~", "<<", "!!python/object:x", "0x1f", "1e999", ".inf", "2026-01-01", "y" * 5000, "[::1]:1"]
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*path, key))


PLACES = sorted(places(GOOD), key=str)


def changed(tree: Any, path: tuple[Any, ...], value: Any, how: str) -> Any:
    """A copy of a tree with one place replaced, removed, renamed or wrapped."""
    if not path:
        return value if how == "replace" else tree
    key, *rest = path
    if not isinstance(tree, dict | list) or key not in (tree if isinstance(tree, dict) else range(len(tree))):
        return tree
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest:
        copy[key] = changed(tree[key], tuple(rest), value, how)
    elif how == "remove":
        del copy[key]
    elif how == "rename" and isinstance(copy, dict):
        copy[str(value)[:20]] = copy.pop(key)
    else:
        copy[key] = value if how == "replace" else [copy[key]]
    return copy


CHANGES = st.tuples(st.sampled_from(PLACES), VALUES, st.sampled_from(["replace", "remove", "rename", "wrap"]))


def examine(text: str) -> None:
    config, problems = parse_config(text)
    assert isinstance(config, Config) != bool(problems)
    for problem in problems:
        assert problem.line >= 1
        assert problem.what
        assert "Traceback" not in problem.what


@fuzz
@given(changes=st.lists(CHANGES, min_size=1, max_size=5))
def test_any_configuration_is_good_or_its_problems_are_named(changes: list[tuple[tuple[Any, ...], Any, str]]):
    tree: Any = GOOD
    for path, value, how in changes:
        tree = changed(tree, path, value, how)
    examine(yaml.safe_dump(tree))


@fuzz
@given(cut=st.integers(0, 2000), junk=st.text(max_size=30), place=st.integers(0, 2000))
def test_any_damage_to_the_file_is_named(cut: int, junk: str, place: int):
    text = yaml.safe_dump(GOOD)
    examine((text[:place] + junk + text[place:])[:cut])


@fuzz
@given(text=st.text(alphabet="{}[]:,-&*!|>'\"#%@` \n\tab0.~?", max_size=60))
def test_any_text_is_no_configuration(text: str):
    assert parse_config(text)[0] is None


TOPICS = wire.Topics("edgepose", "flat")
COMMAND = st.sampled_from(["bed/enabled/set", "alert/bed/ack/set", "alert/x/ack/set", "info", "status"])
PIECES = st.sampled_from(
    [b"{", b"}", b'"by"', b":", b'"x"', b",", b'"verdict"', b'"true"', b"[", b"\0", b"\xff", b"ON"]
)
PAYLOAD = st.binary(max_size=64) | st.lists(PIECES, max_size=12).map(b"".join)


@fuzz
@given(leaf=COMMAND | st.text(max_size=30), payload=PAYLOAD, retain=st.booleans())
def test_any_command_is_obeyed_refused_or_none_of_our_business(leaf: str, payload: bytes, retain: bool):
    message = Incoming(f"edgepose/flat/{leaf}", payload, retain)
    book = Alerts(NoFiles())
    try:
        order = orders.order(TOPICS, "homeassistant", message)
    except orders.RefusedError as exc:
        assert len(str(exc)) < 500
        return
    if isinstance(order, orders.Acknowledge):
        assert isinstance(order.ack, Acknowledgement)
        assert book.acknowledge(TOPICS, order.name, order.ack, Stamp(0, synced=False), lambda _: None) == 0


@fuzz
@given(kept=st.lists(st.tuples(COMMAND | st.text(max_size=30), PAYLOAD, st.booleans()), max_size=8))
def test_whatever_a_broker_keeps_only_our_own_topics_are_cleared(kept: list[tuple[str, bytes, bool]]):
    config = discovery.config("homeassistant", TOPICS, ["bed"], "net")
    look = sweep.Sweep(TOPICS, sweep.Kept({"bed": ["zone"]}, discovery_topic=config.topic, discovery=config))
    for leaf, payload, retain in kept:
        look.take(Incoming(f"edgepose/flat/{leaf}", payload, retain))
        look.take(Incoming(config.topic, payload, retain))
    for message in look.messages():
        assert message.topic == config.topic or message.topic.startswith("edgepose/flat/")
        assert not message.topic.endswith("/set")


@pytest.fixture(scope="module")
def clip() -> bytes:
    return CLIP.read_bytes()


def test_any_damage_to_a_clip_ends_in_frames_or_in_one_sentence(clip: bytes, tmp_path: Path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for number in range(FEW):
        data = bytearray(clip[: rng.randrange(len(clip))] if rng.random() < 0.6 else clip)
        for _ in range(rng.choice((0, 1, 50, 2000))):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(data)
        read_to_its_end(path)
        path.unlink()


def read_to_its_end(path: Path) -> None:
    outcome: list[BaseException | None] = []

    def read() -> None:
        source = open_source(FileSource(path=str(path)), stall_timeout_s=5)
        try:
            for frame in itertools.islice(source.frames(), 40):
                frame.picture.rgb(32, 32)
            outcome.append(None)
        except BaseException as exc:
            outcome.append(exc)
        finally:
            source.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(60)
    assert outcome, "it hangs"
    assert outcome[0] is None or isinstance(outcome[0], SourceError), repr(outcome[0])


def test_a_broker_that_talks_rubbish_costs_connections_and_nothing_else():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    packets = [bytes.fromhex(text) for text in ("9003000100", "3000", "30ffffff7f", "4002ffff", "d000", "e000", "f000")]

    def rubbish(visitor: Visitor) -> None:
        visitor.accept()
        for _ in range(rng.randrange(6)):
            data = rng.choice(packets) if rng.random() < 0.5 else rng.randbytes(rng.randrange(40))
            visitor.sock.sendall(data[: rng.randrange(1, len(data) + 1)] if data else b"")

    visited = ScriptedBroker(rubbish)
    kept = sweep.Kept({"bed": []})
    publisher = MqttPublisher(
        broker.settings(visited.port),
        "flat",
        ["bed"],
        listening=Listening(orders.filters(TOPICS, None), lambda _: None, lambda: sweep.Sweep(TOPICS, kept)),
        backoff=Backoff(first_s=0.005, most_s=0.01),
    )
    try:
        for count in range(FEW):
            publisher.send(wire.camera_status(TOPICS, "bed", "online"))
            broker.wait_until(lambda count=count: len(visited.versions) > count, "another connection")
            assert publisher.alive
    finally:
        publisher.close()
        visited.close()
