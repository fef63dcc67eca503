"""Which points of the published networks ours are made of."""

import sys
from pathlib import Path

import numpy as np
import pytest

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


def test_a_channel_is_bent_as_prelu_bends_it():
    keras = pytest.importorskip("keras")
    from training.part_graph import _prelu

    slopes = np.array([0.25, 0.0, 1.0, 1.5, -0.5], np.float32)
    image = keras.Input((2, 3, 5))
    model = keras.Model(image, _prelu(slopes, image))
    values = np.random.default_rng(0).normal(size=(1, 2, 3, 5)).astype(np.float32)
    np.testing.assert_allclose(model(values), np.where(values > 0, values, slopes * values), atol=1e-6)
