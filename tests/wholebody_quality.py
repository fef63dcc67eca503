"""How far hands, faces and feet are found from where they are, on rendered people whose places are exactly known.

    python -m tests.wholebody_quality [FOLDER]

FOLDER is what models/training/render/wholebody_set.py wrote; left out, the set of the tests. Bodies are given as they
are (`exact`), and as a network finds them (`found`). Errors are means over what is seen, in per cent of the crop's
side, of feet in per cent of the shin.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgepose import networks
from edgepose.adapters.files import FileSource
from edgepose.domain import FloatArray, Frame, FrameResult, Pose, Track
from edgepose.skeleton import BODY18_NAMES
from edgepose.wholebody import crops
from edgepose.wholebody.networks import load_wanted
from edgepose.wholebody.people import points_of, stature_of
from edgepose.wholebody.settings import WholeBodySettings
from edgepose.wholebody.stage import WholeBody

FOLDER = Path(__file__).parent / "wholebody"
_PARTS = ("left_hand", "right_hand", "face", "left_foot", "right_foot")
_SHIN = 1.4
"""Side of a foot's crop in shins."""


@dataclass
class Score:
    """Of one kind of part."""

    errors: list[float] = field(default_factory=list)
    """Per cent, of each part that is in view and was found."""
    sure: list[float] = field(default_factory=list)
    """Confidence of each that is in view; 0 where it was not found."""
    hidden: list[float] = field(default_factory=list)
    """Confidence of each that is hidden."""
    swapped: int = 0
    """Parts that lie nearer to the other side's."""

    def line(self) -> str:
        """The figures in words."""
        mean = np.mean(self.errors) if self.errors else np.nan
        middle = np.median(self.errors) if self.errors else np.nan
        found = np.mean(np.array(self.sure) > 0) if self.sure else np.nan
        hidden = f"{np.mean(self.hidden):.2f} ({len(self.hidden)})" if self.hidden else "-"
        return (
            f"in view {len(self.sure):3d}, found {100 * found:3.0f} %, off by {mean:.2f} % (median {middle:.2f}), "
            f"confidence {np.mean(self.sure or [np.nan]):.2f}, of hidden ones {hidden}, swapped {self.swapped}"
        )


Bodies = Callable[[Frame, dict[str, Any]], FrameResult]


def scores(folder: Path, bodies: Bodies) -> dict[str, Score]:
    """By kind of part: hand, face, foot."""
    settings = WholeBodySettings(hands=True, face=True, feet=True)
    stage = WholeBody(settings, networks=load_wanted(settings), follow=False)
    found: dict[str, Score] = defaultdict(Score)
    for truth in json.loads((folder / "truth.json").read_text()):
        frame = next(FileSource(folder / truth["file"]).frames())
        result = stage(bodies(frame, truth))
        pose = max((track.pose for track in result.tracks), key=lambda pose: pose.seen.sum(), default=None)
        for name in _PARTS:
            _score(found[name.split("_")[-1]], name, truth, pose, result.size)
    return found


def exact(frame: Frame, truth: dict[str, Any]) -> FrameResult:
    """The body as it is."""
    body = np.array(truth["body18"], np.float32)
    size = (frame.picture.width, frame.picture.height)
    inside = ((body[:, :2] > -0.5) & (body[:, :2] < np.array(size) - 0.5)).all(axis=1)
    body[~inside] = 0
    body[inside, 2] = 0.9
    return FrameResult(frame=frame, size=size, tracks=(Track(1, Pose(body, 0.9)),), layout="body18")


def found_by(name: str) -> Bodies:
    """The body as a network finds it."""
    pipeline = networks.build_pipeline(networks.load(name))
    return lambda frame, _truth: pipeline(frame)


def _score(score: Score, name: str, truth: dict[str, Any], pose: Pose | None, size: tuple[int, int]) -> None:
    true, seen = _true(name, truth)
    share = seen.mean()
    side = _side(name, truth, size)
    if side is None or 0.25 < share < 0.6:
        return  # half hidden: neither here nor there
    keypoints = _of(name, pose, truth)
    confidence = 0.0 if keypoints is None else float(keypoints[:, 2].mean())
    if share <= 0.25:
        score.hidden.append(confidence)
        return
    score.sure.append(confidence)
    if keypoints is None or not confidence:
        return
    use = seen & (keypoints[:, 2] > 0)
    if use.any():
        score.errors.append(float(100 * np.linalg.norm(keypoints[use, :2] - true[use], axis=1).mean() / side))
        score.swapped += _swapped(name, truth, keypoints)


def _swapped(name: str, truth: dict[str, Any], keypoints: FloatArray) -> bool:
    """Whether what was found lies nearer to the part of the other side, where the two are apart."""
    if name == "face":
        return False
    side, _, part = name.partition("_")
    own, other = (_true(f"{s}_{part}", truth)[0].mean(axis=0) for s in (side, "right" if side == "left" else "left"))
    here = keypoints[keypoints[:, 2] > 0, :2].mean(axis=0)
    apart = np.linalg.norm(own - other)
    return bool(apart > 20 and np.linalg.norm(here - other) < np.linalg.norm(here - own))


def _true(name: str, truth: dict[str, Any]) -> tuple[FloatArray, Any]:
    if name.endswith("foot"):
        rows = np.array(truth["feet"], np.float32)[slice(0, 3) if name.startswith("left") else slice(3, 6)]
    else:
        rows = np.array(truth[name], np.float32)
    return rows[:, :2], rows[:, 2] > 0


def _of(name: str, pose: Pose | None, truth: dict[str, Any]) -> FloatArray | None:
    if pose is None:
        return None
    parts = pose.parts
    if name.endswith("foot"):
        return None if parts.feet is None else parts.feet[slice(0, 3) if name.startswith("left") else slice(3, 6)]
    if name == "face":
        return None if parts.face is None else parts.face[truth["face_points"]]
    return parts.left_hand if name == "left_hand" else parts.right_hand


def _side(name: str, truth: dict[str, Any], size: tuple[int, int]) -> float | None:
    """Of the crop that the true body gives; of feet the shin."""
    body = np.array(truth["body18"], np.float32)
    body[:, 2] = 1
    pose = Pose(body, 1.0)
    points, stature_px = points_of(pose, "body18"), stature_of(Track(1, pose), "body18")
    side, _, part = name.partition("_")
    if part == "hand":
        crop = crops.hand(points, side, stature_px)
    elif part == "foot":
        crop = crops.foot(points, side, stature_px)
    else:
        crop = crops.face(points, stature_px)
    if crop is None or not (0 <= crop.x < size[0] and 0 <= crop.y < size[1]):
        return None
    return crop.side / _SHIN if part == "foot" else crop.side


def lines(folder: Path) -> Iterator[str]:
    """A line for each kind of part, with bodies exact and found."""
    for title, bodies in (("exact", exact), ("found", found_by("auto"))):
        for part, score in scores(folder, bodies).items():
            yield f"{title:5s} {part:4s}: {score.line()}"


if __name__ == "__main__":
    assert len(BODY18_NAMES) == 18
    for line in lines(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(line)
