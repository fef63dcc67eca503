"""The trained head: a neck heat map and 38 part affinity field channels on the frozen trunk."""

from typing import Any

import keras
from keras import layers

from .layout import COCO17, FIELDS
from .steps import set_weights
from .trunk import FEATURE_CHANNELS

Tensor = Any

KERNELS = (3, 5, 5)
"""Side of the depthwise kernels, one a separable convolution."""

_WIDTH = 96


def build_head(features: Tensor, heats: Tensor) -> tuple[Tensor, Tensor]:
    """Neck logits (N, h, w, 1) and part affinity fields (N, h, w, 38) from features and 17 heat maps."""
    x = layers.Concatenate(name="head_input")([features, heats])
    for index, kernel in enumerate(KERNELS):
        y = _separable(x, kernel, f"head_{index}")
        x = y if index == 0 else layers.Add(name=f"head_{index}_add")([x, y])
    neck = layers.Conv2D(1, 1, name="neck_logits", bias_initializer=keras.initializers.Constant(-4.0))(x)
    small = keras.initializers.RandomNormal(stddev=0.01)  # most of a field is zero
    pafs = layers.Conv2D(FIELDS, 1, name="pafs", kernel_initializer=small)(x)
    return neck, pafs


def build_head_model(weights: dict[str, Any] | None = None) -> keras.Model:
    """(Features (N, h, w, 24), heats (N, h, w, 17)) to (neck 0-1, fields), of any size. `weights`: steps.weights_of."""
    features = keras.Input((None, None, FEATURE_CHANNELS), name="features")
    heats = keras.Input((None, None, len(COCO17)), name="heats")
    neck, pafs = build_head(features, heats)
    model = keras.Model([features, heats], [layers.Activation("sigmoid", name="neck")(neck), pafs])
    if weights is not None:
        set_weights(model, weights)
    return model


def _separable(x: Tensor, kernel: int, name: str) -> Tensor:
    x = layers.DepthwiseConv2D(kernel, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.Conv2D(_WIDTH, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
