"""`edgepose demo`: the bundled clip through the daemon's own code, an embedded broker, and a subscriber that tells."""

import argparse

from edgepose.demo import Demo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="auto", help="name or path of a network (default: auto)")
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="port of the embedded broker on the loopback interface (default: a free one)",
    )
    parser.add_argument("--fast", action="store_true", help="as fast as the network goes, not at the clip's pace")


def run(args: argparse.Namespace) -> int:
    """Play the clip and print what a subscriber receives, then a summary."""
    return Demo(model=args.model, port=args.port, realtime=not args.fast).run(print)
