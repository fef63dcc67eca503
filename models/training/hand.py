"""The hand's network taught smaller crops of right hands: by what it says itself of large ones, and by rendered hands.

The published one also has to guess which hand it sees. Where it guesses wrong, it takes the palm for the back and the
thumb for the little finger. The product knows the side from the body and mirrors left hands, so there is no guess left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from . import sidecar_file
from .errors import TrainingError
from .foot_views import Views, straight, turned
from .head_file import sha256_of
from .part_export import answers, described, origin, to_int8
from .part_graph import build as rebuilt
from .part_sources import HAND

Array = Any
SIDE = 192
"""Pixels of its crop, of a multiple of 32: so many cells has its last map, and what it says of places depends on it."""
POINTS = 21
_BATCH = 32
LOOKS = ((0.0, 1.0), (0.3, 1.0), (-0.3, 1.0), (0.0, 1.15), (0.0, 0.88))
"""Radians and widths in which the large network looks at each crop; it teaches what it says of most of them."""
_HANDEDNESS = "Identity_2"
"""Node that ends in the logit of a right hand."""
_AGREE = 0.06
"""Of the crop: it teaches only points of crops on which its looks differ less than that."""


@dataclass(frozen=True)
class Hands:
    """Crops of right hands and mirrored left ones, 1.3 times as wide as the product's, and what is known of them."""

    images: Array
    """(N, S, S, 3) uint8."""
    labels: Array
    """(N, 21, 3): x, y in shares of the product's crop, and how much the place counts."""
    presence: Array
    """(N,) that a hand is there, 0 to 1; NaN where nobody can tell."""

    @staticmethod
    def read(files: list[Path]) -> "Hands":
        """All crops of some files. Raises TrainingError."""
        for file in files:
            if not file.is_file():
                raise TrainingError(f"no {file}; make it with `python -m training hand-crops`")
        contents = [np.load(file) for file in files]
        return Hands(*(np.concatenate([each[name] for each in contents]) for name in ("images", "labels", "presence")))

    def part(self, chosen: Array) -> "Hands":
        """Some of them."""
        return Hands(self.images[chosen], self.labels[chosen], self.presence[chosen])


def build(weights: Path, side: int, batch: int | None = None) -> keras.Model:
    """Crop (N, side, side, 3), 0 to 1, to x and y of 21 points in shares of the crop, and the logit of a hand."""
    model = rebuilt(HAND.graph(weights), side, {HAND.points: "points", HAND.presence: "presence"}, batch)
    _scale_points(model, 1 / HAND.side)
    return model


def taught(weights: Path, images: Array) -> Hands:
    """Crops labelled by the network of large ones: the middle of its looks, each undone."""
    outputs = {HAND.points: "points", HAND.presence: "presence", _HANDEDNESS: "right"}
    model = rebuilt(HAND.graph(weights), HAND.side, outputs, None)
    _scale_points(model, 1 / HAND.side)
    places, logits, rights = [], [], []
    for turn, scale in LOOKS:
        points, presence, right = _predicted(model, images, turn, scale)
        places.append(undone(points, turn, scale))
        logits.append(presence)
        rights.append(right)
    return agreed(images, np.array(places), np.array(logits), np.array(rights))


def undone(points: Array, turn: float, scale: float) -> Array:
    """(…, 2) places in a turned and widened look at a crop as places in the crop."""
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return (points - 0.5) @ np.array([[cosine, sine], [-sine, cosine]]) + 0.5


def agreed(images: Array, places: Array, logits: Array, rights: Array) -> Hands:
    """What looks (L, N, …) say together; points count where they agree that there is a right hand, and where it is."""
    middle = np.median(places, axis=0)
    apart = np.linalg.norm(places - middle, axis=-1).mean(axis=(0, 2))
    sure = 1 / (1 + np.exp(-np.median(logits, axis=0)))
    counts = (apart < _AGREE) & (sure > 0.5) & (np.median(rights, axis=0) > 0)
    labels = np.concatenate([middle, np.broadcast_to(counts[:, None, None], (*middle.shape[:2], 1))], axis=2)
    return Hands(images, labels.astype(np.float32), sure.astype(np.float32))


