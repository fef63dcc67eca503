"""Features that are joined with heat maps: scaled to the range of those, and cut by what the heads answer.

What is joined must share one range in int8, and TFLite fixes that of a sigmoid's answer. Behind a ReLU channels may be
scaled to it without the network's function changing. Where a channel's int8 numbers should end is asked of the heads:
features have long tails, and what errs least by itself is not what the answers suffer least from.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from .bias_correction import with_biases
from .coco import FloatArray
from .finetune import apart
from .mirror import Mirror
from .steps import SIGMOID_RANGE, Step, Weights, channels_of, joined_with_heats

_NARROWER, _EARNS = 0.88, 0.999
"""A cut is brought down by this part at a time while this part of the loss is left at most."""
_ROUNDS = 3
_FLOOR = 1e-3
"""Channels weaker than this part of the strongest are treated as that strong: noise is not to be blown up."""


def joined_relus(steps: list[Step]) -> list[str]:
    """Tensors behind a ReLU that are joined with heat maps, whose range in int8 must be theirs then."""
    joined = {source for step in joined_with_heats(steps) for source in step.sources}
    return [step.name for step in steps if step.name in joined and step.ceiling == np.inf]


def heat_sized(steps: list[Step], weights: Weights, name: str, cuts: FloatArray) -> Weights:
    """Weights of the same function; each channel of the tensor `name` ends, at its cut, where heat maps end in int8."""
    changed = with_biases(steps, weights)
    scale = cuts / np.float32(SIGMOID_RANGE[1])
    changed[f"{name}/0"] = changed[f"{name}/0"] / scale
    changed[f"{name}/1"] = changed[f"{name}/1"] / scale
    for reader, begin in _readers(steps, weights, name):
        kernel = changed[f"{reader.name}/0"].copy()
        kernel[:, :, begin : begin + len(scale)] *= scale[:, None]
        changed[f"{reader.name}/0"] = kernel
    return changed


def _readers(steps: list[Step], weights: Weights, name: str) -> Iterator[tuple[Step, int]]:
    """Convolutions that read a tensor, by itself or joined with others, and from which channel on."""
    for step in steps:
        if name in step.sources and step.kind == "concat":
            before = step.sources[: step.sources.index(name)]
            begin = sum(channels_of(steps, weights, source) for source in before)
            yield from ((reader, begin + further) for reader, further in _readers(steps, weights, step.name))
        elif name in step.sources:
            yield step, 0


class _Heads:
    """What follows a tensor, and what it answers in float."""

    def __init__(self, mirror: Mirror, values: list[torch.Tensor]) -> None:
        self._mirror, self._values = mirror, values
        self._wanted = [self._answers(value) for value in values]

    def loss(self, cuts: FloatArray) -> float:
        """Mean over the pictures, with the tensor rounded to 255 steps up to the cut of each channel."""
        step = torch.from_numpy(cuts / 255).reshape(1, -1, 1, 1)
        rounded = ((value / step).round().clamp(0, 255) * step for value in self._values)
        pairs = zip(rounded, self._wanted, strict=True)
        return sum(apart(self._answers(value), wanted) for value, wanted in pairs) / len(self._values)

    def _answers(self, value: torch.Tensor) -> list[torch.Tensor]:
        with torch.no_grad():
            answers: list[torch.Tensor] = self._mirror(value)
        return answers


def best_cuts(
    steps: list[Step],
    weights: Weights,
    outputs: tuple[str, ...],
    name: str,
    source: str,
    pictures: Iterable[FloatArray],
) -> FloatArray:
    """(C,) for the tensor `name`, which all `outputs` are made of, and of nothing else.

    outputs: logits, fields and offsets; source: the input layer; pictures: (1, 3, H, W) -1..1, of any sizes.
    """
    place = [step.name for step in steps].index(name) + 1
    values = []
    with torch.no_grad():
        for picture in pictures:
            values += Mirror(steps[:place], weights, (name,), source)(torch.from_numpy(picture))
    heads = _Heads(Mirror(steps[place:], weights, outputs, name), values)
    cuts: FloatArray = np.max([value.amax((0, 2, 3)).numpy() for value in values], axis=0)
    cuts = np.maximum(cuts, cuts.max() * _FLOOR)
    least = heads.loss(cuts)
    for _ in range(_ROUNDS):
        for channel in range(len(cuts)):
            while True:
                tried = cuts.copy()
                tried[channel] *= _NARROWER
                loss = heads.loss(tried)
                if loss > least * _EARNS:
                    break
                least, cuts = loss, tried
    return cuts
