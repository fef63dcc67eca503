"""Renders short clips of two to four people who cross, hide each other, leave and come back, for scoring their ids.

    python models/training/render/crossing.py --out runs/crossing

Writes NAME.mp4 and NAME.json, in the form of the demo clip's truth.json, for each of the stories below. The room and
the light are the demo clip's, in a smaller picture and with fewer lamps, so that a frame takes seconds and not more.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import clip
import lying
import picture
import scene
from body import Body
from motion import RATE_HZ, Gait, standing, walk
from motion import Path as Way
from pose import Pose
from story import Actor
from wardrobe import Dressed

DOORWAY = (1.22, 5.6)
"""in the corridor, out of sight"""
BEHIND = (3.7, -1.2)
"""behind the camera"""
Places = Sequence[tuple[float, float]]


def leg(body: Body, places: Places, facing_deg: float | None, pace: float) -> tuple[list[Pose], float]:
    """A walk through places, begun with a turn from where one faces, and where one faces at its end."""
    poses = walk(body, Way(places, facing_deg, None), Gait(step_m=0.55 * pace, steps_hz=1.8))
    (x0, y0), (x1, y1) = places[-2:]
    return poses, math.degrees(math.atan2(y1 - y0, x1 - x0))


def tour(dressed: Dressed, enters_s: float, legs: Sequence[Places | float], pace: float = 1.0) -> Actor:
    """Somebody who walks (places) and waits (seconds) in turn."""
    poses: list[Pose] = []
    facing: float | None = None
    for part in legs:
        if isinstance(part, (int, float)):
            poses += [poses[-1]] * round(part * RATE_HZ)
        else:
            walked, facing = leg(dressed.body, part, facing, pace)
            poses += walked
    return Actor(dressed, enters_s, poses, [(enters_s, "walking")], {})


def stander(dressed: Dressed, at: tuple[float, float], heading_deg: float, seconds: float) -> Actor:
    """Somebody who stands all the time."""
    return Actor(
        dressed, 0.0, [standing(dressed.body, heading_deg, at)] * round(seconds * RATE_HZ), [(0.0, "standing")], {}
    )


def crossing(cast: list[Dressed]) -> list[Actor]:
    """Two people who pass each other twice."""
    there, back = [(0.9, 2.9), (2.0, 2.2), (3.2, 1.5)], [(3.2, 1.5), (2.0, 2.0), (0.9, 2.7)]
    return [
        tour(cast[0], 0.0, [there, 1.0, back]),
        tour(cast[1], 0.0, [[(3.3, 2.4), (2.2, 2.2), (1.0, 2.0)], 1.5, [(1.0, 2.0), (2.2, 2.5), (3.2, 2.9)]]),
    ]


def hiding(cast: list[Dressed]) -> list[Actor]:
    """One who stands before the camera, and two who pass behind and in front of them."""
    return [
        stander(cast[2], (1.9, 1.8), 200.0, 12.0),
        tour(cast[3], 0.0, [[(3.4, 1.6), (2.5, 2.4), (1.2, 3.1)], 0.8, [(1.2, 3.1), (2.4, 2.6), (3.4, 1.7)]]),
        tour(cast[4], 1.0, [[(0.9, 2.6), (1.5, 1.5), (2.6, 0.9)], 1.0, [(2.6, 0.9), (1.4, 1.6), (1.0, 2.8)]], 0.85),
    ]


def leaving(cast: list[Dressed]) -> list[Actor]:
    """Four people: one leaves by the door and comes back, one goes out past the camera, two cross."""
    out, back = [(2.4, 2.4), (1.5, 3.3), (1.22, 4.4), DOORWAY], [DOORWAY, (1.3, 4.2), (2.5, 2.4)]
    through = [DOORWAY, (1.23, 4.4), (1.6, 3.3), (2.3, 2.1), (3.05, 1.15), (3.5, 0.3), BEHIND]
    there, home = [(3.3, 2.9), (2.4, 2.7), (1.0, 2.2)], [(1.0, 2.2), (2.4, 1.6), (3.2, 1.4)]
    return [
        tour(cast[0], 0.0, [out, 3.0, back, 2.0]),
        tour(cast[1], 5.0, [through], 1.1),
        tour(cast[3], 0.0, [there, 2.0, home, 2.0]),
        stander(cast[5], (2.9, 2.0), 160.0, 13.0),
    ]


STORIES: dict[str, Callable[[list[Dressed]], list[Actor]]] = {
    "crossing": crossing, "hiding": hiding, "leaving": leaving,
}  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stories", nargs="*", choices=STORIES, default=[*STORIES])
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--fps", type=int, default=10, help="a divisor of 60")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 360), metavar=("WIDTH", "HEIGHT"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    studio = picture.Studio(scene.camera((args.size[0], args.size[1])), args.seed, fine=0.25)
    cast = lying.people(args.seed)
    for name in args.stories:
        video = args.out / f"{name}.mp4"
        clip.film(video, video.with_suffix(".json"), STORIES[name](cast), studio, seed=args.seed, fps=args.fps, crf=20)


if __name__ == "__main__":
    main()
