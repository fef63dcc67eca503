"""Describes an exported network: the content of its sidecar (whose form is edgepose/sidecar.py)."""

from pathlib import Path
from typing import Any

from . import weights
from .deploy import HEATMAPS, INPUT, PAFS, REGRESS
from .head_file import read_record, sha256_of
from .layout import BODY18, COCO17, HEAT_CHANNELS, HEATS, LIMBS, STRIDE
from .tflite_file import TensorInfo, inputs_and_outputs

LICENCE = "Apache-2.0"

_CENTRE = 0.58
"""Where a cell's heat stands for, measured: labelled keypoints lie 0.1 cells right of and below what 0.5 tells."""

_TRUNK = {
    "what": "trunk, feature pyramid, keypoint, centre and regression heads: MoveNet MultiPose Lightning",
    "source": f"npm {weights.PACKAGE} {weights.VERSION}, {weights.NAME}.bin",
    "sha256": weights.SHA256[f"{weights.NAME}.bin"],
    "licence": "Apache-2.0",
    "maker": "Google",
}


def describe(name: str, model: Path, trained: Path, thresholds: dict[str, float]) -> dict[str, Any]:
    """The sidecar of `model`, without metrics; `trained` is the weight file that it was exported from."""
    (image,), outputs = inputs_and_outputs(model.read_bytes())
    by_name = {output.name: output for output in outputs}
    # A float network wants -1..1; a uint8 one has that in its input quantisation and takes bytes.
    unit = {"scale": 1 / 127.5, "offset": -1.0} if image.dtype == "float32" else {"scale": 1.0, "offset": 0.0}
    return {
        "schema": 1,
        "name": name,
        "sha256": sha256_of(model),
        "input": {
            "tensor": INPUT,
            "height": image.shape[1],
            "width": image.shape[2],
            "dtype": image.dtype,
            "colour": "rgb",
            **unit,
            "pad": 0,
        },
        "outputs": {
            "heatmaps": _output(by_name[HEATMAPS]),
            "pafs": _output(by_name[PAFS]),
            "offsets": _output(by_name[REGRESS]),
        },
        "grid": {"stride": STRIDE, "centre": _CENTRE},
        "skeleton": {
            "layout": "body18",
            "heat_channels": list(HEAT_CHANNELS),
            "limbs": [list(limb) for limb in LIMBS],
            "paf_channels": [[2 * limb, 2 * limb + 1] for limb in range(len(LIMBS))],
            "centre_channel": HEATS,
            "offset_channels": [_offset_channels(name) for name in BODY18],
        },
        "thresholds": thresholds,
        "licence": LICENCE,
        "provenance": [_TRUNK, *_own_provenance(trained)],
        "metrics": [],
    }


def _offset_channels(name: str) -> list[int] | None:
    if name not in COCO17:
        return None
    place = COCO17.index(name)
    return [2 * place, 2 * place + 1]


def _output(tensor: TensorInfo) -> dict[str, Any]:
    return {
        "tensor": tensor.name,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape[1:]),
        "first_channel": 0,
    }


def _own_provenance(weights: Path) -> list[dict[str, str]]:
    """Our own part and the training data, from the record beside the weights."""
    record = read_record(weights)
    own = {
        "what": "head (neck heat map and part affinity fields) and fine-tuning of the whole network for int8",
        "source": record["trained"],
        "sha256": sha256_of(weights),
        "licence": LICENCE,
        "maker": "edgepose",
    }
    return [own, *record["data"]]
