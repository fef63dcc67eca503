"""MoveNet MultiPose Lightning rebuilt in Keras, at any input size that is a multiple of 32."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from .errors import TrainingError
from .tfjs_graph import Graph, Node

Tensor = Any  # Keras' symbolic tensors have no public static type

HEADS = ("kpt_heatmap_0", "center_0", "kpt_regress_0", "kpt_offset_0", "box_scale_0", "box_offset_0")
"""MoveNet's heads that are kept, all at stride 4."""

FEATURE_CHANNELS = 24
FEATURES = "re_lu_2.Relu"
"""Layer that ends the feature pyramid."""

REGRESSION = "kpt_regress_0.conv2d_8.BiasAdd"
"""Layer that gives, at a person's centre, rows and columns from there to the 17 keypoints."""

_PREFIX = "StatefulPartitionedCall/"
_PREPROCESSED = _PREFIX + "sub_1"
_FEATURES = _PREFIX + "center_net_mobile_net_v2fpn_feature_extractor/model_1/re_lu_2/Relu"


@dataclass(frozen=True)
class Trunk:
    """Symbolic tensors of the rebuilt network."""

    image: Tensor
    """(N, H, W, 3) RGB, 0-255, or -1..1 with unit_input"""
    features: Tensor
    """(N, H/4, W/4, 24) after ReLU: the end of the feature pyramid"""
    regress_hidden: Tensor
    """(N, H/4, W/4, 96): what the last convolution of the regression head reads"""
    heads: dict[str, Tensor]
    """(N, H/4, W/4, C) raw outputs by name: 17 heat-map logits, 1 centre logit, 34, 34, 2 and 2 regressions"""


def check_size(height: int, width: int) -> None:
    """Raises TrainingError unless both sides are positive multiples of 32."""
    if height <= 0 or width <= 0 or height % 32 or width % 32:
        raise TrainingError(f"input size {height}x{width} is not a multiple of 32 on both sides")


def build_trunk(
    graph: Graph, size: tuple[int, int] | None = None, batch: int | None = None, *, unit_input: bool = False
) -> Trunk:
    """The network of `graph` with its weights set, for RGB input of `size` (height, width), or of any."""
    if size is not None:
        check_size(*size)
    image = keras.Input((*(size or (None, None)), 3), batch_size=batch, name="image")
    # The graph scales pixels to -1..1 in four steps; they are one.
    unit = image if unit_input else layers.Rescaling(1 / 127.5, -1.0, name="to_unit")(image)
    tensors: dict[str, Tensor] = {_PREPROCESSED: unit}
    hidden = image
    for node in graph.nodes:
        if node.name in tensors or not node.inputs or node.inputs[0] not in tensors:
            continue
        tensor = _apply(node, graph, tensors)
        if tensor is None:
            continue
        tensors[node.name] = tensor
        if _is_head_output(node, "kpt_regress_0"):
            hidden = tensors[node.inputs[0]]
    heads = {head: tensors[node.name] for head in HEADS for node in graph.nodes if _is_head_output(node, head)}
    if _FEATURES not in tensors or len(heads) != len(HEADS):
        raise TrainingError("the graph is not MoveNet MultiPose Lightning; fetch the weights again")
    return Trunk(image, tensors[_FEATURES], hidden, heads)


def _is_head_output(node: Node, head: str) -> bool:
    return node.op == "_FusedConv2D" and node.name.startswith(f"{_PREFIX}{head}/conv2d")


def _apply(node: Node, graph: Graph, tensors: dict[str, Tensor]) -> Tensor | None:
    """The tensor `node` computes, or None for a node outside the convolutional part (the decoder)."""
    source = tensors[node.inputs[0]]
    if node.op in ("_FusedConv2D", "Conv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"):
        return _convolve(node, [graph.weights[name] for name in node.inputs[1:]], source)
    if node.op == "AddV2" and node.inputs[1] in tensors:
        return layers.Add(name=_layer_name(node))([source, tensors[node.inputs[1]]])
    if node.op == "ResizeBilinear":
        return layers.UpSampling2D(2, interpolation="bilinear", name=_layer_name(node))(source)
    return None


def _convolve(node: Node, weights: list[Any], source: Tensor) -> Tensor:
    kernel = weights[0]
    common = {
        "strides": node.stride,
        "padding": node.padding,
        "use_bias": len(weights) > 1,
        "activation": node.activation,
        "name": _layer_name(node),
    }
    if "Depthwise" in node.op:
        layer = layers.DepthwiseConv2D(kernel.shape[:2], **common)
    else:
        layer = layers.Conv2D(kernel.shape[-1], kernel.shape[:2], **common)
    result = layer(source)
    layer.set_weights(weights)
    return result


def _layer_name(node: Node) -> str:
    short = node.name.removeprefix(_PREFIX).replace("center_net_mobile_net_v2fpn_feature_extractor/model_1/", "")
    return short.replace("/", ".")
