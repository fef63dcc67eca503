"""Training that is interrupted ends where uninterrupted training ends. Needs TensorFlow."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("tensorflow", reason="models/training/requirements.txt is not installed")
pytest.importorskip("cv2", reason="models/training/requirements.txt is not installed")

import cv2
import keras
from training import layout
from training.augment import Augmentation
from training.batches import Plan
from training.coco import LabelledPicture
from training.distil import Distilling, distil
from training.errors import TrainingError
from training.head import HeadForm, build_head, build_head_model, form_of
from training.head_file import load_head
from training.steps import weights_of
from training.train import Schedule, train
from training.trunk_maps import TrunkMaps
from training.views import Views

PLAN = Plan(sides=(32, 64), pixels=2 * 64 * 64, seed=4)
SCHEDULE = Schedule(steps=8, warm_up=2, save_every=1)


class StoppedError(Exception):
    pass


def made_up_trunk(pictures):
    """Features and heats that depend on the pictures, at no cost."""
    small = pictures[:, :: layout.STRIDE, :: layout.STRIDE] / 255
    return TrunkMaps(features=np.tile(small, 8), heats=np.tile(small, 6)[..., :17])


class StoppingTrunk:
    """Gives out after some batches."""

    def __init__(self, batches):
        self.left = batches

    def __call__(self, pictures):
        self.left -= 1
        if self.left < 0:
            raise StoppedError
        return made_up_trunk(pictures)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(8)
    cv2.imwrite(str(tmp_path / "room.png"), rng.integers(0, 255, (60, 80, 3), np.uint8))
    people = np.ones((1, layout.HEATS, 3), np.float32)
    people[0, :, :2] = rng.uniform(10, 50, (layout.HEATS, 2))
    return [LabelledPicture(tmp_path / "room.png", 80, 60, people, ())]


def test_interrupted_training_ends_with_the_same_weights(pictures, tmp_path):
    straight = train(made_up_trunk, pictures, tmp_path / "straight", PLAN, SCHEDULE, Augmentation())
    with pytest.raises(StoppedError):
        train(StoppingTrunk(6), pictures, tmp_path / "halting", PLAN, SCHEDULE, Augmentation())
    with np.load(tmp_path / "halting/checkpoint.npz") as checkpoint:
        assert 0 < checkpoint["step"] < SCHEDULE.steps
    halting = train(made_up_trunk, pictures, tmp_path / "halting", PLAN, SCHEDULE, Augmentation())
    expected, found = load_head(straight), load_head(halting)
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        np.testing.assert_allclose(found[name], weight, rtol=2e-2, atol=2e-3, err_msg=name)


def test_checkpoint_of_other_settings_is_not_gone_on_with(pictures, tmp_path):
    train(made_up_trunk, pictures, tmp_path, PLAN, Schedule(steps=2, save_every=1), Augmentation())
    with pytest.raises(TrainingError, match="was made with other settings"):
        train(made_up_trunk, pictures, tmp_path, PLAN, Schedule(steps=3, save_every=1), Augmentation())


def test_training_learns(pictures, tmp_path):
    schedule = Schedule(steps=100, warm_up=5, save_every=100)
    train(made_up_trunk, pictures, tmp_path, Plan(sides=(32,), pixels=2 * 32 * 32), schedule, Augmentation())
    first, last = (line.split('"paf_loss": ')[1] for line in (tmp_path / "train.jsonl").read_text().splitlines())
    assert float(last.split(",")[0]) < float(first.split(",")[0])


def test_a_further_stage_begins_where_the_first_one_ends(pictures, tmp_path):
    first = weights_of(build_head_model())
    plan = Plan(sides=(32,), pixels=32 * 32)
    train(made_up_trunk, pictures, tmp_path, plan, Schedule(steps=1), Augmentation(), first, 2)
    two = load_head(tmp_path / "head.npz")
    assert form_of(two) == HeadForm(stages=2)
    rng = np.random.default_rng(3)
    seen = [rng.uniform(0, 1, (1, 8, 8, channels)).astype(np.float32) for channels in (24, 17)]
    for one, other in zip(build_head_model(first)(seen), build_head_model(first, stages=2)(seen), strict=True):
        np.testing.assert_allclose(one, other, atol=0.2)


def test_a_head_learns_from_another_on_views_without_labels(pictures, tmp_path):
    """Of a form of its own: the teacher is wider and deeper."""
    taught = build_head_model(weights_of(build_wide_head()))
    plan = Distilling(views=40, epochs=4, size=(64, 96))
    path = distil(made_up_trunk, weights_of(taught), [picture.path for picture in pictures], tmp_path, plan, Views())
    learned = load_head(path)
    assert form_of(learned) == HeadForm() != form_of(weights_of(taught))
    losses = [float(row["loss"]) for row in csv.DictReader((tmp_path / "distil.csv").open())]
    assert losses[-1] < losses[0], losses


def build_wide_head():
    features, heats = keras.Input((None, None, 24)), keras.Input((None, None, 17))
    return keras.Model([features, heats], build_head(features, heats, HeadForm((3, 5, 5), 96)))
