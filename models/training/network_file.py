"""A whole trained network on disk: its layers, their weights and the ranges of its int8 tensors, in one .npz."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .errors import TrainingError
from .head_file import write_arrays
from .steps import Ranges, Step, Weights

_WEIGHT, _RANGE = "weight/", "range/"


@dataclass(frozen=True)
class Network:
    """All that a file is exported from."""

    source: str
    """Name of the input."""
    steps: list[Step]
    weights: Weights
    ranges: Ranges


def save_network(path: Path, network: Network) -> None:
    """Writes `network`: kernels as float16, which is exact enough, int8 being coarser, and biases as they are."""
    layers = {"source": network.source, "steps": [asdict(step) for step in network.steps]}
    arrays = {
        _WEIGHT + name: np.asarray(value, np.float16 if value.ndim > 1 else np.float32)
        for name, value in network.weights.items()
    }
    arrays |= {_RANGE + name: np.array(limits, np.float64) for name, limits in network.ranges.items()}
    write_arrays(path, {"layers": np.frombuffer(json.dumps(layers).encode(), np.uint8), **arrays})


def load_network(path: Path) -> Network:
    """The network of a file by save_network; TrainingError if it is not one."""
    try:
        with np.load(path) as stored:
            layers = json.loads(stored["layers"].tobytes())
            return Network(
                source=layers["source"],
                steps=[Step(**{**step, "sources": tuple(step["sources"])}) for step in layers["steps"]],
                weights={
                    name.removeprefix(_WEIGHT): stored[name].astype(np.float32)
                    for name in stored.files
                    if name.startswith(_WEIGHT)
                },
                ranges={
                    name.removeprefix(_RANGE): (float(stored[name][0]), float(stored[name][1]))
                    for name in stored.files
                    if name.startswith(_RANGE)
                },
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} holds no network ({error})") from error
