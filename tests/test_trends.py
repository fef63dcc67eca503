"""A day in numbers: minutes, rises, cadence."""

import pytest

from edgepose.domain import CareEvent, Phase
from edgepose.posture import PostureFilter
from edgepose.skeleton import BODY18_NAMES
from edgepose.tracking import Tracker
from edgepose.trends import TrendCounter
from tests.skeleton_scenes import SITTING, STANDING, Camera, Flaws, Key, Performer, Scene, walk

ANKLES = (BODY18_NAMES.index("left_ankle"), BODY18_NAMES.index("right_ankle"))


def counted(performer, period_s, fps=15, events=()):
    """The trends of one period, which the scene must outlast."""
    tracker, judged, trends = Tracker("body18"), PostureFilter("body18"), TrendCounter(ANKLES, period_s)
    scene = Scene([performer], Camera(), Flaws(drop_person=0.02, drop_keypoint=0.04))
    for t_s, poses, _ in scene.frames(fps, 1, period_s + 1):
        people = tracker.update(poses, t_s)
        over = trends.update(people, judged.update(people, t_s), events if t_s == 0 else (), t_s)
        if over:
            return over
    raise AssertionError("the period did not end")


def test_minutes_add_up_to_the_period():
    sitter = Performer([Key(0, STANDING), Key(20, STANDING), Key(22, SITTING), Key(60, SITTING)])
    trends = counted(sitter, 90)
    assert sum(trends.minutes.values()) == pytest.approx(1.5, abs=0.05)
    assert trends.minutes["sitting"] == pytest.approx(38 / 60, abs=0.1)
    assert trends.minutes["out_of_view"] == pytest.approx(0.5, abs=0.1)


def test_getting_up_from_a_chair_is_counted():
    keys = [Key(0, STANDING)]
    for rise in range(3):
        keys += [
            Key(10 * rise + 3, STANDING),
            Key(10 * rise + 4.5, SITTING),
            Key(10 * rise + 8.5, SITTING),
            Key(10 * rise + 10, STANDING),
        ]
    keys.append(Key(40, STANDING))
    assert counted(Performer(keys), 39).sit_to_stand == 3


def test_the_cadence_of_walking_across_the_view():
    walker = Performer(
        walk((0, -2.2, 5), (5, 2.2, 5), (10, -2.2, 5), (15, 2.2, 5), (20, -2.2, 5), heading_deg=90), gait_hz=0.9
    )
    assert counted(walker, 19).cadence_spm == pytest.approx(108, abs=8)


def test_somebody_who_stands_has_no_cadence():
    assert counted(Performer([Key(0, STANDING), Key(30, STANDING)]), 20).cadence_spm is None


def test_bed_exits_are_those_that_were_told():
    exit_ = CareEvent("a", "bed_exit", Phase.CONFIRMED, "room", 1, "bed", 0.0, 0.0, 0.9)
    assert counted(Performer([Key(0, STANDING), Key(30, STANDING)]), 20, events=(exit_,)).night_bed_exits == 1
