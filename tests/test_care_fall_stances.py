"""What is a fall and what is not, stance by stance: what the rule makes of somebody who holds themselves so."""

from dataclasses import replace

import numpy as np

from edgepose.care.engine import counted
from edgepose.care.events import Phase
from edgepose.care.fall import FallRule
from edgepose.care.view import Seen, View
from edgepose.domain import Pose
from edgepose.stance import NOTHING, Posture, Stance
from edgepose.tracking import Person, TrackState
from tests.test_care_fall import phases

STANDS = Stance(Posture.STANDING, 1.0, 0.0, 0.8, 0.53, 1.0, 0.95, speed=0.1, grounded=True)
ON_THE_GROUND = replace(STANDS, level=0.4, hip_level=0.1, uprightness=0.8, height=0.5, drop=0.3, long_drop=0.4)
LEANS_BACK = replace(ON_THE_GROUND, posture=Posture.ON_FLOOR, level=0.25, uprightness=0.2, height=0.35, speed=0.05)
FLAT = replace(LEANS_BACK, level=0.1, uprightness=0.0, height=0.2, drop=0.3)


LOST = None


def told_of(*stances, fps=10, keypoints=18):
    """The events of somebody who holds themselves so, each stance for some seconds, to the end of the clip."""
    rule, events, t_s, last = FallRule(counted("room")), [], 0.0, NOTHING
    pose = Pose((np.arange(18) < keypoints)[:, None] * np.ones((18, 3), np.float32), 0.5)
    for stance, lasts_s in stances:
        state = TrackState.LOST if stance is LOST else TrackState.CONFIRMED
        last = stance or last
        for _ in range(round(lasts_s * fps)):
            person = Person(1, pose, state, 0.0, t_s, 200.0)
            events += rule.update(View(t_s, (Seen(person, last, (100.0, 100.0), {}),)))
            t_s += 1 / fps
    return events + rule.finish(t_s)


def test_one_wrong_frame_of_somebody_who_sits_on_the_ground_has_not_toppled_them():
    """They lean back later, and slowly."""
    wrong = replace(ON_THE_GROUND, uprightness=0.2, height=0.3)
    seen = [(STANDS, 3), (ON_THE_GROUND, 0.3), (wrong, 0.1), (ON_THE_GROUND, 1.5), (LEANS_BACK, 0.8)]
    assert phases(told_of(*seen)) == [Phase.SUSPECTED]


def test_somebody_who_fell_flat_and_can_no_longer_be_made_out_at_the_end_lies_there():
    hidden = replace(NOTHING, since_s=3.0)
    assert phases(told_of((STANDS, 3), (FLAT, 0.4), (hidden, 0.4))) == [Phase.SUSPECTED, Phase.CONFIRMED]


def test_somebody_who_fell_flat_fast_and_is_no_longer_found_lies_there():
    fell = replace(FLAT, drop=0.42, speed=0.5)
    events = told_of((STANDS, 3), (fell, 0.5), (LOST, 4))
    assert [event.evidence.get("reason") for event in events] == [None, "out of sight since"]
    assert phases(told_of((STANDS, 3), (replace(fell, drop=0.3), 0.5), (LOST, 4))) == [Phase.SUSPECTED]


def test_somebody_who_leaves_the_picture_with_the_hips_up_is_not_lying():
    """What is left of them at its edge may look flat."""
    low = replace(FLAT, drop=0.42)
    edge = replace(low, level=np.nan, hip_level=0.58, speed=0.5)
    assert phases(told_of((STANDS, 3), (low, 0.1), (edge, 0.3), (LOST, 4))) == [Phase.SUSPECTED]


def test_legs_that_are_missed_now_and_then_make_nobody_who_bends_over_flat():
    bent = Stance(Posture.BENT, 1.0, 0.0, 0.36, 0.5, -0.4, 0.6, drop=0.3, speed=0.5, grounded=True)
    calm, partly = replace(bent, speed=0.05), replace(bent, speed=0.05, height=0.4)
    seen = [(STANDS, 3), (bent, 0.5), (calm, 1.5), (partly, 0.1), (calm, 0.5), (partly, 0.1)]
    assert phases(told_of(*seen)) == [Phase.SUSPECTED]


def test_a_torso_that_looks_upright_in_the_last_frame_lies_all_the_same():
    events = told_of((STANDS, 3), (FLAT, 0.6), (replace(FLAT, uprightness=0.8), 0.2), fps=5)
    assert phases(events) == [Phase.SUSPECTED, Phase.CONFIRMED]


def test_somebody_who_comes_down_fast_to_a_level_torso_falls_though_the_legs_are_up_yet():
    falling = replace(FLAT, level=0.3, hip_level=0.3, height=0.7, drop=0.45, speed=1.0)
    assert phases(told_of((STANDS, 3), (falling, 0.4))) == [Phase.SUSPECTED, Phase.CONFIRMED]
    leaning = replace(falling, uprightness=0.4)
    assert phases(told_of((STANDS, 3), (leaning, 0.4))) == [Phase.SUSPECTED]


