"""The small networks of hands, faces and feet under LiteRT: crops in, numbers out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgepose.adapters.model_tflite import open_interpreter
from edgepose.domain import ByteArray, FloatArray
from edgepose.errors import ModelError
from edgepose.wholebody.sidecar import PartSidecar

_FLIPPED = {np.dtype(np.uint8): np.uint8(0), np.dtype(np.int8): np.uint8(0x80)}
"""Which bits of a byte of the crop a network's input has the other way round: int8 counts from -128."""


class PartModel:
    """One interpreter, for one crop or a batch. Serves one thread."""

    def __init__(self, path: Path, sidecar: PartSidecar, *, threads: int = 1) -> None:
        """Load and check the network. Raises ModelError when it can't be loaded or contradicts its sidecar."""
        self.side = sidecar.input.side
        self._path, self._sidecar, self._threads = path, sidecar, threads
        self._batches: dict[int, _Sized] = {}
        self._sized(1)

    def __call__(self, crops: Sequence[ByteArray]) -> dict[str, FloatArray]:
        """Each output of the sidecar as (N, …) float32 for N (side, side, 3) uint8 crops.

        Raises ModelError when the runtime fails.
        """
        answers = [self._sized(1)(crop[None]) for crop in crops]
        if len(answers) == 1:
            return answers[0]
        return {name: np.concatenate([answer[name] for answer in answers]) for name in self._sidecar.outputs}

    def _sized(self, batch: int) -> "_Sized":
        if batch not in self._batches:
            self._batches[batch] = _Sized(self._path, self._sidecar, batch, self._threads)
        return self._batches[batch]


class _Sized:
    """The network for batches of one size."""

    def __init__(self, path: Path, sidecar: PartSidecar, batch: int, threads: int) -> None:
        self._path = path
        self._interpreter = open_interpreter(path, threads, "none")
        side = sidecar.input.side
        (image,) = self._interpreter.get_input_details()
        if tuple(image["shape"]) != (1, side, side, 3) or np.dtype(image["dtype"]) not in _FLIPPED:
            raise ModelError(f"{path.name} contradicts its sidecar: its input is no square of {side} pixels in bytes")
        if batch > 1:
            self._interpreter.resize_tensor_input(image["index"], (batch, side, side, 3))
            self._interpreter.allocate_tensors()
        details = {detail["name"]: detail for detail in self._interpreter.get_output_details()}
        missing = [out.tensor for out in sidecar.outputs.values() if out.tensor not in details]
        if missing:
            raise ModelError(f"{path.name} contradicts its sidecar: it has no output {', '.join(missing)}")
        self._input, self._flipped = image["index"], _FLIPPED[np.dtype(image["dtype"])]
        self._outputs = [
            (name, int(details[out.tensor]["index"]), np.float32(out.zero_point), np.float32(out.scale), out.shape)
            for name, out in sidecar.outputs.items()
        ]

    def __call__(self, crops: "np.ndarray[Any, Any]") -> dict[str, FloatArray]:
        np.bitwise_xor(crops, self._flipped, out=self._interpreter.tensor(self._input)().view(np.uint8))
        try:
            self._interpreter.invoke()
        except RuntimeError as exc:
            raise ModelError(f"{self._path.name} failed while it ran: {' '.join(str(exc).split())}") from exc
        return {
            name: ((self._interpreter.get_tensor(index) - zero) * scale).reshape(len(crops), *shape)
            for name, index, zero, scale, shape in self._outputs
        }
