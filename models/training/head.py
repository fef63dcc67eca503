"""The trained head: a neck heat map and 38 part affinity field channels on the frozen trunk.

It may have several stages, as OpenPose's has (Cao et al., CVPR 2017): the first reads what the trunk leaves, each later
one that and the maps so far, which it corrects.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import layers

from .layout import COCO17, FIELDS
from .steps import set_weights, weights_of
from .trunk import FEATURE_CHANNELS

Tensor = Any


@dataclass(frozen=True)
class HeadForm:
    """Of a head: the separable convolutions of each stage, each but the first with a way around it."""

    kernels: tuple[int, ...] = (5, 5)
    """Side of the depthwise kernel of each."""
    width: int = 64
    """Channels between them."""
    stages: int = 1


def prefix_of(stage: int) -> str:
    """What the names of a stage's layers begin with."""
    return f"refine_{stage}_" if stage else ""


def form_of(weights: dict[str, Any]) -> HeadForm:
    """The form of a head with these weights (steps.weights_of)."""
    count = sum(name.startswith("head_") and name.endswith("_depthwise/0") for name in weights)
    sides = tuple(weights[f"head_{index}_depthwise/0"].shape[0] for index in range(count))
    stages = 1 + sum(name.startswith("refine_") and name.endswith("_pafs/0") for name in weights)
    return HeadForm(sides, weights["head_0_pointwise/0"].shape[-1], stages)


def build_head(features: Tensor, heats: Tensor, form: HeadForm) -> tuple[Tensor, Tensor]:
    """Neck logits (N, h, w, 1) and part affinity fields (N, h, w, 38) from features and 17 heat maps."""
    neck, pafs = _stage([features, heats], form, prefix_of(0))
    for stage in range(1, form.stages):
        prefix = prefix_of(stage)
        heated = layers.Activation("sigmoid", name=f"{prefix}neck_heat")(neck)
        more = _stage([features, heats, heated, pafs], form, prefix)
        neck, pafs = (
            layers.Add(name=f"{prefix}{name}_sum")(pair)
            for name, pair in (("neck", [neck, more[0]]), ("pafs", [pafs, more[1]]))
        )
    return neck, pafs


def _stage(sources: list[Tensor], form: HeadForm, prefix: str) -> tuple[Tensor, Tensor]:
    x = layers.Concatenate(name=f"{prefix}head_input")(sources)
    for index, kernel in enumerate(form.kernels):
        y = _separable(x, kernel, form.width, f"{prefix}head_{index}")
        x = y if index == 0 else layers.Add(name=f"{prefix}head_{index}_add")([x, y])
    small = keras.initializers.RandomNormal(stddev=0.01)  # most of a field is zero
    # The first stage expects few necks, a later one that nothing has to be corrected.
    bias, kernel = (0.0, small) if prefix else (-4.0, "glorot_uniform")
    constant = keras.initializers.Constant(bias)
    neck = layers.Conv2D(1, 1, name=f"{prefix}neck_logits", bias_initializer=constant, kernel_initializer=kernel)(x)
    pafs = layers.Conv2D(FIELDS, 1, name=f"{prefix}pafs", kernel_initializer=small)(x)
    return neck, pafs


def build_head_model(weights: dict[str, Any] | None = None, stages: int = 1) -> keras.Model:
    """(Features (N, h, w, 24), heats (N, h, w, 17)) to (neck 0-1, fields), of any size.

    weights: as steps.weights_of gives them, which tell the head's form; without them a new one of the usual form.
    stages: how many it has, where that is more than the weights have; the further ones begin by correcting little.
    """
    features = keras.Input((None, None, FEATURE_CHANNELS), name="features")
    heats = keras.Input((None, None, len(COCO17)), name="heats")
    form = HeadForm() if weights is None else form_of(weights)
    form = replace(form, stages=max(stages, form.stages))
    neck, pafs = build_head(features, heats, form)
    model = keras.Model([features, heats], [layers.Activation("sigmoid", name="neck")(neck), pafs])
    if weights is not None:
        set_weights(model, weights_of(model) | weights)
    return model


def _separable(x: Tensor, kernel: int, width: int, name: str) -> Tensor:
    x = layers.DepthwiseConv2D(kernel, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
