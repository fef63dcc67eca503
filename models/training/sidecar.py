"""Describes an exported network: the content of its sidecar (whose form is edgepose/sidecar.py)."""

from pathlib import Path
from typing import Any

from . import weights
from .deploy import HEATMAPS, INPUT, PAFS
from .head_file import read_record, sha256_of
from .layout import HEAT_CHANNELS, LIMBS, STRIDE
from .tflite_file import TensorInfo, inputs_and_outputs

LICENCE = "Apache-2.0"

_TRUNK = {
    "what": "trunk, feature pyramid and heat-map head: MoveNet MultiPose Lightning",
    "source": f"npm {weights.PACKAGE} {weights.VERSION}, {weights.NAME}.bin",
    "sha256": weights.SHA256[f"{weights.NAME}.bin"],
    "licence": "Apache-2.0",
    "maker": "Google",
}


def describe(name: str, model: Path, head: Path, thresholds: dict[str, float]) -> dict[str, Any]:
    """The sidecar of `model`, without metrics; `head` is the weight file that it was exported from."""
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
        "outputs": {"heatmaps": _output(by_name[HEATMAPS]), "pafs": _output(by_name[PAFS])},
        "grid": {"stride": STRIDE, "centre": 0.5},
        "skeleton": {
            "layout": "body18",
            "heat_channels": list(HEAT_CHANNELS),
            "limbs": [list(limb) for limb in LIMBS],
            "paf_channels": [[2 * limb, 2 * limb + 1] for limb in range(len(LIMBS))],
        },
        "thresholds": thresholds,
        "licence": LICENCE,
        "provenance": [_TRUNK, *_head_provenance(head)],
        "metrics": [],
    }


def _output(tensor: TensorInfo) -> dict[str, Any]:
    return {
        "tensor": tensor.name,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape[1:]),
        "first_channel": 0,
    }


def _head_provenance(head: Path) -> list[dict[str, str]]:
    """The head's own entry and those of its training data, from the record beside its weights."""
    record = read_record(head)
    own = {
        "what": "head: neck heat map and part affinity fields",
        "source": record["trained"],
        "sha256": sha256_of(head),
        "licence": LICENCE,
        "maker": "edgepose",
    }
    return [own, *record["data"]]
