"""Rounding of kernels in which what one weight is off by is made up for by the weights that are still to be rounded.

After Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (ICLR 2023):
weights are rounded one after the other, and each error is spread over the rest so that the layer's answer to what it
reads changes least. For that only the second moments of what it reads are needed.
"""

import torch
from torch.nn import functional

from .mirror import padded
from .steps import Step

_STEADY = 0.01
"""Part of the mean moment that is added to all, so that what was seen of the inputs is not taken too literally."""


def input_moments(step: Step, side: int, value: torch.Tensor, samples: int, generator: torch.Generator) -> torch.Tensor:
    """(G, D, D) float64 second moments, about their means, of the D numbers that each output of a convolution reads.

    value: (N, C, H, W) its input; side: of its kernel. G is 1, or C for a depthwise one; samples are places a picture.
    """
    products: torch.Tensor | float = 0.0
    sums: torch.Tensor | float = 0.0
    count = 0
    for picture in value:
        seen = _places(step, side, picture[None], samples, generator).double()
        products = products + torch.einsum("sgd,sge->gde", seen, seen)
        sums = sums + seen.sum(0)
        count += len(seen)
    mean = torch.as_tensor(sums) / count
    return torch.as_tensor(products) / count - mean[:, :, None] * mean[:, None, :]


def rounded_kernel(kernel: torch.Tensor, moments: torch.Tensor) -> torch.Tensor:
    """`kernel` (O, ...) on TFLite's grid: a scale for each output, its largest weight being ±127 of them.

    moments: (1 or O, D, D) by input_moments, D weights an output.
    """
    left = kernel.reshape(len(kernel), -1).double()
    scale = left.abs().amax(1).clamp(min=1e-9) / 127
    largest = left.abs().argmax(1)
    sign = left.gather(1, largest[:, None])[:, 0].sign()
    steady = _STEADY * moments.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-12)
    moments = moments + steady[:, None, None] * torch.eye(left.shape[1], dtype=torch.float64)
    spread = torch.linalg.cholesky(torch.linalg.inv(moments), upper=True)
    result = torch.empty_like(left)
    for place in range(left.shape[1]):
        # The largest stays where it is: it tells TFLite's converter the scale.
        steps = torch.where(largest == place, 127 * sign, (left[:, place] / scale).round().clamp(-127, 127))
        result[:, place] = steps * scale
        error = (left[:, place] - result[:, place]) / spread[:, place, place]
        left[:, place + 1 :] -= error[:, None] * spread[:, place, place + 1 :]
    return result.reshape(kernel.shape).to(kernel.dtype)


def _places(step: Step, side: int, picture: torch.Tensor, samples: int, generator: torch.Generator) -> torch.Tensor:
    """(S, G, D) what outputs at random places of a (1, C, H, W) picture read."""
    channels = picture.shape[1]
    read = functional.unfold(padded(step, picture, side), side, stride=step.stride).reshape(channels, side * side, -1)
    chosen = torch.randperm(read.shape[2], generator=generator)[:samples]
    found = read[:, :, chosen].permute(2, 0, 1)
    return found if step.kind == "depthwise" else found.reshape(len(chosen), 1, -1)
