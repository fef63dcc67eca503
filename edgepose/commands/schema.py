"""`edgepose schema`: the JSON schema that editors use to complete and check the YAML configuration."""

import argparse
import json
from typing import Any

import msgspec

from edgepose.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001
    """Print the schema."""
    print(json.dumps(config_schema(), indent=2))
    return 0


def config_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of the configuration file."""
    schema = msgspec.json.schema(Config)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "edgepose configuration", **schema}
