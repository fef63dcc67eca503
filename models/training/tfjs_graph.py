"""Reads a TensorFlow.js graph model: its nodes and its weights, nothing of Keras."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import TrainingError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Node:
    """One operation of the graph."""

    name: str
    op: str
    inputs: tuple[str, ...]
    """Names of the nodes it reads."""
    attributes: dict[str, Any]

    @property
    def stride(self) -> int:
        """Spatial stride of a convolution (square)."""
        return int(self.attributes["strides"]["list"]["i"][1])

    @property
    def padding(self) -> str:
        """`same` or `valid`."""
        return base64.b64decode(self.attributes["padding"]["s"]).decode().lower()

    @property
    def activation(self) -> str | None:
        """Activation fused into a convolution: `relu`, `relu6` or None."""
        fused = self.attributes.get("fused_ops", {}).get("list", {}).get("s", [])
        last = base64.b64decode(fused[-1]).decode() if fused else ""
        return {"Relu": "relu", "Relu6": "relu6"}.get(last)


@dataclass(frozen=True)
class Graph:
    """A whole graph model."""

    nodes: tuple[Node, ...]
    """In an order in which every node follows its inputs."""
    weights: dict[str, Array]
    """Constants by node name; float16 ones widened to float32."""


def read_graph(json_path: Path, bin_path: Path) -> Graph:
    """The graph described by `json_path` with the weights of `bin_path`; TrainingError if they do not fit."""
    model = json.loads(json_path.read_text())
    nodes = tuple(
        Node(
            name=node["name"],
            op=node["op"],
            inputs=tuple(name.lstrip("^").split(":")[0] for name in node.get("input", [])),
            attributes=node.get("attr", {}),
        )
        for node in model["modelTopology"]["node"]
    )
    manifest = [entry for group in model["weightsManifest"] for entry in group["weights"]]
    return Graph(nodes, _read_weights(manifest, bin_path))


def _read_weights(manifest: list[dict[str, Any]], bin_path: Path) -> dict[str, Array]:
    data = bin_path.read_bytes()
    weights: dict[str, Array] = {}
    offset = 0
    for entry in manifest:
        # `dtype` is what the graph computes in, `quantization` what the file stores.
        stored = np.dtype(entry.get("quantization", entry)["dtype"])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if offset + count * stored.itemsize > len(data):
            raise TrainingError(f"{bin_path} is shorter than its manifest says; fetch it again")
        values = np.frombuffer(data, stored, count, offset).reshape(entry["shape"])
        weights[entry["name"]] = values.astype(entry["dtype"])
        offset += count * stored.itemsize
    if offset != len(data):
        raise TrainingError(f"{bin_path} is longer than its manifest says; fetch it again")
    return weights
