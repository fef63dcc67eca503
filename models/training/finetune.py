"""Fine-tunes the network, rounded as in int8, to answer what it answers in float; stops and goes on at any step."""

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
from .layout import CENTRE
from .mirror import Mirror
from .ranges import LOGIT_RANGE
from .steps import Ranges
from .views import Views, random_view

CHECKPOINT = "finetune.pt"
LOG = "finetune.jsonl"

_UNSEEN = 6
"""Batches that are only looked at, to see how far it is."""


@dataclass(frozen=True)
class Tuning:
    """How long, how fast, on what."""

    steps: int = 600
    sizes: tuple[tuple[int, int], ...] = ((192, 256), (256, 320), (384, 512))
    """(height, width) of the views, taken in turn"""
    pixels: int = 400_000
    """pixels a step, so that a step costs the same at every size"""
    learning_rate: float = 4e-5
    """in parts of the usual size of a weight's channels"""
    warm_up: int = 20
    """steps"""
    save_every: int = 100
    """steps"""
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


class _Feed:
    """Batch n is the same whenever and wherever it is made; a few are made ahead."""

    def __init__(self, pictures: Sequence[Path], tuning: Tuning, views: Views) -> None:
        self._pictures, self._tuning, self._views = pictures, tuning, views

    def make(self, step: int) -> ByteArray:
        """(N, H, W, 3) RGB."""
        rng = np.random.default_rng((self._tuning.seed, step))
        chosen = rng.integers(0, len(self._pictures), self._tuning.count(step))
        size = self._tuning.size(step)
        return np.stack([random_view(self._pictures[place], size, self._views, rng) for place in chosen])

    def stream(self, first: int) -> Iterator[ByteArray]:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ahead: deque[concurrent.futures.Future[ByteArray]] = deque()
            for step in range(first, self._tuning.steps):
                ahead.append(pool.submit(self.make, step))
                if len(ahead) > 3:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()


def loss_parts(answers: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of heats, fields, and offsets where centres are: each a sum over channels, a mean over cells.

    Both are logits, fields and offsets of the same pictures.
    """
    (logits, fields, offsets), (wanted_logits, wanted_fields, wanted_offsets) = answers, wanted
    heats = torch.sigmoid(wanted_logits)
    # Cross-entropy above its least, so that a perfect answer costs nothing.
    least = functional.binary_cross_entropy_with_logits(wanted_logits, heats, reduction="none")
    cross = functional.binary_cross_entropy_with_logits(logits, heats, reduction="none") - least
    centre = heats[:, CENTRE : CENTRE + 1]
    apart = functional.smooth_l1_loss(offsets, wanted_offsets, reduction="none")
    return {
        "heat": ((1.0 + 4.0 * heats) * cross).sum(1).mean(),
        "field": 2.0 * ((1.0 + 4.0 * wanted_fields.abs()) * (fields - wanted_fields).square()).sum(1).mean(),
        "offset": 0.2 * (centre * (centre > 0.05) * apart).sum(1).mean(),
    }


def apart(answers: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> float:
    """The sum of loss_parts; heats that the range of logits cuts are as good as right."""
    told, right = ([logits.clamp(*LOGIT_RANGE), *others] for logits, *others in (answers, wanted))
    return sum(float(part) for part in loss_parts(told, right).values())


class _Lesson:
    """What goes into the network, and what should come out."""

    def __init__(self, teacher: Mirror, device: torch.device) -> None:
        self._teacher, self._device = teacher.to(device), device

    def __call__(self, pictures: ByteArray) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(N, 3, H, W) pictures -1..1, and what the float network answers."""
        stacked = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        image = torch.from_numpy(stacked).to(self._device).float() / 127.5 - 1.0
        with torch.no_grad():
            return image, self._teacher(image)


def finetune(
    mirror: Mirror, teacher: Mirror, ranges: Ranges, pictures: Sequence[Path], out: Path, tuning: Tuning, views: Views
) -> None:
    """Trains `mirror` in place, rounded to `ranges`, to answer what `teacher`, the float network, answers."""
    torch.manual_seed(tuning.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    out.mkdir(parents=True, exist_ok=True)
    mirror.to(device)
    trained = [weight for weight in mirror.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=tuning.learning_rate, betas=(0.9, 0.99))
    first = _resume(out / CHECKPOINT, mirror, optimiser, repr((tuning, views)))
    lesson = _Lesson(teacher, device)
    feed = _Feed(pictures, tuning, views)
    other = _Feed(pictures, replace(tuning, seed=tuning.seed + 1), views)
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


def _losses(mirror: Mirror, ranges: Ranges, image: torch.Tensor, wanted: list[torch.Tensor]) -> dict[str, float]:
    with torch.no_grad():
        return {name: float(value) for name, value in loss_parts(mirror(image, ranges), wanted).items()}


def _step(
    mirror: Mirror, ranges: Ranges, optimiser: torch.optim.Optimizer, image: torch.Tensor, wanted: list[torch.Tensor]
) -> dict[str, float]:
    parts = loss_parts(mirror(image, ranges), wanted)
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
