"""Fine-tuning for int8: biases corrected, answers come closer to the float network's, and it can be interrupted."""

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
from training import finetune as tuning_loop
from training.bias_correction import correct_bias, with_biases
from training.errors import TrainingError
from training.finetune import LOG, Tuning, finetune, loss_parts
from training.layout import COCO17, FIELDS, HEATS
from training.mirror import Mirror, rounded
from training.steps import Step
from training.views import Views, random_view

SIZE = (64, 96)
OUTPUTS = ("logits", "pafs", "regress")
DEPTHS = dict(zip(OUTPUTS, (HEATS + 1, FIELDS, 2 * len(COCO17)), strict=True))
STEPS = [
    Step("half", "conv", ("image",), 2),
    Step("each", "depthwise", ("half",)),
    Step("quarter", "conv", ("each",), 2, 6.0),
    *(Step(name, "conv", ("quarter",)) for name in OUTPUTS),
]
RANGES = {step.name: (-4.0, 4.0) for step in STEPS} | {"quarter": (0.0, 6.0), "logits": (-6.0, 4.0)}
TUNING = Tuning(steps=6, sizes=(SIZE,), pixels=2 * SIZE[0] * SIZE[1], learning_rate=0.003, warm_up=2, save_every=2)


class StoppedError(Exception):
    pass


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(11)
    paths = []
    for number in range(3):
        coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC))
    return paths


def weights():
    """One convolution an output, on every fourth pixel."""
    rng = np.random.default_rng(3)
    made = {
        "half/0": rng.normal(0, 0.3, (3, 3, 3, 8)),
        "each/0": rng.normal(0, 0.4, (3, 3, 8, 1)),
        "quarter/0": rng.normal(0, 0.3, (3, 3, 8, 8)),
        "quarter/1": np.full(8, 0.3),
    }
    for name, depth in DEPTHS.items():
        made |= {f"{name}/0": rng.normal(0, 0.1, (1, 1, 8, depth)), f"{name}/1": np.full(depth, 0.01)}
    return {name: value.astype(np.float32) for name, value in made.items()}


def network():
    return Mirror(STEPS, with_biases(STEPS, weights()), OUTPUTS, "image")


def some_images(count=4):
    coarse = np.random.default_rng(5).uniform(-1, 1, (count, 3, 8, 12)).astype(np.float32)
    return np.repeat(np.repeat(coarse, 8, 2), 8, 3)


def test_biases_of_zero_change_nothing():
    images = torch.from_numpy(some_images())
    bare = Mirror(STEPS, weights(), OUTPUTS, "image")
    for with_them, without in zip(network()(images), bare(images), strict=True):
        torch.testing.assert_close(with_them, without)


def test_corrected_biases_bring_the_means_back():
    images, step = torch.from_numpy(some_images()), STEPS[2]
    mirror, teacher = network(), network()
    mirror.shift_bias(step, torch.linspace(-0.4, 0.4, 8))
    with torch.no_grad():
        read = dict(teacher.run(images, None))["each"]
        right = teacher.value_of(step, [read], rounding=False)

    def shift():
        with torch.no_grad():
            found = rounded(mirror.value_of(step, [read], rounding=True), RANGES[step.name])
        return float((right.mean((0, 2, 3)) - found.mean((0, 2, 3))).abs().mean())

    before = shift()
    correct_bias(mirror, step, [read], right, RANGES[step.name])
    assert shift() < 0.2 * before


def test_a_right_answer_costs_nothing():
    with torch.no_grad():
        answers = network()(torch.from_numpy(some_images()))
    assert all(float(part) == pytest.approx(0, abs=1e-5) for part in loss_parts(answers, answers).values())


@pytest.mark.parametrize("seed", range(8))
def test_views_have_the_size_and_something_of_the_picture(pictures, seed):
    view = random_view(pictures[0], SIZE, Views(), np.random.default_rng(seed))
    assert view.shape == (*SIZE, 3) and view.dtype == np.uint8
    assert view.std() > 10, f"seed {seed}"


def test_tuning_comes_closer_to_the_float_network(pictures, tmp_path):
    mirror = network()
    mirror.shift_bias(STEPS[2], torch.linspace(-0.4, 0.4, 8))
    tuning = Tuning(steps=40, sizes=(SIZE,), pixels=4 * SIZE[0] * SIZE[1], learning_rate=0.01, save_every=20)
    finetune(mirror, network(), RANGES, pictures, tmp_path / "run", tuning, Views())
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    unseen = [sum(line["unseen"].values()) for line in lines if "unseen" in line]
    assert unseen[-1] < 0.7 * unseen[0]


def test_interrupted_tuning_ends_with_the_same_weights(pictures, tmp_path, monkeypatch):
    straight = network()
    finetune(straight, network(), RANGES, pictures, tmp_path / "straight", TUNING, Views())
    step, left = tuning_loop._step, [4]

    def stopping(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise StoppedError
        return step(*arguments)

    monkeypatch.setattr(tuning_loop, "_step", stopping)
    with pytest.raises(StoppedError):
        finetune(network(), network(), RANGES, pictures, tmp_path / "halting", TUNING, Views())
    monkeypatch.setattr(tuning_loop, "_step", step)
    resumed = network()
    finetune(resumed, network(), RANGES, pictures, tmp_path / "halting", TUNING, Views())
    for name, weight in straight.weights().items():
        np.testing.assert_allclose(resumed.weights()[name], weight, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_checkpoint_of_other_settings_is_refused(pictures, tmp_path):
    finetune(network(), network(), RANGES, pictures, tmp_path / "run", TUNING, Views())
    with pytest.raises(TrainingError, match="was made with other settings"):
        finetune(network(), network(), RANGES, pictures, tmp_path / "run", TUNING, Views(dull=0.0))
