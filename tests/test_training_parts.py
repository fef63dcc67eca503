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


def test_a_smaller_crops_looks_are_undone():
    """What a network says of a turned and widened crop is put back to where it lies in the crop itself."""
    pytest.importorskip("keras")
    from training import hand
    from training.foot_views import turned

    image = np.zeros((1, 248, 248, 3), np.uint8)
    at = np.array((0.62, 0.41))
    x, y = np.rint((at - 0.5) * 248 / 1.3 + 123.5).astype(int)
    image[0, y - 2 : y + 3, x - 2 : x + 3] = 255
    for turn, scale in hand.LOOKS:
        view = turned(image, 192, turn, scale)[0, ..., 0]
        rows, columns = np.nonzero(view > 0.5)
        seen = (np.array([[columns.mean(), rows.mean()]]) + 0.5) / 192
        np.testing.assert_allclose(hand.undone(seen, turn, scale)[0], at, atol=0.01)


def test_a_crop_on_which_looks_differ_teaches_nothing():
    pytest.importorskip("keras")
    from training import hand

    places = np.tile(np.linspace(0.2, 0.8, 42).reshape(21, 2), (len(hand.LOOKS), 3, 1, 1))
    places[:2, 1] += 0.3
    sure, right = np.full((len(hand.LOOKS), 3), 3.0), np.full((len(hand.LOOKS), 3), 3.0)
    right[:, 2] = -2.0
    taught = hand.agreed(np.zeros((3, 8, 8, 3), np.uint8), places, sure, right)
    np.testing.assert_array_equal(taught.labels[:, 0, 2], [1, 0, 0], "one apart, one taken for a left hand")
    np.testing.assert_allclose(taught.presence, 1 / (1 + np.exp(-3.0)), rtol=1e-6)
