"""Two linear layers, one after the other, as the single one that they amount to.

MobileNetV2's first bottleneck is read by one layer alone, and its channels have long tails: rounding it to int8 cost
more than rounding anything else. The product of the two kernels has no such tensor between them, in the same time.
"""

from dataclasses import replace

import numpy as np

from .errors import TrainingError
from .steps import Step, Weights, pointwise

FIRST_BOTTLENECK = "model.expanded_conv_project_BN.FusedBatchNormV3"


def merged(steps: list[Step], weights: Weights, name: str) -> tuple[list[Step], Weights]:
    """Steps and weights without the linear 1×1 convolution `name`, which the 1×1 that reads it takes in.

    TrainingError if the two are not of that kind, or others read it too.
    """
    first = next(step for step in steps if step.name == name)
    readers = [step for step in steps if name in step.sources]
    if (
        len(readers) != 1
        or first.ceiling is not None
        or not all(pointwise(step, weights) for step in (first, *readers))
    ):
        raise TrainingError(f"{name} can't be merged into the layer behind it")
    then = readers[0]
    kernel, bias = _linear(first, weights)
    next_kernel, next_bias = _linear(then, weights)
    kept = {key: value for key, value in weights.items() if key.rpartition("/")[0] != name}
    kept[f"{then.name}/0"] = (kernel @ next_kernel)[None, None].astype(np.float32)
    kept[f"{then.name}/1"] = (bias @ next_kernel + next_bias).astype(np.float32)
    joined = replace(then, sources=first.sources)
    return [joined if step is then else step for step in steps if step is not first], kept


def _linear(step: Step, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """(I, O) float64 kernel and (O,) bias."""
    kernel = weights[f"{step.name}/0"][0, 0].astype(np.float64)
    return kernel, weights.get(f"{step.name}/1", np.zeros(kernel.shape[1])).astype(np.float64)