def train(
    data: list[Path], pictures: list[Path], held_out: Path, weights: Path, out: Path, epochs: int, seed: int
) -> dict[str, Any]:
    """Writes edgepose_hand_int8.tflite and its sidecar into `out`; its errors on the crops of `held_out`.

    data: crops whose places are known. pictures: crops of which the network of large crops tells.
    """
    keras.utils.set_random_seed(seed)
    teacher = build(weights, HAND.side)
    known, apart = Hands.read(data), Hands.read([held_out])
    told = taught(weights, Hands.read(pictures).images)
    model = build(weights, SIDE)
    _fit(model, known, told, epochs, seed)
    out.mkdir(parents=True, exist_ok=True)
    model.save_weights(out / "hand.weights.h5")
    calibration = straight(told.images[:: max(1, len(told.images) // 150)], SIDE)
    calibration[0, 0, 0], calibration[0, 0, 1] = 0.0, 1.0
    file = out / "edgepose_hand_int8.tflite"
    file.write_bytes(to_int8(_in_pixels(model), calibration))
    figures = {
        "set": "rendered crops of other people, int8",
        "large_off_percent_of_crop": _off(_predicted(teacher, apart.images)[0], apart),
        "float_off_percent_of_crop": _off(_predicted(model, apart.images)[0], apart),
        "mean_off_percent_of_crop": _off(answers(file.read_bytes(), straight(apart.images, SIDE))[0] / SIDE, apart),
        "crops": int((apart.labels[..., 2].sum(axis=1) > 0).sum()),
    }
    learned = {
        "what": f"weights: {epochs} epochs on {len(known.images)} rendered crops of hands and {len(told.images)} of"
        f" pictures, labelled by the network itself on crops of {HAND.side} pixels, seed {seed}",
        "source": "models/training/hand.py, hand_crops.py (bodies: Anny, mesh CC0; pictures: CC BY 4.0)",
        "sha256": ", ".join(sha256_of(each) for each in [*data, *pictures]),
        "licence": "Apache-2.0",
        "maker": "edgepose",
    }
    sidecar_file.write(file.with_suffix(".yaml"), described("hand", file, [origin(HAND), learned], [figures]))
    return figures


def _fit(model: keras.Model, known: Hands, told: Hands, epochs: int, seed: int) -> None:
    """Half of each batch is rendered, half of it from pictures."""
    half = _BATCH // 2
    steps = len(told.images) // half
    rate = keras.optimizers.schedules.CosineDecay(1e-5, epochs * steps, 0.01, warmup_target=3e-4, warmup_steps=30)
    optimiser = keras.optimizers.AdamW(rate, weight_decay=1e-5, clipnorm=1.0, use_ema=True, ema_momentum=0.95)
    model.compile(optimiser, [_distance, _doubt], loss_weights=[10.0, 0.2])
    views = Views(seed, SIDE)
    rng = np.random.default_rng(seed)

    def batches() -> Iterator[tuple[Any, Any]]:
        while True:
            order = rng.permutation(len(told.images))
            for start in range(0, steps * half, half):
                mixed = [told.part(order[start : start + half]), known.part(rng.integers(len(known.images), size=half))]
                images, labels, presence = (
                    np.concatenate([getattr(each, name) for each in mixed]) for name in ("images", "labels", "presence")
                )
                seen, moved = views(images, labels)
                yield seen, (moved, presence[:, None].astype(np.float32))

    signature = (
        tf.TensorSpec((_BATCH, SIDE, SIDE, 3), tf.float32),
        (tf.TensorSpec((_BATCH, POINTS, 3), tf.float32), tf.TensorSpec((_BATCH, 1), tf.float32)),
    )
    prepared = tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(4)
    model.fit(prepared, steps_per_epoch=steps, epochs=epochs, verbose=2)


def _distance(labels: Any, points: Any) -> Any:
    """Mean distance in crops of what counts."""
    away = tf.reshape(points, (-1, POINTS, 2)) - labels[..., :2]
    distance = tf.sqrt(tf.reduce_sum(away**2, axis=-1) + 1e-5)
    return tf.reduce_sum(distance * labels[..., 2], axis=-1) / POINTS


def _doubt(presence: Any, logits: Any) -> Any:
    known = tf.math.is_finite(presence)
    doubt = tf.nn.sigmoid_cross_entropy_with_logits(tf.where(known, presence, 0.0), logits)
    return tf.reduce_mean(tf.where(known, doubt, 0.0), axis=-1)


def _predicted(model: keras.Model, images: Array, turn: float = 0.0, scale: float = 1.0) -> tuple[Array, ...]:
    """(N, 21, 2) shares of the looked at crop, and (N,) logits of each other output."""
    side = model.inputs[0].shape[1]
    parts = [images[start : start + 64] for start in range(0, len(images), 64)]
    told = [model(turned(part, side, turn, scale), training=False) for part in parts]
    points, *logits = (np.concatenate([np.asarray(each) for each in part]) for part in zip(*told, strict=True))
    return points.reshape(-1, POINTS, 2), *(each.ravel() for each in logits)


def _off(points: Array, hands: Hands) -> float:
    away = np.linalg.norm(points.reshape(-1, POINTS, 2) - hands.labels[..., :2], axis=-1)
    counts = hands.labels[..., 2]
    there = counts.sum(axis=1) > 0
    return round(float(100 * ((away * counts).sum(axis=1)[there] / counts.sum(axis=1)[there]).mean()), 2)


def _scale_points(model: keras.Model, factor: float) -> None:
    layer = model.get_layer("points").input._keras_history.operation
    layer.set_weights([each * factor for each in layer.get_weights()])


def _in_pixels(model: keras.Model) -> keras.Model:
    """The same for one crop at a time, with points in pixels as the product has them."""
    _scale_points(model, SIDE)
    image = keras.Input((SIDE, SIDE, 3), batch_size=1, name="image")
    outputs = model(image)
    named = zip(("points", "presence"), outputs, strict=True)
    return keras.Model(image, [keras.layers.Identity(name=name)(output) for name, output in named])
