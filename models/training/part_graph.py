"""Rebuilds a published landmark network (hand or face) in Keras, layer by layer, with its weights as they are."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from .errors import TrainingError
from .tfjs_graph import Graph, Node

Tensor = Any  # Keras' symbolic tensors have no public static type
_CONVOLUTIONS = ("_FusedConv2D", "Conv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative")
_PASSED = ("Identity", "Reshape", "Sigmoid")
"""What outputs end with: they are read before it, as logits of their own shape."""


def build(graph: Graph, side: int, outputs: Mapping[str, str | tuple[str, ...]], batch: int | None = 1) -> keras.Model:
    """Image (batch, side, side, 3), 0 to 1, to the tensors that `outputs` names: by our name the node, or several.

    Each is (batch, C), several side by side. Raises TrainingError for an operation that these networks don't have.
    """
    image = keras.Input((side, side, 3), batch_size=batch, name="image")
    tensors: dict[str, Tensor] = {}
    for node in graph.nodes:
        if node.op == "Placeholder":
            tensors[node.name] = image
        elif node.op != "Const" and any(name in tensors for name in node.inputs):
            tensors[node.name] = _apply(node, graph, tensors)
    wanted = {ours: (theirs,) if isinstance(theirs, str) else theirs for ours, theirs in outputs.items()}
    missing = [name for names in wanted.values() for name in names if name not in tensors]
    if missing:
        raise TrainingError(f"the graph has no {', '.join(missing)}; fetch the weights again")
    return keras.Model(image, [_flat(ours, [tensors[name] for name in names]) for ours, names in wanted.items()])


def _flat(name: str, tensors: list[Tensor]) -> Tensor:
    if len(tensors) == 1:
        return layers.Flatten(name=name)(tensors[0])
    return layers.Concatenate(name=name)([layers.Flatten()(tensor) for tensor in tensors])


def _apply(node: Node, graph: Graph, tensors: dict[str, Tensor]) -> Tensor:
    source, *others = [tensors[name] for name in node.inputs if name in tensors]
    constants = [graph.weights[name] for name in node.inputs if name in graph.weights]
    if node.op in _CONVOLUTIONS:
        return _convolve(node, constants, source)
    if node.op in ("AddV2", "AddN"):
        return _bias(constants[0], source) if constants else layers.Add()([source, *others])
    if node.op not in _SIMPLE:
        raise TrainingError(f"the graph has the operation {node.op}, which no network that we know has")
    return _SIMPLE[node.op](constants, source)


def _convolve(node: Node, weights: list[Any], source: Tensor) -> Tensor:
    kernel, *more = weights
    bias = [weight for weight in more if weight.ndim == 1]
    slopes = [weight for weight in more if weight.ndim == 3]
    common = {"strides": node.stride, "padding": node.padding, "use_bias": bool(bias), "activation": node.activation}
    if "Depthwise" in node.op:
        layer = layers.DepthwiseConv2D(kernel.shape[:2], **common)
    else:
        layer = layers.Conv2D(kernel.shape[-1], kernel.shape[:2], **common)
    result = layer(source)
    layer.set_weights([kernel, *bias])
    return _prelu(slopes[0], result) if slopes else result


def _bias(values: Any, source: Tensor) -> Tensor:
    """Added to the convolution before, which has none yet, also through a sum: one layer instead of two."""
    layer = source._keras_history.operation
    if isinstance(layer, layers.Add):
        made, *others = sorted(layer.input, key=lambda tensor: not _lacks_bias(tensor))
        return layers.Add()([_bias(values, made), *others])
    config = layer.get_config() | {"use_bias": True}
    biased = type(layer).from_config(config | {"name": f"{layer.name}_biased"})
    result = biased(layer.input)
    biased.set_weights([layer.get_weights()[0], np.ravel(values)])
    return result


def _lacks_bias(tensor: Tensor) -> bool:
    return not getattr(tensor._keras_history.operation, "use_bias", True)


def _prelu(slopes: Any, source: Tensor) -> Tensor:
    """The sum x ± relu(-|1 - slope| · x), the same as PReLU.

    XNNPACK has no int8 PReLU, and products with a row of slopes it makes 16 numbers at a time. A convolution with the
    slopes on its diagonal, the ReLU within, takes it less. The sign is minus where a slope is above 1, which is rare:
    most layers have no such channel.
    """
    bend = 1 - np.ravel(slopes).astype(np.float32)
    bent = _times(-np.abs(bend), source, "relu")
    return layers.Add()([source, bent if (bend >= 0).all() else _times(np.sign(bend), bent, None)])


def _times(factors: Any, source: Tensor, activation: str | None) -> Tensor:
    """Each channel times its own number."""
    layer = layers.Conv2D(len(factors), 1, use_bias=False, activation=activation)
    result = layer(source)
    layer.set_weights([np.diag(factors)[None, None]])
    return result


def _dense(weights: list[Any], source: Tensor) -> Tensor:
    layer = layers.Dense(weights[0].shape[-1])
    result = layer(source)
    layer.set_weights(weights)
    return result


def _padded(constants: list[Any], source: Tensor) -> Tensor:
    added = int(constants[0][-1][-1])
    return layers.Concatenate()([source, keras.ops.zeros((1, *source.shape[1:-1], added))])


_SIMPLE: dict[str, Callable[[list[Any], Tensor], Tensor]] = {
    "Relu6": lambda _, source: layers.ReLU(6.0)(source),
    "Prelu": lambda constants, source: _prelu(constants[0], source),
    "MaxPool": lambda _, source: layers.MaxPooling2D(2)(source),
    "Pad": _padded,
    "Mean": lambda _, source: layers.GlobalAveragePooling2D()(source),
    "_FusedMatMul": _dense,
    **dict.fromkeys(_PASSED, lambda _, source: source),
}
"""From an operation's constants and its first input to what it answers."""
