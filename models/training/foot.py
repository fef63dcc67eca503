"""A small network for toes and heels: MediaPipe's hand trunk, taught feet on rendered crops (render/foot_crops.py)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from . import sidecar_file
from .foot_views import SIDE, Crops, Views, straight
from .head_file import sha256_of
from .part_export import answers, described, origin, to_int8
from .part_graph import build as rebuilt
from .part_sources import HAND, HAND_POOLED

Array = Any
POINTS = 3
_CELLS, _CHANNELS = 4, 672
"""Of the trunk's last feature map for a crop of SIDE."""
_SQUEEZED = 64
_BATCH = 64
_CROP_SHANKS = 1.4
"""Side of the product's crop."""


class Feet(Crops):
    """Labels are of (N, 3, 3): each place is 1 seen, 0.5 behind the own body, 0 covered or not there."""

    made_with = "render/foot_crops.py"


def build(weights: Path) -> keras.Model:
    """Crop (N, 112, 112, 3), 0 to 1, to right big toe, small toe and heel.

    points: (N, 6) x and y in shares of the crop. presence: (N, 3) logits that each is in view. Where a hand's network
    averages over the picture, this one keeps the place of what it saw.
    """
    graph = HAND.graph(weights)
    pooled = next(node for node in graph.nodes if node.name == HAND_POOLED)
    trunk = rebuilt(graph, SIDE, {"trunk": pooled.inputs[0]}, batch=None)
    x = layers.Reshape((_CELLS, _CELLS, _CHANNELS))(trunk.outputs[0])
    x = layers.Flatten()(layers.Conv2D(_SQUEEZED, 1, activation="relu6", name="squeezed")(x))
    middle = keras.initializers.Constant(0.5)
    points = layers.Dense(2 * POINTS, bias_initializer=middle, name="points")(x)
    presence = layers.Dense(POINTS, name="presence")(x)
    return keras.Model(trunk.inputs[0], {"points": points, "presence": presence})


def train(data: list[Path], held_out: Path, weights: Path, out: Path, epochs: int, seed: int) -> dict[str, Any]:
    """Writes edgepose_foot_int8.tflite and its sidecar into `out`; its errors on the crops of `held_out`."""
    keras.utils.set_random_seed(seed)
    feet, apart = Feet.read(data), Feet.read([held_out])
    model = build(weights)
    _fit(model, feet, apart, epochs, seed)
    out.mkdir(parents=True, exist_ok=True)
    model.save_weights(out / "foot.weights.h5")
    views = straight(apart.images)
    precise = model.predict(views, verbose=0)
    pictures = straight(feet.images[:: max(1, len(feet.images) // 120)])
    pictures[0, 0, 0], pictures[0, 0, 1] = 0.0, 1.0
    file = out / "edgepose_foot_int8.tflite"
    file.write_bytes(to_int8(_in_pixels(model), pictures))
    points, presence = answers(file.read_bytes(), views)
    before = errors(precise["points"], precise["presence"], apart.labels)
    figures = {
        "set": "rendered crops of other people, int8",
        "float_off_percent_of_shank": before["mean_off_percent_of_shank"],
        **errors(points / SIDE, presence, apart.labels),
    }
    learned = {
        "what": f"weights: {epochs} epochs on {len(feet.images)} rendered crops of feet, seed {seed}",
        "source": "models/training/foot.py, models/training/render/foot_crops.py (bodies: Anny, mesh CC0)",
        "sha256": ", ".join(sha256_of(file) for file in data),
        "licence": "Apache-2.0",
        "maker": "edgepose",
    }
    sidecar_file.write(file.with_suffix(".yaml"), described("foot", file, [origin(HAND), learned], [figures]))
    return figures


def _fit(model: keras.Model, feet: Feet, apart: Feet, epochs: int, seed: int) -> None:
    steps = len(feet.images) // _BATCH
    rate = keras.optimizers.schedules.CosineDecay(1e-4, epochs * steps, 0.01, warmup_target=1.5e-3, warmup_steps=300)
    optimiser = keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=1.0, use_ema=True, ema_momentum=0.998)
    model.compile(optimiser, {"points": _distance, "presence": _doubt}, {"points": 10.0, "presence": 0.2})
    views = Views(seed)

    def batches() -> Iterator[tuple[Any, Any]]:
        rng = np.random.default_rng(seed)
        while True:
            order = rng.permutation(len(feet.images))
            for start in range(0, steps * _BATCH, _BATCH):
                chosen = np.sort(order[start : start + _BATCH])
                images, labels = views(feet.images[chosen], feet.labels[chosen])
                yield images, {"points": labels, "presence": labels}

    signature = (
        tf.TensorSpec((_BATCH, SIDE, SIDE, 3), tf.float32),
        {name: tf.TensorSpec((_BATCH, POINTS, 3), tf.float32) for name in ("points", "presence")},
    )
    prepared = tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)
    truth = {"points": apart.labels, "presence": apart.labels}
    model.fit(
        prepared,
        steps_per_epoch=steps,
        epochs=epochs,
        verbose=2,
        validation_data=(straight(apart.images), truth),
        validation_freq=5,
    )


def _distance(labels: Any, points: Any) -> Any:
    """Mean distance in crops, of covered points nothing, of those behind the own body half."""
    away = tf.reshape(points, (-1, POINTS, 2)) - labels[..., :2]
    distance = tf.sqrt(tf.reduce_sum(away**2, axis=-1) + 1e-5)
    return tf.reduce_sum(distance * labels[..., 2], axis=-1) / POINTS


def _doubt(labels: Any, logits: Any) -> Any:
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels[..., 2], logits), axis=-1)


def _in_pixels(model: keras.Model) -> keras.Model:
    """The same for one crop at a time, with points in pixels as hands and faces have them."""
    points = model.get_layer("points")
    kernel, bias = points.get_weights()
    points.set_weights([kernel * SIDE, bias * SIDE])
    image = keras.Input((SIDE, SIDE, 3), batch_size=1, name="image")
    outputs = model(image)
    return keras.Model(image, [layers.Identity(name=name)(outputs[name]) for name in ("points", "presence")])


def errors(points: Array, presence: Array, labels: Array) -> dict[str, Any]:
    """How far (N, 6) points in shares of the crop lie from the labels that are seen, and how sure (N, 3) logits are."""
    off = np.linalg.norm(points.reshape(-1, POINTS, 2) - labels[..., :2], axis=2) * 100 * _CROP_SHANKS
    sure = 1 / (1 + np.exp(-presence))
    seen, hidden = labels[..., 2] == 1, labels[..., 2] == 0
    return {
        "crops": len(labels),
        "mean_off_percent_of_shank": round(float(off[seen].mean()), 2),
        "median_off_percent_of_shank": round(float(np.median(off[seen])), 2),
        "mean_confidence_seen": round(float(sure[seen].mean()), 2),
        "mean_confidence_covered": round(float(sure[hidden].mean()), 2),
    }
