"""Home Assistant's device discovery: by its documentation, and by its own schemas where it is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgepose import discovery, wire
from edgepose.ports import Message

TOPICS = wire.Topics("edgepose", "flat-12")
PAYLOADS = {
    "edgepose/flat-12/status": "online",
    "edgepose/flat-12/health": json.dumps(
        {"temperature_c": 51.5, "cameras": {name: {"fps": 14.9, "latency_ms": 61.0} for name in ("bed", "hall")}}
    ),
}
for _camera in ("bed", "hall"):
    PAYLOADS |= {
        f"edgepose/flat-12/{_camera}/status": "online",
        f"edgepose/flat-12/{_camera}/occupancy": '{"v":1,"count":2,"posture":"lying","ts":1.0,"clock_synced":true}',
        f"edgepose/flat-12/{_camera}/enabled/state": "ON",
        f"edgepose/flat-12/{_camera}/alert/fall": '{"id":"a1"}',
    }


def message(*cameras: str) -> Message:
    return discovery.config("homeassistant", TOPICS, cameras or ("bed", "hall"), "edgepose_192x256_int8")


def document(*cameras: str) -> dict[str, Any]:
    return json.loads(message(*cameras).payload)


def test_it_is_one_retained_message_on_the_topic_of_the_device():
    made = message()
    assert made.topic == "homeassistant/device/edgepose_flat-12/config"
    assert (made.qos, made.retain) == (1, True)


def test_every_camera_has_all_that_is_promised():
    components = document()["components"]
    wanted = {
        "occupancy": ("binary_sensor", "occupancy"),
        "alert_fall": ("binary_sensor", "safety"),
        "posture": ("sensor", None),
        "people": ("sensor", None),
        "status": ("sensor", "enum"),
        "enabled": ("switch", None),
        "acknowledge": ("button", None),
        "fps": ("sensor", None),
        "latency": ("sensor", "duration"),
    }
    for camera in ("bed", "hall"):
        for name, (platform, device_class) in wanted.items():
            component = components[f"{camera}_{name}"]
            assert (component["platform"], component.get("device_class")) == (platform, device_class)
    assert components["node_temperature"]["device_class"] == "temperature"
    diagnostic = {name for name, component in components.items() if component.get("entity_category") == "diagnostic"}
    assert {"bed_status", "bed_fps", "bed_latency", "node_temperature"} <= diagnostic


def test_what_the_camera_sees_is_available_only_with_node_and_camera():
    made = document()
    assert made["availability_mode"] == "all"
    for name in ("occupancy", "alert_fall", "posture", "people"):
        topics = [each["topic"] for each in made["components"][f"bed_{name}"]["availability"]]
        assert topics == ["edgepose/flat-12/status", "edgepose/flat-12/bed/status"]
    assert len(made["components"]["bed_enabled"]["availability"]) == 1, "a camera that is off can be switched on"


def test_ids_are_unique_and_stay():
    components = document()["components"]
    ids = [component["unique_id"] for component in components.values()]
    assert len(set(ids)) == len(ids)
    assert components["bed_occupancy"]["unique_id"] == "edgepose_flat-12_bed_occupancy"


def test_one_camera_needs_no_name_before_every_entity():
    assert document("bed")["components"]["bed_occupancy"]["name"] == "Occupancy"
    assert document()["components"]["bed_occupancy"]["name"] == "bed Occupancy"


def test_the_buttons_send_what_the_node_takes_for_an_acknowledgement():
    from edgepose import orders
    from edgepose.ports import Incoming

    for name, verdict in (("acknowledge", "true"), ("false_alarm", "false")):
        button = document()["components"][f"bed_{name}"]
        order = orders.order(TOPICS, None, Incoming(button["command_topic"], button["payload_press"].encode()))
        assert isinstance(order, orders.Acknowledge)
        assert (order.name, order.ack.verdict) == ("bed", verdict)


def test_a_camera_that_has_gone_is_taken_away_once():
    gone = discovery.removal(message("bed"), message("bed", "hall").payload)
    assert gone is not None and not gone.retain
    components = json.loads(gone.payload)["components"]
    assert components["hall_occupancy"] == {"platform": "binary_sensor"}
    assert "unique_id" in components["bed_occupancy"]
    assert discovery.removal(message("bed"), message("bed").payload) is None


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"[]", b'{"components": 3}', b'{"components":{"a":{}}}'])
def test_any_earlier_message_is_survived(garbage: bytes):
    discovery.removal(message("bed"), garbage)


@pytest.fixture(scope="session")
def home_assistant() -> str:
    """A Python that has Home Assistant: $EDGEPOSE_HOMEASSISTANT, or this one."""
    python = os.environ.get("EDGEPOSE_HOMEASSISTANT", sys.executable)
    code = "import homeassistant.components.mqtt.schemas"
    if subprocess.run([python, "-c", code], check=False, capture_output=True).returncode:
        pytest.skip("Home Assistant is not installed: name a Python that has it in EDGEPOSE_HOMEASSISTANT")
    return python


def judged(python: str, made: dict[str, Any], payloads: dict[str, str]) -> dict[str, Any]:
    script = Path(__file__).parent / "home_assistant.py"
    given = json.dumps({"discovery": made, "payloads": payloads})
    ran = subprocess.run([python, str(script)], check=False, input=given, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_home_assistants_own_schemas_take_it_and_its_templates_read_our_messages(home_assistant: str):
    states = judged(home_assistant, document(), PAYLOADS)
    shown = {name.removeprefix("bed_"): each["state"] for name, each in states.items() if name.startswith("bed_")}
    assert shown == {
        "occupancy": "ON",
        "people": "2",
        "posture": "lying",
        "alert_fall": "ON",
        "status": "online",
        "enabled": "ON",
        "acknowledge": None,
        "false_alarm": None,
        "fps": "14.9",
        "latency": "61.0",
    }
    assert states["node_temperature"]["state"] == "51.5"
    assert all(each["available"] for each in states.values())


def test_home_assistant_shows_a_cleared_alert_and_a_stalled_camera_as_that(home_assistant: str):
    changed = {**PAYLOADS, "edgepose/flat-12/bed/alert/fall": "", "edgepose/flat-12/bed/status": "stalled"}
    states = judged(home_assistant, document(), changed)
    assert states["bed_alert_fall"] == {"state": "OFF", "available": False}
    assert states["hall_alert_fall"] == {"state": "ON", "available": True}
    assert states["bed_status"] == {"state": "stalled", "available": True}
    states = judged(home_assistant, document(), {**PAYLOADS, "edgepose/flat-12/status": "stopped"})
    assert not any(each["available"] for each in states.values())


def test_home_assistant_takes_the_removal(home_assistant: str):
    gone = discovery.removal(message("bed"), message("bed", "hall").payload)
    assert gone is not None
    assert judged(home_assistant, json.loads(gone.payload), PAYLOADS)["hall_occupancy"] == "removed"
