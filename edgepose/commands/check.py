"""`edgepose check FILE`: every problem of a configuration at once, each with its line."""

import argparse
from pathlib import Path

from edgepose.config_yaml import read_config
from edgepose.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the YAML configuration")


def run(args: argparse.Namespace) -> int:
    """0 where the file can be used, else 78 with a line for each problem."""
    config, problems = read_config(args.file)
    for problem in problems:
        print(problem.text(args.file))
    if config is None:
        return ConfigError.exit_code
    cameras = ", ".join(f"{name} ({camera.source.__struct_config__.tag})" for name, camera in config.cameras.items())
    print(f"{args.file}: good; node {config.node.name}, cameras: {cameras}")
    return 0
