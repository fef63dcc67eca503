"""Labels a folder of pictures with the teacher and writes them as COCO keypoint annotations."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from .coco import read_rgb
from .errors import TrainingError
from .teacher import TaughtPerson, Teacher
from .tfjs_graph import Graph

_LONGEST = 640
_TRUSTED_SCORE = 0.3
_TRUSTED_VIEWS = 2
_MENTIONED_SCORE = 0.2
_SEEN_KEYPOINT = 0.22
_FEWEST_KEYPOINTS = 4


def label_folder(graph: Graph, folder: Path, pattern: str, out: Path) -> int:
    """Writes annotations of the pictures `pattern` in `folder` to `out`; returns how many people they hold."""
    paths = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise TrainingError(f"no pictures {pattern} in {folder}")
    teacher = Teacher(graph)
    images: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number, path in enumerate(tqdm(paths, desc="labelling", unit="picture"), start=1):
        picture = read_rgb(path)
        height, width = picture.shape[:2]
        images.append({"id": number, "file_name": path.name, "width": width, "height": height})
        scale = min(1.0, _LONGEST / max(height, width))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for person in teacher.label(small.astype(np.uint8)):
            if person.score >= _MENTIONED_SCORE:
                labels.append(_label(person, scale, number, len(labels) + 1))
    out.write_text(json.dumps({"images": images, "annotations": labels}))
    return sum(label["num_keypoints"] > 0 for label in labels)


def _label(person: TaughtPerson, scale: float, image: int, number: int) -> dict[str, Any]:
    """A COCO annotation; a doubtful person has no keypoints, so that training ignores the place."""
    trusted = person.score > _TRUSTED_SCORE and person.views >= _TRUSTED_VIEWS
    points = person.keypoints[:, :2] / scale
    seen = person.keypoints[:, 2] > _SEEN_KEYPOINT
    count = int(seen.sum()) if trusted and seen.sum() >= _FEWEST_KEYPOINTS else 0
    keypoints: list[float] = []
    for (x, y), visible in zip(points, seen, strict=True):
        keypoints += [round(float(x), 1), round(float(y), 1), 2] if visible and count else [0, 0, 0]
    low, high = points.min(axis=0), points.max(axis=0)
    box = [float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": count,
        "bbox": [round(value, 1) for value in box],
        "area": round(box[2] * box[3], 1),
        "segmentation": None,
    }
