"""The rules besides falls: beds, bathrooms, stillness, gestures, a covered camera."""

from datetime import datetime, timedelta

import pytest

from edgepose.care.bathroom import BathroomRule
from edgepose.care.bed import BedRule
from edgepose.care.camera_blocked import CameraBlockedRule
from edgepose.care.engine import Care, counted
from edgepose.care.events import Phase
from edgepose.care.gesture import GestureRule, turns
from edgepose.care.inactivity import InactivityRule
from edgepose.care.long_lie import LongLieRule
from edgepose.care.no_show import NoShowRule
from edgepose.care.quiet_hours import within
from edgepose.care.settings import (
    BathroomOverstay,
    BedAbsence,
    BedExit,
    CameraBlocked,
    Inactivity,
    LongLie,
    NoShow,
)
from edgepose.care.view import PictureStats
from edgepose.tracking import Tracker
from tests.skeleton_scenes import (
    ARMS_UP,
    FLOOR_SITTING,
    ON_BED,
    SITTING,
    SQUATTING,
    STANDING,
    SUPINE,
    Camera,
    Flaws,
    Key,
    Performer,
    Scene,
    walk,
)

NIGHT = datetime(2025, 3, 1, 2, 0)
DAY = datetime(2025, 3, 1, 14, 0)
CAMERA = Camera(height_m=2.0, tilt_deg=15)
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
BED, BATHROOM = {"bed": ("bed", LEFT)}, {"bath": ("bathroom", LEFT)}
STEADY = Flaws(drop_person=0.03)


def told(rule, performers, *, zones=None, starts=None, fps=10, end_s=None, picture=None):
    """(phase, time) of everything that a rule says of a scene."""
    tracker, care = Tracker("body18"), Care([rule], "body18", zones)
    events = []
    for t_s, poses, _ in Scene(performers, CAMERA, STEADY).frames(fps, 1, end_s):
        local = starts + timedelta(seconds=t_s) if starts else None
        people = tracker.update(poses, t_s)
        stats = picture(t_s) if picture else None
        events += care.update(people, t_s, size=CAMERA.size, local_time=local, picture=stats)
    return [(event.phase, round(event.t_phase, 1)) for event in events]


def phases(events):
    return [phase for phase, _ in events]


def from_bed(out_at_s=30.0, until_s=60.0):
    """Somebody who lies in the bed on the left, then gets up and walks to the right."""
    keys = [Key(0, ON_BED, -1.2, 4.5, 90), Key(out_at_s, ON_BED, -1.2, 4.5, 90), Key(out_at_s + 3, STANDING, -1, 4.5)]
    return Performer([*keys, *walk((out_at_s + 4, -1, 4.5), (out_at_s + 7, 1.2, 4.5), (until_s, 1.2, 4.5))])


def bed_rule(leaving=None, absence=None):
    return BedRule(counted("room"), ("bed",), leaving, absence)


def test_leaving_the_bed_at_night_is_told():
    events = told(bed_rule(BedExit()), [from_bed()], zones=BED, starts=NIGHT)
    assert phases(events) == [Phase.SUSPECTED, Phase.CONFIRMED]
    assert 35 < events[1][1] < 42


def test_leaving_the_bed_by_day_is_not():
    assert not told(bed_rule(BedExit()), [from_bed()], zones=BED, starts=DAY)


def test_without_a_clock_that_can_be_believed_there_is_no_night():
    assert not told(bed_rule(BedExit()), [from_bed()], zones=BED)


def test_walking_past_the_bed_is_no_exit():
    walker = Performer(walk((0, -1.5, 4.5), (4, 1.5, 4.5), (20, 1.5, 4.5)))
    assert not told(bed_rule(BedExit()), [walker], zones=BED, starts=NIGHT)


def test_a_visitor_at_the_bed_of_somebody_sleeping_is_no_exit():
    sleeper = Performer([Key(0, ON_BED, -1.2, 4.5, 90), Key(60, ON_BED, -1.2, 4.5, 90)])
    visitor = Performer(walk((30, 2.0, 4.8), (34, 0.8, 4.8), (60, 0.8, 4.8)))
    assert not told(bed_rule(BedExit()), [sleeper, visitor], zones=BED, starts=NIGHT)


def test_who_does_not_come_back_to_bed_is_missed():
    absence = BedAbsence(suspect_s=10, confirm_s=20)
    events = told(bed_rule(None, absence), [from_bed(until_s=50)], zones=BED, starts=NIGHT, end_s=70)
    assert phases(events) == [Phase.SUSPECTED, Phase.CONFIRMED]
    assert events[1][1] - events[0][1] == pytest.approx(10, abs=0.5)


def test_staying_in_the_bathroom_too_long_is_told_and_coming_out_ends_it():
    visit = Performer([*walk((0, 1.5, 4.5), (4, -1.2, 4.5)), *walk((30, -1.2, 4.5), (34, 1.5, 4.5), (40, 1.5, 4.5))])
    rule = BathroomRule(counted("room"), ("bath",), BathroomOverstay(after_s=20))
    assert phases(told(rule, [visit], zones=BATHROOM)) == [Phase.SUSPECTED, Phase.CONFIRMED, Phase.CLEARED]


