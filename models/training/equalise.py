"""Cross-layer equalisation: channels rescaled between layers until one int8 scale suits them all.

After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (ICCV 2019). A channel may
be scaled down where it is made and up where it is read as long as everything between is linear or a ReLU (not a ReLU6).
The function of the network stays the same. Ranges are those of the activations on pictures, so that the outputs of
depthwise layers, which differ tenfold in the pyramid, are evened out.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

Layer = Any
Tensor = Any
Array = Any

_PICTURES = 24
_FLOOR = 1e-3
"""Channels that are weaker than this part of the strongest are treated as that strong: noise is not to be blown up."""


@dataclass
class _Group:
    """Tensors that must share one scale a channel, because adding or upsampling ties them."""

    tensors: list[Tensor] = field(default_factory=list)
    writers: list[Layer] = field(default_factory=list)
    readers: list[Layer] = field(default_factory=list)


def equalise(model: keras.Model, pictures: Array) -> dict[str, Array]:
    """Rescales the weights of `model` in place, measured on some of `pictures` (its input).

    Returns the divisor of each channel by the name of the layer that writes it.
    """
    groups = [group for group in _groups(model) if _can_scale(group)]
    # Measured at once: what one group does to its own tensors, its readers undo for all others.
    strengths = _channel_strengths(model, groups, pictures[:: max(1, len(pictures) // _PICTURES)])
    scales: dict[str, Array] = {}
    for group, strength in zip(groups, strengths, strict=True):
        scale = _channel_scale(strength)
        for layer in group.writers:
            _scale_output(layer, 1.0 / scale)
            scales[layer.name] = scale
        for layer in group.readers:
            _scale_input(layer, scale)
    return scales


def _groups(model: keras.Model) -> list[_Group]:
    """All intermediate tensors of `model`, grouped, with the layers that write and read each group."""
    tied: dict[int, int] = {}

    def root(key: int) -> int:
        while tied.setdefault(key, key) != key:
            key = tied[key]
        return key

    nodes = [(layer, layer._inbound_nodes[0]) for layer in model.operations if not isinstance(layer, layers.InputLayer)]
    for layer, node in nodes:
        if _ties(layer):
            for tensor in node.input_tensors:
                tied[root(id(tensor))] = root(id(node.output_tensors[0]))
    groups: defaultdict[int, _Group] = defaultdict(_Group)
    for layer, node in nodes:
        made = groups[root(id(node.output_tensors[0]))]
        made.tensors.append(node.output_tensors[0])
        if not _ties(layer):
            made.writers.append(layer)
        for tensor in node.input_tensors:
            if not _ties(layer) and layer not in groups[root(id(tensor))].readers:
                groups[root(id(tensor))].readers.append(layer)
    outputs = {root(id(tensor)) for tensor in model.outputs}
    return [group for key, group in groups.items() if key not in outputs]


def _ties(layer: Layer) -> bool:
    return isinstance(layer, layers.Add | layers.UpSampling2D)


def _can_scale(group: _Group) -> bool:
    return (
        bool(group.writers)
        and bool(group.readers)
        and all(_convolves(layer) and layer.activation.__name__ in ("linear", "relu") for layer in group.writers)
        and all(_convolves(layer) for layer in group.readers)
    )


def _convolves(layer: Layer) -> bool:
    return isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D)


def _channel_strengths(model: keras.Model, groups: list[_Group], pictures: Array) -> list[Array]:
    """For each group the largest magnitude of each channel over all its tensors and `pictures`."""
    probe = keras.Model(model.inputs, [group.tensors for group in groups])

    @tf.function  # type: ignore[untyped-decorator]
    def strengths(picture: Tensor) -> Tensor:
        return [
            tf.reduce_max([tf.reduce_max(tf.abs(value), axis=(0, 1, 2)) for value in values], axis=0)
            for values in probe(picture, training=False)
        ]

    measured = [strengths(picture[None]) for picture in pictures]
    return [np.max([each[index].numpy() for each in measured], axis=0) for index in range(len(groups))]


def _channel_scale(strength: Array) -> Array:
    """(C,) strength of each channel in parts of the median channel's."""
    strength = np.maximum(strength, strength.max() * _FLOOR + 1e-9)
    return strength / np.median(strength)


def _scale_output(layer: Layer, factor: Array) -> None:
    kernel, *bias = layer.get_weights()
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    kernel = kernel * (factor[:, None] if depthwise else factor)
    layer.set_weights([kernel, *(value * factor for value in bias)])


def _scale_input(layer: Layer, factor: Array) -> None:
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel * factor[:, None], *bias])
