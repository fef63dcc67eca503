"""The hand's network for smaller crops: its end taught anew, by what the published one says of large crops.

Where a network averages over its last map, what it says of places hangs on how many cells the map has, and on where
convolutions of even sizes put their borders. So the published one can't just be shown a smaller crop. But what it has
learned to see is still there: only what makes places of it has to be found again. It is taught by rendered hands,
whose places are known, and by what the network itself says of large crops of pictures.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from . import sidecar_file
from .equalise import equalise
from .foot_views import straight
from .hand_crops import POINTS
from .hand_lessons import MAPS, SIDE, Hands, Looks, in_pictures, lessons_of
from .hand_tail import teach
from .head_file import sha256_of
from .part_export import answers, described, origin, to_int8
from .part_graph import build
from .part_sources import HAND, HAND_POOLED, HAND_SIXTEENTH
from .slim import slim
from .tfjs_graph import Graph

Array = Any
_OUTPUTS: dict[str, str | tuple[str, ...]] = {
    "points": HAND.points,
    "presence": HAND.presence,
    "features": HAND_POOLED,
    MAPS: HAND_SIXTEENTH,
}
_CHANNELS = 16
"""Of its first block, which is published with 24: at this size it costs most, and half of a vector register is idle."""
_ASIDE, _BETWEEN = 0.25, 20
"""Share of the crops of pictures, the last ones, that are measured on; and how many before them, some of which may be
of the same picture, are left out."""
_CALIBRATE = 150
_SOURCE = (
    "models/training/hand.py, hand_lessons.py, hand_tail.py, slim.py, render/wholebody_set.py (bodies: Anny, mesh CC0)"
)


def train(
    data: list[Path], pictures: list[Path], licence: str, held_out: Path, weights: Path, out: Path, seed: int
) -> list[dict[str, Any]]:
    """Writes edgepose_hand_int8.tflite and its sidecar into `out`; how far off it is on crops it didn't learn from.

    data: rendered crops, whose places are known. pictures: crops of which the network tells as it was published.
    held_out: rendered crops of other people. licence: of the pictures.
    """
    known, told, rendered = Hands.read(data), Hands.read(pictures), Hands.read([held_out])
    aside = len(told.images) - int(_ASIDE * len(told.images))
    told, real = told.part(slice(aside - _BETWEEN)), told.part(slice(aside, None))
    calibration = np.concatenate([_some(known), _some(told)])
    large = to_int8(*_ready(HAND.graph(weights), calibration, HAND.side))
    graph = HAND.graph(weights)
    slim(graph, 0, _CHANNELS, straight(calibration, SIDE))
    model, small = _ready(graph, calibration, SIDE)
    rng = np.random.default_rng(seed)
    lessons, views = lessons_of(known, told, large, to_int8(model, small), rng)
    learner = build(graph, SIDE, _OUTPUTS, batch=None)
    learner.set_weights(model.get_weights())
    teach(learner, lessons, seed)
    model.set_weights(learner.get_weights())
    file = out / "edgepose_hand_int8.tflite"
    out.mkdir(parents=True, exist_ok=True)
    content = to_int8(_without_maps(model), small)
    file.write_bytes(content)
    figures = [
        {
            "set": "rendered crops of other people, int8",
            "crops": int(rendered.labels[..., 2].any(axis=1).sum()),
            "published_off_percent_of_crop": _off(large, HAND.side, rendered),
            "mean_off_percent_of_crop": _off(content, SIDE, rendered),
        },
        _real(in_pictures(real, large, rng, turns=(0.0,)), large, content),
    ]
    taught = {
        "what": f"weights: first block of {_CHANNELS} channels instead of 24; its end taught by {len(known.images)}"
        f" rendered crops of hands, and by what the network says at {HAND.side} pixels of {views} views of hands",
        "source": _SOURCE,
        "sha256": ", ".join(sha256_of(each) for each in data),
        "licence": "Apache-2.0",
        "maker": "edgepose",
    }
    shown = {
        "what": f"{len(told.images)} crops of hands in pictures of people, without labels",
        "source": "models/training/hand_crops.py",
        "sha256": ", ".join(sha256_of(each) for each in pictures),
        "licence": licence,
        "maker": "several",
    }
    sidecar_file.write(file.with_suffix(".yaml"), described("hand", file, [origin(HAND), taught, shown], figures))
    return figures


def _ready(graph: Graph, hands: Array, side: int) -> tuple[keras.Model, Array]:
    """The network for crops of that side, evened out for int8, and the crops, with the whole range of bytes in them."""
    model = build(graph, side, _OUTPUTS)
    calibration = straight(hands, side)
    calibration[0, 0, 0], calibration[0, 0, 1] = 0.0, 1.0
    equalise(model, calibration)
    return model, calibration


def _real(seen: Looks, large: bytes, content: bytes) -> dict[str, Any]:
    """How far both networks' straight looks at hands lie from the middle of several looks of the published one."""
    images, middle = seen.hands.images[seen.agreed], seen.middle[seen.agreed]

    def off(network: bytes, side: int) -> float:
        return _percent(np.linalg.norm(_places(network, images, side) - middle, axis=-1).mean())

    return {
        "set": "hands in other pictures, int8, from the middle of what the published network says of six views",
        "crops": len(images),
        "published_off_percent_of_crop": off(large, HAND.side),
        "mean_off_percent_of_crop": off(content, SIDE),
    }


def _some(hands: Hands) -> Array:
    """Crops to calibrate with."""
    return hands.images[:: max(1, 2 * len(hands.images) // _CALIBRATE)]


def _without_maps(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs[0], [model.get_layer(name).output for name in ("points", "presence")])


def _off(content: bytes, side: int, hands: Hands) -> float:
    """Mean error in per cent of the crop, where places are known."""
    away = np.linalg.norm(_places(content, hands.images, side) - hands.labels[..., :2], axis=-1)
    counts = hands.labels[..., 2]
    there = counts.any(axis=1)
    return _percent(((away * counts).sum(axis=1)[there] / counts.sum(axis=1)[there]).mean())


def _places(content: bytes, images: Array, side: int) -> Array:
    """(N, 21, 2) in shares of the crop, at one straight look."""
    return answers(content, straight(images, side))[0].reshape(-1, POINTS, 2) / side


def _percent(share: float) -> float:
    return round(float(100 * share), 2)