def test_a_short_visit_is_not():
    visit = Performer([*walk((0, 1.5, 4.5), (4, -1.2, 4.5)), *walk((10, -1.2, 4.5), (14, 1.5, 4.5), (40, 1.5, 4.5))])
    rule = BathroomRule(counted("room"), ("bath",), BathroomOverstay(after_s=20))
    assert not told(rule, [visit], zones=BATHROOM)


def test_somebody_who_does_not_move_is_told_of_and_the_first_movement_ends_it():
    sitter = Performer(
        [Key(0, SITTING, 0, 4.5), Key(40, SITTING, 0, 4.5), Key(42, STANDING, 0, 4.5), Key(46, STANDING, 0.8, 4.5)]
    )
    rule = InactivityRule(counted("room"), Inactivity(after_s=30))
    assert phases(told(rule, [sitter], starts=DAY)) == [Phase.SUSPECTED, Phase.CONFIRMED, Phase.CLEARED]


def test_sleeping_in_bed_is_no_inactivity():
    sleeper = Performer([Key(0, ON_BED, -1.2, 4.5, 90), Key(60, ON_BED, -1.2, 4.5, 90)])
    assert not told(InactivityRule(counted("room"), Inactivity(after_s=30)), [sleeper], zones=BED, starts=DAY)


def slid_down(until_s):
    """Somebody who slides from a chair to the floor slowly and stays there."""
    return Performer(
        [
            Key(0, STANDING, 0, 4.5, 80), Key(3, SITTING, 0, 4.5, 80), Key(8, SITTING, 0, 4.5, 80),
            Key(11, SQUATTING, 0.2, 4.5, 80), Key(14, FLOOR_SITTING, 0.3, 4.5, 80), Key(17, SUPINE, 0.3, 4.5, 80),
            Key(until_s, SUPINE, 0.3, 4.5, 80),
        ]
    )  # fmt: skip


def test_a_slow_slide_to_the_floor_ends_in_an_alert():
    events = told(LongLieRule(counted("room"), LongLie(suspect_s=12, confirm_s=30)), [slid_down(60)])
    assert phases(events) == [Phase.SUSPECTED, Phase.CONFIRMED]


def test_lying_on_the_bed_is_no_long_lie():
    sleeper = Performer([Key(0, STANDING, -1.2, 4.5), Key(4, ON_BED, -1.2, 4.5, 90), Key(60, ON_BED, -1.2, 4.5, 90)])
    assert not told(LongLieRule(counted("room")), [sleeper], zones=BED)


def waving(wave=(3.0, 10.0)):
    return Performer(
        [
            Key(0, STANDING, 0, 4),
            Key(2, STANDING, 0, 4),
            Key(3, ARMS_UP, 0, 4),
            Key(10, ARMS_UP, 0, 4),
            Key(11, STANDING, 0, 4),
            Key(14, STANDING, 0, 4),
        ],
        wave=wave,
    )


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_waving_with_both_arms_calls_for_help(fps):
    events = told(GestureRule(counted("room"), "body18"), [waving()], fps=fps)
    assert phases(events) == [Phase.SUSPECTED, Phase.CONFIRMED, Phase.CLEARED]
    assert events[1][1] < 9


def test_stretching_does_not():
    assert Phase.CONFIRMED not in phases(told(GestureRule(counted("room"), "body18"), [waving((0, 0))]))


def test_turns_of_a_hand():
    assert turns([], 0.1) == 0
    assert turns([0, 0.5, 1.0], 0.1) == 0
    assert turns([0, 1, 0, 1, 0], 0.5) == 3
    assert turns([0, 0.05, 0, 0.05], 0.1) == 0


def test_nobody_by_the_hour_is_told_and_cleared_when_somebody_is_up():
    late = Performer(walk((100, -1, 4.5), (110, 1, 4.5)))
    rule = NoShowRule(counted("room"), NoShow(between="13:59-14:00"))
    events = told(rule, [late], starts=datetime(2025, 3, 1, 13, 58, 30), fps=5)
    assert phases(events) == [Phase.SUSPECTED, Phase.CONFIRMED, Phase.CLEARED]
    assert events[1][1] == pytest.approx(90, abs=0.3)


def test_somebody_up_in_time_is_no_news():
    early = Performer(walk((50, -1, 4.5), (60, 1, 4.5)))
    rule = NoShowRule(counted("room"), NoShow(between="13:59-14:00"))
    assert not told(rule, [early], starts=datetime(2025, 3, 1, 13, 58, 30), fps=5, end_s=120)


def test_a_covered_camera_is_told_and_cleared():
    def picture(t_s):
        return PictureStats(mean=4.0, spread=1.0) if 5 <= t_s < 25 else PictureStats(mean=90.0, spread=40.0)

    empty = Performer([Key(0, STANDING, 0, -4), Key(40, STANDING, 0, -4)])
    rule = CameraBlockedRule(counted("room"), CameraBlocked(after_s=10))
    assert told(rule, [empty], picture=picture) == [
        (Phase.SUSPECTED, 10.0),
        (Phase.CONFIRMED, 15.0),
        (Phase.CLEARED, 26.0),
    ]


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [("22:00-07:00", 23, True), ("22:00-07:00", 3, True), ("22:00-07:00", 12, False), ("13:00-15:00", 14, True)],
)
def test_quiet_hours_may_go_past_midnight(hours, at, expected):
    assert within(hours, datetime(2025, 3, 1, at)) is expected
