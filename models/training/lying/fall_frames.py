"""Frames of fall clips after the fall, and where in them the person lies.

The clips have no boxes, so the place is found by two means that know nothing of the network under test: the teacher of
pseudo_labels (the original network over seven scales and quarter turns), and what has changed in the picture since
before the fall, for the camera stands still. Frames in which neither finds anybody are left out and counted.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from tqdm import tqdm

from ..coco import ByteArray
from ..errors import TrainingError
from ..tfjs_graph import Graph

if TYPE_CHECKING:  # TensorFlow takes seconds to import
    from ..teacher import TaughtPerson

Box = tuple[float, float, float, float]
"""left, top, width, height in pixels"""

_EVERY_S = 1.0
_AT_MOST = 5
"""frames a clip"""
_TRUSTED_SCORE, _TRUSTED_VIEWS, _SEEN = 0.3, 2, 0.2
_CHANGED = 30
"""grey levels between before and after"""
_LEAST_CHANGE = 0.004
"""of the picture's area"""


@dataclass(frozen=True)
class Clip:
    """A labelled fall."""

    file: str
    fall_start: int
    """frame"""
    fall_end: int
    frames: int
    fps: float

    def after(self) -> list[int]:
        """Frames to look at: every second from the end of the fall on."""
        step = max(1, round(self.fps * _EVERY_S))
        return list(range(self.fall_end + round(0.3 * self.fps), self.frames - 1, step))[:_AT_MOST]

    def before(self) -> list[int]:
        """Frames that tell what the room looks like; people pass through it, so their median is the room."""
        return sorted({round(number) for number in np.linspace(0, max(0, self.fall_start - 1), 25)})


def read_clips(labels: Path) -> list[Clip]:
    """The falls of a labels.csv whose end is known (file, label, fall_start, fall_end, frames, fps)."""
    try:
        with labels.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["label"] == "fall" and row["fall_end"]]
            clips = [
                Clip(r["file"], int(r["fall_start"]), int(r["fall_end"]), int(r["frames"]), float(r["fps"]))
                for r in rows
            ]
    except FileNotFoundError:
        raise TrainingError(f"no labels {labels}") from None
    except (KeyError, ValueError) as error:
        raise TrainingError(f"{labels} is not a table of falls ({error!r})") from error
    return [clip for clip in clips if clip.after()]


def write_set(graph: Graph, labels: Path, out: Path) -> str:
    """Writes out/images and out/set.json from the clips beside `labels`; returns a sentence on what there is."""
    from ..teacher import Teacher

    teacher = Teacher(graph)
    (out / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for clip in tqdm(read_clips(labels), desc="falls", unit="clip"):
        wanted = _read(labels.parent / clip.file, {*clip.before(), *clip.after()})
        room = np.median([wanted[n] for n in clip.before() if n in wanted], axis=0)
        boxes = {n: _place(teacher.label(wanted[n]), wanted[n], room) for n in clip.after() if n in wanted}
        for number, (box, means) in _completed(boxes, clip.fps).items():
            name = f"{Path(clip.file).stem}-{number:05d}.png"
            cv2.imwrite(str(out / "images" / name), wanted[number][..., ::-1])
            height, width = wanted[number].shape[:2]
            place = len(images) + 1
            images.append({"id": place, "file_name": name, "width": width, "height": height, "group": "falls"})
            if box is not None:
                told = [round(side, 1) for side in box]
                people.append({"id": place, "image_id": place, "category_id": 1, "bbox": told, "found_by": means})
    (out / "set.json").write_text(json.dumps({"images": images, "annotations": people}))
    counts = {means: sum(person["found_by"] == means for person in people) for means in _MEANS}
    told = ", ".join(f"{count} by {means}" for means, count in counts.items())
    return f"{len(images)} frames, the person placed in {len(people)} of them ({told})"


_MEANS = ("teacher", "change", "a frame beside it")


def _read(clip: Path, numbers: set[int]) -> dict[int, ByteArray]:
    """RGB frames by number."""
    capture = cv2.VideoCapture(str(clip))
    found: dict[int, ByteArray] = {}
    for number in range(max(numbers) + 1):
        if not capture.grab():
            break
        if number in numbers:
            _, picture = capture.retrieve()
            found[number] = np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)
    capture.release()
    if not found:
        raise TrainingError(f"{clip} can't be read as a video")
    return found


def _place(people: "list[TaughtPerson]", picture: ByteArray, room: Any) -> tuple[Box | None, str]:
    """Where the person lies, and by which means that is known."""
    changed = _change(picture, room)
    trusted = [p for p in people if p.score > _TRUSTED_SCORE and p.views >= _TRUSTED_VIEWS]
    boxes = [_box(person) for person in trusted]
    # Pictures on the wall and chairs are people now and then, but they don't come in and fall.
    moved = [box for box in boxes if changed is None or _overlap(box, changed) > 0]
    if moved:
        return moved[0], "teacher"
    return changed, "change"


def _box(person: "TaughtPerson") -> Box:
    seen = person.keypoints[person.keypoints[:, 2] > _SEEN, :2]
    points = seen if len(seen) >= 4 else person.keypoints[:, :2]
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def _change(picture: ByteArray, room: Any) -> Box | None:
    """The largest thing that was not there before the fall.

    Somebody who stood still for long before it is in the median, and leaves a hole as large as themselves: what is
    there now has more edges than what was there before, a hole has fewer.
    """
    now, before = (cv2.GaussianBlur(np.asarray(each, np.float32), (0, 0), 2) for each in (picture, room))
    mask = (np.abs(now - before).max(axis=2) > _CHANGED).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    more_edges = _edges(now) - _edges(before)
    things = [
        (int(stat[cv2.CC_STAT_AREA]), tuple(float(side) for side in stat[:4]))
        for label, stat in enumerate(stats)
        if label and stat[cv2.CC_STAT_AREA] >= _LEAST_CHANGE * mask.size and more_edges[labels == label].mean() > 0
    ]
    return max(things)[1] if things else None  # type: ignore[return-value]


def _edges(picture: Any) -> Any:
    """(H, W) how steep the picture is."""
    grey = picture.mean(axis=2)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _overlap(a: Box, b: Box) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def _completed(boxes: dict[int, tuple[Box | None, str]], fps: float) -> dict[int, tuple[Box | None, str]]:
    """Somebody who lies still for a second lies where the teacher saw them a second before or after."""
    taught = [number for number, (_, means) in boxes.items() if means == "teacher"]
    done = {}
    for number, (box, means) in boxes.items():
        near = min(taught, key=lambda other: abs(other - number), default=None)
        if means != "teacher" and near is not None and abs(near - number) <= 1.5 * fps:
            beside = boxes[near][0]
            if box is None or (beside is not None and _overlap(box, beside) > 0):
                done[number] = beside, "a frame beside it"
                continue
        done[number] = box, means
    return done
