"""The network as it ships: batch norms folded, three outputs, every sum one that int8 can do.

The function is that of the trunk and head.build_head_model (within rounding); only its form differs:

- the image comes as -1..1, so that an int8 file takes the bytes of a picture as they are, with scale 1/127.5;
- the head's first convolution reads features and heat maps joined, which must share one int8 scale: TFLite fixes that
  of heat maps, and features are scaled to it (cuts.heat_sized). Fields, which later stages read as well, have a scale
  of their own, so there the convolution is split in two whose results are added;
- the logits of keypoints, neck and centre are joined before one sigmoid: TFLite fixes the scale of a sigmoid's output
  and refuses to join those;
- the regression of keypoints from a person's centre is told in the maps' own terms: x before y, from cell to cell.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from .head import form_of, prefix_of
from .layout import COCO17
from .tfjs_graph import Graph
from .trunk import REGRESSION, build_trunk

Tensor = Any
Array = Any
INPUT, HEATMAPS, PAFS, REGRESS = "image", "heatmaps", "pafs", "regress"
"""Tensor names in the files."""
OUTPUTS = (HEATMAPS, PAFS, REGRESS)
LOGITS = "logits"
"""Layer whose sigmoid the heat maps are."""

_SHIFT = 0.375
"""MoveNet counts places from the corner of a cell's first pixel: its u is the cell u - 0.375."""


def build_deployed_model(graph: Graph, head: dict[str, Array], size: tuple[int, int]) -> keras.Model:
    """Image (1, H, W, 3) -1..1 to maps (1, H/4, W/4, C): 19 heats 0-1 (keypoints, neck, centre), 38 fields, 34 offsets.

    Offsets are in cells, at a person's centre, x and y of each of COCO's 17 keypoints.
    """
    trunk = build_trunk(graph, size, batch=1, unit_input=True)
    model = keras.Model(trunk.image, list(trunk.heads.values()))
    keypoints = trunk.heads["kpt_heatmap_0"]
    centre = trunk.heads["center_0"]
    neck, pafs = _head(head, trunk.features, layers.Activation("sigmoid", name="keypoint_heats")(keypoints))
    heatmaps = layers.Activation("sigmoid", name=HEATMAPS)(layers.Concatenate(name=LOGITS)([keypoints, neck, centre]))
    kernel, bias = model.get_layer(REGRESSION).get_weights()
    order = [2 * keypoint + axis for keypoint in range(len(COCO17)) for axis in (1, 0)]
    regress = _pointwise(trunk.regress_hidden, kernel[..., order], bias[order] - _SHIFT, REGRESS)
    return keras.Model(trunk.image, [heatmaps, pafs, regress])


def _head(head: dict[str, Array], features: Tensor, heats: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of the neck, and the fields; the layer that ends in them is called `pafs`."""
    stages = form_of(head).stages
    neck, pafs = _stage(head, [[features, heats]], 0, PAFS if stages == 1 else "first_pafs")
    for stage in range(1, stages):
        prefix = prefix_of(stage)
        heated = layers.Activation("sigmoid", name=f"{prefix}neck_heat")(neck)
        more = _stage(head, [[features, heats, heated], [pafs]], stage, f"{prefix}pafs")
        neck = layers.Add(name=f"{prefix}neck_sum")([neck, more[0]])
        pafs = layers.Add(name=PAFS if stage == stages - 1 else f"{prefix}pafs_sum")([pafs, more[1]])
    return neck, pafs


def _stage(head: dict[str, Array], sources: list[list[Tensor]], stage: int, pafs: str) -> tuple[Tensor, Tensor]:
    """sources: in the order of the head's input; those of one list have one int8 scale and are joined."""
    prefix = prefix_of(stage)
    depthwise = head[f"{prefix}head_0_depthwise/0"]
    kernel, bias = _folded(head, f"{prefix}head_0")
    parts, begin = [], 0
    for number, tensors in enumerate(sources):
        name = f"{prefix}head_0" + (f"_{number}" if number else "")
        source = layers.Concatenate(name=f"{name}_input")(tensors) if len(tensors) > 1 else tensors[0]
        end = begin + source.shape[-1]
        part = _depthwise(source, depthwise[:, :, begin:end], f"{name}_depthwise")
        activation = None if len(sources) > 1 else "relu6"
        shift = np.zeros_like(bias) if parts else bias
        parts.append(_pointwise(part, kernel[:, :, begin:end], shift, f"{name}_pointwise", activation))
        begin = end
    x = parts[0]
    if len(parts) > 1:
        x = layers.ReLU(6.0, name=f"{prefix}head_0_relu")(layers.Add(name=f"{prefix}head_0_sum")(parts))
    for index in range(1, len(form_of(head).kernels)):
        name = f"{prefix}head_{index}"
        y = _depthwise(x, head[f"{name}_depthwise/0"], f"{name}_depthwise")
        y = _pointwise(y, *_folded(head, name), f"{name}_pointwise", "relu6")
        x = layers.Add(name=f"{name}_add")([x, y])
    neck = _pointwise(x, head[f"{prefix}neck_logits/0"], head[f"{prefix}neck_logits/1"], f"{prefix}neck_logits")
    return neck, _pointwise(x, head[f"{prefix}pafs/0"], head[f"{prefix}pafs/1"], pafs)


def _folded(head: dict[str, Array], name: str) -> tuple[Array, Array]:
    """Kernel and bias of the pointwise convolution of block `name` with its batch norm in them."""
    gamma, beta, mean, variance = (head[f"{name}_norm/{part}"] for part in range(4))
    factor = gamma / np.sqrt(variance + layers.BatchNormalization().epsilon)
    return head[f"{name}_pointwise/0"] * factor, beta - mean * factor


def _pointwise(x: Tensor, kernel: Array, bias: Array, name: str, activation: str | None = None) -> Tensor:
    layer = layers.Conv2D(kernel.shape[-1], 1, activation=activation, name=name)
    result = layer(x)
    layer.set_weights([kernel, bias])
    return result


def _depthwise(x: Tensor, kernel: Array, name: str) -> Tensor:
    layer = layers.DepthwiseConv2D(kernel.shape[:2], padding="same", use_bias=False, name=name)
    result = layer(x)
    layer.set_weights([kernel])
    return result
