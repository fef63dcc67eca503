"""Which retained topics are cleared, and which are left alone."""

import pytest

from edgepose import sweep
from edgepose.ports import Incoming
from edgepose.sweep import Former, Kept, Sweep
from edgepose.wire import Topics

NOW = Topics("edgepose", "house")
OLD = Topics("edgepose", "flat")
INFO = b'{"v":1,"cameras":["bed","hall"]}'


def cleared(kept: Kept, *found: tuple[str, bytes]) -> set[str]:
    look = Sweep(NOW, kept)
    for topic, payload in found:
        assert not look.take(Incoming(topic, payload, retain=True))
    assert look.take(Incoming("edgepose/house/status", b"online"))
    messages = look.messages()
    assert all(message.retain and message.qos == 1 and not message.payload for message in messages)
    return {message.topic for message in messages}


def test_of_a_camera_that_has_gone_everything_goes_whatever_the_order():
    found = [
        ("edgepose/house/hall/status", b"offline"),
        ("edgepose/house/hall/zone/door/state", b"{}"),
        ("edgepose/house/hall/enabled/set", b"ON"),
        ("edgepose/house/bed/status", b"online"),
        ("edgepose/house/info", INFO),
    ]
    expected = {"edgepose/house/hall/status", "edgepose/house/hall/zone/door/state"}
    assert cleared(Kept({"bed": []}), *found) == expected
    assert cleared(Kept({"bed": []}), *reversed(found)) == expected


def test_what_no_configuration_of_ours_named_is_a_strangers():
    assert cleared(Kept({"bed": []}), ("edgepose/house/lamp/status", b"online")) == set()
    assert (
        cleared(Kept({"bed": []}), ("edgepose/house/info", b"garbage"), ("edgepose/house/hall/status", b"x")) == set()
    )


def test_an_alert_goes_unless_it_stands():
    kept = Kept({"bed": []}, alerts=lambda: {("bed", "fall")})
    found = [("edgepose/house/bed/alert/fall", b"{}"), ("edgepose/house/bed/alert/long_lie", b"{}")]
    assert cleared(kept, *found) == {"edgepose/house/bed/alert/long_lie"}


FOUND = [
    ("edgepose/flat/status", b"stopped"),
    ("edgepose/flat/info", INFO),
    ("edgepose/flat/bed/status", b"offline"),
    ("edgepose/flat/lamp/status", b"online"),
    ("homeassistant/device/edgepose_flat/config", b"{}"),
]
RENAMED = Kept({"bed": []}, former=Former(OLD, "homeassistant/device/edgepose_flat/config"))


def test_a_former_name_is_left_with_nothing_of_ours():
    assert cleared(RENAMED, *FOUND) == {topic for topic, _ in FOUND} - {"edgepose/flat/lamp/status"}


def test_a_name_that_another_node_goes_by_now_is_left_alone():
    assert cleared(RENAMED, ("edgepose/flat/status", b"online"), *FOUND[1:]) == set()


def test_another_discovery_prefix_clears_the_old_message_alone():
    kept = Kept({"bed": []}, discovery_topic="ha/x", former=Former(NOW, "homeassistant/x"))
    found = [
        ("edgepose/house/status", b"stopped"),
        ("edgepose/house/info", INFO),
        ("edgepose/house/bed/status", b"offline"),
        ("homeassistant/x", b"{}"),
    ]
    assert cleared(kept, *found) == {"homeassistant/x"}


def test_a_broker_full_of_topics_is_looked_at_only_so_far(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sweep, "MOST_TOPICS", 10)
    found = [("edgepose/house/info", INFO), *((f"edgepose/house/hall/zone/{n}/state", b"x") for n in range(100))]
    assert len(cleared(Kept({"bed": []}), *found)) == 10
