"""The network under LiteRT, or under tflite-runtime where there is no wheel of LiteRT."""

import ctypes
import logging
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from edgepose.adapters.native_stderr import native_stderr_to
from edgepose.domain import ByteArray, MapArray, PoseMaps, Quant
from edgepose.errors import ModelError
from edgepose.sidecar import Output, Sidecar

log = logging.getLogger(__name__)

_EDGETPU_LIBRARY = "libedgetpu.so.1"


class TfliteModel:
    """One interpreter with its own tensors: serves one thread.

    The maps that infer() returns are views of the network's own memory: let go of them before the next call.
    """

    def __init__(
        self,
        path: Path,
        sidecar: Sidecar,
        *,
        threads: int = 1,
        delegate: str = "none",
        delegate_options: Mapping[str, str] | None = None,
    ) -> None:
        """Load and check the network. Raises ModelError when it can't be loaded or contradicts its sidecar."""
        self._path = path
        self._side = sidecar
        self._interpreter = open_interpreter(path, threads, delegate, delegate_options)
        self._input = _checked_input(self._interpreter.get_input_details(), path, sidecar)
        details = {d["name"]: d for d in self._interpreter.get_output_details()}
        self._heat = _checked_output(details, path, "heatmaps", sidecar.outputs.heatmaps)
        self._paf = _checked_output(details, path, "pafs", sidecar.outputs.pafs)
        told = sidecar.outputs.offsets
        self._offset = None if told is None else _checked_output(details, path, "offsets", told)
        self._heat_quant = _quant(sidecar.outputs.heatmaps)
        self._paf_quant = _quant(sidecar.outputs.pafs)
        size = (sidecar.input.height, sidecar.input.width, 3)
        self._staging: ByteArray | None = None if sidecar.input.dtype == "uint8" else np.zeros(size, np.uint8)

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width), pixels."""
        return self._side.input.height, self._side.input.width

    @property
    def delegated(self) -> bool:
        """Whether a delegate, XNNPACK where none was asked for, has taken over a part of the network.

        Neither runtime has a public way to tell; in both the list of operations then ends with one called DELEGATE.
        """
        return any(op["op_name"] == "DELEGATE" for op in self._interpreter._get_ops_details())

    def input_view(self) -> ByteArray:
        """(height, width, 3) uint8 to fill: the input tensor itself where the network takes bytes."""
        if self._staging is not None:
            return self._staging
        view: ByteArray = self._interpreter.tensor(self._input["index"])()[0]
        return view

    def infer(self) -> PoseMaps:
        """Run the network on what input_view holds. Raises ModelError when the runtime fails."""
        if self._staging is not None:
            self._interpreter.set_tensor(self._input["index"], self._numbers(self._staging)[None])
        try:
            self._interpreter.invoke()
        except RuntimeError as exc:
            raise ModelError(f"{self._path.name} failed while it ran: {_line(exc)}") from exc
        offsets = self._side.outputs.offsets
        return PoseMaps(
            heatmaps=self._map(self._heat, self._side.outputs.heatmaps),
            pafs=self._map(self._paf, self._side.outputs.pafs),
            heat_quant=self._heat_quant,
            paf_quant=self._paf_quant,
            offsets=None if self._offset is None or offsets is None else self._map(self._offset, offsets),
            offset_quant=Quant() if offsets is None else _quant(offsets),
        )

    def _map(self, index: int, output: Output) -> MapArray:
        whole = self._interpreter.tensor(index)()
        part: MapArray = whole[0, :, :, output.first_channel :]
        return part

    def _numbers(self, pixels: ByteArray) -> "np.ndarray[Any, Any]":
        """Pixels as a float or int8 network wants them."""
        values = pixels * np.float32(self._side.input.scale) + np.float32(self._side.input.offset)
        if self._side.input.dtype == "float32":
            return values
        scale, zero_point = self._input["quantization"]
        quantised: np.ndarray[Any, Any] = np.clip(np.rint(values / scale) + zero_point, -128, 127).astype(np.int8)
        return quantised


def _interpreter_class() -> tuple[Any, Any]:
    """(Interpreter, load_delegate) of the runtime that is installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter, load_delegate
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter, load_delegate
        except ImportError as exc:
            raise ModelError("no TFLite runtime is installed; pip install ai-edge-litert") from exc
    return Interpreter, load_delegate


