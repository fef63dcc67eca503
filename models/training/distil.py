"""A new head from an old one: on views of pictures it learns to answer what the old one answers, without labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from .coco import FloatArray
from .head import build_head_model
from .head_file import save_head
from .steps import weights_of
from .trunk_maps import TrunkRunner
from .views import Views, random_view

Tensor = Any

WEIGHTS = "head.npz"
LOG = "distil.csv"

_FIELD_WEIGHT = 4.0
"""How much more a field's cell counts where the field is at its strongest."""
_NECK_WEIGHT = 0.2
_HELD_OUT = 20
"""One view of so many is only looked at."""


@dataclass(frozen=True)
class Distilling:
    """How long, how fast, on what."""

    views: int = 1000
    epochs: int = 30
    size: tuple[int, int] = (256, 320)
    """(height, width) of the views"""
    batch: int = 8
    learning_rate: float = 4e-3
    seed: int = 1


def distil(
    trunk: TrunkRunner, teacher: dict[str, Any], pictures: Sequence[Path], out: Path, plan: Distilling, views: Views
) -> Path:
    """Trains a head of the usual form to answer as the head with the weights `teacher`; returns its file."""
    keras.utils.set_random_seed(plan.seed)
    out.mkdir(parents=True, exist_ok=True)
    seen, told = _lessons(trunk, build_head_model(teacher), pictures, plan, views)
    student = build_head_model()
    steps = plan.epochs * (plan.views // plan.batch)
    schedule = keras.optimizers.schedules.CosineDecay(
        1e-5, steps, warmup_target=plan.learning_rate, warmup_steps=steps // 30
    )
    student.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-4), [_neck_loss, _field_loss])
    log = keras.callbacks.CSVLogger(str(out / LOG))
    student.fit(
        seen, told, plan.batch, plan.epochs, validation_split=1 / _HELD_OUT, callbacks=[log], verbose=2
    )  # Keras holds out the last ones
    save_head(out / WEIGHTS, weights_of(student))
    return out / WEIGHTS


def _lessons(
    trunk: TrunkRunner, teacher: keras.Model, pictures: Sequence[Path], plan: Distilling, views: Views
) -> tuple[list[FloatArray], list[FloatArray]]:
    """What the trunk leaves of the views, and what the teacher makes of that."""
    rng = np.random.default_rng(plan.seed)
    lessons = []
    for _ in tqdm(range(plan.views), desc="looking", unit="view"):
        view = random_view(pictures[int(rng.integers(len(pictures)))], plan.size, views, rng)
        maps = trunk(view[None].astype(np.float32))
        answers = teacher([maps.features, maps.heats], training=False)
        lessons.append([maps.features[0], maps.heats[0], *(answer.numpy()[0] for answer in answers)])
    features, heats, neck, fields = (np.stack(part) for part in zip(*lessons, strict=True))
    return [features, heats], [neck, fields]


def _neck_loss(wanted: Tensor, answer: Tensor) -> Tensor:
    """Cross-entropy, necks before all."""
    cross = keras.losses.binary_crossentropy(wanted[..., None], answer[..., None])
    return _NECK_WEIGHT * tf.reduce_mean((1.0 + 20.0 * wanted) * cross)


def _field_loss(wanted: Tensor, answer: Tensor) -> Tensor:
    """A sum over channels, a mean over cells."""
    weight = 1.0 + _FIELD_WEIGHT * tf.abs(wanted)
    return tf.reduce_mean(tf.reduce_sum(weight * tf.square(answer - wanted), -1))
