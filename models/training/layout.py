"""Channel order of the network: COCO-17 plus a neck, and the 19 limbs of OpenPose's 18-part body."""

from typing import Final

COCO17: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Keypoints as COCO and MoveNet order them."""

KEYPOINTS: Final = (*COCO17, "neck")
"""Heat-map channels of the network, in order."""

BODY18: Final = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""Keypoints in the order people are reported in (OpenPose's COCO-18)."""

LIMBS: Final = (
    ("neck", "right_shoulder"), ("neck", "left_shoulder"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"),
    ("nose", "left_eye"), ("left_eye", "left_ear"),
    ("right_shoulder", "right_ear"), ("left_shoulder", "left_ear"),
)  # fmt: skip
"""Limb l has the part affinity field channels 2l (x) and 2l + 1 (y), pointing from its first to its second end."""

LIMB_ENDS: Final = tuple((KEYPOINTS.index(a), KEYPOINTS.index(b)) for a, b in LIMBS)
"""LIMBS as pairs of heat-map channels."""

HEAT_CHANNELS: Final = tuple(KEYPOINTS.index(name) for name in BODY18)
"""Heat-map channel of each BODY18 keypoint."""


def mirrored_name(name: str) -> str:
    """The keypoint that `name` becomes when the picture is mirrored."""
    return name.replace("left_", "right_") if name.startswith("left_") else name.replace("right_", "left_")


MIRROR: Final = tuple(KEYPOINTS.index(mirrored_name(name)) for name in KEYPOINTS)
"""Keypoint that each one becomes when the picture is mirrored."""

NECK: Final = KEYPOINTS.index("neck")
HEATS: Final = len(KEYPOINTS)
FIELDS: Final = 2 * len(LIMBS)
STRIDE: Final = 4
"""Input pixels a grid cell; pixel = (cell + 0.5) * STRIDE - 0.5."""

CENTRE: Final = HEATS
"""Heat-map channel of people's centres, after keypoints and neck."""
