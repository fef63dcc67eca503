"""What a camera knows over time, from poses to events, and what an acknowledgement changes of it."""

import numpy as np
import pytest

from edgepose.care.settings import Care, Fall, Tracking
from edgepose.clock import WallClock
from edgepose.domain import CareEvent, Frame, FrameResult, Phase, Track
from edgepose.people_watch import PeopleWatch
from tests.skeleton_scenes import PRONE, STANDING, Camera, Key, Performer, Scene

LOOKING_DOWN = Camera(height_m=2.0, tilt_deg=15)


class Plain:
    """A picture that nobody looks at."""

    width, height = 640, 480

    def rgb(self, width: int, height: int):
        return np.full((height, width, 3), 90, np.uint8)


@pytest.fixture
def watch() -> PeopleWatch:
    care = Care(fall=Fall(repeat_s=3.0))
    return PeopleWatch(camera="room", layout="body18", zones={}, tracking=Tracking(), care=care, clock=WallClock())


def results():
    """Somebody walks about for three seconds, falls on the face and stays there."""
    keys = ((0.0, STANDING, 4.5), (3.0, STANDING, 4.5), (3.9, PRONE, 4.0), (25.0, PRONE, 4.0))
    scene = Scene([Performer([Key(t_s, posture, 0.0, z_m) for t_s, posture, z_m in keys])], LOOKING_DOWN)
    for seq, (t_s, poses, _) in enumerate(scene.frames(15, 1)):
        tracks = tuple(Track(place, pose) for place, pose in enumerate(poses, start=1))
        yield FrameResult(Frame(Plain(), t_s, round(t_s * 1e9), seq), LOOKING_DOWN.size, tracks, "body18")


def falls_told(watch: PeopleWatch, acknowledge_after_s: float | None) -> list[CareEvent]:
    told: list[CareEvent] = []
    for result in results():
        told += (event for event in watch(result).events if event.kind == "fall")
        confirmed = next((event for event in told if event.phase is Phase.CONFIRMED), None)
        if confirmed and acknowledge_after_s and result.frame.t_s >= confirmed.t_phase + acknowledge_after_s:
            watch.acknowledge(confirmed.id, "nurse", True)
            acknowledge_after_s = None
    return told


def test_nobody_reacts_and_the_alert_is_told_again_and_again(watch: PeopleWatch):
    told = falls_told(watch, acknowledge_after_s=None)
    assert [event.phase for event in told[:2]] == [Phase.SUSPECTED, Phase.CONFIRMED]
    assert [event.evidence["repeat"] for event in told[2:6]] == [1, 2, 3, 4]
    assert len({event.id for event in told}) == 1


def test_an_acknowledgement_ends_the_reminders(watch: PeopleWatch):
    told = falls_told(watch, acknowledge_after_s=4.0)
    assert [event.evidence.get("repeat") for event in told if event.phase is Phase.CONFIRMED] == [None, 1]
    assert told[-1].phase is Phase.CONFIRMED, "that it was acknowledged is told where the acknowledgement came in"


def test_people_and_postures_are_of_this_very_frame(watch: PeopleWatch):
    last = [watch(result) for result in results()][-1]
    assert last.count == 1
    assert [last.postures[track.id] for track in last.tracks] == ["on_floor"]
