"""Keypoint names, limbs and channel orders. Data only.

Names and orders of body18 (OpenPose's COCO model), body25, mpi15, hand21 and face70 (the 68 points of iBUG's 300-W
mark-up and both pupils) follow OpenPose's published output format
(https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/doc/02_output.md); coco17 follows
https://cocodataset.org/#keypoints-eval.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """Keypoints, the limbs that join them, and where a network's maps hold each of them."""

    names: tuple[str, ...]
    """K keypoint names, in the order of the result."""
    limbs: tuple[tuple[int, int], ...]
    """L pairs of indices into names; a limb's field points from the first to the second."""
    paf_channels: tuple[tuple[int, int], ...]
    """The (x, y) channels of each limb in the part affinity fields."""
    heat_channels: tuple[int, ...]
    """The channel of each keypoint in the heat maps."""

    def __post_init__(self) -> None:
        if len(self.heat_channels) != len(self.names):
            raise ValueError(f"{len(self.names)} keypoints need as many heat_channels, not {len(self.heat_channels)}")
        if len(self.paf_channels) != len(self.limbs):
            raise ValueError(f"{len(self.limbs)} limbs need as many paf_channels, not {len(self.paf_channels)}")
        if any(not 0 <= end < len(self.names) or a == b for a, b in self.limbs for end in (a, b)):
            raise ValueError("a limb joins two different keypoints of the skeleton")
        if min(self.heat_channels, default=0) < 0 or min((c for p in self.paf_channels for c in p), default=0) < 0:
            raise ValueError("channels count from 0")

    @classmethod
    def of(cls, names: Sequence[str], limbs: Sequence[tuple[str, str]]) -> "Skeleton":
        """A skeleton by names, with channels in the plain order: keypoint k in k, limb l in (2l, 2l + 1)."""
        return cls(
            names=tuple(names),
            limbs=tuple((names.index(a), names.index(b)) for a, b in limbs),
            paf_channels=tuple((2 * limb, 2 * limb + 1) for limb in range(len(limbs))),
            heat_channels=tuple(range(len(names))),
        )

    @property
    def heat_depth(self) -> int:
        """How many heat-map channels a network must have at least."""
        return max(self.heat_channels, default=-1) + 1

    @property
    def paf_depth(self) -> int:
        """How many field channels a network must have at least."""
        return max((c for pair in self.paf_channels for c in pair), default=-1) + 1


COCO17_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip

BODY18_NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip

BODY25_NAMES = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
    "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel",
)  # fmt: skip

MPI15_NAMES = (
    "head", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "chest",
)  # fmt: skip

FEET6_NAMES = BODY25_NAMES[-6:]
_FINGERS = ("thumb", "index", "middle", "ring", "little")
HAND21_NAMES = ("wrist", *(f"{finger}_{joint}" for finger in _FINGERS for joint in range(1, 5)))
FACE70_NAMES = (*(f"face_{point}" for point in range(68)), "right_pupil", "left_pupil")

_BODY18_LIMBS = (
    ("neck", "right_shoulder"), ("neck", "left_shoulder"), ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("neck", "left_hip"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("neck", "nose"), ("nose", "right_eye"),
    ("right_eye", "right_ear"), ("nose", "left_eye"), ("left_eye", "left_ear"), ("right_shoulder", "right_ear"),
    ("left_shoulder", "left_ear"),
)  # fmt: skip
_BODY25_LIMBS = (
    ("neck", "mid_hip"), ("neck", "right_shoulder"), ("neck", "left_shoulder"), ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("mid_hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("mid_hip", "left_hip"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("neck", "nose"), ("nose", "right_eye"),
    ("right_eye", "right_ear"), ("nose", "left_eye"), ("left_eye", "left_ear"), ("left_ankle", "left_big_toe"),
    ("left_big_toe", "left_small_toe"), ("left_ankle", "left_heel"), ("right_ankle", "right_big_toe"),
    ("right_big_toe", "right_small_toe"), ("right_ankle", "right_heel"),
)  # fmt: skip
_COCO17_LIMBS = (
    ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"), ("left_hip", "right_hip"), ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("nose", "left_eye"),
    ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"), ("left_ear", "left_shoulder"),
    ("right_ear", "right_shoulder"),
)  # fmt: skip

_MPI15_LIMBS = (
    ("head", "neck"), ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("neck", "chest"),
    ("chest", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("chest", "left_hip"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
)  # fmt: skip
_HAND21_LIMBS = tuple(
    (f"{finger}_{joint - 1}" if joint > 1 else "wrist", f"{finger}_{joint}")
    for finger in _FINGERS
    for joint in range(1, 5)
)
_FACE70_LINES = (
    *((start, end, False) for start, end in ((0, 17), (17, 22), (22, 27), (27, 31), (31, 36))),
    *((start, end, True) for start, end in ((36, 42), (42, 48), (48, 60), (60, 68))),
)
"""Jaw, brows, nose and, closed, eyes and lips: first point, the one after the last, whether it closes."""
_FACE70_LIMBS = tuple(
    (f"face_{point}", f"face_{point + 1 if point + 1 < end else start}")
    for start, end, closed in _FACE70_LINES
    for point in range(start, end if closed else end - 1)
)

BODY18 = Skeleton.of(BODY18_NAMES, _BODY18_LIMBS)
BODY25 = Skeleton.of(BODY25_NAMES, _BODY25_LIMBS)
COCO17 = Skeleton.of(COCO17_NAMES, _COCO17_LIMBS)
MPI15 = Skeleton.of(MPI15_NAMES, _MPI15_LIMBS)
HAND21 = Skeleton.of(HAND21_NAMES, _HAND21_LIMBS)
FACE70 = Skeleton.of(FACE70_NAMES, _FACE70_LIMBS)

LAYOUTS: dict[str, tuple[str, ...]] = {
    "body18": BODY18_NAMES,
    "body25": BODY25_NAMES,
    "coco17": COCO17_NAMES,
    "mpi15": MPI15_NAMES,
    "feet6": FEET6_NAMES,
    "hand21": HAND21_NAMES,
    "face70": FACE70_NAMES,
}
"""Keypoint order of each layout that a message or a file can name."""
