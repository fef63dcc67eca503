"""The one-euro filter: calm at rest, prompt in motion, the same at every size and rate."""

import numpy as np
import pytest

from edgepose._bodies import Bodies
from edgepose.smoothing import OneEuroSettings


class KeypointFilter:
    """The kernel over one body of some keypoints and no bones."""

    def __init__(self, count):
        none, places = np.zeros(0), np.zeros((0, 2), np.int32)
        self._bodies = Bodies(places, none, np.zeros(count, np.int32), np.full(count, 0.1), OneEuroSettings())
        self._memory = np.zeros((1, count, 7))
        self._memory[..., 2] = -np.inf

    def update(self, keypoints, t_s, stature_px):
        facts = np.array([[t_s - 0.1, stature_px, 0.0, 0.0]])
        return self._bodies.advance(self._memory, facts, keypoints[None], t_s)[0][0]


def measured(xy, confidence=0.8):
    return np.array([[x, y, confidence] for x, y in xy], np.float32)


def played(fps, path, stature_px=200.0, noise=0.0, seconds=4.0):
    """Filtered and true places of one keypoint that follows `path` (statures by time)."""
    rng = np.random.default_rng(2)
    smooth = KeypointFilter(1)
    found, true = [], []
    for t_s in np.arange(0, seconds, 1 / fps):
        place = np.array((100.0, path(t_s) * stature_px))
        jitter = rng.normal(0, noise * stature_px, 2)
        found.append(smooth.update(measured([place + jitter]), float(t_s), stature_px)[0, :2])
        true.append(place)
    return np.array(found), np.array(true)


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_somebody_at_rest_trembles_less(fps):
    found, true = played(fps, lambda _: 1.0, noise=0.01)
    assert np.std((found - true)[fps:]) < 0.75 * 0.01 * 200


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_a_fall_is_followed_within_a_tenth_of_a_second(fps):
    fall_m_s = 1.5
    found, true = played(fps, lambda t_s: fall_m_s * min(max(t_s - 1, 0), 0.6))
    late_s = (true - found)[:, 1].max() / 200 / fall_m_s
    assert late_s < 0.12


def test_the_size_of_a_person_changes_nothing():
    near, _ = played(15, lambda t_s: 0.3 * t_s, stature_px=400.0)
    far, _ = played(15, lambda t_s: 0.3 * t_s, stature_px=100.0)
    np.testing.assert_allclose(near[:, 1], far[:, 1] * 4, rtol=1e-5)


def test_an_unseen_keypoint_stays_unseen_and_comes_back_where_it_is():
    smooth = KeypointFilter(2)
    smooth.update(measured([(10, 10), (50, 50)]), 0.0, 100.0)
    hidden = smooth.update(np.array([[11, 10, 0.5], [0, 0, 0]], np.float32), 0.1, 100.0)
    assert hidden[1].tolist() == [0, 0, 0]
    back = smooth.update(measured([(11, 10), (90, 20)]), 1.0, 100.0)
    assert back[1, :2].tolist() == [90, 20]
