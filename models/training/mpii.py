"""Reads MPII annotations (Andriluka et al., CVPR 2014) in the three forms that people have them in.

- `mpii_human_pose_v1_u12_1.mat`, as published at human-pose.mpi-inf.mpg.de; only its training pictures have labels
- a JSON list with an entry a person: `image`, `joints`, `joints_vis`, `center`, `scale` (that of HRNet and mmpose)
- a JSON list with `img_paths`, `joint_self`, `joint_others`, `objpos`, `scale_provided` (CPM, pytorch-pose)

Coordinates count from 1 in all of them. Of MPII's 16 joints the 12 of arms and legs are COCO's; its thorax stands in
for the neck where a shoulder is missing; pelvis, upper neck and head top have no counterpart. It knows neither nose,
eyes nor ears, so nothing is taught about them on these pictures. People without joints are masked.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .coco import FloatArray, LabelledPicture
from .errors import TrainingError
from .layout import HEATS, KEYPOINTS, NECK

_COUNTERPARTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", None, None, None, None,
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
"""Our keypoint of each MPII joint."""
_JOINTS = len(_COUNTERPARTS)
_THORAX = 7
_SHOULDERS = (KEYPOINTS.index("left_shoulder"), KEYPOINTS.index("right_shoulder"))
_FACE = tuple(KEYPOINTS.index(name) for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear"))
_HEIGHT_PX = 200.0
"""A person of scale s is s times this high."""
_HEADS_HIGH = 8.0


@dataclass
class _Labels:
    """What is known of one picture."""

    people: list[FloatArray] = field(default_factory=list)
    """(16, 3) x, y from 0 and 1 where labelled"""
    unlabelled: list[dict[str, Any]] = field(default_factory=list)
    """regions of the others, with a COCO box each"""

    def add(self, joints: FloatArray, region: list[float] | None) -> None:
        """A person once, though several entries may mention them."""
        if joints[:, 2].any():
            if not any(np.array_equal(joints, known) for known in self.people):
                self.people.append(joints)
        elif region is not None:
            self.unlabelled.append({"bbox": region})


def read_mpii(annotations: Path, images: Path) -> list[LabelledPicture]:
    """The pictures of an MPII file that show a person with joints, by name.

    Raises TrainingError where the file can't be read or is none, and where pictures are missing.
    """
    try:
        by_name = _from_mat(annotations) if annotations.suffix == ".mat" else _from_json(annotations)
    except FileNotFoundError:
        raise TrainingError(f"no annotation file {annotations}") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise TrainingError(f"{annotations} is not an MPII annotation file ({error!r})") from error
    labelled = {name: labels for name, labels in sorted(by_name.items()) if labels.people}
    if not labelled:
        raise TrainingError(f"{annotations} has no person with joints")
    missing = [images / name for name in labelled if not (images / name).is_file()]
    if missing:
        raise TrainingError(f"{len(missing)} pictures of {annotations} are missing, the first is {missing[0]}")
    return [_picture(images / name, labels) for name, labels in labelled.items()]


def _picture(path: Path, labels: _Labels) -> LabelledPicture:
    with Image.open(path) as picture:  # reads the header only
        width, height = picture.size
    return LabelledPicture(
        path=path,
        width=width,
        height=height,
        people=np.stack([to_body(joints) for joints in labels.people]),
        ignored=tuple(labels.unlabelled),
        never_labelled=_FACE,
    )


def to_body(joints: FloatArray) -> FloatArray:
    """(18, 3) our keypoints of (16, 3) MPII joints."""
    person = np.zeros((HEATS, 3), np.float32)
    for joint, name in zip(joints, _COUNTERPARTS, strict=True):
        if name is not None and joint[2]:
            person[KEYPOINTS.index(name)] = joint
    shoulders = person[list(_SHOULDERS)]
    person[NECK] = shoulders.mean(axis=0) if shoulders[:, 2].all() else joints[_THORAX]
    return person


def _from_json(path: Path) -> dict[str, _Labels]:
    entries = json.loads(path.read_text())
    if not isinstance(entries, list):
        raise TypeError("it is no list")
    by_name: defaultdict[str, _Labels] = defaultdict(_Labels)
    for entry in entries:
        if "joint_self" in entry:
            labels = by_name[entry["img_paths"]]
            for joints, place, scale in _mentioned(entry):
                labels.add(_told_by_place(joints), _region(place, scale))
        else:
            joints = np.column_stack([np.array(entry["joints"], np.float32), np.array(entry["joints_vis"], np.float32)])
            by_name[entry["image"]].add(_told_by_place(joints), _region(entry["center"], entry["scale"]))
    return by_name


def _mentioned(entry: dict[str, Any]) -> Iterator[tuple[FloatArray, Any, Any]]:
    """(16, 3) joints, place and scale of the person of an entry and of the others in the picture."""
    yield np.array(entry["joint_self"], np.float32), entry["objpos"], entry["scale_provided"]
    others = np.array(entry.get("joint_others") or [], np.float32).reshape(-1, _JOINTS, 3)
    places = np.array(entry.get("objpos_other") or [], np.float32).reshape(-1, 2)
    scales = np.array(entry.get("scale_provided_other") or [], np.float32).reshape(-1)
    yield from zip(others, places, scales, strict=True)


def _told_by_place(joints: FloatArray) -> FloatArray:
    """Joints from 0; those that lie nowhere are not labelled, whatever their visibility, and hidden ones are.

    In the form with an entry a person a joint that is not labelled is -1, -1; in the other 0, 0.
    """
    told = joints[:_JOINTS].astype(np.float32)
    if told.shape != (_JOINTS, 3):
        raise ValueError(f"a person has {len(told)} joints, not {_JOINTS}")
    there = (told[:, :2] > 0).all(axis=1)
    told[:, :2] -= 1
    told[:, 2] = there
    told[~there] = 0
    return told


def _from_mat(path: Path) -> dict[str, _Labels]:
    try:
        from scipy.io import loadmat
    except ImportError:
        raise TrainingError("reading MPII's .mat file needs scipy; pip install scipy, or take a JSON form") from None
    release = loadmat(str(path), struct_as_record=False, squeeze_me=True)["RELEASE"]
    by_name: defaultdict[str, _Labels] = defaultdict(_Labels)
    for picture, for_training in zip(np.atleast_1d(release.annolist), np.atleast_1d(release.img_train), strict=True):
        for person in np.atleast_1d(getattr(picture, "annorect", ())) if for_training else ():
            by_name[str(picture.image.name)].add(_joints(person), _mat_region(person))
    return by_name


def _joints(person: Any) -> FloatArray:
    joints = np.zeros((_JOINTS, 3), np.float32)
    points = getattr(getattr(person, "annopoints", None), "point", ())
    for point in np.atleast_1d(points):
        joints[int(point.id)] = point.x - 1, point.y - 1, 1
    return joints


def _mat_region(person: Any) -> list[float] | None:
    place, scale = getattr(person, "objpos", None), getattr(person, "scale", None)
    if hasattr(place, "x") and np.size(scale) == 1:
        return _region((place.x, place.y), scale)
    corners = [getattr(person, name, None) for name in ("x1", "y1", "x2", "y2")]
    if any(np.size(corner) != 1 or corner is None for corner in corners):
        return None
    left, top, right, bottom = (float(corner) for corner in corners)
    # Only the head is known; the rest of the person may be anywhere around it.
    return _square((left + right) / 2, (top + bottom) / 2, 2 * _HEADS_HIGH * (bottom - top))


def _region(place: Any, scale: Any) -> list[float]:
    x, y = place
    return _square(float(x), float(y), 1.25 * _HEIGHT_PX * float(scale))


def _square(x: float, y: float, side: float) -> list[float]:
    """A COCO box around a place that counts from 1."""
    return [x - 1 - side / 2, y - 1 - side / 2, side, side]
