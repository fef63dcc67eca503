"""Rounding to int8: linear layers merged, errors made up for, ranges chosen by the answers."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("torch", reason="models/training/requirements.txt is not installed")
pytest.importorskip("cv2", reason="models/training/requirements.txt is not installed")
pytest.importorskip("tensorflow", reason="models/training/requirements.txt is not installed")

import torch
from training.bias_correction import with_biases
from training.compensated import input_moments, rounded_kernel
from training.errors import TrainingError
from training.finetune import loss_parts
from training.layout import COCO17, FIELDS, HEATS
from training.merge import merged
from training.mirror import Mirror
from training.narrow import narrowed
from training.ranges import LOGIT_RANGE
from training.rounding import round_layers
from training.steps import Step

OUTPUTS = ("logits", "pafs", "regress")
DEPTHS = dict(zip(OUTPUTS, (HEATS + 1, FIELDS, 2 * len(COCO17)), strict=True))
STEPS = [
    Step("half", "conv", ("image",), 2),
    Step("each", "depthwise", ("half",)),
    Step("squeezed", "conv", ("each",)),
    Step("wide", "conv", ("squeezed",), 1, 6.0),
    *(Step(name, "conv", ("wide",)) for name in OUTPUTS),
]


def weights():
    rng = np.random.default_rng(3)
    made = {
        "half/0": rng.normal(0, 0.3, (3, 3, 3, 8)),
        "each/0": rng.normal(0, 0.4, (3, 3, 8, 1)),
        "squeezed/0": rng.normal(0, 0.5, (1, 1, 8, 4)),
        "squeezed/1": rng.normal(0, 0.2, 4),
        "wide/0": rng.normal(0, 0.5, (1, 1, 4, 16)),
        "wide/1": rng.normal(0, 0.2, 16),
    }
    for name, depth in DEPTHS.items():
        made |= {f"{name}/0": rng.normal(0, 0.1, (1, 1, 16, depth)), f"{name}/1": np.full(depth, 0.01)}
    return {name: value.astype(np.float32) for name, value in made.items()}


def network(steps=STEPS, of=None):
    return Mirror(steps, with_biases(steps, of or weights()), OUTPUTS, "image")


def images(count=6, seed=5):
    coarse = np.random.default_rng(seed).uniform(-1, 1, (count, 3, 8, 12)).astype(np.float32)
    return np.repeat(np.repeat(coarse, 4, 2), 4, 3)


def ranges():
    """Of what each tensor is on pictures."""
    with torch.no_grad():
        seen = dict(network().run(torch.from_numpy(images(40)), None))
    widest = {step.name: (min(0.0, float(seen[step.name].min())), float(seen[step.name].max())) for step in STEPS}
    return widest | {"logits": LOGIT_RANGE}


def loss(mirror, ranges, seed=6):
    seen = torch.from_numpy(images(seed=seed))
    with torch.no_grad():
        return sum(float(part) for part in loss_parts(mirror(seen, ranges), network()(seen)).values())


def test_a_merged_layer_answers_what_the_two_answered():
    steps, joined = merged(STEPS, weights(), "squeezed")
    assert [step.name for step in steps] == ["half", "each", "wide", *OUTPUTS]
    seen = torch.from_numpy(images())
    for one, two in zip(network(steps, joined)(seen), network()(seen), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "why"), [("wide", "a ReLU6 between"), ("each", "read by a layer of another kind")])
def test_layers_that_are_not_one_linear_layer_are_refused(name, why):
    with pytest.raises(TrainingError, match=f"{name} can't be merged"):
        merged(STEPS, weights(), name)


@pytest.mark.parametrize("kind", ["conv", "depthwise"])
@pytest.mark.parametrize("stride", [1, 2])
def test_moments_are_those_of_what_a_convolution_reads(kind, stride):
    torch.manual_seed(7)
    value = torch.randn(3, 4, 8, 10)
    kernel = torch.randn(4 if kind == "depthwise" else 5, 1 if kind == "depthwise" else 4, 3, 3)
    step = Step("each", kind, ("image",), stride)
    moments = input_moments(step, 3, value, 10_000, torch.Generator().manual_seed(1))
    padding = (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1)
    groups = 4 if kind == "depthwise" else 1
    answers = torch.nn.functional.conv2d(torch.nn.functional.pad(value, padding), kernel, stride=stride, groups=groups)
    flat = kernel.reshape(len(kernel), -1).double()
    expected = torch.einsum("od,ode,oe->o", flat, moments.expand(len(kernel), -1, -1), flat)
    variances = answers.permute(1, 0, 2, 3).reshape(len(kernel), -1).var(1, correction=0)
    torch.testing.assert_close(expected.float(), variances, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_rounded_kernel_is_on_the_grid_and_errs_less_than_one_rounded_alone(seed):
    rng = torch.Generator().manual_seed(seed)
    kernel = torch.randn(6, 24, 1, 1, generator=rng)
    seen = torch.randn(500, 4, generator=rng) @ torch.randn(4, 24, generator=rng)  # what is read hangs together
    moments = (seen.T @ seen / len(seen))[None].double()
    scale = kernel.abs().amax((1, 2, 3), keepdim=True) / 127
    alone, made_up = (kernel / scale).round() * scale, rounded_kernel(kernel, moments)
    on_grid = made_up / scale
    torch.testing.assert_close(on_grid, on_grid.round(), atol=1e-3, rtol=0)
    assert (on_grid.abs().amax((1, 2, 3)) - 127).abs().max() < 1e-3, f"seed {seed}"

    def off(rounded):
        return float((seen @ (rounded - kernel).flatten(1).T).square().mean())

    assert off(made_up) < 0.5 * off(alone), f"seed {seed}"


def test_rounded_layers_answer_more_like_the_float_network():
    mirror = network()
    round_layers(mirror, network(), STEPS, ranges(), "image", images(40))
    assert loss(mirror, ranges()) < 0.9 * loss(network(), ranges())


def test_ranges_too_wide_or_too_narrow_are_brought_back():
    right = ranges()
    bad = right | {name: tuple(end * part for end in right[name]) for name, part in (("each", 2.0), ("squeezed", 0.5))}
    views = [view[None] for view in images(4)]
    better = narrowed(network(), network(), STEPS, bad, views, 10)
    assert loss(network(), better) < 0.7 * loss(network(), bad)
    assert better["logits"] == LOGIT_RANGE, "cut on purpose"
