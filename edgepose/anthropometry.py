"""How long the parts of a body are, as shares of its stature, and what that says about a person in a picture.

Shares: Drillis & Contini 1966, as printed in D. A. Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1;
shoulder and hip widths are those of the joints that networks mark, not of the outline.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from edgepose.skeleton import LAYOUTS

Rows = Sequence[Sequence[float]]
"""Keypoints as plain lists: x, y, confidence; not seen where the confidence is 0."""

TORSO, THIGH, SHANK = 0.288, 0.245, 0.246
"""Shoulder line to hips, hip to knee, knee to ankle."""
EYE_LEVEL, SHOULDER_LEVEL, HIP_LEVEL, KNEE_LEVEL, ANKLE_LEVEL = 0.936, 0.818, 0.530, 0.285, 0.039
"""Above the ground, standing."""

_SEGMENTS = (
    ("shoulder", "hip", TORSO),
    ("neck", "hip", TORSO + 0.005),
    ("hip", "knee", THIGH),
    ("knee", "ankle", SHANK),
    ("shoulder", "elbow", 0.186),
    ("elbow", "wrist", 0.146),
)
"""Both ends on the same side of the body; the neck has no side."""

_SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "neck": 0.079, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089,
}  # fmt: skip
"""Per-keypoint constants of COCO's object keypoint similarity; the neck, which COCO has not, as the shoulders."""


@lru_cache
def segments(layout: str) -> tuple[tuple[int, int, float], ...]:
    """(first, second, share of stature) of every long bone that the layout has both ends of."""
    names = LAYOUTS[layout]
    places = {name: place for place, name in enumerate(names)}
    found = []
    for side in ("left", "right"):
        for first, second, share in _SEGMENTS:
            ends = [end if end == "neck" else f"{side}_{end}" for end in (first, second)]
            if all(end in places for end in ends):
                found.append((places[ends[0]], places[ends[1]], share))
    return tuple(found)


@lru_cache
def sigmas(layout: str) -> tuple[float, ...]:
    """COCO's constant of every keypoint of a layout; a foot's points count as its ankle."""
    return tuple(_SIGMAS.get(_plain(name), _SIGMAS["ankle"]) for name in LAYOUTS[layout])


@lru_cache
def groups(layout: str) -> Mapping[str, tuple[int, ...]]:
    """Places of the keypoints that tell where each level of a body is: head, shoulders, hips, knees, ankles."""
    names = LAYOUTS[layout]
    levels = {"head": ("nose", "eye", "ear"), "shoulders": ("shoulder", "neck"), "hips": ("hip",), "knees": ("knee",)}
    levels["ankles"] = ("ankle",)
    levels["wrists"] = ("wrist",)
    levels["elbows"] = ("elbow",)
    return {
        level: tuple(place for place, name in enumerate(names) if _plain(name) in members)
        for level, members in levels.items()
    }


def stature(rows: Rows, layout: str) -> float | None:
    """How tall a person would stand in this picture, pixels; None where too little of them is seen.

    Every bone tells a stature, and foreshortening only ever makes it less: so the second largest of what the bones
    say is taken, the largest being one misplaced keypoint too often.
    """
    said: list[float] = []
    for first, second, share in segments(layout):
        a, b = rows[first], rows[second]
        if a[2] > 0 and b[2] > 0:
            said.append(math.hypot(a[0] - b[0], a[1] - b[1]) / share)
    if len(said) < 2:
        return None
    said.sort()
    return said[-2]


def centre(rows: Rows, places: Sequence[int]) -> tuple[float, float] | None:
    """Mean of those of some keypoints that are seen, pixels."""
    x = y = 0.0
    seen = 0
    for place in places:  # a plain loop, since this is called a dozen times a person and frame
        row = rows[place]
        if row[2] > 0:
            x, y, seen = x + row[0], y + row[1], seen + 1
    return (x / seen, y / seen) if seen else None


def _plain(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_").removeprefix("mid_")
