"""Exports the trained head with its trunk: int8 and float files of several sizes, each with its sidecar."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from . import sidecar, sidecar_file
from .coco import FloatArray
from .convert import calibration_paths, calibration_pictures, to_float, to_int8
from .deploy import HEATMAPS, PAFS, build_deployed_model
from .equalise import equalise
from .errors import TrainingError
from .features import FloatTrunk
from .head import LOGIT_FLOOR, build_head_model
from .head_file import load_head, read_record
from .tfjs_graph import Graph
from .trunk import check_size
from .trunk_maps import TrunkRunner

Size = tuple[int, int]


@dataclass(frozen=True)
class Thresholds:
    """Defaults of the association for this network.

    On training pictures AP is flat around them; higher ones lose keypoints, lower ones find people who are not there.
    """

    min_keypoint: float = 0.1
    """least value of a heat map's peak"""
    min_limb: float = 0.04
    """least mean of field · direction along a limb"""


def export(
    graph: Graph, head: Path, calibration: Path, out: Path, int8: Sequence[Size], float_: Sequence[Size]
) -> None:
    """Writes edgepose_HxW_int8.tflite into `out` and edgepose_HxW_float.tflite into `out`/float, with sidecars."""
    for size in (*int8, *float_):
        check_size(*size)
    # Better known before the work than after it.
    read_record(head)
    calibration_paths(calibration)
    (out / "float").mkdir(parents=True, exist_ok=True)
    weights = load_head(head)
    with tqdm(total=len(int8) + len(float_), desc="exporting", unit="file") as bar:
        for size in float_:
            model = build_deployed_model(graph, weights, size)
            _write(out / "float" / f"{_stem(size)}_float.tflite", to_float(model, [HEATMAPS, PAFS]), head)
            bar.update()
        for size in int8:
            pictures = calibration_pictures(calibration, size)
            model = build_deployed_model(graph, weights, size)
            _check_same_function(model, FloatTrunk(graph), build_head_model(weights), pictures[:2])
            equalise(model, pictures)
            _write(out / f"{_stem(size)}_int8.tflite", to_int8(model, pictures, [HEATMAPS, PAFS]), head)
            bar.update()


def _stem(size: Size) -> str:
    return f"edgepose_{size[0]}x{size[1]}"


def _write(path: Path, content: bytes, head: Path) -> None:
    path.write_bytes(content)
    thresholds = Thresholds()
    described = sidecar.describe(
        path.stem, path, head, {"min_keypoint": thresholds.min_keypoint, "min_limb": thresholds.min_limb}
    )
    sidecar_file.write_new(path.with_suffix(".yaml"), described)


def _check_same_function(deployed: keras.Model, trunk: TrunkRunner, head: keras.Model, pictures: FloatArray) -> None:
    """TrainingError if folding and splitting changed what the network answers."""
    floor = 1 / (1 + np.exp(-LOGIT_FLOOR))
    for picture in pictures:
        maps = trunk((picture[None] + 1.0) * 127.5)
        neck, pafs = head(list(maps), training=False)
        expected = np.maximum(np.concatenate([maps.heats, neck], axis=-1), floor)
        deployed_heats, deployed_pafs = deployed(picture[None], training=False)
        worst = max(float(np.abs(deployed_heats - expected).max()), float(np.abs(deployed_pafs - pafs).max()))
        if worst > 1e-2:
            raise TrainingError(f"the deployed network differs from the trained one by {worst:.3f}; this is a bug")
