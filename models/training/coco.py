"""Reads COCO keypoint annotations into pictures with people and regions to ignore."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .errors import TrainingError
from .layout import HEATS, NECK

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]

_LEFT_SHOULDER, _RIGHT_SHOULDER = 5, 6


@dataclass(frozen=True)
class LabelledPicture:
    """One picture of a data set; its pixels are read when asked for."""

    path: Path
    width: int
    """pixels"""
    height: int
    people: FloatArray
    """(P, 18, 3) x, y in pixels of the whole picture, and 1 where labelled, else 0"""
    ignored: tuple[Any, ...]
    """Annotations of people without keypoints and of crowds, as COCO writes them"""
    never_labelled: tuple[int, ...] = ()
    """Keypoints that the data set labels for nobody: that they are missing says nothing"""

    def read(self, longest: int) -> tuple[ByteArray, FloatArray, ByteArray]:
        """RGB picture at most `longest` pixels a side, its people, and a mask that is 1 where labels hold."""
        picture = read_rgb(self.path)
        height, width = picture.shape[:2]
        mask = _label_mask(self.ignored, self.height, self.width)
        scale = min(1.0, longest / max(height, width))
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        mask = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8)
        people = self.people.copy()
        ratio = np.array(picture.shape[1::-1], np.float32) / (self.width, self.height)
        people[..., :2] = (people[..., :2] + 0.5) * ratio - 0.5
        return picture, people, mask


def read_rgb(path: Path) -> ByteArray:
    """The picture at `path`, (H, W, 3) RGB; TrainingError if it cannot be decoded."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise TrainingError(f"{path} is not a picture that can be read")
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)


def read_annotations(annotations: Path, images: Path) -> list[LabelledPicture]:
    """The pictures of a COCO keypoint file that show a person with keypoints, in file order."""
    try:
        data = json.loads(annotations.read_text())
        records, labels = data["images"], data["annotations"]
    except FileNotFoundError:
        raise TrainingError(f"no annotation file {annotations}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{annotations} is not a COCO annotation file ({error!r})") from error
    by_image: defaultdict[int, list[Any]] = defaultdict(list)
    for label in labels:
        by_image[label["image_id"]].append(label)
    pictures = [_picture(record, by_image[record["id"]], images) for record in records]
    labelled = [picture for picture in pictures if len(picture.people)]
    if not labelled:
        raise TrainingError(f"{annotations} has no person with keypoints")
    missing = [picture.path for picture in labelled if not picture.path.is_file()]
    if missing:
        raise TrainingError(f"{len(missing)} pictures of {annotations} are missing, the first is {missing[0]}")
    return labelled


def _picture(record: dict[str, Any], labels: list[Any], images: Path) -> LabelledPicture:
    people = [_person(label) for label in labels if label.get("num_keypoints", 0) > 0]
    return LabelledPicture(
        path=images / record["file_name"],
        width=record["width"],
        height=record["height"],
        people=np.array(people, np.float32).reshape(-1, HEATS, 3),
        ignored=tuple(label for label in labels if label.get("num_keypoints", 0) == 0),
    )


def _person(label: dict[str, Any]) -> FloatArray:
    """(18, 3): COCO's 17 keypoints and the neck, which is half-way between labelled shoulders."""
    person = np.zeros((HEATS, 3), np.float32)
    person[:17] = np.array(label["keypoints"], np.float32).reshape(17, 3)
    person[:, 2] = person[:, 2] > 0
    if person[_LEFT_SHOULDER, 2] and person[_RIGHT_SHOULDER, 2]:
        person[NECK] = (person[_LEFT_SHOULDER] + person[_RIGHT_SHOULDER]) / 2
    return person


def _label_mask(ignored: tuple[Any, ...], height: int, width: int) -> ByteArray:
    mask = np.ones((height, width), np.uint8)
    for label in ignored:
        outline = label.get("segmentation")
        if isinstance(outline, list) and outline:
            polygons = [np.array(polygon, np.float32).reshape(-1, 2).round().astype(np.int32) for polygon in outline]
            cv2.fillPoly(mask, polygons, 0)
        elif isinstance(outline, dict) and isinstance(outline.get("counts"), list):
            # Shrunk copies of COCO keep the run lengths of the original picture.
            crowd = cv2.resize(_run_lengths(outline), (width, height), interpolation=cv2.INTER_NEAREST)
            mask[crowd > 0] = 0
        else:
            x, y, w, h = label["bbox"]
            mask[max(0, int(y)) : int(y + h) + 1, max(0, int(x)) : int(x + w) + 1] = 0
    return mask


def _run_lengths(outline: dict[str, Any]) -> ByteArray:
    """COCO's uncompressed run-length encoding: runs of 0 and 1 in turn, down the columns."""
    values = np.arange(len(outline["counts"])) % 2
    return np.repeat(values, outline["counts"]).reshape(outline["size"], order="F").astype(np.uint8)
