"""Which range each int8 tensor gets: the one that rounds and cuts what is seen on pictures with the least error."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import torch

from .coco import FloatArray
from .mirror import Mirror, grid_of
from .steps import SIGMOID_RANGE, Ranges, Step, joined_with_heats

LOGIT_RANGE = (-6.0, 4.0)
"""Logits of heat maps: they reach -44, but sigmoid(-6) = 0.0025 is as good as 0 and sigmoid(4) = 0.98 as good as 1."""

_SAMPLES = 1000
"""Values of a tensor that are looked at in each picture."""
_PARTS = np.linspace(0.3, 1.0, 29)
"""Parts of the widest range that are tried."""


def best_ranges(mirror: Mirror, steps: list[Step], pictures: Iterable[FloatArray], logits: str, seed: int) -> Ranges:
    """A range for the output of each of `steps`.

    pictures: (1, 3, H, W) -1..1, of any sizes; logits: the tensor that is the sigmoid's input, joined of others.
    """
    rng = np.random.default_rng(seed)
    seen: defaultdict[str, list[FloatArray]] = defaultdict(list)
    with torch.no_grad():
        for picture in pictures:
            for name, value in mirror.run(torch.from_numpy(picture), None):
                flat = value.reshape(-1)
                places = torch.from_numpy(rng.integers(0, len(flat), _SAMPLES))
                extremes = torch.stack([flat.min(), flat.max()])
                seen[name].append(torch.cat([flat[places], extremes]).numpy())
    by_name = {step.name: step for step in steps}
    of_logits = {logits, *by_name[logits].sources}
    of_logits |= {step.sources[0] for step in steps if step.kind == "sigmoid"}
    of_heats = {name for step in joined_with_heats(steps) for name in (step.name, *step.sources)}
    ranges: Ranges = {}
    for step in steps:
        if step.name in of_logits:
            ranges[step.name] = LOGIT_RANGE
        elif step.kind == "sigmoid" or step.name in of_heats:
            ranges[step.name] = SIGMOID_RANGE
        elif step.kind == "upsample":  # TFLite wants the range of what it enlarges
            ranges[step.name] = ranges[step.sources[0]]
        else:
            ranges[step.name] = _best_range(np.concatenate(seen[step.name]))
    return ranges


def _best_range(values: FloatArray) -> tuple[float, float]:
    low, high = min(0.0, float(values.min())), max(1e-3, float(values.max()))
    high = min((high * part for part in _PARTS), key=lambda end: _error(values, low, end))
    if low < 0:
        low = min((low * part for part in _PARTS), key=lambda start: _error(values, start, high))
    return low, high


def _error(values: FloatArray, low: float, high: float) -> float:
    scale, zero_point = grid_of(low, high)
    rounded = (np.clip(np.rint(values / scale) + zero_point, 0, 255) - zero_point) * scale
    return float(np.square(rounded - values).mean())
