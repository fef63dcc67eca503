"""The bundled clip against the exact joints of the people in it: the whole pipeline, from file to keypoints."""

import json
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from edgepose import networks
from edgepose.adapters.sources import open_source
from edgepose.config import FileSource
from edgepose.demo_clip import CLIP, TRUTH
from edgepose.domain import Pose
from edgepose.skeleton import LAYOUTS
from edgepose.tracking import Tracker, TrackState

EVERY = 5
"""Frames; their poses change little in a third of a second."""
NEAR = 0.1
"""Of the person's size: a keypoint this close to the truth is right."""
VISIBLE = 10
"""Keypoints that must be in sight for a person to count."""
ENOUGH = 8
"""Right keypoints that make a person found."""


@dataclass
class Score:
    """How often people in view were found, by what they were doing."""

    in_view: Counter[str]
    found: Counter[str]

    def share(self) -> float:
        return self.found.total() / self.in_view.total()


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads(TRUTH.read_text())


def judge(poses: list[Pose], people: list[dict], score: Score) -> None:
    """Count who was in view, and who of them was found; a pose stands for one person."""
    taken: set[int] = set()
    for person in people:
        true = np.array(person["kp"], np.float32).reshape(-1, 3)
        inside = true[:, 2] > 0
        if (true[:, 2] == 2).sum() < VISIBLE:
            continue
        score.in_view[person["action"]] += 1
        size = np.ptp(true[inside, :2], axis=0).max()
        for place, pose in enumerate(poses):
            distance = np.linalg.norm(pose.keypoints[:, :2] - true[:, :2], axis=1)
            if place not in taken and (pose.seen & inside & (distance < NEAR * size)).sum() >= ENOUGH:
                taken.add(place)
                score.found[person["action"]] += 1
                break


@pytest.mark.parametrize("name", ["edgepose_192x256_int8", "edgepose_256x320_int8", "edgepose_384x512_int8"])
def test_nearly_everybody_is_found_where_they_are(name: str, truth: dict):
    pipeline = networks.build_pipeline(networks.load(name))
    score = Score(Counter(), Counter())
    source = open_source(FileSource(path=str(CLIP)), stall_timeout_s=10)
    for frame in source.frames():
        if frame.seq % EVERY == 0:
            poses = [track.pose for track in pipeline(frame).tracks]
            judge(poses, truth["frames"][frame.seq], score)
    source.close()
    shares = {action: round(score.found[action] / count, 3) for action, count in score.in_view.items()}
    print(f"{name}: {score.share():.3f} of {score.in_view.total()} found, {shares}")
    assert score.share() >= 0.9


def test_everybody_who_was_told_of_is_told_to_be_gone():
    pipeline = networks.build_pipeline(networks.load("edgepose_192x256_int8"))
    tracker = Tracker("body18")
    known: set[int] = set()
    source = open_source(FileSource(path=str(CLIP)), stall_timeout_s=10)
    for frame in source.frames():
        people = tracker.update([track.pose for track in pipeline(frame).tracks], frame.t_s)
        told = {person.id for person in people if person.state is not TrackState.GONE}
        known = (known | told) - {person.id for person in people if person.state is TrackState.GONE}
        assert known == told
    source.close()


def test_the_truth_belongs_to_the_clip(truth: dict):
    source = open_source(FileSource(path=str(CLIP)), stall_timeout_s=10)
    frames = list(source.frames())
    source.close()
    assert len(frames) == len(truth["frames"])
    assert (frames[0].picture.width, frames[0].picture.height) == (truth["width"], truth["height"])
    assert frames[15].t_s == pytest.approx(15 / truth["fps"], abs=0.01)
    assert tuple(truth["keypoints"]) == LAYOUTS[truth["layout"]]
    assert CLIP.stat().st_size < 1_000_000
