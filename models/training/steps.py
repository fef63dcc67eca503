"""What a deployed Keras model consists of, told without Keras: its layers in order, their weights, their ranges."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

Array = Any
Weights = dict[str, Array]
"""`layer/index` to float32 arrays in Keras' order"""
Ranges = dict[str, tuple[float, float]]
"""Layer name to the least and the greatest value its int8 output can say"""

INPUT_RANGE = (-1.0, 1.0)
SIGMOID_RANGE = (0.0, 255 / 256)
"""What TFLite fixes for the output of a sigmoid."""


@dataclass(frozen=True)
class Step:
    """One layer."""

    name: str
    kind: str
    """conv, depthwise, add, upsample, concat, sigmoid or relu"""
    sources: tuple[str, ...]
    """Layers it reads."""
    stride: int = 1
    ceiling: float | None = None
    """Where its ReLU ends: 6, infinity, or None without one."""


def steps_of(model: keras.Model) -> list[Step]:
    """The layers of a deployed model, in an order in which each follows its sources."""
    made_by = {id(layer.output): layer.name for layer in model.layers}
    return [_step(layer, made_by) for layer in model.layers if not isinstance(layer, layers.InputLayer)]


def _step(layer: Any, made_by: dict[int, str]) -> Step:
    given = layer.input if isinstance(layer.input, list) else [layer.input]
    sources = tuple(made_by[id(tensor)] for tensor in given)
    if isinstance(layer, layers.DepthwiseConv2D | layers.Conv2D):
        kind = "depthwise" if isinstance(layer, layers.DepthwiseConv2D) else "conv"
        ceiling = {"linear": None, "relu": np.inf, "relu6": 6.0}[layer.activation.__name__]
        return Step(layer.name, kind, sources, layer.strides[0], ceiling)
    if isinstance(layer, layers.ReLU):
        return Step(layer.name, "relu", sources, ceiling=layer.max_value or np.inf)
    kinds = {layers.Add: "add", layers.UpSampling2D: "upsample", layers.Concatenate: "concat"}
    return Step(layer.name, kinds.get(type(layer), "sigmoid"), sources)


def joined_with_heats(steps: list[Step]) -> list[Step]:
    """Those that join a sigmoid's answer with others, whose range must be the sigmoid's then."""
    sigmoids = {step.name for step in steps if step.kind == "sigmoid"}
    return [step for step in steps if step.kind == "concat" and sigmoids & {*step.sources}]


def convolves(step: Step) -> bool:
    """Whether it has a kernel."""
    return step.kind in ("conv", "depthwise")


def pointwise(step: Step, weights: Weights) -> bool:
    """Whether it is a 1×1 convolution of every place."""
    return step.kind == "conv" and step.stride == 1 and weights[f"{step.name}/0"].shape[:2] == (1, 1)


def channels_of(steps: list[Step], weights: Weights, name: str) -> int:
    """How many channels the answer of the layer `name` has."""
    step = next(step for step in steps if step.name == name)
    if convolves(step):
        return int(weights[f"{name}/0"].shape[3 if step.kind == "conv" else 2])
    sources = step.sources if step.kind == "concat" else step.sources[:1]
    return sum(channels_of(steps, weights, source) for source in sources)


def weights_of(model: keras.Model) -> Weights:
    """All weights of a Keras model."""
    return {f"{layer.name}/{n}": weight for layer in model.layers for n, weight in enumerate(layer.get_weights())}


def set_weights(model: keras.Model, weights: Weights) -> None:
    """The reverse of weights_of; KeyError names a layer that is missing."""
    for layer in model.layers:
        count = len(layer.get_weights())
        layer.set_weights([weights[f"{layer.name}/{n}"] for n in range(count)])
