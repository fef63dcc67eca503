"""How far a body that lies comes down, in pixels."""

from itertools import pairwise

import pytest

from edgepose.sinking import Sinking


def sunk(path, fps, flat_from_s=0.0):
    """The most that is told of a body whose middle goes a way, a pair of (seconds, pixels) after another."""
    sinking, most = Sinking(), 0.0
    for frame in range(round(path[-1][0] * fps) + 1):
        t_s = frame / fps
        y = next(
            b_y + (t_s - b_s) / (b_s - a_s) * (b_y - a_y) if b_s > a_s else b_y
            for (a_s, a_y), (b_s, b_y) in pairwise(path)
            if t_s <= b_s + 1e-9
        )
        most = max(most, sinking.add({"shoulders": (0.0, y - 5), "hips": (60.0, y + 5)}, t_s >= flat_from_s, t_s))
    return most


@pytest.mark.parametrize("fps", [5, 8, 15, 30])
def test_a_fall_of_half_a_second_is_told_nearly_whole(fps):
    assert 40 <= sunk([(0, 100), (3, 100), (3.5, 160), (5, 160)], fps) <= 60


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_what_sinks_slowly_has_not_fallen(fps):
    assert sunk([(0, 100), (3, 100), (6, 160), (8, 160)], fps) <= 12


def test_what_rises_has_not_sunk():
    assert sunk([(0, 100), (3, 100), (3.5, 40), (5, 40)], 15) == 0


def test_somebody_who_was_up_just_before_lies_down_and_has_not_sunk_lying():
    assert sunk([(0, 100), (3, 100), (3.5, 160), (5, 160)], 15, flat_from_s=3.5) <= 15


def test_half_a_body_tells_nothing():
    sinking = Sinking()
    assert [sinking.add({"shoulders": (0.0, 100.0 * t_s)}, True, t_s) for t_s in (0.0, 0.1, 0.2)] == [0.0, 0.0, 0.0]
