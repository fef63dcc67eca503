"""The network as it ships: batch norms folded, three outputs, every sum one that int8 can do.

The function is that of the trunk and head.build_head_model (within rounding); only its form differs:

- the image comes as -1..1, so that an int8 file takes the bytes of a picture as they are, with scale 1/127.5;
- the head's first convolution reads features and heat maps, whose ranges differ a lot. Concatenated they would share
  one int8 scale, so it is split in two convolutions whose results are added;
- the logits of keypoints, neck and centre are joined before one sigmoid: TFLite fixes the scale of a sigmoid's output
  and refuses to join those;
- the regression of keypoints from a person's centre is told in the maps' own terms: x before y, from cell to cell.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from .head import form_of
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
    x = _head(head, trunk.features, layers.Activation("sigmoid", name="keypoint_heats")(keypoints))
    neck = _pointwise(x, head["neck_logits/0"], head["neck_logits/1"], "neck_logits")
    heatmaps = layers.Activation("sigmoid", name=HEATMAPS)(layers.Concatenate(name=LOGITS)([keypoints, neck, centre]))
    pafs = _pointwise(x, head["pafs/0"], head["pafs/1"], PAFS)
    kernel, bias = model.get_layer(REGRESSION).get_weights()
    order = [2 * keypoint + axis for keypoint in range(len(COCO17)) for axis in (1, 0)]
    regress = _pointwise(trunk.regress_hidden, kernel[..., order], bias[order] - _SHIFT, REGRESS)
    return keras.Model(trunk.image, [heatmaps, pafs, regress])


def _head(head: dict[str, Array], features: Tensor, heats: Tensor) -> Tensor:
    depthwise = head["head_0_depthwise/0"]
    kernel, bias = _folded(head, 0)
    split = features.shape[-1]
    seen = _depthwise(features, depthwise[:, :, :split], "head_0_features")
    seen = _pointwise(seen, kernel[:, :, :split], bias, "head_0_from_features")
    told = _depthwise(heats, depthwise[:, :, split:], "head_0_heats")
    told = _pointwise(told, kernel[:, :, split:], np.zeros_like(bias), "head_0_from_heats")
    x = layers.ReLU(6.0, name="head_0_relu")(layers.Add(name="head_0_sum")([seen, told]))
    for index in range(1, len(form_of(head).kernels)):
        kernel, bias = _folded(head, index)
        y = _depthwise(x, head[f"head_{index}_depthwise/0"], f"head_{index}_depthwise")
        y = _pointwise(y, kernel, bias, f"head_{index}_pointwise", "relu6")
        x = layers.Add(name=f"head_{index}_add")([x, y])
    return x


def _folded(head: dict[str, Array], index: int) -> tuple[Array, Array]:
    """Kernel and bias of pointwise convolution `index` with its batch norm in them."""
    gamma, beta, mean, variance = (head[f"head_{index}_norm/{part}"] for part in range(4))
    factor = gamma / np.sqrt(variance + layers.BatchNormalization().epsilon)
    return head[f"head_{index}_pointwise/0"] * factor, beta - mean * factor


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
