"""Fine-tunes the whole network, rounded as in int8, on the teacher's maps; stops and goes on at any step."""

import concurrent.futures
import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from .coco import ByteArray
from .errors import TrainingError
from .layout import CENTRE, FIRST_FIELD, FIRST_OFFSET, MIRROR
from .mirror import Mirror, Ranges
from .views import Source, View, Views, random_view

CHECKPOINT = "finetune.pt"
LOG = "finetune.jsonl"

_UNSEEN = 6
"""Batches that are only looked at, to see how far it is."""


@dataclass(frozen=True)
class Tuning:
    """How long, how fast, on what."""

    steps: int = 2000
    sizes: tuple[tuple[int, int], ...] = ((192, 256), (256, 320), (384, 512))
    """(height, width) of the views, taken in turn"""
    pixels: int = 400_000
    """pixels a step, so that a step costs the same at every size"""
    learning_rate: float = 1e-4
    """in parts of the usual size of a weight's channels"""
    warm_up: int = 50
    """steps"""
    save_every: int = 100
    """steps"""
    lying: float = 0.12
    """chance that a step's views are turned by a quarter: the teacher sees people upright, the network lying"""
    seed: int = 1

    def size(self, step: int) -> tuple[int, int]:
        """Size of the views of a step."""
        return self.sizes[step % len(self.sizes)]

    def count(self, step: int) -> int:
        """Views in a step."""
        height, width = self.size(step)
        return max(1, round(self.pixels / (height * width)))

    def rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine down to almost nothing."""
        return min(1.0, (step + 1) / self.warm_up) * (0.5 + 0.5 * float(np.cos(np.pi * step / self.steps))) + 1e-3


@dataclass(frozen=True)
class _Batch:
    views: list[View]
    turns: int
    """Quarters, counterclockwise."""


class _Feed:
    """Batch n is the same whenever and wherever it is made; a few are made ahead."""

    def __init__(self, sources: Sequence[Source], kept: Path, tuning: Tuning, views: Views) -> None:
        self._sources, self._kept, self._tuning, self._views = sources, kept, tuning, views

    def make(self, step: int) -> _Batch:
        rng = np.random.default_rng((self._tuning.seed, step))
        chosen = rng.integers(0, len(self._sources), self._tuning.count(step))
        size = self._tuning.size(step)
        views = [random_view(self._sources[place], self._kept, size, self._views, rng) for place in chosen]
        return _Batch(views, int(rng.choice([1, 3])) if rng.random() < self._tuning.lying else 0)

    def stream(self, first: int) -> Iterator[_Batch]:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ahead: deque[concurrent.futures.Future[_Batch]] = deque()
            for step in range(first, self._tuning.steps):
                ahead.append(pool.submit(self.make, step))
                if len(ahead) > 3:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()


def loss_parts(
    logits: torch.Tensor, fields: torch.Tensor, offsets: torch.Tensor, target: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Of heats, fields, and offsets where centres are: each a sum over channels, a mean over cells."""
    heats = target[:, :FIRST_FIELD].clamp(0.0, 1.0)
    # Cross-entropy above its least, so that a perfect answer costs nothing.
    least = functional.binary_cross_entropy(heats, heats, reduction="none")
    cross = functional.binary_cross_entropy_with_logits(logits, heats, reduction="none") - least
    heat = ((1.0 + 4.0 * heats) * cross).sum(1).mean()
    truth = target[:, FIRST_FIELD:FIRST_OFFSET]
    field = ((1.0 + 4.0 * truth.abs()) * (fields - truth).square()).sum(1).mean()
    near = target[:, CENTRE : CENTRE + 1].clamp(0.0, 1.0)
    told = target[:, FIRST_OFFSET:]
    near = near * (told != 0).any(1, keepdim=True)
    apart = functional.smooth_l1_loss(offsets, told, reduction="none")
    return {"heat": heat, "field": 0.5 * field, "offset": 0.2 * (near * apart).sum(1).mean()}


class _Lesson:
    """What of a batch goes into the network, and what should come out."""

    def __init__(self, teacher: Mirror, device: torch.device) -> None:
        self._teacher, self._device = teacher, device
        self._swapped = torch.tensor([*MIRROR, CENTRE], device=device)

    def __call__(self, batch: _Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 3, H, W) pictures -1..1 and (N, CHANNELS, H/4, W/4) maps."""
        target = torch.from_numpy(np.stack([view.maps for view in batch.views])).to(self._device)
        target[:, :FIRST_FIELD] = self._heats(self._images([view.clean for view in batch.views]))
        image = self._images([view.picture for view in batch.views])
        return torch.rot90(image, batch.turns, (2, 3)), _turned(target, batch.turns)

    def _images(self, pictures: list[ByteArray]) -> torch.Tensor:
        stacked = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
        return torch.from_numpy(stacked).to(self._device).float() / 127.5 - 1.0

    def _heats(self, image: torch.Tensor) -> torch.Tensor:
        """What the float network sees, and sees in the mirror, averaged: of the same sharpness as the network's own."""
        with torch.no_grad():
            straight = torch.sigmoid(self._teacher(image)[0])
            mirrored = torch.sigmoid(self._teacher(image.flip(3))[0]).flip(3)[:, self._swapped]
        return (straight + mirrored) / 2


