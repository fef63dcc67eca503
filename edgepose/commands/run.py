"""`edgepose run --config FILE`: the daemon."""

import argparse
from pathlib import Path

from edgepose import app


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the YAML configuration")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM; SIGHUP reads the file again."""
    return app.run(args.config)
