"""Bias correction: rounding shifts the mean of a channel, and its bias takes that back.

After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (ICCV 2019), with means
measured on pictures, layer by layer, each on what the corrected layers before it answer.
"""

import numpy as np
import torch

from .mirror import Mirror, rounded
from .steps import Step, Weights, channels_of, convolves

_ROUNDS = 2
_SEEN = 0.05
"""Share of a channel's values that its ReLU lets through, at least, for a shift behind it to be told of one before."""
_MOST_RELU6 = 0.5
"""Most that a bias before a ReLU6 is moved by."""


def with_biases(steps: list[Step], weights: Weights) -> Weights:
    """`weights` with a bias, of zeros, where a convolution has none."""
    completed = dict(weights)
    for step in steps:
        if convolves(step) and f"{step.name}/1" not in weights:
            completed[f"{step.name}/1"] = np.zeros(channels_of(steps, weights, step.name), np.float32)
    return completed


def correct_bias(
    mirror: Mirror, step: Step, sources: list[torch.Tensor], right: torch.Tensor, limits: tuple[float, float]
) -> None:
    """Moves the biases of a convolution of `mirror` so that, rounded, its channels have the means of `right`.

    sources: what it reads, rounded; right: (N, C, H, W) what it should answer; limits: the range of its answer.
    """
    for _ in range(_ROUNDS):
        mirror.shift_bias(step, _shift(step, right, mirror.value_of(step, sources, rounding=True), limits))


def _shift(step: Step, right: torch.Tensor, value: torch.Tensor, limits: tuple[float, float]) -> torch.Tensor:
    """(C,) what to add to the biases of `step`."""
    shift = right.mean((0, 2, 3)) - rounded(value, limits).mean((0, 2, 3))
    if step.ceiling is None:
        return shift
    through = ((value > 0) & (value < step.ceiling)).float().mean((0, 2, 3))
    shift = shift / through.clamp(min=_SEEN)
    return shift if step.ceiling == np.inf else shift.clamp(-_MOST_RELU6, _MOST_RELU6)