def _turned(maps: torch.Tensor, turns: int) -> torch.Tensor:
    """Maps of a picture turned by quarters, counterclockwise; their vectors turn too."""
    for _ in range(turns):
        maps = torch.rot90(maps, 1, (2, 3)).clone()
        x, y = maps[:, FIRST_FIELD::2].clone(), maps[:, FIRST_FIELD + 1 :: 2].clone()
        maps[:, FIRST_FIELD::2], maps[:, FIRST_FIELD + 1 :: 2] = y, -x
    return maps


def finetune(
    mirror: Mirror,
    teacher: Mirror,
    ranges: Ranges,
    sources: Sequence[Source],
    kept: Path,
    out: Path,
    tuning: Tuning,
    views: Views,
) -> None:
    """Trains `mirror` in place, rounded to `ranges`, on views of `sources` whose labels are in the folder `kept`.

    Heats are learned of `teacher`, the float network, fields and offsets of the labels.
    """
    torch.manual_seed(tuning.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    out.mkdir(parents=True, exist_ok=True)
    mirror.to(device)
    trained = [weight for weight in mirror.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=tuning.learning_rate, betas=(0.9, 0.99))
    first = _resume(out / CHECKPOINT, mirror, optimiser, repr((tuning, views)))
    lesson = _Lesson(teacher.to(device), device)
    feed = _Feed(sources, kept, tuning, views)
    other = _Feed(sources, kept, replace(tuning, seed=tuning.seed + 1), views)
    unseen = [lesson(other.make(step)) for step in range(_UNSEEN)]
    started, sums = time.monotonic(), []
    with (out / LOG).open("a") as log, tqdm(total=tuning.steps, initial=first, desc="tuning", unit="step") as bar:
        for step, batch in enumerate(feed.stream(first), start=first):
            for group in optimiser.param_groups:
                group["lr"] = tuning.learning_rate * tuning.rate(step)
            sums.append(_step(mirror, ranges, optimiser, *lesson(batch)))
            bar.update()
            done = step + 1
            if step == first or done % tuning.save_every == 0:
                log.write(
                    json.dumps({"step": done, "unseen": _mean([_losses(mirror, ranges, *pair) for pair in unseen])})
                    + "\n"
                )
                log.flush()
            if done % 20 == 0:
                means = _mean(sums)
                seconds = time.monotonic() - started
                line = {"step": done, **means, "steps_per_s": round(len(sums) / seconds, 3)}
                log.write(json.dumps(line) + "\n")
                log.flush()
                bar.set_postfix(means)
                started, sums = time.monotonic(), []
            if done % tuning.save_every == 0 or done == tuning.steps:
                _save(out / CHECKPOINT, mirror, optimiser, done, repr((tuning, views)))
    mirror.to("cpu")


def _mean(losses: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([each[name] for each in losses])), 4) for name in losses[0]}


def _losses(mirror: Mirror, ranges: Ranges, image: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    with torch.no_grad():
        return {name: float(value) for name, value in loss_parts(*mirror(image, ranges), target).items()}


def _step(
    mirror: Mirror, ranges: Ranges, optimiser: torch.optim.Optimizer, image: torch.Tensor, target: torch.Tensor
) -> dict[str, float]:
    parts = loss_parts(*mirror(image, ranges), target)
    optimiser.zero_grad(set_to_none=True)
    loss = torch.stack(list(parts.values())).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(mirror.parameters(), 20.0)
    optimiser.step()
    return {name: float(value.detach()) for name, value in parts.items()}


def _save(path: Path, mirror: Mirror, optimiser: torch.optim.Optimizer, step: int, settings: str) -> None:
    unfinished = path.with_suffix(".part")
    state: dict[str, Any] = {"network": mirror.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save({**state, "step": step, "settings": settings}, unfinished)
    unfinished.rename(path)


def _resume(path: Path, mirror: Mirror, optimiser: torch.optim.Optimizer, settings: str) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["settings"] != settings:
        raise TrainingError(
            f"{path} was made with other settings: {state['settings']}; use them, or another --out folder"
        )
    mirror.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
