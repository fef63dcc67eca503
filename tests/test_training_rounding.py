"""Rounding to int8: linear layers merged, channels spread and cut, errors made up for, ranges chosen by the answers."""

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
from training.cuts import best_cuts, heat_sized, joined_relus
from training.errors import TrainingError
from training.finetune import loss_parts
from training.layout import COCO17, FIELDS, HEATS
from training.merge import merged
from training.mirror import Mirror, rounded, taken
from training.narrow import narrowed
from training.ranges import LOGIT_RANGE, best_ranges
from training.rounding import round_layers
from training.spread import extremes_of, spread
from training.steps import SIGMOID_RANGE, Step

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
    """Of bytes, as pictures are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 12)).astype(np.float32) / 127.5 - 1
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


SUM = [
    Step("half", "conv", ("image",), 2),
    Step("squeezed", "conv", ("half",)),
    Step("wide", "conv", ("squeezed",), 1, 6.0),
    Step("each", "depthwise", ("wide",)),
    Step("back", "conv", ("each",)),
    Step("sum", "add", ("squeezed", "back")),
    *(Step(name, "conv", ("sum",)) for name in OUTPUTS),
]
"""A bottleneck whose input is added to what it answers, as in MobileNetV2"""


def weights_of_sum():
    rng = np.random.default_rng(4)
    made = weights() | {"squeezed/0": rng.normal(0, 0.5, (1, 1, 8, 4)), "each/0": rng.normal(0, 0.4, (3, 3, 16, 1))}
    made |= {"back/0": rng.normal(0, 0.5, (1, 1, 16, 4)), "back/1": rng.normal(0, 3, 4)}
    made |= {f"{name}/0": rng.normal(0, 0.1, (1, 1, 4, depth)) for name, depth in DEPTHS.items()}
    return {name: value.astype(np.float32) for name, value in made.items()}


JOINED = [
    Step("half", "conv", ("image",), 2),
    Step("features", "conv", ("half",), 1, np.inf),
    Step("spots", "conv", ("features",)),
    Step("heats", "sigmoid", ("spots",)),
    Step("both", "concat", ("heats", "features")),
    Step("each", "depthwise", ("both",)),
    *(Step(name, "conv", ("each",)) for name in OUTPUTS),
]
"""Features joined with what they show, as the head reads them"""


def weights_of_joined():
    rng = np.random.default_rng(9)
    made = weights() | {"features/0": rng.normal(0, 0.5, (1, 1, 8, 12)) * rng.uniform(0.1, 3, 12)}
    made |= {"spots/0": rng.normal(0, 0.5, (1, 1, 12, 5)), "each/0": rng.normal(0, 0.4, (3, 3, 17, 1))}
    made |= {f"{name}/0": rng.normal(0, 0.1, (1, 1, 17, depth)) for name, depth in DEPTHS.items()}
    return {name: value.astype(np.float32) for name, value in made.items()}


def tops_of_joined():
    seen = extremes_of(network(JOINED, weights_of_joined()), [image[None] for image in images(20)])
    return seen["features"][1]


def test_what_is_joined_with_heat_maps_fills_their_range_and_changes_no_answer():
    assert joined_relus(JOINED) == ["features"]
    before = network(JOINED, weights_of_joined())
    after = network(JOINED, heat_sized(JOINED, weights_of_joined(), "features", tops_of_joined()))
    pictures = [image[None] for image in images(20)]
    np.testing.assert_allclose(extremes_of(after, pictures)["features"][1], SIGMOID_RANGE[1], rtol=1e-4)
    for one, two in zip(after(torch.from_numpy(images())), before(torch.from_numpy(images())), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_what_is_joined_with_heat_maps_has_their_range():
    found = best_ranges(network(JOINED, weights_of_joined()), JOINED, [image[None] for image in images()], "logits", 1)
    assert {found[name] for name in ("heats", "features", "both")} == {SIGMOID_RANGE}
    assert SIGMOID_RANGE not in (found["each"], found["half"], found["pafs"])


def test_a_channel_is_cut_where_more_of_it_changes_no_answer():
    of, pictures = weights_of_joined(), [image[None] for image in images(6)]
    tops, place = tops_of_joined(), 5  # the first of the features, behind five heats
    of["spots/0"][:, :, 0] = of["each/0"][:, :, place] = of["pafs/0"][:, :, place] = of["regress/0"][:, :, place] = 0
    of["each/0"][1, 1, place], of["logits/0"][:, :, place] = 1, 40 / tops[0]  # a tenth of it is as much as heats tell
    cuts = best_cuts(JOINED, of, OUTPUTS, "features", "image", pictures)
    tops = extremes_of(network(JOINED, of), pictures)["features"][1]
    assert cuts[0] < 0.5 * tops[0]
    assert (cuts <= tops * (1 + 1e-6)).all()

    def off(ends):
        mirror = network(JOINED, heat_sized(JOINED, of, "features", ends))
        with torch.no_grad():
            (rounded, *_), (exact, *_) = (mirror(seen, ranges) for ranges in ({"features": SIGMOID_RANGE}, None))
        return float((rounded.clamp(*LOGIT_RANGE) - exact.clamp(*LOGIT_RANGE)).square().mean())

    seen = torch.from_numpy(images(6))
    assert off(cuts) < off(tops)


def spread_of(steps, of):
    seen = extremes_of(network(steps, of), [image[None] for image in images(20)])
    return spread(steps, of, seen)


@pytest.mark.parametrize(("steps", "of"), [(STEPS, weights()), (SUM, weights_of_sum())], ids=["chain", "sum"])
def test_spread_channels_change_no_answer_to_the_very_border(steps, of):
    seen = torch.from_numpy(images())
    for one, two in zip(network(steps, spread_of(steps, of))(seen), network(steps, of)(seen), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_spread_channels_lie_about_0_and_are_equally_wide():
    moved = network(of=spread_of(STEPS, weights()))
    seen = extremes_of(moved, [image[None] for image in images(20)])
    for name in ("each", "squeezed"):
        low, high = seen[name]
        np.testing.assert_allclose(low, -high, rtol=1e-4)
        np.testing.assert_allclose(high, high[0], rtol=1e-4)


def test_channels_that_are_read_with_a_border_or_cut_by_a_relu_stay_where_they_are():
    before, after = weights(), spread_of(STEPS, weights())
    np.testing.assert_array_equal(after["half/0"], before["half/0"])  # a depthwise one reads it
    np.testing.assert_array_equal(after["pafs/0"], before["pafs/0"])  # behind a ReLU6, and an output


def test_a_sum_of_moved_tensors_is_moved_by_what_they_were():
    before, after = network(SUM, weights_of_sum()), network(SUM, spread_of(SUM, weights_of_sum()))
    pictures = [image[None] for image in images(20)]
    seen, moved = extremes_of(before, pictures), extremes_of(after, pictures)
    width = {name: (high - low) / (seen[name][1] - seen[name][0]) for name, (low, high) in moved.items()}
    np.testing.assert_allclose(width["sum"], width["squeezed"], rtol=1e-4)
    np.testing.assert_allclose(width["sum"], width["back"], rtol=1e-4)
    assert max(np.abs(moved["back"])[0].max(), moved["back"][1].max()) < np.abs(seen["back"]).max()


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


def test_the_mirror_takes_each_byte_of_a_picture_as_the_int8_file_does():
    bytes_ = torch.arange(256, dtype=torch.float32)
    torch.testing.assert_close(taken(bytes_ / 127.5 - 1), (bytes_ - 128) / 127.5, atol=1e-6, rtol=0)


@pytest.mark.parametrize("limits", [(-1.0, 1.0), (-3.7, 11.3), (0.0, 0.9)])
def test_what_lies_half_way_between_two_numbers_of_int8_goes_up_and_all_else_to_the_nearest(limits):
    (low, high), (sixteenths, least) = limits, torch.meshgrid(torch.arange(16), torch.arange(250), indexing="ij")
    step = (high - low) / 255
    zero = round(-low / step)
    told = rounded((least + sixteenths / 16 - zero) * step, limits) / step + zero
    torch.testing.assert_close(told, (least + (sixteenths >= 8)).float(), atol=1e-3, rtol=0)


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
