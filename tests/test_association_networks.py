"""The kernel and the reference agree on what real networks leave of real pictures."""

import os
from pathlib import Path

import numpy as np
import pytest
import scenes
from test_association import assert_as_reference

from edgepose.skeleton import BODY18_NAMES, COCO17_NAMES, Skeleton

SHARED = Path(os.environ.get("EDGEPOSE_SHARED", Path(__file__).parents[2] / "shared")) / "data"
FIRST_TRY = Skeleton.of(
    (*COCO17_NAMES, "neck"),
    [
        ("neck", "right_shoulder"), ("neck", "left_shoulder"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("neck", "left_hip"),
        ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("neck", "nose"), ("nose", "right_eye"),
        ("right_eye", "right_ear"), ("nose", "left_eye"), ("left_eye", "left_ear"), ("right_shoulder", "right_ear"),
        ("left_shoulder", "left_ear"),
    ],
)  # fmt: skip
# Limbs of OpenPose's networks as pairs of body18 keypoints, and the x channel of each; y is the next.
_OPENPOSE = (
    ((1, 2), 12), ((1, 5), 20), ((2, 3), 14), ((3, 4), 16), ((5, 6), 22), ((6, 7), 24), ((1, 8), 0), ((8, 9), 2),
    ((9, 10), 4), ((1, 11), 6), ((11, 12), 8), ((12, 13), 10), ((1, 0), 28), ((0, 14), 30), ((14, 16), 34),
    ((0, 15), 32), ((15, 17), 36), ((2, 16), 18), ((5, 17), 26),
)  # fmt: skip
OPENPOSE = Skeleton(
    names=BODY18_NAMES,
    limbs=tuple(limb for limb, _ in _OPENPOSE),
    paf_channels=tuple((channel, channel + 1) for _, channel in _OPENPOSE),
    heat_channels=tuple(range(18)),
)

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED / "coco_val_dev").is_dir(), reason=f"no pictures in {SHARED}"),
]


def pictures(n: int) -> list[Path]:
    every = sorted((SHARED / "coco_val_dev" / "images").glob("*.jpg"))
    return every[:: max(1, len(every) // n)][:n]


def interpreter(path: Path):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    if not path.is_file():
        pytest.skip(f"no network at {path}")
    network = litert.Interpreter(str(path), num_threads=1)
    network.allocate_tensors()
    return network


def invoke(network, picture: Path, form: str) -> list[tuple[np.ndarray, tuple[float, int]]]:
    """Every output of the network with its quantisation, by name."""
    av = pytest.importorskip("av")
    entry = network.get_input_details()[0]
    _, height, width, _ = entry["shape"]
    with av.open(str(picture)) as container:
        frame = next(container.decode(video=0)).reformat(width=int(width), height=int(height), format=form)
    network.set_tensor(entry["index"], frame.to_ndarray()[None].astype(entry["dtype"]))
    network.invoke()
    outputs = sorted(network.get_output_details(), key=lambda output: output["name"])
    return [(network.get_tensor(output["index"])[0], output["quantization"]) for output in outputs]


def test_our_first_network():
    network = interpreter(SHARED / "weights" / "first_try_paf_384x384_int8.tflite")
    people = 0
    for picture in pictures(6):
        (heat, heat_quant), (neck, _), (paf, paf_quant) = invoke(network, picture, "rgb24")
        heat = np.concatenate([heat, neck], axis=2)
        scene = scenes.Scene(heat, paf, np.zeros((0, 18, 3)), FIRST_TRY, heat_quant, paf_quant)
        people += len(assert_as_reference(scene))
    assert people > 0


def test_an_openpose_network_with_both_maps_in_one_tensor():
    network = interpreter(SHARED / "peers" / "paf_mobilenetv2_1.4_368x432_weightquant.tflite")
    people = 0
    for picture in pictures(4):
        outputs = [maps for maps, _ in invoke(network, picture, "bgr24") if maps.shape[2] == 57]
        heat, paf = outputs[-1][:, :, :19], outputs[-1][:, :, 19:]
        scene = scenes.Scene(heat, paf, np.zeros((0, 18, 3)), OPENPOSE)
        people += len(assert_as_reference(scene))
        assert_as_reference(scene.quantised(np.int8, (1 / 200, -100), (1 / 100, 0)))
    assert people > 0
