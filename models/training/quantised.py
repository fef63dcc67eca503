"""The mirrored network in TensorFlow with its ranges written into it, for the converter.

Fake-quant nodes with constant ranges give a file that is int8 throughout, with exactly those ranges and kernels rounded
per channel, and no calibration set is needed.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from .steps import INPUT_RANGE, Ranges, Step, Weights, convolves

Tensor = Any


def quantised_function(
    steps: list[Step], weights: Weights, ranges: Ranges | None, outputs: tuple[str, ...], source: str
) -> Any:
    """A function of an image (1, H, W, 3) -1..1 that gives the maps of `outputs`; without `ranges` not rounded."""

    def rounded(value: Tensor, limits: tuple[float, float]) -> Tensor:
        if ranges is None:
            return value
        return tf.quantization.fake_quant_with_min_max_args(value, limits[0], limits[1], num_bits=8)

    def network(image: Tensor) -> list[Tensor]:
        held = {source: rounded(image, INPUT_RANGE)}
        for step in steps:
            value = _value(step, [held[name] for name in step.sources], weights)
            held[step.name] = value if ranges is None else rounded(value, ranges[step.name])
        return [held[name] for name in outputs]

    return network


def _value(step: Step, values: list[Tensor], weights: Weights) -> Tensor:
    first = values[0]
    if convolves(step):
        convolve = tf.nn.depthwise_conv2d if step.kind == "depthwise" else tf.nn.conv2d
        kernel = tf.constant(weights[f"{step.name}/0"])
        value = convolve(first, kernel, [1, step.stride, step.stride, 1], "SAME")
        if f"{step.name}/1" in weights:
            value = tf.nn.bias_add(value, tf.constant(weights[f"{step.name}/1"]))
    elif step.kind == "add":
        value = first + values[1]
    elif step.kind == "upsample":
        value = tf.raw_ops.ResizeBilinear(
            images=first, size=[2 * first.shape[1], 2 * first.shape[2]], half_pixel_centers=True
        )
    elif step.kind == "concat":
        value = tf.concat(values, -1)
    elif step.kind == "sigmoid":
        value = tf.sigmoid(first)
    else:
        value = first
    if step.ceiling is None:
        return value
    return tf.nn.relu(value) if step.ceiling == np.inf else tf.nn.relu6(value)
