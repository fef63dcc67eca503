"""The training views of feet, and how published networks are rebuilt."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="models/training/requirements.txt is not installed")
pytest.importorskip("cv2", reason="models/training/requirements.txt is not installed")

import keras
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from training import foot
from training.equalise import equalise
from training.errors import TrainingError
from training.foot_views import SIDE, Views, straight
from training.part_graph import _prelu

WIDE, MARGIN = 144, 1.3


def spots(labels):
    """Rendered crops, black but for a red, a green and a blue spot at their labels."""
    rows, columns = np.mgrid[:WIDE, :WIDE]
    pictures = np.zeros((len(labels), WIDE, WIDE, 3), np.uint8)
    for picture, points in zip(pictures, labels, strict=True):
        for colour, (x, y) in enumerate((points[:, :2] - 0.5) / MARGIN + 0.5):
            near = (columns + 0.5 - x * WIDE) ** 2 + (rows + 0.5 - y * WIDE) ** 2 < 20
            picture[near, colour] = 255
    return pictures


def middles(views):
    """(N, 3, 2) where the spots are, in shares of the view."""
    grid = (np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1) + 0.5) / SIDE
    weight = np.clip(views - views.mean(axis=(1, 2), keepdims=True) - 0.15, 0, None)
    weight = np.where(weight > 0.5 * weight.max(axis=(1, 2), keepdims=True), weight, 0)
    return np.einsum("nyxc,yxk->nck", weight, grid) / weight.sum(axis=(1, 2))[..., None]


def test_the_points_of_a_foot_move_along_with_its_views():
    seed = 5
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.uniform(0.3, 0.7, (40, 3, 2)), np.ones((40, 3, 1))], axis=2).astype(np.float32)
    pictures = spots(labels)
    np.testing.assert_allclose(middles(straight(pictures)), labels[..., :2], atol=0.006)
    views, moved = Views(seed)(pictures, labels)
    assert np.abs(moved - labels)[..., :2].mean() > 0.02
    plain = views.std(axis=-1).max(axis=(1, 2)) > 0.3  # grey ones don't tell the spots apart
    assert plain.sum() > 20
    np.testing.assert_allclose(middles(views[plain]), moved[plain][..., :2], atol=0.03)


def test_a_point_that_leaves_the_view_counts_as_not_there():
    labels = np.tile(np.array([[0.5, 0.5, 1.0], [0.99, 0.5, 1.0], [1.2, 0.5, 0.5]], np.float32), (60, 1, 1))
    _, moved = Views(3)(np.zeros((60, WIDE, WIDE, 3), np.uint8), labels)
    beyond = ((moved[..., :2] < 0) | (moved[..., :2] > 1)).any(axis=-1)
    assert beyond.any()
    assert not moved[beyond][:, 2].any()
    assert (moved[:, 0, 2] == 1).all()


def test_errors_are_told_in_shanks_and_of_what_is_seen():
    labels = np.array([[[0.5, 0.5, 1], [0.5, 0.5, 0.5], [0.5, 0.5, 0]]], np.float32)
    points = np.array([[0.6, 0.5, 0.9, 0.9, 0.1, 0.1]], np.float32)
    told = foot.errors(points, np.array([[4.0, 0.0, -4.0]]), labels)
    assert told["mean_off_percent_of_shank"] == pytest.approx(14.0, abs=0.01)
    assert told["mean_confidence_seen"] == pytest.approx(0.98, abs=0.01)
    assert told["mean_confidence_covered"] == pytest.approx(0.02, abs=0.01)


def test_crops_that_are_not_there_are_asked_for(tmp_path):
    with pytest.raises(TrainingError, match=r"make it with render/foot_crops\.py"):
        foot.Feet.read([tmp_path / "feet.npz"])


@pytest.mark.parametrize("slopes", [(-0.5, 0.0, 0.3, 1.0), (-1.6, 0.5, 1.3, 2.0)])
def test_a_rewritten_prelu_is_the_same_function(slopes):
    slopes = np.array(slopes, np.float32)
    image = keras.Input((4, 4, 4), batch_size=1)
    model = keras.Model(image, _prelu(slopes.reshape(1, 1, 4), image))
    x = np.random.default_rng(2).normal(0, 3, (1, 4, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(model(x), np.where(x > 0, x, slopes * x), atol=1e-5)


def test_equalising_leaves_alone_what_operations_without_weights_read():
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3), batch_size=1)
    first = keras.layers.Conv2D(6, 3, padding="same")(image)
    bent = _prelu(np.linspace(-0.5, 1.2, 6).reshape(1, 1, 6), first)
    inner = keras.layers.Conv2D(6, 1)(keras.layers.DepthwiseConv2D(3, padding="same")(bent))
    second = keras.layers.Conv2D(6, 1)(inner)
    last = _prelu(np.full((1, 1, 6), 0.1), keras.layers.Add()([bent, second]))
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(last))
    for layer in model.layers:
        layer.set_weights([w * np.random.default_rng(1).uniform(0.1, 9, w.shape[-1]) for w in layer.get_weights()])
    pictures = np.random.default_rng(4).uniform(0, 1, (4, 8, 8, 3)).astype(np.float32)
    before = model(pictures[:1]).numpy()
    equalise(model, pictures)
    np.testing.assert_allclose(tf.convert_to_tensor(model(pictures[:1])), before, rtol=1e-3, atol=1e-3)
