"""Exports a trained network: int8 and float files of several sizes, each with its sidecar."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from . import sidecar, sidecar_file
from .convert import to_float, to_int8
from .head_file import read_record
from .network_file import load_network
from .trunk import check_size

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


def export(weights: Path, out: Path, int8: Sequence[Size], float_: Sequence[Size]) -> None:
    """Writes edgepose_HxW_int8.tflite into `out` and edgepose_HxW_float.tflite into `out`/float, with sidecars."""
    for size in (*int8, *float_):
        check_size(*size)
    read_record(weights)  # better known before the work than after it
    network = load_network(weights)
    (out / "float").mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(int8) + len(float_), desc="exporting", unit="file") as bar:
        for size in float_:
            _write(out / "float" / f"{_stem(size)}_float.tflite", to_float(network, size), weights)
            bar.update()
        for size in int8:
            _write(out / f"{_stem(size)}_int8.tflite", to_int8(network, size), weights)
            bar.update()


def _stem(size: Size) -> str:
    return f"edgepose_{size[0]}x{size[1]}"


def _write(path: Path, content: bytes, weights: Path) -> None:
    path.write_bytes(content)
    thresholds = Thresholds()
    described = sidecar.describe(
        path.stem, path, weights, {"min_keypoint": thresholds.min_keypoint, "min_limb": thresholds.min_limb}
    )
    sidecar_file.write_new(path.with_suffix(".yaml"), described)
