"""Who is compared."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coco import FloatArray
from ..errors import TrainingError
from ..tfjs_graph import Graph
from . import files, movenet, posenet
from .networks import PafPeer, Peer, RawPeer

_PINTO = "paf_mobilenetv2_1.4_368x432_weightquant.tflite"
_TF_POSE = "paf_mobilenetv2_small.pb"
_POSENET = ("posenet_mobilenetv1_075_353x481_uint8.tflite", "posenet_mobilenetv1_075_481x641_uint8.tflite")
_TF_POSE_SIZES = ((368, 432), (384, 512))


def peers(graph: Graph, ours: Sequence[Path], folder: Path, calibration: Path, work: Path) -> list[Peer]:
    """Our files, then the networks in `folder`, MoveNet and the bare trunk at the sizes of our int8 files."""
    missing = [name for name in (_PINTO, _TF_POSE, *_POSENET) if not (folder / name).is_file()]
    if missing:
        raise TrainingError(f"{folder} has no {', '.join(missing)}")
    own = [PafPeer(f"edgepose {'int8' if path.stem.endswith('int8') else 'float'}", path) for path in ours]
    sizes = sorted({peer.input_size for peer in own if peer.name.endswith("int8")})
    return [*own, *_published(folder, work), *_of_the_trunk(graph, sizes, calibration, work)]


def _published(folder: Path, work: Path) -> Iterator[Peer]:
    yield PafPeer("MobileNetV2 1.4 PAF (PINTO0309)", files.weight_quantised(folder / _PINTO, (368, 432), work))
    for size in _TF_POSE_SIZES:
        yield PafPeer("tf-pose v2_small, float", files.tf_pose(folder / _TF_POSE, size, work))
    for name in _POSENET:
        yield RawPeer("PoseNet MobileNetV1 0.75, uint8", folder / name, _posenet)


def _of_the_trunk(graph: Graph, sizes: Sequence[files.Size], calibration: Path, work: Path) -> Iterator[Peer]:
    for size in sizes:
        yield RawPeer("MoveNet MultiPose, float", files.movenet_float(graph, size, work), movenet.decode)
    for size in sizes:
        yield RawPeer("its trunk and heads, int8", files.movenet_int8(graph, size, calibration, work))
    for size in sizes:
        yield RawPeer("its trunk and heat maps, int8", files.bare_trunk(graph, size, calibration, work))


def _posenet(maps: dict[str, FloatArray]) -> list[tuple[float, FloatArray]]:
    return posenet.decode(maps["float_heatmaps"], maps["float_short_offsets"], maps["float_mid_offsets"])
