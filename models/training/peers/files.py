"""Makes .tflite files of the networks to compare with, in a work folder; what is there already is kept."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from .. import sidecar_file
from ..coco import FloatArray
from ..convert import calibration_pictures, converter_of, int8_converter
from ..deploy import INPUT
from ..head_file import sha256_of
from ..layout import BODY18
from ..tfjs_graph import Graph
from ..tflite_file import inputs_and_outputs, named
from ..trunk import FEATURES, build_trunk
from .movenet import HEADS

Size = tuple[int, int]

_LIMBS = (
    ("neck", "right_shoulder", 12), ("neck", "left_shoulder", 20), ("right_shoulder", "right_elbow", 14),
    ("right_elbow", "right_wrist", 16), ("left_shoulder", "left_elbow", 22), ("left_elbow", "left_wrist", 24),
    ("neck", "right_hip", 0), ("right_hip", "right_knee", 2), ("right_knee", "right_ankle", 4),
    ("neck", "left_hip", 6), ("left_hip", "left_knee", 8), ("left_knee", "left_ankle", 10), ("neck", "nose", 28),
    ("nose", "right_eye", 30), ("right_eye", "right_ear", 34), ("nose", "left_eye", 32), ("left_eye", "left_ear", 36),
    ("right_shoulder", "right_ear", 18), ("left_shoulder", "left_ear", 26),
)  # fmt: skip
"""Limbs of the tf-pose-estimation family and the first of the two channels of each."""


def movenet_float(graph: Graph, size: Size, work: Path) -> Path:
    """The whole published network, its decoder left out, in float32 (weights stored as float16)."""

    def make() -> bytes:
        trunk = build_trunk(graph, size, batch=1, unit_input=True)
        model = keras.Model(trunk.image, [trunk.heads[head] for head in HEADS])
        converter = converter_of(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        return _named_by_place(converter, HEADS)

    return _kept(work / f"movenet_multipose_{size[0]}x{size[1]}_float.tflite", make)


def movenet_int8(graph: Graph, size: Size, calibration: Path, work: Path) -> Path:
    """The same in int8, for its time: the trunk with all heads that it was published with."""

    def make() -> bytes:
        trunk = build_trunk(graph, size, batch=1, unit_input=True)
        model = keras.Model(trunk.image, [trunk.heads[head] for head in HEADS])
        return _named_by_place(int8_converter(model, _few(calibration, size)), HEADS)

    return _kept(work / f"movenet_multipose_{size[0]}x{size[1]}_int8.tflite", make)


def bare_trunk(graph: Graph, size: Size, calibration: Path, work: Path) -> Path:
    """The trunk up to its last feature and the keypoint heat maps, in int8, for its time."""

    def make() -> bytes:
        trunk = build_trunk(graph, size, batch=1, unit_input=True)
        model = keras.Model(trunk.image, [trunk.features, trunk.heads["kpt_heatmap_0"]])
        return _named_by_place(int8_converter(model, _few(calibration, size)), [FEATURES, "kpt_heatmap_0"])

    return _kept(work / f"trunk_{size[0]}x{size[1]}_int8.tflite", make)


def tf_pose(frozen: Path, size: Size, work: Path) -> Path:
    """tf-pose-estimation's frozen graph at a size, in float32, with a sidecar."""

    def make() -> bytes:
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
            str(frozen), ["image"], ["Openpose/concat_stage7"], {"image": [1, *size, 3]}
        )
        return bytes(converter.convert())

    name = f"{frozen.stem}_{size[0]}x{size[1]}_float"
    return _with_sidecar(_kept(work / f"{name}.tflite", make), size)


def weight_quantised(published: Path, size: Size, work: Path) -> Path:
    """PINTO0309's network as published, with a sidecar."""
    return _with_sidecar(_kept(work / published.name, published.read_bytes), size)


def _few(calibration: Path, size: Size) -> FloatArray:
    """Enough pictures for a file that is only timed: what it answers doesn't matter."""
    return calibration_pictures(calibration, size)[:2]


def _kept(path: Path, make: Callable[[], bytes]) -> Path:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())
    return path


def _named_by_place(converter: Any, names: Sequence[str]) -> bytes:
    """The converted file with names for its outputs: several have the same depth, so they are told by their place."""
    content = bytes(converter.convert())
    _, found = inputs_and_outputs(content)
    # A frozen graph calls its outputs Identity, Identity_1, …, in the model's order.
    # With int8 outputs a number of the converter's own follows after a colon or not at all.
    return named(content, [INPUT], [names[_place(output.name)] for output in found])


def _place(name: str) -> int:
    return int(name.partition(":")[0].partition("Identity")[2].lstrip("_").partition("_")[0] or 0)


def _with_sidecar(network: Path, size: Size) -> Path:
    """57 channels in one tensor: 18 keypoints, the background, 38 fields; raw BGR in."""
    tensor = {"tensor": "Openpose/concat_stage7", "dtype": "float32", "shape": [size[0] // 8, size[1] // 8, 57]}
    described: dict[str, Any] = {
        "schema": 1,
        "name": network.stem,
        "sha256": sha256_of(network),
        "input": {
            "tensor": "image", "height": size[0], "width": size[1], "dtype": "float32", "colour": "bgr",
            "scale": 1.0, "offset": 0.0, "pad": 0,
        },
        "outputs": {"heatmaps": {**tensor, "first_channel": 0}, "pafs": {**tensor, "first_channel": 19}},
        "grid": {"stride": 8, "centre": 0.5},
        "skeleton": {
            "layout": "body18",
            "heat_channels": list(range(len(BODY18))),
            "limbs": [[start, end] for start, end, _ in _LIMBS],
            "paf_channels": [[channel, channel + 1] for _, _, channel in _LIMBS],
        },
        "thresholds": {"min_keypoint": 0.1, "min_limb": 0.05},
        "licence": "as its maker says",
    }  # fmt: skip
    sidecar_file.write_new(network.with_suffix(".yaml"), described)
    return network
