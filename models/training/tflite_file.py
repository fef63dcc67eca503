"""Looks into .tflite files: names, tensor types, quantisation. And renames tensors, which the converter does not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from .errors import TrainingError

_TYPES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_ALLOWED = {"INT8", "UINT8", "INT32", "BOOL"}
"""Tensor types of a file that computes in integers; INT32 are biases and shapes."""


@dataclass(frozen=True)
class TensorInfo:
    """One input or output."""

    name: str
    dtype: str
    """`int8`, `uint8` or `float32`"""
    shape: tuple[int, ...]
    scale: float
    """1.0 for float32"""
    zero_point: int


def named(content: bytes, inputs: list[str], outputs: list[str]) -> bytes:
    """The file with its inputs and outputs renamed, in their order."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    for indices, names in ((graph.inputs, inputs), (graph.outputs, outputs)):
        for index, name in zip(indices, names, strict=True):
            graph.tensors[index].name = name.encode()
    # Signatures would go on to tell the old story; the runtime reads tensors by name.
    model.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def without_needless_relus(content: bytes) -> bytes:
    """The file without those fused ReLUs that int8 does by itself, since 0 is its lowest number (zero point -128).

    It answers the same to the bit; OpenCV's reader knows no fused ReLU in int8 and refuses files that have one.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for graph in model.subgraphs:
        for operator in graph.operators:
            options = operator.builtinOptions
            if getattr(options, "fusedActivationFunction", None) != schema.ActivationFunctionType.RELU:
                continue
            output = graph.tensors[operator.outputs[0]]
            if output.type == schema.TensorType.INT8 and list(output.quantization.zeroPoint) == [-128]:
                options.fusedActivationFunction = schema.ActivationFunctionType.NONE
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def taking_signed_bytes(content: bytes) -> bytes:
    """The file without the step that makes its uint8 input int8: byte b now goes in as b - 128.

    It answers the same to the bit. XNNPACK doesn't take that step, and without it it is slow.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    first = next(operator for operator in graph.operators if list(operator.inputs) == list(graph.inputs))
    image, shifted = graph.tensors[graph.inputs[0]], graph.tensors[first.outputs[0]]
    same_scale = list(image.quantization.scale) == list(shifted.quantization.scale)
    moved = int(image.quantization.zeroPoint[0]) - int(shifted.quantization.zeroPoint[0])
    if (_TYPES[image.type], _TYPES[shifted.type], same_scale, moved) != ("UINT8", "INT8", True, 128):
        raise TrainingError(f"{image.name.decode()} is not a picture of bytes that is made int8 first: this is a bug")
    shifted.name = image.name
    graph.inputs = list(first.outputs)
    graph.operators.remove(first)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def inputs_and_outputs(content: bytes) -> tuple[list[TensorInfo], list[TensorInfo]]:
    """What goes into the network in `content` and what comes out."""
    graph = flatbuffer_utils.convert_bytearray_to_object(bytearray(content)).subgraphs[0]
    return (
        [_info(graph.tensors[index]) for index in graph.inputs],
        [_info(graph.tensors[index]) for index in graph.outputs],
    )


def operators(content: bytes) -> dict[str, int]:
    """How often each operator occurs in `content`."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    counts: dict[str, int] = {}
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
            counts[name] = counts.get(name, 0) + 1
    return counts


def check_integer_only(content: bytes) -> None:
    """TrainingError unless every tensor of the file is an integer one."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    strangers = [
        f"{tensor.name.decode()} ({_TYPES[tensor.type]})"
        for graph in model.subgraphs
        for tensor in graph.tensors
        if _TYPES[tensor.type] not in _ALLOWED
    ]
    if strangers:
        raise TrainingError(f"the converted file is not all integer: {', '.join(strangers[:5])}")


def _info(tensor: Any) -> TensorInfo:
    quantisation = tensor.quantization
    quantised = quantisation is not None and quantisation.scale is not None
    return TensorInfo(
        name=tensor.name.decode(),
        dtype=_TYPES[tensor.type].lower(),
        shape=tuple(int(side) for side in tensor.shape),
        scale=float(np.float32(quantisation.scale[0])) if quantised else 1.0,
        zero_point=int(quantisation.zeroPoint[0]) if quantised else 0,
    )
