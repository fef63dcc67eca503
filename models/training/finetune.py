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

from .errors import TrainingError
from .layout import CENTRE, FIRST_FIELD, FIRST_OFFSET
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
    learning_rate: float = 5e-4
    """in parts of the usual size of a weight's channels"""
    warm_up: int = 50
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

    def __init__(self, sources: Sequence[Source], kept: Path, tuning: Tuning, views: Views) -> None:
        self._sources, self._kept, self._tuning, self._views = sources, kept, tuning, views

    def make(self, step: int) -> list[View]:
        rng = np.random.default_rng((self._tuning.seed, step))
        chosen = rng.integers(0, len(self._sources), self._tuning.count(step))
        size = self._tuning.size(step)
        return [random_view(self._sources[place], self._kept, size, self._views, rng) for place in chosen]

    def stream(self, first: int) -> Iterator[list[View]]:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ahead: deque[concurrent.futures.Future[list[View]]] = deque()
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
    near = near * (near > 0.05)
    apart = functional.smooth_l1_loss(offsets, target[:, FIRST_OFFSET:], reduction="none")
    return {"heat": heat, "field": 0.5 * field, "offset": 0.2 * (near * apart).sum(1).mean()}


def finetune(
    mirror: Mirror, ranges: Ranges, sources: Sequence[Source], kept: Path, out: Path, tuning: Tuning, views: Views
) -> None:
    """Trains `mirror` in place, rounded to `ranges`, on views of `sources` whose maps are in the folder `kept`."""
    torch.manual_seed(tuning.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    out.mkdir(parents=True, exist_ok=True)
    mirror.to(device)
    trained = [weight for weight in mirror.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=tuning.learning_rate, betas=(0.9, 0.99))
    first = _resume(out / CHECKPOINT, mirror, optimiser, repr((tuning, views)))
    feed = _Feed(sources, kept, tuning, views)
    unseen = [_Feed(sources, kept, replace(tuning, seed=tuning.seed + 1), views).make(step) for step in range(_UNSEEN)]
    started, sums = time.monotonic(), []
    with (out / LOG).open("a") as log, tqdm(total=tuning.steps, initial=first, desc="tuning", unit="step") as bar:
        for step, batch in enumerate(feed.stream(first), start=first):
            for group in optimiser.param_groups:
                group["lr"] = tuning.learning_rate * tuning.rate(step)
            sums.append(_step(mirror, ranges, optimiser, batch, device))
            bar.update()
            done = step + 1
            if step == first or done % tuning.save_every == 0:
                log.write(
                    json.dumps(
                        {"step": done, "unseen": _mean([_losses(mirror, ranges, batch, device) for batch in unseen])}
                    )
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


def _losses(mirror: Mirror, ranges: Ranges, batch: list[View], device: torch.device) -> dict[str, float]:
    with torch.no_grad():
        return {name: float(value) for name, value in _parts(mirror, ranges, batch, device).items()}


def _parts(mirror: Mirror, ranges: Ranges, batch: list[View], device: torch.device) -> dict[str, torch.Tensor]:
    pictures = np.stack([view.picture for view in batch]).transpose(0, 3, 1, 2)
    image = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).float() / 127.5 - 1.0
    target = torch.from_numpy(np.stack([view.maps for view in batch])).to(device)
    logits, fields, offsets = mirror(image, ranges)
    return loss_parts(logits, fields, offsets, target)


def _step(
    mirror: Mirror, ranges: Ranges, optimiser: torch.optim.Optimizer, batch: list[View], device: torch.device
) -> dict[str, float]:
    parts = _parts(mirror, ranges, batch, device)
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
