"""The network as it ships: batch norms folded, logits clipped, two outputs, every sum one that int8 can do.

The function is that of the trunk and head.build_head_model (within rounding); only its form differs:

- the image comes as -1..1, so that an int8 file takes the bytes of a picture as they are, with scale 1/127.5;
- the head's first convolution reads features and heat maps, whose ranges differ a lot. Concatenated they would share
  one int8 scale, so it is split in two convolutions whose results are added;
- logits are lifted by 6 and cut by the ReLU that fuses into their convolution, which clips them at -6. Keypoint and
  neck logits are joined before one sigmoid: TFLite fixes the scale of a sigmoid's output and refuses to join those.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from .head import KERNELS, LOGIT_FLOOR
from .tfjs_graph import Graph
from .trunk import HEAT_LOGITS, Trunk, build_trunk

Tensor = Any
Array = Any
INPUT, HEATMAPS, PAFS = "image", "heatmaps", "pafs"
"""Tensor names in the files."""
KEYPOINT_HEATS = "keypoint_heats"
"""Layer that gives the 17 heat maps the head reads."""


def build_deployed_model(graph: Graph, head: dict[str, Array], size: tuple[int, int]) -> keras.Model:
    """Image (1, H, W, 3) -1..1 to heat maps (1, H/4, W/4, 18) 0-1 and fields (1, H/4, W/4, 38)."""
    trunk = build_trunk(graph, size, batch=1, unit_input=True)
    keypoints = _lifted_logits(trunk.heat_hidden, *_heat_logit_weights(trunk), name="keypoint_logits")
    x = _head(head, trunk.features, _lowered_sigmoid(keypoints, KEYPOINT_HEATS))
    neck = _lifted_logits(x, head["neck_logits/0"], head["neck_logits/1"], name="neck_logits")
    heatmaps = _lowered_sigmoid(layers.Concatenate(name="logits")([keypoints, neck]), HEATMAPS)
    pafs = _pointwise(x, head["pafs/0"], head["pafs/1"], PAFS)
    return keras.Model(trunk.image, [heatmaps, pafs])


def _head(head: dict[str, Array], features: Tensor, heats: Tensor) -> Tensor:
    depthwise = head["head_0_depthwise/0"]
    kernel, bias = _folded(head, 0)
    split = features.shape[-1]
    seen = _depthwise(features, depthwise[:, :, :split], "head_0_features")
    seen = _pointwise(seen, kernel[:, :, :split], bias, "head_0_from_features")
    told = _depthwise(heats, depthwise[:, :, split:], "head_0_heats")
    told = _pointwise(told, kernel[:, :, split:], np.zeros_like(bias), "head_0_from_heats")
    x = layers.ReLU(6.0, name="head_0_relu")(layers.Add(name="head_0_sum")([seen, told]))
    for index in range(1, len(KERNELS)):
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


def _heat_logit_weights(trunk: Trunk) -> tuple[Array, Array]:
    model = keras.Model(trunk.image, trunk.heads["kpt_heatmap_0"])
    kernel, bias = model.get_layer(HEAT_LOGITS).get_weights()
    return kernel, bias


def _lifted_logits(x: Tensor, kernel: Array, bias: Array, name: str) -> Tensor:
    return _pointwise(x, kernel, bias - LOGIT_FLOOR, name, "relu")


def _lowered_sigmoid(lifted: Tensor, name: str) -> Tensor:
    return layers.Activation("sigmoid", name=name)(layers.Rescaling(1.0, LOGIT_FLOOR, name=f"{name}_lower")(lifted))


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