def test_somebody_who_came_down_hard_and_moves_is_waited_for_longer():
    """They may have come down to pick something up."""
    busy = replace(LEANS_BACK, drop=0.55, speed=0.5)
    assert phases(told_of((STANDS, 3), (busy, 2), (STANDS, 1))) == [Phase.SUSPECTED, Phase.CLEARED]
    assert phases(told_of((STANDS, 3), (busy, 4), (STANDS, 1))) == [Phase.SUSPECTED, Phase.CONFIRMED]
    lies = replace(busy, speed=0.05)
    assert phases(told_of((STANDS, 3), (lies, 2), (STANDS, 1)))[:2] == [Phase.SUSPECTED, Phase.CONFIRMED]


def test_somebody_who_drops_on_their_seat_and_stays_there_has_fallen():
    dropped = replace(ON_THE_GROUND, posture=Posture.ON_FLOOR, drop=0.36, speed=0.05)
    on_the_way = replace(STANDS, level=0.6, hip_level=0.3, drop=0.2, speed=0.5)
    events = told_of((STANDS, 3), (on_the_way, 0.3), (dropped, 6))
    assert [event.evidence.get("reason") for event in events] == [None, "stays where they came down"]
    slowly = told_of((STANDS, 3), (on_the_way, 1.0), (dropped, 2))
    assert phases(slowly) == [Phase.SUSPECTED]


def test_somebody_seen_to_sit_on_the_ground_for_a_glimpse_has_not_stayed_there():
    dropped = replace(ON_THE_GROUND, drop=0.4, speed=0.05)
    events = told_of((STANDS, 3), (dropped, 2), (LOST, 6))
    assert [event.evidence.get("reason") for event in events] == [None, "end of clip"]


def test_a_single_sight_on_the_ground_is_no_fall_out_of_sight():
    fell = replace(FLAT, drop=0.6, speed=0.5)
    for sights_s, reason in ((0.1, "end of clip"), (0.2, "out of sight since")):
        events = told_of((STANDS, 3), (fell, sights_s), (LOST, 4))
        assert [event.evidence.get("reason") for event in events] == [None, reason]


def test_whoever_bends_down_with_the_hips_up_is_waited_for_though_these_are_no_longer_seen():
    bent = replace(FLAT, level=0.3, hip_level=0.55, uprightness=-0.5, height=0.6, drop=0.55, speed=0.3)
    partly = replace(bent, hip_level=np.nan, uprightness=np.nan, height=np.nan, speed=0.1)
    assert phases(told_of((STANDS, 3), (bent, 0.3), (partly, 2), (STANDS, 1))) == [Phase.SUSPECTED, Phase.CLEARED]


def test_shoulders_on_the_ground_lie_there_where_the_hips_are_out_of_view():
    fell = replace(FLAT, level=0.05, hip_level=np.nan, uprightness=np.nan, height=np.nan, speed=0.05)
    leaning = replace(STANDS, level=0.4, hip_level=0.2, uprightness=0.5, drop=0.3)
    assert phases(told_of((STANDS, 3), (leaning, 0.2), (fell, 2))) == [Phase.SUSPECTED, Phase.CONFIRMED]
    higher = replace(fell, level=0.3)
    assert phases(told_of((STANDS, 3), (leaning, 0.2), (higher, 2))) == [Phase.SUSPECTED]


def test_legs_left_in_the_picture_tell_of_a_fall_out_of_it():
    falling = replace(FLAT, level=0.4, hip_level=0.15, uprightness=0.7, height=0.4, speed=0.5)
    legs = replace(FLAT, level=np.nan, hip_level=0.08, uprightness=np.nan, height=0.1, drop=0.0, speed=0.05)
    events = told_of((STANDS, 3), (falling, 0.2), (legs, 2))
    assert [event.evidence.get("reason") for event in events] == [None, "lies still"]
    standing = replace(legs, hip_level=0.5, height=0.5)
    assert phases(told_of((STANDS, 3), (falling, 0.2), (standing, 2))) == [Phase.SUSPECTED]


def test_somebody_who_came_down_hard_and_is_hardly_seen_is_waited_for_longer():
    """They may be bending down to something."""
    partly = replace(FLAT, hip_level=np.nan, uprightness=np.nan, height=np.nan, level=0.3, drop=0.55, speed=0.2)
    for keypoints, then in ((6, Phase.CLEARED), (12, Phase.CONFIRMED)):
        events = told_of((STANDS, 3), (partly, 2), (STANDS, 1), keypoints=keypoints)
        assert phases(events)[:2] == [Phase.SUSPECTED, then]
    assert phases(told_of((STANDS, 3), (partly, 4), keypoints=6)) == [Phase.SUSPECTED, Phase.CONFIRMED]
