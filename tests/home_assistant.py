"""Run by a Python that has Home Assistant: judges a discovery message by Home Assistant's own schemas and templates.

Reads {"discovery": …, "payloads": {topic: payload}} from standard input; prints {component: rendered state}, or the
complaint and fails.
"""

import asyncio
import importlib
import json
import sys
import tempfile
from typing import Any

from homeassistant.components.mqtt import schemas
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.template import Template

# What a component inherits from the whole (homeassistant/components/mqtt/discovery.py, _merge_common_device_options).
INHERITED = schemas.SHARED_OPTIONS


async def main() -> None:
    given = json.load(sys.stdin)
    discovery, payloads = given["discovery"], given["payloads"]
    home = HomeAssistant(tempfile.gettempdir())
    frame.async_setup(home)
    schemas.DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(discovery)))
    states: dict[str, Any] = {}
    for name, component in discovery["components"].items():
        if len(component) == 1:
            states[name] = "removed"
            continue
        merged = {**{key: discovery[key] for key in INHERITED if key in discovery}, **component}
        merged |= {"device": discovery["device"], "origin": discovery["origin"]}
        valid = importlib.import_module(f"homeassistant.components.mqtt.{component['platform']}").DISCOVERY_SCHEMA(
            merged
        )
        assert valid["availability_mode"] == "all"
        states[name] = {
            "state": rendered(home, component, payloads[component["state_topic"]])
            if "state_topic" in component
            else None,
            "available": all(
                rendered(home, each, payloads[each["topic"]]) == "online" for each in component["availability"]
            ),
        }
    print(json.dumps(states))


def rendered(home: HomeAssistant, component: dict[str, Any], payload: str) -> str:
    template = component.get("value_template")
    return payload if template is None else Template(template, home).async_render_with_possible_json_value(payload, "?")


asyncio.run(main())
