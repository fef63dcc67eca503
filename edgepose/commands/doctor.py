"""`edgepose doctor --config FILE`: is everything there that the daemon needs, and if not, what to do."""

import argparse
from pathlib import Path

from edgepose import doctor
from edgepose.config_yaml import load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the YAML configuration")


def run(args: argparse.Namespace) -> int:
    """0 where all is well, else 1; a line for each thing that was looked at."""
    config = load_config(args.config)
    ill = 0
    for finding in doctor.findings(config):
        ill += not finding.good
        print(f"{'ok ' if finding.good else 'BAD'}  {finding.name}: {finding.text}", flush=True)
    print("all is well" if not ill else f"{ill} to be looked after")
    return 1 if ill else 0
