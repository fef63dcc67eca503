"""Ranges of int8 tensors chosen by what the network answers in the end, rather than by each tensor's own error.

One tensor after the other, those first whose rounding costs most: its range is made narrower or wider while the answers
to pictures come nearer to the float network's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from tqdm import tqdm

from .coco import FloatArray
from .finetune import apart
from .mirror import Mirror
from .ranges import LOGIT_RANGE
from .steps import SIGMOID_RANGE, Ranges, Step

_NARROWER, _WIDER = (0.8, 0.65, 0.5), (1.25, 1.5)
_EARNS = 0.998
"""Part of the loss that is left, at most, for another range to be worth it."""


@dataclass
class _Trial:
    """How far a network rounded with some ranges is from the float network."""

    mirror: Mirror
    views: list[torch.Tensor]
    wanted: list[list[torch.Tensor]] = field(default_factory=list)

    def loss(self, ranges: Ranges) -> float:
        """Mean over the views."""
        with torch.no_grad():
            pairs = zip(self.views, self.wanted, strict=True)
            return sum(apart(self.mirror(view, ranges), wanted) for view, wanted in pairs) / len(self.views)


def narrowed(
    mirror: Mirror, teacher: Mirror, steps: list[Step], ranges: Ranges, views: Sequence[FloatArray], most: int
) -> Ranges:
    """`ranges` with those of up to `most` tensors between input and outputs changed.

    views: (1, 3, H, W) -1..1, of any sizes.
    """
    trial = _Trial(mirror, [torch.from_numpy(np.ascontiguousarray(view)) for view in views])
    with torch.no_grad():
        trial.wanted = [teacher(view) for view in trial.views]
    best, ranges = trial.loss(ranges), dict(ranges)
    with tqdm(_costliest(trial, steps, ranges)[:most], desc="ranges", unit="tensor") as bar:
        for tensors in bar:
            for parts in (_NARROWER, _WIDER):
                start = {name: ranges[name] for name in tensors}
                for part in parts:
                    tried = ranges | {name: (low * part, high * part) for name, (low, high) in start.items()}
                    loss = trial.loss(tried)
                    if loss > best * _EARNS:
                        break
                    best, ranges = loss, tried
            bar.set_postfix(loss=f"{best:.4f}")
    return ranges


def _costliest(trial: _Trial, steps: list[Step], ranges: Ranges) -> list[list[str]]:
    """Tensors by what is gained where they alone are not rounded, with those that must have the same range."""
    cost = {}
    read = {name for step in steps for name in step.sources}  # what outputs may reach is not for a few views to tell
    for step in steps:
        fixed = ranges[step.name] in (LOGIT_RANGE, SIGMOID_RANGE)
        if step.kind in ("conv", "depthwise", "add") and step.name in read and not fixed:
            tied = [step.name, *(s.name for s in steps if s.kind == "upsample" and s.sources[0] == step.name)]
            cost[step.name] = trial.loss({k: v for k, v in ranges.items() if k not in tied}), tied
    return [tied for _, tied in sorted(cost.values())]
