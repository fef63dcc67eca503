"""Rounds a network to int8, layer by layer, each on what the rounded layers before it answer to pictures."""

import numpy as np
import torch

from .bias_correction import correct_bias
from .coco import FloatArray
from .compensated import input_moments, rounded_kernel
from .mirror import Mirror, rounded, taken
from .ranges import LOGIT_RANGE
from .steps import Ranges, Step, convolves

_PLACES = 300
"""Of each tensor, in each picture, that are looked at for the moments."""


def round_layers(
    mirror: Mirror, teacher: Mirror, steps: list[Step], ranges: Ranges, source: str, pictures: FloatArray, seed: int = 1
) -> None:
    """Puts the kernels of `mirror` on int8's grid and moves its biases, to answer what `teacher` answers in float.

    pictures: (N, 3, H, W) -1..1, all at once. The biases of logits are left alone: their range is cut on purpose.
    """
    last_use = {name: step.name for step in steps for name in step.sources}
    generator = torch.Generator().manual_seed(seed)
    image = torch.from_numpy(np.ascontiguousarray(pictures))
    wanted, found = {source: image}, {source: taken(image)}
    with torch.no_grad():
        for step in steps:
            right = teacher.value_of(step, [wanted[name] for name in step.sources], rounding=False)
            sources = [found[name] for name in step.sources]
            if convolves(step):
                kernel = mirror.kernel(step)
                moments = input_moments(step, kernel.shape[-1], sources[0], _PLACES, generator)
                mirror.set_kernel(step, rounded_kernel(kernel, moments))
                if ranges[step.name] != LOGIT_RANGE:
                    correct_bias(mirror, step, sources, right, ranges[step.name])
            value = mirror.value_of(step, sources, rounding=True)
            wanted[step.name], found[step.name] = right, rounded(value, ranges[step.name])
            for name in step.sources:
                if last_use[name] == step.name:
                    wanted.pop(name, None)
                    found.pop(name, None)
