"""COCO keypoint results, as pycocotools' loadRes reads them (https://cocodataset.org/#format-results).

COCO's keypoints are 0-indexed pixel positions (https://cocodataset.org/#format-data): an annotator who clicked on the
first pixel wrote 0. That is our convention too (the first pixel's centre is 0), so nothing is shifted. Programs that
put 0 at the pixel's corner add half a pixel to COCO's numbers when they read them.
"""

import itertools
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from edgepose.domain import FloatArray, FrameResult
from edgepose.formats.keypoints import flat, to_layout

PERSON = 1
"""COCO's category id."""
_LARGEST_ID = 2**53 - 1
"""Beyond it a reader that keeps JSON numbers as doubles would round the id."""


def person_results(result: FrameResult, image_id: int) -> list[dict[str, Any]]:
    """An entry a person; people of whom COCO knows no keypoint (a neck alone) are left out."""
    found = [(to_layout(track.pose.keypoints, result.layout, "coco17"), track.pose.score) for track in result.tracks]
    return [_entry(keypoints, score, image_id) for keypoints, score in found if (keypoints[:, 2] > 0).any()]


def _entry(keypoints: FloatArray, score: float, image_id: int) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": PERSON,
        "keypoints": flat(keypoints),
        "score": round(score, 5),
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
