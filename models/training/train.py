"""Trains the head on the frozen trunk; stops and goes on at any step."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from .augment import Augmentation
from .batches import Batch, Batches, Plan
from .coco import LabelledPicture
from .errors import TrainingError
from .head import build_head_model
from .head_file import save_head, write_arrays
from .layout import LIMBS
from .steps import set_weights, weights_of
from .trunk_maps import TrunkRunner

CHECKPOINT = "checkpoint.npz"
WEIGHTS = "head.npz"
LOG = "train.jsonl"

_NECK_WEIGHT = 100.0
"""One neck channel against 38 fields whose errors are larger."""
_LIMB_WEIGHT = 3.0
"""How much more a cell on a limb counts than one off it."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    steps: int = 6000
    learning_rate: float = 4e-3
    warm_up: int = 100
    """steps"""
    weight_decay: float = 1e-4
    save_every: int = 250
    """steps"""

    def rate(self, step: int) -> float:
        """Learning rate at `step`: linear warm-up, then a half cosine down to almost nothing."""
        rise = min(1.0, (step + 1) / self.warm_up)
        return self.learning_rate * rise * (0.5 + 0.5 * float(np.cos(np.pi * step / self.steps))) + 1e-6


@dataclass
class _Meter:
    """Means of the losses since the last report."""

    started: float = field(default_factory=time.monotonic)
    losses: list[tuple[float, float]] = field(default_factory=list)

    def report(self, step: int) -> dict[str, float]:
        pafs, neck = np.mean(self.losses, axis=0)
        seconds = time.monotonic() - self.started
        line = {
            "step": step,
            "paf_loss": round(float(pafs), 3),
            "neck_loss": round(float(neck), 4),
            "steps_per_s": round(len(self.losses) / seconds, 3),
        }
        self.started, self.losses = time.monotonic(), []
        return line


def train(
    trunk: TrunkRunner,
    pictures: list[LabelledPicture],
    out: Path,
    plan: Plan,
    schedule: Schedule,
    ranges: Augmentation,
    start: dict[str, Any] | None = None,
    stages: int = 1,
) -> Path:
    """Trains into the folder `out`, going on from its checkpoint if there is one, else from the weights `start`.

    stages: of the head, if more than `start` has.

    Returns the weight file.
    """
    keras.utils.set_random_seed(plan.seed)
    out.mkdir(parents=True, exist_ok=True)
    model = build_head_model(start, stages)
    optimiser = keras.optimizers.AdamW(schedule.learning_rate, weight_decay=schedule.weight_decay)
    optimiser.build(model.trainable_variables)
    fingerprint = repr((plan, schedule, stages))
    first = _resume(out / CHECKPOINT, model, optimiser, fingerprint)
    step = _step(model, optimiser)
    meter = _Meter()
    stream = Batches(pictures, trunk, plan, ranges).stream(first, schedule.steps)
    with (out / LOG).open("a") as log, tqdm(total=schedule.steps, initial=first, desc="training", unit="step") as bar:
        for number, batch in enumerate(stream, start=first):
            optimiser.learning_rate.assign(schedule.rate(number))
            meter.losses.append(step(batch))
            bar.update()
            done = number + 1
            if done % 50 == 0:
                line = meter.report(done)
                bar.set_postfix(paf=line["paf_loss"], neck=line["neck_loss"])
                log.write(json.dumps(line) + "\n")
                log.flush()
            if done % schedule.save_every == 0 or done == schedule.steps:
                _save(out / CHECKPOINT, model, optimiser, done, fingerprint)
    save_head(out / WEIGHTS, weights_of(model))
    return out / WEIGHTS


def _step(model: keras.Model, optimiser: keras.optimizers.Optimizer) -> Callable[[Batch], tuple[float, float]]:
    @tf.function  # type: ignore[untyped-decorator]  # traced once for each crop side
    def run(features: Any, heats: Any, mask: Any, neck: Any, pafs: Any, taught: Any) -> Any:
        with tf.GradientTape() as tape:
            neck_out, pafs_out = model([features, heats], training=True)
            count = tf.cast(tf.shape(mask)[0], tf.float32)
            limbs = tf.reshape(pafs, tf.concat([tf.shape(pafs)[:3], [len(LIMBS), 2]], 0))
            on_limb = tf.cast(tf.reduce_any(limbs != 0.0, -1), tf.float32)
            weight = mask[..., None] * taught[:, None, None] * (1.0 + (_LIMB_WEIGHT - 1.0) * tf.repeat(on_limb, 2, -1))
            paf_loss = tf.reduce_sum(weight * tf.square(pafs_out - pafs)) / count
            neck_loss = tf.reduce_sum(mask * tf.square(neck_out[..., 0] - neck)) / count
            # Sums grow with the area; the mean of a crop of 256 pixels is the unit.
            scale = 64.0 * 64.0 / tf.cast(tf.size(mask[0]), tf.float32)
            paf_loss, neck_loss = paf_loss * scale, neck_loss * scale
            loss = paf_loss + _NECK_WEIGHT * neck_loss
        gradients = tape.gradient(loss, model.trainable_variables)
        optimiser.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return paf_loss, neck_loss

    def step(batch: Batch) -> tuple[float, float]:
        paf_loss, neck_loss = run(batch.features, batch.heats, batch.mask, batch.neck, batch.pafs, batch.taught)
        return float(paf_loss), float(neck_loss)

    return step


def _save(path: Path, model: keras.Model, optimiser: keras.optimizers.Optimizer, step: int, fingerprint: str) -> None:
    state = {f"head/{name}": weight for name, weight in weights_of(model).items()}
    state |= {f"optimiser/{n:03}": variable.numpy() for n, variable in enumerate(optimiser.variables)}
    write_arrays(path, state | {"step": np.array(step), "fingerprint": np.array(fingerprint)})


def _resume(path: Path, model: keras.Model, optimiser: keras.optimizers.Optimizer, fingerprint: str) -> int:
    """Loads the checkpoint if there is one; returns the step to go on with."""
    if not path.exists():
        return 0
    with np.load(path) as state:
        if str(state["fingerprint"]) != fingerprint:
            raise TrainingError(
                f"{path} was made with other settings: {state['fingerprint']}; use them, or another --out folder"
            )
        prefix = "head/"
        set_weights(model, {name.removeprefix(prefix): state[name] for name in state.files if name.startswith(prefix)})
        for number, variable in enumerate(optimiser.variables):
            variable.assign(state[f"optimiser/{number:03}"])
        return int(state["step"])
