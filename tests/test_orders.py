"""What others may tell a node, and everything else, which it refuses."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgepose import orders, wire
from edgepose.alerts import Acknowledgement
from edgepose.orders import Acknowledge, RefusedError, Repeat, Switch
from edgepose.ports import Incoming

TOPICS = wire.Topics("edgepose", "flat")
NODE = "edgepose/flat"


def order(topic: str, payload: bytes, retain: bool = False) -> orders.Order | None:
    return orders.order(TOPICS, "homeassistant", Incoming(topic, payload, retain))


@pytest.mark.parametrize(("payload", "on"), [(b"ON", True), (b"OFF", False), (b"off\n", False)])
def test_a_camera_is_switched(payload: bytes, on: bool):
    assert order(f"{NODE}/bed/enabled/set", payload) == Switch("bed", on)


@pytest.mark.parametrize("verdict", ['"true"', "true", '"false"', "false"])
def test_an_alert_is_acknowledged(verdict: str):
    got = order(f"{NODE}/alert/a-1/ack/set", b'{"by":"nurse","verdict":%s}' % verdict.encode())
    assert got == Acknowledge("a-1", Acknowledgement("nurse", verdict.strip('"')))


def test_home_assistants_birth_asks_for_everything_again():
    assert order("homeassistant/status", b"online") == Repeat()
    assert order("homeassistant/status", b"offline") is None
    assert order("homeassistant/status", b"online", retain=True) is None, "that one was born before us"


@pytest.mark.parametrize(
    ("topic", "payload", "words"),
    [
        ("bed/enabled/set", b"", "expected ON or OFF, got ''"),
        ("bed/enabled/set", b"maybe\x1b[2J", "expected ON or OFF, got 'maybe\\x1b[2J'"),
        ("bed/enabled/set", b"ON" * 4000, "8000 bytes are more than a command takes"),
        ("alert/a/ack/set", b"true", 'expected {"by"'),
        ("alert/a/ack/set", b'{"by":"","verdict":"true"}', "length >= 1"),
        ("alert/a/ack/set", b'{"by":"x","verdict":"perhaps"}', "verdict"),
        ("alert/a/ack/set", b'{"by":"x"}', "missing required field `verdict`"),
        ("alert/a/ack/set", b'{"by":"x","verdict":true,"more":1}', "unknown field"),
        ("alert/a/ack/set", b"[" * 1000, "expected"),
    ],
)
def test_garbage_is_refused_with_what_is_wrong(topic: str, payload: bytes, words: str):
    with pytest.raises(RefusedError) as caught:
        order(f"{NODE}/{topic}", payload)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_retained_command_is_refused_since_it_would_come_again_and_again():
    with pytest.raises(RefusedError, match="without retain"):
        order(f"{NODE}/bed/enabled/set", b"OFF", retain=True)


def test_other_topics_are_none_of_our_business():
    for topic in ("bed/pose", "bed/enabled/state", "alert/a/ack", "", "a/b/c/d/e"):
        assert order(f"{NODE}/{topic}", b"ON") is None
    assert order("edgepose/other/bed/enabled/set", b"ON") is None


def test_the_filters_are_as_narrow_as_can_be():
    assert orders.filters(TOPICS, None) == ("edgepose/flat/+/enabled/set", "edgepose/flat/alert/+/ack/set")
    assert orders.filters(TOPICS, "ha")[2] == "ha/status"


LEAVES = st.sampled_from(["bed/enabled/set", "alert/x/ack/set", "alert//ack/set", "/enabled/set"]) | st.text(
    max_size=40
)
JSONISH = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.sampled_from(["by", "verdict", "true"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["by", "verdict", "x"]), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@settings(deadline=None, print_blob=True)
@given(leaf=LEAVES, payload=st.binary(max_size=1500) | JSONISH, retain=st.booleans())
def test_anything_is_an_order_or_refused_or_ignored(leaf: str, payload: bytes, retain: bool):
    try:
        got = order(f"{NODE}/{leaf}", payload, retain)
    except RefusedError as exc:
        assert len(str(exc)) < 400
    else:
        assert got is None or isinstance(got, Switch | Acknowledge)
