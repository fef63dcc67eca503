"""The trained head: a neck heat map and 38 part affinity field channels on the frozen trunk."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from .layout import COCO17, FIELDS
from .steps import set_weights
from .trunk import FEATURE_CHANNELS

Tensor = Any


@dataclass(frozen=True)
class HeadForm:
    """Of a head: its separable convolutions, each but the first with a way around it."""

    kernels: tuple[int, ...] = (5, 5)
    """Side of the depthwise kernel of each."""
    width: int = 64
    """Channels between them."""


def form_of(weights: dict[str, Any]) -> HeadForm:
    """The form of a head with these weights (steps.weights_of)."""
    count = sum(name.startswith("head_") and name.endswith("_depthwise/0") for name in weights)
    sides = tuple(weights[f"head_{index}_depthwise/0"].shape[0] for index in range(count))
    return HeadForm(sides, weights["head_0_pointwise/0"].shape[-1])


def build_head(features: Tensor, heats: Tensor, form: HeadForm) -> tuple[Tensor, Tensor]:
    """Neck logits (N, h, w, 1) and part affinity fields (N, h, w, 38) from features and 17 heat maps."""
    x = layers.Concatenate(name="head_input")([features, heats])
    for index, kernel in enumerate(form.kernels):
        y = _separable(x, kernel, form.width, f"head_{index}")
        x = y if index == 0 else layers.Add(name=f"head_{index}_add")([x, y])
    neck = layers.Conv2D(1, 1, name="neck_logits", bias_initializer=keras.initializers.Constant(-4.0))(x)
    small = keras.initializers.RandomNormal(stddev=0.01)  # most of a field is zero
    pafs = layers.Conv2D(FIELDS, 1, name="pafs", kernel_initializer=small)(x)
    return neck, pafs


def build_head_model(weights: dict[str, Any] | None = None) -> keras.Model:
    """(Features (N, h, w, 24), heats (N, h, w, 17)) to (neck 0-1, fields), of any size.

    weights: as steps.weights_of gives them, which tell the head's form; without them a new one of the usual form.
    """
    features = keras.Input((None, None, FEATURE_CHANNELS), name="features")
    heats = keras.Input((None, None, len(COCO17)), name="heats")
    neck, pafs = build_head(features, heats, HeadForm() if weights is None else form_of(weights))
    model = keras.Model([features, heats], [layers.Activation("sigmoid", name="neck")(neck), pafs])
    if weights is not None:
        set_weights(model, weights)
    return model


def _separable(x: Tensor, kernel: int, width: int, name: str) -> Tensor:
    x = layers.DepthwiseConv2D(kernel, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