def runtime_version() -> str:
    """Name and version of the runtime that is installed, for example `ai-edge-litert 2.3.0`."""
    from importlib.metadata import PackageNotFoundError, version

    for name in ("ai-edge-litert", "tflite-runtime"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return "none"


def open_interpreter(path: Path, threads: int, delegate: str, options: Mapping[str, str] | None = None) -> Any:
    """An interpreter with its tensors allocated. Raises ModelError when the file or the delegate can't be loaded."""
    interpreter_class, load_delegate = _interpreter_class()
    delegates = [] if delegate == "none" else [_loaded(load_delegate, delegate, dict(options or {}))]
    # Once the daemon runs, other threads write to standard error too.
    quiet = threading.current_thread() is threading.main_thread()
    try:
        with native_stderr_to(log) if quiet else nullcontext():
            interpreter = interpreter_class(
                model_path=str(path), num_threads=threads, experimental_delegates=delegates or None
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as exc:
        if delegates:
            raise ModelError(f"the delegate {delegate} can't take {path.name}: {_line(exc)}") from exc
        raise ModelError(f"{path} is not a network that the runtime can load: {_line(exc)}") from exc
    return interpreter


def _loaded(load_delegate: Any, delegate: str, options: dict[str, str]) -> Any:
    """The delegate of that name. Raises ModelError."""
    library = _EDGETPU_LIBRARY if delegate == "edgetpu" else delegate
    try:
        ctypes.PyDLL(library)  # first, because load_delegate writes to standard error where it finds no library
        return load_delegate(library, options)
    except OSError as exc:
        package = "; sudo apt-get install libedgetpu1-std, of Coral's own repository" if delegate == "edgetpu" else ""
        raise ModelError(f"the delegate's library {library} can't be loaded: {_line(exc)}{package}") from exc
    except (ValueError, RuntimeError) as exc:
        reason = _line(exc).removeprefix(f"Failed to load delegate from {library}").strip()
        advice = "; is the stick plugged in, and its udev rule there?" if delegate == "edgetpu" else ""
        raise ModelError(f"the delegate {delegate} does not start: {reason or 'it gives no reason'}{advice}") from exc


def _checked_input(details: list[dict[str, Any]], path: Path, sidecar: Sidecar) -> dict[str, Any]:
    told = sidecar.input
    found = [d for d in details if d["name"] == told.tensor]
    if len(details) != 1 or not found:
        raise _contradiction(path, f"its input is {', '.join(d['name'] for d in details)}, not {told.tensor}")
    shape, dtype = tuple(found[0]["shape"]), np.dtype(found[0]["dtype"]).name
    if shape != (1, told.height, told.width, 3) or dtype != told.dtype:
        raise _contradiction(
            path, f"its input is {list(map(int, shape))} {dtype}, not [1, {told.height}, {told.width}, 3] {told.dtype}"
        )
    return found[0]


def _checked_output(details: dict[str, dict[str, Any]], path: Path, what: str, told: Output) -> int:
    """The index of the tensor, after comparing it with what the sidecar tells."""
    if told.tensor not in details:
        raise _contradiction(path, f"it has no output {told.tensor} for outputs.{what} (it has {', '.join(details)})")
    found = details[told.tensor]
    shape, dtype = tuple(map(int, found["shape"])), np.dtype(found["dtype"]).name
    if shape != (1, *told.shape) or dtype != told.dtype:
        raise _contradiction(
            path, f"outputs.{what} is {list(shape)} {dtype}, not [1, {', '.join(map(str, told.shape))}] {told.dtype}"
        )
    if dtype != "float32":
        scale, zero_point = found["quantization"]
        if not np.isclose(scale, told.scale, rtol=1e-5) or zero_point != told.zero_point:
            raise _contradiction(
                path,
                f"outputs.{what} is quantised with scale {scale:.7g} and zero point {zero_point}, "
                f"not {told.scale:.7g} and {told.zero_point}",
            )
    return int(found["index"])


def _contradiction(path: Path, fact: str) -> ModelError:
    return ModelError(f"{path.name} contradicts its sidecar {path.with_suffix('.yaml').name}: {fact}")


def _quant(output: Output) -> Quant:
    return Quant() if output.dtype == "float32" else Quant(output.scale, output.zero_point)


def _line(exc: BaseException) -> str:
    """The error's text on one line."""
    return " ".join(str(exc).split())
