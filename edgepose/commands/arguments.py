"""Arguments that several commands have."""

import argparse
from collections.abc import Callable

from edgepose.config import Association


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


def add_association_arguments(parser: argparse.ArgumentParser) -> None:
    """--min-keypoint, --min-limb and --max-people; association() reads them."""
    parser.add_argument(
        "--min-keypoint", type=share, metavar="C", help="least confidence of a keypoint (default: the network's own)"
    )
    parser.add_argument(
        "--min-limb", type=share, metavar="C", help="least part affinity along a limb (default: the network's own)"
    )
    parser.add_argument(
        "--max-people",
        type=whole_number(1, 200),
        default=Association().max_people,
        metavar="N",
        help="most people in a frame (default: %(default)s)",
    )


def association(args: argparse.Namespace) -> Association:
    """What those arguments say."""
    return Association(min_keypoint=args.min_keypoint, min_limb=args.min_limb, max_people=args.max_people)


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


def number_above(lowest: float) -> Callable[[str], float]:
    """A parser of numbers above a bound, for `type=`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = lowest
        if not lowest < number < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above {lowest:g}")
        return number

    return parse
