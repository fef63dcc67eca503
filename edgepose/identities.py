"""Ids for the people of a clip, each pose left as it was found: what files of skeletons want of the tracker."""

from collections.abc import Sequence
from dataclasses import replace

from edgepose.domain import Frame, FrameResult, Pose, Track
from edgepose.pipeline import Stages
from edgepose.tracking import Person, Tracker, TrackerSettings

UNKNOWN = -1
"""Of a pose that is too small a part of a body to be anybody."""


class Identified:
    """Stages whose tracks carry ids over time. Serves one clip or stream."""

    def __init__(self, stages: Stages, layout: str) -> None:
        """layout: keypoint order of the stages' poses."""
        self._stages = stages
        self._tracker = Tracker(layout, TrackerSettings(confirm_s=0.0, smoothing=None))

    def __call__(self, frame: Frame) -> FrameResult:
        """The frame with the id of everybody whom the tracker knows."""
        result = self._stages(frame)
        poses = [track.pose for track in result.tracks]
        people = [person for person in self._tracker.update(poses, frame.t_s) if person.visible]
        ids = _ids(poses, people)
        return replace(result, tracks=tuple(Track(number, pose) for number, pose in zip(ids, poses, strict=True)))


def _ids(poses: Sequence[Pose], people: Sequence[Person]) -> list[int]:
    """The id of each pose: the tracker puts a person together from poses, of which the largest is that person."""
    ids = [UNKNOWN] * len(poses)
    for person in people:
        shares = [_common(pose, person.pose) for pose in poses]
        if shares and max(shares) > 0:
            largest = max(range(len(poses)), key=shares.__getitem__)
            ids[largest] = person.id
    return ids


def _common(pose: Pose, other: Pose) -> int:
    """How many keypoints both have at the very same place."""
    same = (pose.keypoints == other.keypoints).all(axis=1) & pose.seen
    return int(same.sum())
