"""Fine-tuning: views carry the teacher's labels along, learning goes down and can be interrupted. Needs PyTorch."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("torch", reason="models/training/requirements.txt is not installed")
pytest.importorskip("cv2", reason="models/training/requirements.txt is not installed")
pytest.importorskip("tensorflow", reason="models/training/requirements.txt is not installed")

import cv2
import torch
from training.ensemble import kept_at, mirrored
from training.errors import TrainingError
from training.finetune import LOG, Tuning, _turned, finetune
from training.layout import CENTRE, CHANNELS, FIRST_FIELD, FIRST_OFFSET, LIMB_ENDS
from training.mirror import Mirror, Step
from training.soft_labels import SoftLabels
from training.views import Source, Views, random_view

SIZE = (64, 96)
STILL = Views(zoom=(1.0, 1.0), turn_deg=0.0, dull=0.0)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


SPOT = (200.0, 120.0)
"""x, y in the picture, where the nose is."""


@pytest.fixture
def source(tmp_path):
    """A picture of 512 x 384 pixels with one bright spot, and labels that are there."""
    path = tmp_path / "room.png"
    picture = np.zeros((384, 512, 3), np.uint8)
    cv2.circle(picture, (200, 120), 20, (255, 255, 255), -1)
    cv2.imwrite(str(path), picture)
    places = np.tile(SPOT, 18) + np.concatenate([[0, 0], np.tile([40, 0], 17)])
    labels_of(peaks=[(0, *SPOT, 0.8)], limbs=[(14, *SPOT, 240, 120, 0.6)], centres=[(0.5, *places)]).save(
        kept_at(tmp_path, path)
    )
    return Source(path, None)


def labels_of(peaks=(), limbs=(), centres=()):
    return SoftLabels(
        np.array(peaks, np.float32).reshape(-1, 4),
        np.array(limbs, np.float32).reshape(-1, 6),
        np.array(centres, np.float32).reshape(-1, 37),
    )


def test_what_was_drawn_is_read_again():
    places = np.tile((90.0, 70.0), 18)
    drawn = labels_of(
        peaks=[
            (0, 50.3, 41.2, 0.7),
            (LIMB_ENDS[0][0], 100, 60, 0.8),
            (LIMB_ENDS[0][1], 160, 60, 0.9),
            (CENTRE, 90, 70, 0.6),
        ],
        limbs=[(0, 100, 60, 160, 60, 0.5)],
        centres=[(0.6, *places)],
    ).drawn(48, 64)
    read = SoftLabels.of(drawn.transpose(1, 2, 0))
    np.testing.assert_allclose(read.peaks[0], (0, 50.3, 41.2, 0.7), atol=0.15)
    (limb,) = (limb for limb in read.limbs if limb[0] == 0)
    np.testing.assert_allclose(limb[1:5], (100, 60, 160, 60), atol=0.3)
    assert limb[5] == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(read.centres[0, 1:], places, atol=2.5)


def test_mirroring_twice_changes_nothing(rng):
    maps = rng.normal(size=(4, 7, CHANNELS)).astype(np.float32)
    np.testing.assert_array_equal(mirrored(mirrored(maps)), maps)


def test_labels_are_mirrored_as_maps_are():
    labels = labels_of(
        peaks=[(5, 60, 80, 0.7)], limbs=[(2, 60, 80, 100, 40, 0.5)], centres=[(0.5, *np.tile((80, 60), 18))]
    )
    height, width = 32, 48
    flip = np.array([[-1.0, 0.0, 4 * width - 1.0], [0.0, 1.0, 0.0]])
    turned = labels.moved(flip, mirrored=True).drawn(height, width)
    maps = mirrored(labels.drawn(height, width).transpose(1, 2, 0)).transpose(2, 0, 1)
    np.testing.assert_allclose(turned[:FIRST_OFFSET], maps[:FIRST_OFFSET], atol=1e-4)


@pytest.mark.parametrize("seed", range(12))
def test_a_view_moves_picture_and_labels_alike(source, tmp_path, seed):
    ranges = Views(zoom=(0.6, 1.4), turn_deg=30.0, dull=0.0)
    view = random_view(source, tmp_path, SIZE, ranges, np.random.default_rng(seed))
    heat, bright = np.maximum(view.maps[0], 1e-6), view.picture[..., 0].astype(np.float32)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    spot = np.array([(bright * x).sum(), (bright * y).sum()]) / max(bright.sum(), 1.0)
    if not (8 < spot[0] < SIZE[1] - 8 and 8 < spot[1] < SIZE[0] - 8):  # out of the view, or cut by its edge
        return
    rows, columns = np.mgrid[: heat.shape[0], : heat.shape[1]]
    warm = np.array([(heat * columns).sum(), (heat * rows).sum()]) / heat.sum()
    assert np.abs((warm + 0.5) * 4 - 0.5 - spot).max() < 1.0, f"seed {seed}"


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_maps_turn_with_their_picture(turns):
    height, width = 128, 192
    labels = labels_of(
        peaks=[(5, 60, 80, 0.7)], limbs=[(2, 60, 80, 100, 40, 0.5)], centres=[(0.5, 80, 60, *np.tile((100, 20), 17))]
    )
    maps = torch.from_numpy(labels.drawn(height // 4, width // 4)[None])
    places = np.rot90(np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1), turns)
    shape, corner = places.shape[:2], places[0, 0]
    transform = np.linalg.inv(np.stack([places[0, 1] - corner, places[1, 0] - corner], 1).astype(np.float64))
    moved = labels.moved(np.column_stack([transform, -transform @ corner]), mirrored=False)
    expected = moved.drawn(shape[0] // 4, shape[1] // 4)
    np.testing.assert_allclose(_turned(maps, turns)[0].numpy(), expected, atol=1e-3)


class StoppedError(Exception):
    pass


def small_network():
    """One convolution an output, on every fourth pixel."""
    names = {"logits": FIRST_FIELD, "pafs": FIRST_OFFSET - FIRST_FIELD, "regress": CHANNELS - FIRST_OFFSET}
    rng = np.random.default_rng(3)
    steps = [Step("half", "conv", ("image",), 2), Step("quarter", "conv", ("half",), 2, 6.0)]
    weights = {
        "half/0": rng.normal(0, 0.2, (3, 3, 3, 8)).astype(np.float32),
        "half/1": np.zeros(8, np.float32),
        "quarter/0": rng.normal(0, 0.2, (3, 3, 8, 8)).astype(np.float32),
        "quarter/1": np.full(8, 0.1, np.float32),
    }
    for name, depth in names.items():
        steps.append(Step(name, "conv", ("quarter",)))
        weights[f"{name}/0"] = rng.normal(0, 0.1, (1, 1, 8, depth)).astype(np.float32)
        weights[f"{name}/1"] = np.full(depth, 0.01, np.float32)
    ranges = {step.name: (-8.0, 8.0) for step in steps} | {"quarter": (0.0, 6.0)}
    return Mirror(steps, weights, ("logits", "pafs", "regress"), "image"), ranges


TUNING = Tuning(
    steps=6, sizes=(SIZE,), pixels=2 * SIZE[0] * SIZE[1], learning_rate=0.02, warm_up=2, save_every=2, lying=0.5
)


def test_tuning_learns_and_logs(source, tmp_path):
    mirror, ranges = small_network()
    with torch.no_grad():  # what it was before somebody shook it
        for weight in mirror.kernels.values():
            weight.mul_(0.5)
    tuning = Tuning(steps=60, sizes=(SIZE,), pixels=4 * SIZE[0] * SIZE[1], learning_rate=0.02, save_every=20)
    finetune(mirror, small_network()[0], ranges, [source], tmp_path, tmp_path / "run", tuning, STILL)
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    unseen = [sum(line["unseen"].values()) for line in lines if "unseen" in line]
    assert unseen[-1] < 0.8 * unseen[0]


def test_interrupted_tuning_ends_with_the_same_weights(source, tmp_path, monkeypatch):
    straight, ranges = small_network()
    finetune(straight, small_network()[0], ranges, [source], tmp_path, tmp_path / "straight", TUNING, STILL)
    halting, _ = small_network()
    from training import finetune as module

    step = module._step

    def stopping(*arguments):
        stopping.left -= 1
        if stopping.left < 0:
            raise StoppedError
        return step(*arguments)

    stopping.left = 4
    monkeypatch.setattr(module, "_step", stopping)
    with pytest.raises(StoppedError):
        finetune(halting, small_network()[0], ranges, [source], tmp_path, tmp_path / "halting", TUNING, STILL)
    monkeypatch.setattr(module, "_step", step)
    resumed, _ = small_network()
    finetune(resumed, small_network()[0], ranges, [source], tmp_path, tmp_path / "halting", TUNING, STILL)
    for name, weight in straight.weights().items():
        np.testing.assert_allclose(resumed.weights()[name], weight, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_checkpoint_of_other_settings_is_refused(source, tmp_path):
    mirror, ranges = small_network()
    finetune(mirror, small_network()[0], ranges, [source], tmp_path, tmp_path / "run", TUNING, STILL)
    with pytest.raises(TrainingError, match="was made with other settings"):
        finetune(mirror, small_network()[0], ranges, [source], tmp_path, tmp_path / "run", TUNING, Views())


def test_centre_comes_after_the_neck():
    assert FIRST_FIELD == CENTRE + 1
