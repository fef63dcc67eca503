"""The kernel and the reference agree on what real networks leave of real pictures."""

import os
from pathlib import Path

import numpy as np
import pytest
import scenes
from test_association import assert_as_reference

from edgepose import networks
from edgepose.adapters.model_tflite import TfliteModel
from edgepose.adapters.sources import open_source
from edgepose.config import FileSource
from edgepose.demo_clip import CLIP
from edgepose.preprocess import Letterbox
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

# PoseNet's displacements from keypoint to keypoint; those along x lie behind all those along y. They are pixels and
# only stand around the keypoints, so few limbs come of them: what counts here is that they are what a network leaves.
_POSENET = (
    ("nose", "left_eye"), ("left_eye", "left_ear"), ("nose", "right_eye"), ("right_eye", "right_ear"),
    ("nose", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("nose", "right_shoulder"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"), ("right_shoulder", "right_hip"),
    ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
)  # fmt: skip
POSENET = Skeleton(
    names=COCO17_NAMES,
    limbs=tuple((COCO17_NAMES.index(a), COCO17_NAMES.index(b)) for a, b in _POSENET),
    paf_channels=tuple((32 + limb, limb) for limb in range(len(_POSENET))),
    heat_channels=tuple(range(17)),
)


def needs_pictures(test):
    reason = f"no pictures in {SHARED}"
    return pytest.mark.shared(pytest.mark.skipif(not (SHARED / "coco_val_dev").is_dir(), reason=reason)(test))


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


def scene_of(heat, paf, skeleton, heat_quant=(1.0, 0), paf_quant=(1.0, 0)) -> scenes.Scene:
    nobody = np.zeros((0, len(skeleton.names), 3))
    return scenes.Scene(heat, paf, nobody, skeleton, heat_quant, paf_quant)


@pytest.mark.parametrize("name", [path.stem for path in networks.installed()])
def test_the_networks_that_are_shipped(name):
    """On moments of the bundled clip."""
    network = networks.load(name)
    side = network.sidecar
    letterbox = Letterbox((side.input.height, side.input.width), pad=side.input.pad, colour=side.input.colour)
    tflite = TfliteModel(network.path, side, threads=1)
    source = open_source(FileSource(path=str(CLIP)), stall_timeout_s=10)
    people = 0
    for frame in source.frames():
        if frame.seq % 100 == 50:
            letterbox(frame.picture, out=tflite.input_view())
            maps = tflite.infer()
            quants = [(quant.scale, quant.zero_point) for quant in (maps.heat_quant, maps.paf_quant)]
            found = assert_as_reference(scene_of(maps.heatmaps, maps.pafs, side.to_skeleton(), *quants))
            people += len(found)
            assert not found.capped
            del maps  # a view of the network's memory
    source.close()
    assert people > 0


@needs_pictures
def test_our_first_network():
    network = interpreter(SHARED / "weights" / "first_try_paf_384x384_int8.tflite")
    people = 0
    for picture in pictures(6):
        (heat, heat_quant), (neck, _), (paf, paf_quant) = invoke(network, picture, "rgb24")
        heat = np.concatenate([heat, neck], axis=2)
        people += len(assert_as_reference(scene_of(heat, paf, FIRST_TRY, heat_quant, paf_quant)))
    assert people > 0


@needs_pictures
def test_an_openpose_network_with_both_maps_in_one_tensor():
    network = interpreter(SHARED / "peers" / "paf_mobilenetv2_1.4_368x432_weightquant.tflite")
    people = 0
    for picture in pictures(4):
        outputs = [maps for maps, _ in invoke(network, picture, "bgr24") if maps.shape[2] == 57]
        heat, paf = outputs[-1][:, :, :19], outputs[-1][:, :, 19:]
        scene = scene_of(heat, paf, OPENPOSE)
        people += len(assert_as_reference(scene))
        assert_as_reference(scene.quantised(np.int8, (1 / 200, -100), (1 / 100, 0)))
    assert people > 0


@needs_pictures
def test_an_openpose_network_of_tensorflow():
    tf = pytest.importorskip("tensorflow", reason="reads the frozen graph")
    av = pytest.importorskip("av")
    graph = tf.compat.v1.GraphDef.FromString((SHARED / "peers" / "paf_mobilenetv2_small.pb").read_bytes())
    network = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph, name=""), [])
    network = network.prune("image:0", "Openpose/concat_stage7:0")
    people = 0
    for picture, (height, width) in zip(pictures(4), ((368, 432), (256, 320), (368, 432), (200, 656)), strict=True):
        with av.open(str(picture)) as container:
            frame = next(container.decode(video=0)).reformat(width=width, height=height, format="bgr24")
        maps = network(tf.constant(frame.to_ndarray()[None], tf.float32)).numpy()[0]
        people += len(assert_as_reference(scene_of(maps[:, :, :19], maps[:, :, 19:], OPENPOSE)))
    assert people > 0


@needs_pictures
@pytest.mark.parametrize("size", ["353x481", "481x641"])
def test_a_uint8_network_of_another_kind(size):
    network = interpreter(SHARED / "peers" / f"posenet_mobilenetv1_075_{size}_uint8.tflite")
    people = 0
    for picture in pictures(4):
        (heat, heat_quant), (field, field_quant), _ = invoke(network, picture, "rgb24")
        people += len(assert_as_reference(scene_of(heat, field, POSENET, heat_quant, field_quant)))
    assert people > 0
