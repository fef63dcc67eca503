"""The hand's network for smaller crops: its last layer fitted anew, by least squares.

Where a network averages over its last map, what it says of places hangs on how many cells the map has, and on where
convolutions of even sizes put their borders. So the published one can't just be shown a smaller crop. But what it has
learned to see is still there: only the sums that make places of it have to be found again. They are fitted to rendered
hands, whose places are known, and to what the network itself says of large crops of pictures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from . import sidecar_file
from .equalise import equalise
from .foot_views import Crops, cut, in_crops, in_views, random_maps, straight
from .hand_crops import POINTS
from .head_file import sha256_of
from .part_export import answers, described, origin, to_int8
from .part_graph import build
from .part_sources import HAND, HAND_POOLED
from .slim import slim
from .tfjs_graph import Graph

Array = Any
SIDE = 208
"""Pixels of a crop. 192 would take less time still, but then the last map has fewer cells, and it sees less well."""
_CHANNELS = 16
"""Of its first block, which is published with 24: at this size it costs most, and half of a vector register is idle."""
_VIEWS = 6
"""Of each crop, turned, shifted and scaled at random."""
_AGREE, _OF = 4, 0.5
"""A picture's hand teaches where so many of its views are sure of a right hand, by logits of so much."""
_PICTURES = 2.0
"""How much a picture's hand counts beside a rendered one."""
_KNOWN = 3.0
"""Logits at least, of what is known to be a right hand."""
_STIFF = 100.0
"""Penalty on leaving the published layer (ridge regression)."""
_CALIBRATE = 150


class Hands(Crops):
    """Labels are of (N, 21, 3): with how much each place counts; 0 where it is unknown."""

    made_with = "`python -m training hand-crops`"


@dataclass(frozen=True)
class Lessons:
    """Views of crops, and what is to be said of them."""

    features: Array
    """(M, F) of the network of small crops, before its last layer."""
    places: Array
    """(M, 21, 2) in shares of the view."""
    logits: Array
    """(M, 2) that there is a hand, and a right one: what the network says of large crops, but where it is known."""
    counts: Array
    """(M,) how much the places count."""


