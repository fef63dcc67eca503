"""Networks as the comparison sees them: people out of a frame, and one invocation to time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgepose import networks
from edgepose.adapters.model_tflite import TfliteModel
from edgepose.config import Association, Model
from edgepose.domain import Frame
from edgepose.formats.coco import PERSON, person_results
from edgepose.preprocess import Letterbox

from ..coco import FloatArray

Decoder = Callable[[dict[str, FloatArray]], list[tuple[float, FloatArray]]]
"""(H, W, C) outputs by name, as real numbers, to people: (score, (17, 3) x, y in pixels of the input, confidence)."""


class Peer(Protocol):
    """A network in the comparison."""

    name: str
    file: Path
    input_size: tuple[int, int]
    """(height, width), pixels"""
    finds_people: bool
    """False for one that is there to be timed"""

    def find(self, frame: Frame, image_id: int) -> list[dict[str, Any]]:
        """COCO results."""
        ...

    def invoke(self) -> None:
        """The network alone, on what lies in its input."""
        ...


class PafPeer:
    """A network with a sidecar: the way `edgepose eval` runs it."""

    finds_people = True

    def __init__(self, name: str, file: Path) -> None:
        self.name, self.file = name, file
        network = networks.load(str(file))
        self.input_size = (network.sidecar.input.height, network.sidecar.input.width)
        self._pipeline = networks.build_pipeline(network, Model(threads=1), Association())
        self._alone = TfliteModel(network.path, network.sidecar, threads=1)

    def find(self, frame: Frame, image_id: int) -> list[dict[str, Any]]:
        """See Peer."""
        return person_results(self._pipeline(frame), image_id)

    def invoke(self) -> None:
        """See Peer."""
        self._alone._interpreter.invoke()


class RawPeer:
    """A .tflite file whose outputs a decoder of ours reads; without a decoder it finds nobody."""

    def __init__(self, name: str, file: Path, decode: Decoder | None = None) -> None:
        self.name, self.file = name, file
        self._interpreter = Interpreter(model_path=str(file), num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        self.input_size = (int(self._input["shape"][1]), int(self._input["shape"][2]))
        self._letterbox = Letterbox(self.input_size)
        self._decode = decode
        self.finds_people = decode is not None

    def find(self, frame: Frame, image_id: int) -> list[dict[str, Any]]:
        """See Peer."""
        if self._decode is None:
            return []
        pixels = np.empty((*self.input_size, 3), np.uint8)
        transform = self._letterbox(frame.picture, out=pixels)
        # A float network here takes -1..1, a uint8 one bytes.
        numbers = pixels if self._input["dtype"] == np.uint8 else pixels.astype(np.float32) / 127.5 - 1
        self._interpreter.set_tensor(self._input["index"], numbers[None])
        self._interpreter.invoke()
        results = []
        for score, keypoints in self._decode(self._outputs()):
            points = keypoints.astype(np.float32)
            points[:, :2] = transform.to_frame(points[:, :2])
            flat = [round(float(number), 3) for number in points.ravel()]
            results.append({"image_id": image_id, "category_id": PERSON, "keypoints": flat, "score": score})
        return results

    def invoke(self) -> None:
        """See Peer."""
        self._interpreter.invoke()

    def _outputs(self) -> dict[str, FloatArray]:
        outputs = {}
        for detail in self._interpreter.get_output_details():
            values = self._interpreter.get_tensor(detail["index"])[0].astype(np.float32)
            scale, zero_point = detail["quantization"]
            outputs[detail["name"]] = (values - zero_point) * np.float32(scale) if scale else values
        return outputs
