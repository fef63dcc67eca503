"""Teaches the end of the hand's network what hand_lessons.py says: its last layer by least squares, then all of it.

The end is what lies behind the last map of a sixteenth of the crop's side: there the borders of smaller crops come to
lie elsewhere.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .hand_lessons import MAPS, SIDE, Lessons
from .part_sources import HAND

Array = Any
_STIFF = 100.0
"""Penalty on leaving the published layer (ridge regression)."""
_EPOCHS, _BATCH, _RATE = 8, 64, 3e-4
_NEAR = 0.03
"""Shares of the crop: what is further off pulls no harder (pseudo-Huber)."""
_SURE = 0.5
"""How much being sure counts beside places."""


def teach(model: keras.Model, lessons: Lessons, seed: int) -> None:
    """Gives the end of the model the weights that say best what the lessons teach.

    model: with the outputs points, presence, features and maps; the lessons hold answers of maps.
    """
    keras.utils.set_random_seed(seed)
    end = keras.Model(model.get_layer(MAPS).input, [model.get_layer(name).output for name in ("points", "presence")])
    fit(model, _features(model, lessons.maps, end.input_shape[1:]), lessons)
    tune(end, lessons)


def fit(model: keras.Model, features: Array, lessons: Lessons) -> None:
    """The last layers alone, by least squares from the features before them."""
    points = _dense(model.get_layer("points").input)
    points.set_weights([each * (SIDE / HAND.side) for each in points.get_weights()])
    _refit(points, features, SIDE * lessons.places.reshape(len(features), -1), lessons.counts)
    for place, flat in enumerate(model.get_layer("presence").input):
        said = np.clip(lessons.logits[:, place : place + 1], -6, 6)
        _refit(_dense(flat._keras_history.operation.input), features, said, np.ones(len(said)))


def tune(end: keras.Model, lessons: Lessons) -> None:
    """All layers of the end, by Adam from where they are."""
    steps = _EPOCHS * (len(lessons.maps) // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(_RATE / 10, steps, warmup_target=_RATE, warmup_steps=steps // 20)
    sure = keras.losses.BinaryCrossentropy(from_logits=True)
    end.compile(keras.optimizers.Adam(rate), [_away, sure], loss_weights=[1.0, _SURE])
    told = [lessons.places.reshape(len(lessons.maps), -1), 1 / (1 + np.exp(-lessons.logits))]
    counts = [lessons.counts, np.ones(len(lessons.counts))]
    seen = lessons.maps.reshape(-1, *end.input_shape[1:])
    end.fit(seen, told, _BATCH, _EPOCHS, sample_weight=counts, verbose=2)


def ridge(features: Array, wanted: Array, counts: Array, stiff: float) -> tuple[Array, Array]:
    """(F, C) and (C,) whose sums are nearest to what is wanted in weighted squares; the larger, the more they cost."""
    rows = np.column_stack([features, np.ones(len(features))]).astype(np.float64)
    cost = np.diag([*np.full(features.shape[1], stiff), 1e-6])
    weighted = rows * counts[:, None]
    solved = np.linalg.solve(weighted.T @ rows + cost, weighted.T @ wanted)
    return solved[:-1], solved[-1]


def _away(places: Any, points: Any) -> Any:
    off = (points / SIDE - places) / _NEAR
    return tf.reduce_mean(tf.sqrt(1 + off**2) - 1, axis=-1)


def _features(model: keras.Model, maps: Array, shape: tuple[int, ...]) -> Array:
    seeing = keras.Model(model.get_layer(MAPS).input, model.get_layer("features").output)
    return seeing.predict(maps.reshape(-1, *shape), batch_size=_BATCH, verbose=0)


def _refit(layer: keras.layers.Dense, features: Array, wanted: Array, counts: Array) -> None:
    kernel, bias = layer.get_weights()
    change, shift = ridge(features, wanted - (features @ kernel + bias), counts, _STIFF)
    layer.set_weights([kernel + change, bias + shift])


def _dense(tensor: Any) -> keras.layers.Dense:
    return tensor._keras_history.operation
