"""Arguments that several commands have."""

import argparse
from collections.abc import Callable


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """--model and --threads."""
    parser.add_argument("--model", default="auto", metavar="NAME|PATH", help="a network (default: auto)")
    parser.add_argument(
        "--threads",
        type=whole_number(0, 64),
        default=0,
        metavar="N",
        help="threads of the network (default: one less than there are cores, at most three)",
    )


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """A parser of whole numbers between two bounds, for `type=`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if not lowest <= number <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return number

    return parse


def share(text: str) -> float:
    """A number above 0, at most 1, for `type=`."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, at most 1")
    return number
