"""Channels moved and scaled until each fills the int8 numbers of its tensor.

Equalisation scales channels about 0. Where no ReLU is behind a tensor, and only 1×1 convolutions read it, which see no
padding, channels may be moved as well: a bias adds what the readers' biases take away. Most of these channels lie
nearly all on one side of 0, some on this and some on that one, so that half of a tensor's numbers was never used. The
function of the network stays the same, and so does its time, since every convolution has a bias in int8.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import torch

from .bias_correction import with_biases
from .coco import FloatArray
from .mirror import Mirror
from .steps import Step, Weights, convolves, pointwise

Extremes = dict[str, tuple[FloatArray, FloatArray]]
"""Layer name to the least and the greatest value of each of its channels"""

_FLOOR = 1e-3
"""Channels narrower than this part of the widest are treated as that wide: noise is not to be blown up."""


def extremes_of(mirror: Mirror, pictures: Iterable[FloatArray]) -> Extremes:
    """Of every tensor of `mirror`, not rounded, on `pictures`: (1, 3, H, W) -1..1, of any sizes."""
    found: Extremes = {}
    with torch.no_grad():
        for picture in pictures:
            for name, value in mirror.run(torch.from_numpy(picture), None):
                low, high = value.amin((0, 2, 3)).numpy(), value.amax((0, 2, 3)).numpy()
                lowest, highest = found.get(name, (low, high))
                found[name] = np.minimum(low, lowest), np.maximum(high, highest)
    return found


def spread(steps: list[Step], weights: Weights, seen: Extremes) -> Weights:
    """Weights of the same function; the channels of tensors that may be moved lie about 0 and are equally wide."""
    changed = with_biases(steps, weights)
    for tensors, readers in _movable(steps, weights):
        shifts = _shifts(tensors, seen)
        scale = _scale(shifts, seen)
        for step in tensors:
            if convolves(step):
                kernel, bias = changed[f"{step.name}/0"], changed[f"{step.name}/1"]
                changed[f"{step.name}/0"] = kernel / (scale[:, None] if step.kind == "depthwise" else scale)
                changed[f"{step.name}/1"] = (bias + shifts[step.name]) / scale
        for step in readers:
            kernel, bias = changed[f"{step.name}/0"], changed[f"{step.name}/1"]
            changed[f"{step.name}/1"] = bias - shifts[step.sources[0]] @ kernel[0, 0]
            changed[f"{step.name}/0"] = kernel * scale[:, None]
    return {name: np.asarray(value, np.float32) for name, value in changed.items()}


def _movable(steps: list[Step], weights: Weights) -> list[tuple[list[Step], list[Step]]]:
    """Tensors that must share one scale a channel, because adding or upsampling ties them, and who reads them."""
    found = []
    for tensors in _tied(steps):
        names = {step.name for step in tensors}
        readers = [step for step in steps if names & {*step.sources} and step not in tensors]
        linear = all(step.ceiling is None and (_ties(step) or convolves(step)) for step in tensors)
        if linear and readers and all(pointwise(step, weights) for step in readers):
            found.append((tensors, readers))
    return found


def _tied(steps: list[Step]) -> list[list[Step]]:
    """All tensors in groups, each in the order of `steps`."""
    group = {step.name: step.name for step in steps}
    for step in steps:
        for source in step.sources if _ties(step) else ():
            if source in group:
                old, new = group[source], group[step.name]
                group = {name: new if at == old else at for name, at in group.items()}
    groups: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        groups[group[step.name]].append(step)
    return list(groups.values())


def _shifts(tensors: list[Step], seen: Extremes) -> dict[str, FloatArray]:
    """(C,) what is added to each tensor; to a sum what is added to its parts."""
    shifts: dict[str, FloatArray] = {}
    for step in tensors:
        if convolves(step):
            low, high = seen[step.name]
            shifts[step.name] = -(low + high) / 2
        else:
            shifts[step.name] = np.sum([shifts[source] for source in step.sources], axis=0)
    return shifts


def _scale(shifts: dict[str, FloatArray], seen: Extremes) -> FloatArray:
    """(C,) how wide each channel is once moved, in parts of the median channel, where a tensor is widest for itself."""
    widths = [np.maximum(seen[name][1] + shift, -(seen[name][0] + shift)) for name, shift in shifts.items()]
    widest: FloatArray = np.max([width / max(float(np.median(width)), 1e-9) for width in widths], axis=0)
    widest = np.maximum(widest, widest.max() * _FLOOR)
    return widest / np.float32(np.median(widest))


def _ties(step: Step) -> bool:
    return step.kind in ("add", "upsample")
