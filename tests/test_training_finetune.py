"""Fine-tuning: views carry the teacher's maps along, learning goes down and can be interrupted. Needs PyTorch."""

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
from training.ensemble import CENTRE, CHANNELS, FIRST_FIELD, FIRST_OFFSET, kept_at, mirrored, packed, unpacked
from training.errors import TrainingError
from training.finetune import LOG, Tuning, finetune
from training.mirror import Mirror, Step
from training.views import Source, Views, random_view

SIZE = (64, 96)
STILL = Views(zoom=(1.0, 1.0), turn_deg=0.0, lying=0.0, dull=0.0)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def maps_with(channel, row, column, height=96, width=128):
    maps = np.zeros((height, width, CHANNELS), np.float32)
    y, x = np.mgrid[:height, :width]
    maps[..., channel] = np.exp(-((x - column) ** 2 + (y - row) ** 2) / 50)
    return maps


@pytest.fixture
def source(tmp_path, rng):
    """A picture of 512 x 384 pixels with one bright spot, and maps that are warm there."""
    path = tmp_path / "room.png"
    picture = np.zeros((384, 512, 3), np.uint8)
    cv2.circle(picture, (200, 120), 20, (255, 255, 255), -1)
    cv2.imwrite(str(path), picture)
    maps = maps_with(0, (120 + 0.5) / 4 - 0.5, (200 + 0.5) / 4 - 0.5)
    maps[..., FIRST_OFFSET] = 10.0  # the nose is ten cells to the right of everything
    maps[..., FIRST_FIELD] = 1.0
    np.save(kept_at(tmp_path, path), packed(maps))
    return Source(path, None)


def test_kept_maps_are_what_they_were(rng):
    maps = rng.uniform(0, 1, (5, 6, CHANNELS)).astype(np.float32)
    maps[..., FIRST_OFFSET:] *= 40
    back = unpacked(packed(maps))
    np.testing.assert_allclose(back[..., :FIRST_FIELD], maps[..., :FIRST_FIELD], atol=0.003)
    np.testing.assert_allclose(back[..., FIRST_FIELD:FIRST_OFFSET], maps[..., FIRST_FIELD:FIRST_OFFSET], atol=0.007)
    np.testing.assert_allclose(back[..., FIRST_OFFSET:], maps[..., FIRST_OFFSET:], atol=0.26)


def test_mirroring_twice_changes_nothing(rng):
    maps = rng.normal(size=(4, 7, CHANNELS)).astype(np.float32)
    np.testing.assert_array_equal(mirrored(mirrored(maps)), maps)


@pytest.mark.parametrize("seed", range(12))
def test_a_view_moves_picture_and_maps_alike(source, tmp_path, seed):
    ranges = Views(zoom=(0.6, 1.4), turn_deg=30.0, lying=0.3, dull=0.0)
    view = random_view(source, tmp_path, SIZE, ranges, np.random.default_rng(seed))
    heat = np.maximum(view.maps[0], view.maps[0])
    bright = view.picture[..., 0].astype(np.float32)
    if bright.sum() < 20 * 255 or heat.sum() < 3:  # out of the view
        return
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    spot = np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()
    rows, columns = np.mgrid[: heat.shape[0], : heat.shape[1]]
    warm = np.array([(heat**4 * columns).sum(), (heat**4 * rows).sum()]) / (heat**4).sum()
    at_edge = not (8 < spot[0] < SIZE[1] - 8 and 8 < spot[1] < SIZE[0] - 8)
    assert at_edge or np.abs((warm + 0.5) * 4 - 0.5 - spot).max() < 2.5, f"seed {seed}"


def test_offsets_and_fields_turn_with_the_view(source, tmp_path):
    ranges = Views(zoom=(1.0, 1.0), turn_deg=0.0, lying=1.0, dull=0.0)
    for seed in range(6):
        view = random_view(source, tmp_path, SIZE, ranges, np.random.default_rng(seed))
        row, column = np.unravel_index(np.argmax(view.maps[0]), view.maps[0].shape)
        pairs = view.maps[FIRST_OFFSET:, row, column].reshape(-1, 2)
        told = pairs[np.argmax(np.abs(pairs).sum(1))]
        assert abs(told[0]) < 0.3 and 1.0 < abs(told[1]) < 2.5, "ten cells to the side are now a sixth of it up or down"


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


TUNING = Tuning(steps=6, sizes=(SIZE,), pixels=2 * SIZE[0] * SIZE[1], learning_rate=0.02, warm_up=2, save_every=2)


def test_tuning_learns_and_logs(source, tmp_path):
    mirror, ranges = small_network()
    tuning = Tuning(steps=60, sizes=(SIZE,), pixels=4 * SIZE[0] * SIZE[1], learning_rate=0.02, save_every=20)
    finetune(mirror, ranges, [source], tmp_path, tmp_path / "run", tuning, STILL)
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    unseen = [sum(line["unseen"].values()) for line in lines if "unseen" in line]
    assert unseen[-1] < 0.8 * unseen[0]


def test_interrupted_tuning_ends_with_the_same_weights(source, tmp_path, monkeypatch):
    straight, ranges = small_network()
    finetune(straight, ranges, [source], tmp_path, tmp_path / "straight", TUNING, STILL)
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
        finetune(halting, ranges, [source], tmp_path, tmp_path / "halting", TUNING, STILL)
    monkeypatch.setattr(module, "_step", step)
    resumed, _ = small_network()
    finetune(resumed, ranges, [source], tmp_path, tmp_path / "halting", TUNING, STILL)
    for name, weight in straight.weights().items():
        np.testing.assert_allclose(resumed.weights()[name], weight, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_checkpoint_of_other_settings_is_refused(source, tmp_path):
    mirror, ranges = small_network()
    finetune(mirror, ranges, [source], tmp_path, tmp_path / "run", TUNING, STILL)
    with pytest.raises(TrainingError, match="was made with other settings"):
        finetune(mirror, ranges, [source], tmp_path, tmp_path / "run", TUNING, Views())


def test_centre_comes_after_the_neck():
    assert FIRST_FIELD == CENTRE + 1