def train(
    data: list[Path], pictures: list[Path], licence: str, held_out: Path, weights: Path, out: Path, seed: int
) -> dict[str, Any]:
    """Writes edgepose_hand_int8.tflite and its sidecar into `out`; its errors on the crops of `held_out`.

    data: rendered crops, whose places are known. pictures: crops of which the network tells as it was published.
    licence: of the pictures.
    """
    known, told, apart = Hands.read(data), Hands.read(pictures), Hands.read([held_out])
    images = np.concatenate([known.images, told.images])
    calibration = images[:: max(1, len(images) // _CALIBRATE)]
    large = to_int8(*_ready(HAND.graph(weights), straight(calibration, HAND.side)))
    small = straight(calibration, SIDE)
    graph = HAND.graph(weights)
    slim(graph, 0, _CHANNELS, small)
    model, small = _ready(graph, small)
    seeing = to_int8(model, small)
    rng = np.random.default_rng(seed)
    lessons = [_lessons(hands, large, seeing, rng) for hands in (known, told)]
    fit(model, [*lessons, *(_other_side(known, seeing, rng) for _ in range(_VIEWS))])
    file = out / "edgepose_hand_int8.tflite"
    out.mkdir(parents=True, exist_ok=True)
    file.write_bytes(to_int8(_without_features(model), small))
    figures = {
        "set": "rendered crops of other people, int8",
        "crops": int(apart.labels[..., 2].any(axis=1).sum()),
        "published_off_percent_of_crop": _off(large, HAND.side, apart),
        "mean_off_percent_of_crop": _off(file.read_bytes(), SIDE, apart),
    }
    taught = int((lessons[1].counts > 0).sum()) // _VIEWS
    fitted = {
        "what": f"weights: first block of {_CHANNELS} channels instead of 24; last layer fitted to {len(known.images)}"
        f" rendered crops of hands, and to what the network says of {taught} hands in pictures at {HAND.side} pixels",
        "source": "models/training/hand.py, slim.py, render/wholebody_set.py (bodies: Anny, mesh CC0)",
        "sha256": ", ".join(sha256_of(each) for each in data),
        "licence": "Apache-2.0",
        "maker": "edgepose",
    }
    seen = {
        "what": f"{len(told.images)} crops of hands in pictures of people, without labels",
        "source": "models/training/hand_crops.py",
        "sha256": ", ".join(sha256_of(each) for each in pictures),
        "licence": licence,
        "maker": "several",
    }
    sidecar_file.write(file.with_suffix(".yaml"), described("hand", file, [origin(HAND), fitted, seen], [figures]))
    return figures


def _ready(graph: Graph, calibration: Array) -> tuple[keras.Model, Array]:
    """The network for crops of that side, evened out for int8, and the crops, with the whole range of bytes in them."""
    outputs = {"points": HAND.points, "presence": HAND.presence, "features": HAND_POOLED}
    model = build(graph, calibration.shape[1], outputs)
    calibration[0, 0, 0], calibration[0, 0, 1] = 0.0, 1.0
    equalise(model, calibration)
    return model, calibration


def _lessons(hands: Hands, large: bytes, small: bytes, rng: np.random.Generator) -> Lessons:
    views = [_view(hands, large, small, random_maps(rng, len(hands.images))) for _ in range(_VIEWS)]
    features, found, logits, maps = (np.stack(each) for each in zip(*views, strict=True))
    sure = (logits.min(axis=2) > _OF).sum(axis=0) >= _AGREE
    middle = np.median([in_crops(*each) for each in zip(found, maps, strict=True)], axis=0)
    counts = hands.labels[..., 2].mean(axis=1)
    there = counts > 0  # never in pictures, of which nothing is known
    places = np.where(there[:, None, None], hands.labels[..., :2], middle)
    counts = np.where(there, counts > 0.5, 0.0) if there.any() else _PICTURES * sure
    logits[:, there] = np.maximum(logits[:, there], _KNOWN)
    return Lessons(
        features=np.concatenate(features),
        places=np.concatenate([in_views(places, each) for each in maps]),
        logits=np.concatenate(logits),
        counts=np.tile(counts, _VIEWS).astype(np.float64),
    )


def _other_side(hands: Hands, small: bytes, rng: np.random.Generator) -> Lessons:
    """Known hands mirrored: there is a hand, but no right one, and its places are not to be told."""
    left = hands.images[hands.labels[..., 2].any(axis=1), :, ::-1]
    (features,) = answers(small, _as_shares(cut(left, random_maps(rng, len(left)), SIDE)), ["features"])
    logits = np.tile(np.array([_KNOWN, -_KNOWN], np.float32), (len(left), 1))
    return Lessons(features, np.zeros((len(left), POINTS, 2)), logits, np.zeros(len(left)))


def _view(hands: Hands, large: bytes, small: bytes, maps: Array) -> tuple[Array, Array, Array, Array]:
    found, logits = answers(large, _as_shares(cut(hands.images, maps, HAND.side)))
    (features,) = answers(small, _as_shares(cut(hands.images, maps, SIDE)), ["features"])
    return features, found.reshape(-1, POINTS, 2) / HAND.side, logits, maps


def _as_shares(views: Array) -> Iterator[Array]:
    return (view.astype(np.float32) / 255 for view in views)


def fit(model: keras.Model, lessons: list[Lessons]) -> None:
    """Gives the model's last layers the weights that say best what the lessons teach."""
    features, places, logits, counts = (
        np.concatenate([getattr(each, name) for each in lessons]) for name in ("features", "places", "logits", "counts")
    )
    points = _dense(model.get_layer("points").input)
    points.set_weights([each * (SIDE / HAND.side) for each in points.get_weights()])
    _refit(points, features, SIDE * places.reshape(len(places), -1), counts)
    for place, flat in enumerate(model.get_layer("presence").input):
        said = np.clip(logits[:, place : place + 1], -6, 6)
        _refit(_dense(flat._keras_history.operation.input), features, said, np.ones(len(said)))


def _dense(tensor: Any) -> keras.layers.Dense:
    return tensor._keras_history.operation


def _refit(layer: keras.layers.Dense, features: Array, wanted: Array, counts: Array) -> None:
    kernel, bias = layer.get_weights()
    change, shift = ridge(features, wanted - (features @ kernel + bias), counts, _STIFF)
    layer.set_weights([kernel + change, bias + shift])


def ridge(features: Array, wanted: Array, counts: Array, stiff: float) -> tuple[Array, Array]:
    """(F, C) and (C,) whose sums are nearest to what is wanted in weighted squares; the larger, the more they cost."""
    rows = np.column_stack([features, np.ones(len(features))]).astype(np.float64)
    cost = np.diag([*np.full(features.shape[1], stiff), 1e-6])
    weighted = rows * counts[:, None]
    solved = np.linalg.solve(weighted.T @ rows + cost, weighted.T @ wanted)
    return solved[:-1], solved[-1]


def _without_features(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs[0], [model.get_layer(name).output for name in ("points", "presence")])


def _off(content: bytes, side: int, hands: Hands) -> float:
    """Mean error in per cent of the crop, where places are known."""
    points = answers(content, straight(hands.images, side))[0].reshape(-1, POINTS, 2) / side
    away, counts = np.linalg.norm(points - hands.labels[..., :2], axis=-1), hands.labels[..., 2]
    there = counts.any(axis=1)
    return round(float(100 * ((away * counts).sum(axis=1)[there] / counts.sum(axis=1)[there]).mean()), 2)
