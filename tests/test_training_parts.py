"""Which points of the published networks ours are made of."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from training.part_sources import FACE, FACE70, HAND


def test_every_point_of_a_face_is_a_mean_of_points_of_the_mesh():
    assert len(FACE70) == 70
    assert all(0 <= point < 468 for points in FACE70 for point in points)
    assert len(set(FACE70)) == 70
    matrix = FACE._matrix(468).reshape(468, 3, 70, 2)
    np.testing.assert_allclose(matrix.sum(axis=(0, 1)), 1)
    assert not matrix[:, 2].any(), "depth is left out"


def test_a_hands_points_are_the_networks_without_their_depth():
    matrix = HAND._matrix(21)
    flat = np.arange(63, dtype=float) @ matrix
    np.testing.assert_array_equal(flat, [n for n in range(63) if n % 3 < 2])
