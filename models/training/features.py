"""The trunk as training sees it: pictures in, features and keypoint heat maps out; float, or rounded as in int8.

The trunk stays as it is, so the head can learn on what the int8 trunk really answers. That is a good deal faster than
the float trunk, and the head learns to live with its rounding, which is most of what int8 costs.
"""

import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm

from .coco import FloatArray
from .convert import calibration_pictures, to_int8
from .deploy import KEYPOINT_HEATS, build_deployed_model
from .equalise import equalise
from .head import build_head_model, clipped_sigmoid, head_weights
from .head_file import write_arrays
from .tfjs_graph import Graph
from .trunk import FEATURES, build_trunk
from .trunk_maps import TrunkMaps


class FloatTrunk:
    """The trunk in float32."""

    def __init__(self, graph: Graph) -> None:
        trunk = build_trunk(graph)
        heats = clipped_sigmoid(trunk.heads["kpt_heatmap_0"], "heats")
        model = keras.Model(trunk.image, [trunk.features, heats])
        self._run = tf.function(lambda pictures: model(pictures, training=False))

    def __call__(self, pictures: FloatArray) -> TrunkMaps:
        """See TrunkRunner."""
        features, heats = self._run(pictures)
        return TrunkMaps(features.numpy(), heats.numpy())


class Int8Trunk:
    """The trunk as export will quantise it: same equalisation, same calibration, same runtime."""

    def __init__(self, files: dict[int, Path]) -> None:
        self._files = {side: np.load(path) for side, path in files.items()}
        self._content = {side: stored["content"].tobytes() for side, stored in self._files.items()}
        self._scale = {side: stored["feature_scale"] for side, stored in self._files.items()}
        self._local = threading.local()

    def __call__(self, pictures: FloatArray) -> TrunkMaps:
        """See TrunkRunner; the side must be one there is a file for."""
        side = pictures.shape[1]
        maps = [_run(self._interpreter(side), picture) for picture in pictures]
        features = np.stack([each[FEATURES] for each in maps]) * self._scale[side]
        return TrunkMaps(features.astype(np.float32), np.stack([each[KEYPOINT_HEATS] for each in maps]))

    def _interpreter(self, side: int) -> Any:
        """The interpreter of this thread: an interpreter serves one thread."""
        interpreters = self._local.__dict__.setdefault("interpreters", {})
        if side not in interpreters:
            interpreters[side] = Interpreter(model_content=self._content[side], num_threads=1)
            interpreters[side].allocate_tensors()
        return interpreters[side]


def int8_trunk(graph: Graph, calibration: Path, sides: tuple[int, ...], cache: Path) -> Int8Trunk:
    """The int8 trunk for square crops of `sides`, made once and kept in the folder `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    files = {side: cache / f"trunk_{side}_int8.npz" for side in sides}
    missing = [side for side in sides if not files[side].exists()]
    for side in tqdm(missing, desc="quantising the trunk", unit="size"):
        _write_int8_trunk(graph, calibration, side, files[side])
    return Int8Trunk(files)


def _write_int8_trunk(graph: Graph, calibration: Path, side: int, path: Path) -> None:
    pictures = calibration_pictures(calibration, (side, side))
    # Any head will do: it is there so that equalisation treats the features as it will in the exported file.
    model = build_deployed_model(graph, head_weights(build_head_model()), (side, side))
    scales = equalise(model, pictures)
    outputs = [model.get_layer(FEATURES).output, model.get_layer(KEYPOINT_HEATS).output]
    content = to_int8(keras.Model(model.input, outputs), pictures, [FEATURES, KEYPOINT_HEATS])
    write_arrays(path, {"content": np.frombuffer(content, np.uint8), "feature_scale": scales[FEATURES]})


def _run(interpreter: Any, picture: FloatArray) -> dict[str, FloatArray]:
    """Outputs of one picture by name, as real numbers."""
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], picture[None].astype(np.uint8))
    interpreter.invoke()
    answers = {}
    for output in interpreter.get_output_details():
        scale, zero_point = output["quantization"]
        steps = interpreter.get_tensor(output["index"])[0].astype(np.float32)
        answers[output["name"]] = (steps - zero_point) * np.float32(scale)
    return answers
