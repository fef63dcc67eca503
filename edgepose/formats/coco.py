"""COCO keypoint results, as pycocotools' loadRes reads them (https://cocodataset.org/#format-results).

Those of COCO-WholeBody add feet, face and hands (https://github.com/jin-s13/COCO-WholeBody, data_format.md).

COCO's keypoints are 0-indexed pixel positions (https://cocodataset.org/#format-data): an annotator who clicked on the
first pixel wrote 0. That is our convention too (the first pixel's centre is 0), so nothing is shifted. Programs that
put 0 at the pixel's corner add half a pixel to COCO's numbers when they read them.
"""

import itertools
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from edgepose.domain import FloatArray, FrameResult, Parts
from edgepose.formats.form import PLAIN
from edgepose.formats.keypoints import to_layout

PERSON = 1
"""COCO's category id."""
_FACE = 68
"""COCO-WholeBody's face is ours without the pupils."""
_LARGEST_ID = 2**53 - 1
"""Beyond it a reader that keeps JSON numbers as doubles would round the id."""


def person_results(result: FrameResult, image_id: int) -> list[dict[str, Any]]:
    """An entry a person; people of whom COCO knows no keypoint (a neck alone) are left out."""
    return [entry for entry, _ in _entries(result, image_id)]


def wholebody_results(result: FrameResult, image_id: int) -> list[dict[str, Any]]:
    """The same with COCO-WholeBody's feet, face and hands; zeros where they were not found or not looked for."""
    return [entry | _parts(parts, result.size) for entry, parts in _entries(result, image_id)]


def _entries(result: FrameResult, image_id: int) -> list[tuple[dict[str, Any], Parts]]:
    found = [(to_layout(track.pose.keypoints, result.layout, "coco17"), track.pose) for track in result.tracks]
    return [
        (_entry(keypoints, pose.score, image_id, result.size), pose.parts)
        for keypoints, pose in found
        if (keypoints[:, 2] > 0).any()
    ]


def _entry(keypoints: FloatArray, score: float, image_id: int, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": PERSON,
        "keypoints": PLAIN.flat(keypoints, size),
        "score": round(score, 5),
    }


def _parts(parts: Parts, size: tuple[int, int]) -> dict[str, Any]:
    face = None if parts.face is None else parts.face[:_FACE]
    return {
        name: PLAIN.flat(found, size) or [0.0] * (3 * count)
        for name, found, count in (
            ("foot_kpts", parts.feet, 6),
            ("face_kpts", face, _FACE),
            ("lefthand_kpts", parts.left_hand, 21),
            ("righthand_kpts", parts.right_hand, 21),
        )
    }


def image_entry(result: FrameResult, image_id: int, name: str) -> dict[str, Any]:
    """What the `images` list of a COCO file says of a picture."""
    return {"id": image_id, "file_name": name, "width": result.size[0], "height": result.size[1]}


class ImageIds:
    """Gives each picture of a run its image id."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        """known: ids by file name, from an annotation file; they are used as they are."""
        self._known = known or {}
        self._taken = set(self._known.values())
        self._given: dict[str, int] = {}
        self._counter = itertools.count(1)

    def remember(self, path: str, image_id: int) -> None:
        """An id that an earlier run has given."""
        self._given[path] = image_id
        self._taken.add(image_id)

    def of(self, path: str) -> int:
        """The annotated id; else the last number in the file name, unless another picture has it; else a new one."""
        name = PurePath(path).name
        if name in self._known:
            return self._known[name]
        if path not in self._given:
            number = _last_number(name)
            if number is None or number in self._taken:
                number = next(n for n in self._counter if n not in self._taken)
            self._taken.add(number)
            self._given[path] = number
        return self._given[path]


def _last_number(file_name: str) -> int | None:
    """397133 of COCO_val2014_000000397133.jpg."""
    numbers = re.findall(r"[0-9]+", PurePath(file_name).stem)
    return int(numbers[-1]) if numbers and int(numbers[-1]) <= _LARGEST_ID else None
