"""Home Assistant's device-based discovery: one message that makes one device of a node. Pure.

Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and the pages of the platforms.
"""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from edgepose.ports import Message
from edgepose.version import __version__
from edgepose.wire import CameraStatus, Topics

HEALTH_EVERY_S = 60
ALERTS = {"fall": "Fall"}
"""Kinds of alert that get an entity of their own, and what it is called."""

Component = dict[str, Any]


def topic(prefix: str, node: str) -> str:
    """<discovery>/device/edgepose_<node>/config."""
    return f"{prefix}/device/{device_id(node)}/config"


def device_id(node: str) -> str:
    """What Home Assistant knows a node by."""
    return f"edgepose_{node}"


def config(prefix: str, topics: Topics, cameras: Iterable[str], network: str) -> Message:
    """The discovery of a node and its cameras; `network` is the name of the network it runs."""
    cameras = tuple(cameras)
    components: dict[str, Component] = {}
    for camera in cameras:
        components |= _of_camera(topics, camera, named=len(cameras) > 1)
    components |= _of_node(topics)
    return _message(prefix, topics, network, components)


def removal(current: Message, previous: bytes) -> Message | None:
    """A message that takes away what `previous` had and `current` has not; None where there is no such thing.

    Leaving a component out takes nothing away: it has to be named with its platform alone, once.
    """
    before = _components(previous)
    document = msgspec.json.decode(current.payload)
    now = document["components"]
    gone = {name: {"platform": platform} for name, platform in before.items() if name not in now}
    if not gone:
        return None
    document["components"] = {**now, **gone}
    return Message(current.topic, msgspec.json.encode(document))


class _Known(msgspec.Struct):
    components: dict[str, dict[str, Any]] = {}


def _components(payload: bytes) -> dict[str, str]:
    """Names and platforms of an earlier discovery message; nothing where it can't be read."""
    try:
        known = msgspec.json.decode(payload, type=_Known).components
    except (msgspec.DecodeError, RecursionError):
        return {}
    return {name: str(component.get("platform", "sensor")) for name, component in known.items()}


def _message(prefix: str, topics: Topics, network: str, components: Mapping[str, Component]) -> Message:
    document = {
        "device": {
            "identifiers": [device_id(topics.node)],
            "name": topics.node,
            "manufacturer": "edgepose",
            "model": network,
            "sw_version": __version__,
        },
        "origin": {"name": "edgepose", "sw_version": __version__},
        "availability_mode": "all",
        "components": components,
    }
    return Message(topic(prefix, topics.node), msgspec.json.encode(document), qos=1, retain=True)


def _of_camera(topics: Topics, camera: str, *, named: bool) -> dict[str, Component]:
    """Everything of one camera; `named` puts its name before that of every entity."""
    parts = _observations(topics, camera) | _controls(topics, camera) | _diagnostics(topics, camera)
    label = f"{camera} " if named else ""
    titled = {name: {**part, "name": f"{label}{part['name']}"} for name, part in parts.items()}
    return _identified(topics, camera, titled)


def _observations(topics: Topics, camera: str) -> dict[str, Component]:
    """What can be believed only while the camera sees."""
    seen = {"availability": [_available(topics.of_node("status")), _available(topics.of_camera(camera, "status"))]}
    occupancy = {"state_topic": topics.of_camera(camera, "occupancy"), **seen}
    parts: dict[str, Component] = {
        "occupancy": {
            "platform": "binary_sensor",
            "name": "Occupancy",
            "device_class": "occupancy",
            "value_template": "{{ 'ON' if value_json.count > 0 else 'OFF' }}",
            **occupancy,
        },
        "people": {
            "platform": "sensor",
            "name": "People",
            "icon": "mdi:account-group",
            "state_class": "measurement",
            "value_template": "{{ value_json.count }}",
            **occupancy,
        },
        "posture": {
            "platform": "sensor",
            "name": "Posture",
            "icon": "mdi:human",
            "value_template": "{{ value_json.posture or 'none' }}",
            **occupancy,
        },
    }
    for kind, name in ALERTS.items():
        parts[f"alert_{kind}"] = {
            "platform": "binary_sensor",
            "name": name,
            "device_class": "safety",
            "state_topic": topics.of_camera(camera, f"alert/{kind}"),
            "value_template": "{{ 'ON' if value else 'OFF' }}",
            **seen,
        }
    return parts


def _controls(topics: Topics, camera: str) -> dict[str, Component]:
    reached = {"availability": [_available(topics.of_node("status"))]}
    acknowledge = {"platform": "button", "command_topic": topics.of_node(f"alert/{camera}/ack/set"), **reached}
    return {
        "enabled": {
            "platform": "switch",
            "name": "Enabled",
            "icon": "mdi:cctv",
            "command_topic": topics.of_camera(camera, "enabled/set"),
            "state_topic": topics.of_camera(camera, "enabled/state"),
            **reached,
        },
        "acknowledge": {
            "name": "Acknowledge alert",
            "icon": "mdi:check",
            "payload_press": '{"by":"home-assistant","verdict":"true"}',
            **acknowledge,
        },
        "false_alarm": {
            "name": "False alarm",
            "icon": "mdi:close",
            "payload_press": '{"by":"home-assistant","verdict":"false"}',
            **acknowledge,
        },
    }


def _diagnostics(topics: Topics, camera: str) -> dict[str, Component]:
    reached = {"availability": [_available(topics.of_node("status"))]}
    measured = {"platform": "sensor", "state_class": "measurement", **_of_health(topics), **reached}
    return {
        "status": {
            "platform": "sensor",
            "name": "Camera",
            "device_class": "enum",
            "options": list(get_args(CameraStatus)),
            "entity_category": "diagnostic",
            "state_topic": topics.of_camera(camera, "status"),
            **reached,
        },
        "fps": {
            "name": "Frame rate",
            "unit_of_measurement": "fps",
            "value_template": f"{{{{ value_json.cameras['{camera}'].fps }}}}",
            **measured,
        },
        "latency": {
            "name": "Latency",
            "device_class": "duration",
            "unit_of_measurement": "ms",
            "value_template": f"{{{{ value_json.cameras['{camera}'].latency_ms }}}}",
            **measured,
        },
    }


def _of_health(topics: Topics) -> Component:
    return {
        "state_topic": topics.of_node("health"),
        "entity_category": "diagnostic",
        "expire_after": 3 * HEALTH_EVERY_S,
    }


def _of_node(topics: Topics) -> dict[str, Component]:
    temperature = {
        "platform": "sensor",
        "name": "Temperature",
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_class": "measurement",
        "value_template": "{{ value_json.temperature_c }}",
        "availability": [_available(topics.of_node("status"))],
        **_of_health(topics),
    }
    return _identified(topics, "node", {"temperature": temperature})


def _identified(topics: Topics, owner: str, parts: Mapping[str, Component]) -> dict[str, Component]:
    """Parts with the ids that tell them from all others, and stay when somebody renames an entity."""
    return {
        f"{owner}_{name}": {"unique_id": f"{device_id(topics.node)}_{owner}_{name}", **part}
        for name, part in parts.items()
    }


def _available(status_topic: str) -> Component:
    """A status of several words as the two that availability knows."""
    return {
        "topic": status_topic,
        "value_template": "{{ 'online' if value == 'online' else 'offline' }}",
        "payload_available": "online",
        "payload_not_available": "offline",
    }
