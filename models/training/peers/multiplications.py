"""Counts the multiplications of a .tflite file from its graph."""

from pathlib import Path
from typing import Any

from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


def multiply_accumulates(file: Path) -> int:
    """Multiply-accumulates of one invocation: convolutions, dense layers; additions and resizing count nothing."""
    model = flatbuffer_utils.read_model(str(file))
    return sum(_of(operator, model, graph) for graph in model.subgraphs for operator in graph.operators)


def _of(operator: Any, model: Any, graph: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    name = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
        return 0
    weights = [int(side) for side in graph.tensors[operator.inputs[1]].shape]
    if name == "FULLY_CONNECTED":
        return weights[0] * weights[1]
    if name == "TRANSPOSE_CONV":
        places = graph.tensors[operator.inputs[2]].shape[1:3]
        return int(places[0]) * int(places[1]) * weights[0] * weights[1] * weights[2] * weights[3]
    _, rows, columns, channels = (int(side) for side in graph.tensors[operator.outputs[0]].shape)
    # Weights are (out, kernel, kernel, in), of a depthwise convolution (1, kernel, kernel, channels).
    inputs = weights[3] if name == "CONV_2D" else 1
    return rows * columns * channels * weights[1] * weights[2] * inputs
