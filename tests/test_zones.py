"""Who stands in which zone."""

import math
import random

import numpy as np

from edgepose.config import Zone
from edgepose.domain import Frame, FrameResult, Pose, Track
from edgepose.skeleton import BODY18_NAMES, LAYOUTS
from edgepose.zones import ZoneMap, contains, ground_point

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
LETTER_U = ((0, 0), (0.2, 0), (0.2, 0.8), (0.8, 0.8), (0.8, 0), (1, 0), (1, 1), (0, 1))


def person(**seen: tuple[float, float]) -> np.ndarray:
    keypoints = np.zeros((18, 3), np.float32)
    for name, (x, y) in seen.items():
        keypoints[BODY18_NAMES.index(name)] = (x, y, 0.5)
    return keypoints


def test_a_person_stands_between_their_ankles():
    assert ground_point(person(nose=(0, 0), left_ankle=(10, 50), right_ankle=(20, 60)), "body18") == (15, 55)


def test_one_ankle_is_enough():
    assert ground_point(person(nose=(0, 0), left_ankle=(10, 50), right_wrist=(90, 90)), "body18") == (10, 50)


def test_without_ankles_it_is_the_bottom_of_the_box():
    assert ground_point(person(left_shoulder=(10, 20), right_shoulder=(30, 20), nose=(20, 5)), "body18") == (20, 20)


def test_nobody_stands_nowhere():
    assert ground_point(person(), "body18") is None


def test_a_layout_without_ankles_has_a_ground_point_too():
    hand = np.ones((len(LAYOUTS["hand21"]), 3), np.float32)
    assert ground_point(hand, "hand21") == (1, 1)


def test_inside_and_outside_of_a_square():
    assert contains(SQUARE, 0.5, 0.5)
    assert not contains(SQUARE, 0.1, 0.5)
    assert not contains(SQUARE, 0.5, 0.9)


def test_the_hollow_of_a_concave_zone_is_outside():
    assert contains(LETTER_U, 0.1, 0.5)
    assert contains(LETTER_U, 0.9, 0.5)
    assert not contains(LETTER_U, 0.5, 0.5)


def test_inside_of_a_convex_polygon_is_left_of_all_its_edges():
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(300):
        angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randint(3, 9)))
        polygon = [(0.5 + 0.4 * math.cos(a), 0.5 + 0.4 * math.sin(a)) for a in angles]
        x, y = rng.random(), rng.random()
        edges = zip(polygon, polygon[1:] + polygon[:1], strict=True)
        crosses = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in edges]
        if min(abs(cross) for cross in crosses) > 1e-9:
            assert contains(polygon, x, y) == (min(crosses) > 0)


def test_two_zones_side_by_side_share_no_point_and_leave_none_out():
    left, right = ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), ((0.5, 0), (1, 0), (1, 1), (0.5, 1))
    for x in (0.0, 0.25, 0.5, 0.75, 0.999):
        assert contains(left, x, 0.5) != contains(right, x, 0.5)


def test_zones_of_a_frame_by_the_normalised_ground_point():
    zones = ZoneMap({"bed": Zone(kind="bed", polygon=SQUARE), "room": Zone(kind="other", polygon=LETTER_U)})
    people = (person(left_ankle=(320, 240)), person(left_ankle=(10, 240)), person(), person(left_ankle=(320, 20)))
    result = FrameResult(
        frame=Frame(picture=None, t_s=0, mono_ns=0, seq=0),  # type: ignore[arg-type]
        size=(640, 480),
        tracks=tuple(Track(place, Pose(keypoints, 1)) for place, keypoints in enumerate(people)),
        layout="body18",
    )
    assert zones.of(result) == (("bed",), ("room",), (), ())
    assert ZoneMap({}).of(result) == ((), (), (), ())
