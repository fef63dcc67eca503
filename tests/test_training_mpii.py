"""MPII annotations in their three forms become the same labelled pictures."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("cv2", reason="the training scripts read pictures with OpenCV")
pytest.importorskip("PIL", reason="the training scripts look up picture sizes with pillow")

import cv2
from training import layout
from training.annotations import read_labels
from training.augment import Augmentation
from training.batches import Batches, Plan
from training.errors import TrainingError
from training.targets import taught_fields
from training.trunk_maps import TrunkMaps

MPII = [
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
    "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
    "left_wrist",
]  # fmt: skip
WHOLE = {name: (31 + 7 * k, 21 + 5 * k) for k, name in enumerate(MPII)}
"""Joints as MPII counts them: from 1."""
HALF = {name: WHOLE[name] for name in ("thorax", "right_shoulder", "right_elbow")}


@pytest.fixture
def images(tmp_path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.full((120, 200, 3), 90, np.uint8))
    return folder


def per_person(images: Path) -> Path:
    """a.png: WHOLE and somebody without joints; b.png: HALF."""

    def entry(image: str, joints: dict, center=(100, 60)) -> dict:
        return {
            "image": image,
            "joints": [list(joints.get(name, (-1, -1))) for name in MPII],
            "joints_vis": [int(name in joints) for name in MPII],
            "center": list(center),
            "scale": 0.2,
        }

    file = images.parent / "train.json"
    file.write_text(json.dumps([entry("a.png", WHOLE), entry("b.png", HALF), entry("a.png", {}, (181, 101))]))
    return file


def with_others(images: Path) -> Path:
    """The same pictures; of a.png once as each of its people sees it."""

    def joints(known: dict) -> list:
        return [[*known[name], 0] if name in known else [0, 0, 0] for name in MPII]

    def entry(image: str, known: dict, others: list[dict], places: list) -> dict:
        return {
            "img_paths": image,
            "isValidation": 0.0,
            "joint_self": joints(known),
            "objpos": [100, 60],
            "scale_provided": 0.2,
            "joint_others": [joints(other) for other in others],
            "objpos_other": places,
            "scale_provided_other": [0.2] * len(places),
        }

    file = images.parent / "mpii_annotations.json"
    twice = entry("a.png", WHOLE, [WHOLE], [[100, 60]])
    file.write_text(json.dumps([entry("a.png", WHOLE, [{}], [[181, 101]]), twice, entry("b.png", HALF, [], [])]))
    return file


def published(images: Path) -> Path:
    """The same as the .mat file has it, and a test picture without labels."""
    scipy_io = pytest.importorskip("scipy.io", reason="the .mat file is read with scipy")

    def structs(*rows: dict) -> np.ndarray:
        array = np.zeros(len(rows), [(name, object) for name in rows[0]])
        for place, row in enumerate(rows):
            array[place] = tuple(row.values())
        return array

    def person(known: dict, at: tuple[float, float]) -> dict:
        points = [{"x": x, "y": y, "id": MPII.index(name), "is_visible": 0} for name, (x, y) in known.items()]
        annopoints = structs({"point": structs(*points)}) if points else np.zeros((0, 0))
        place = structs({"x": at[0], "y": at[1]})
        return {"x1": 1, "y1": 1, "x2": 9, "y2": 9, "annopoints": annopoints, "scale": 0.2, "objpos": place}

    def picture(name: str, *people: dict) -> dict:
        return {"image": structs({"name": name}), "annorect": structs(*people) if people else np.zeros((0, 0))}

    annolist = structs(
        picture("a.png", person(WHOLE, (100, 60)), person({}, (181, 101))),
        picture("b.png", person(HALF, (100, 60))),
        picture("test.png"),
    )
    file = images.parent / "mpii.mat"
    scipy_io.savemat(file, {"RELEASE": structs({"annolist": annolist, "img_train": np.array([1, 1, 0])})})
    return file


@pytest.fixture(params=[per_person, with_others, published])
def pictures(request, images):
    return read_labels(request.param(images), images)


def test_joints_become_keypoints_from_0_and_what_has_no_counterpart_stays_unlabelled(pictures):
    whole = dict(zip(layout.KEYPOINTS, pictures[0].people[0].tolist(), strict=True))
    for name in layout.KEYPOINTS[5:17]:
        assert whole[name] == [WHOLE[name][0] - 1, WHOLE[name][1] - 1, 1], name
    assert all(whole[name] == [0, 0, 0] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear"))
    assert len(pictures[0].people) == 1


def test_the_neck_lies_between_the_shoulders_or_else_where_the_thorax_is(pictures):
    whole, half = (picture.people[0][layout.NECK].tolist() for picture in pictures)
    shoulders = np.array([WHOLE["left_shoulder"], WHOLE["right_shoulder"]])
    assert whole == [*(shoulders.mean(axis=0) - 1), 1]
    assert half == [HALF["thorax"][0] - 1, HALF["thorax"][1] - 1, 1]


def test_only_labelled_joints_count(pictures):
    seen = {name for name, point in zip(layout.KEYPOINTS, pictures[1].people[0], strict=True) if point[2]}
    assert seen == {"neck", "right_shoulder", "right_elbow"}


def test_people_without_joints_are_masked(pictures):
    _, _, mask = pictures[0].read(longest=200)
    assert mask.shape == (120, 200)
    assert not mask[80:, 160:].any(), "somebody of 40 pixels stands at (180, 100)"
    assert mask[:70].all()
    assert mask[:, :150].all()


def test_fields_of_limbs_that_mpii_does_not_label_are_not_taught(pictures):
    def trunk(batch):
        small = batch[:, :: layout.STRIDE, :: layout.STRIDE]
        return TrunkMaps(features=small, heats=small)

    batch = Batches(pictures, trunk, Plan(sides=(64,), pixels=64 * 64, seed=1), Augmentation()).make(0)
    by_limb = dict(zip(layout.LIMBS, batch.taught[0].reshape(-1, 2).tolist(), strict=True))
    assert by_limb["neck", "right_shoulder"] == [1, 1]
    assert by_limb["neck", "nose"] == by_limb["right_shoulder", "right_ear"] == [0, 0]
    assert sum(both[0] for both in by_limb.values()) == 12
    assert taught_fields(()).all()


def test_coco_files_are_still_told_from_mpii_ones(images):
    keypoints = [0] * 51
    keypoints[15:18] = 30, 20, 2
    (images.parent / "coco.json").write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 120}],
                "annotations": [{"image_id": 1, "keypoints": keypoints, "num_keypoints": 1, "bbox": [0, 0, 9, 9]}],
            }
        )
    )
    (picture,) = read_labels(images.parent / "coco.json", images)
    assert picture.never_labelled == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "has no person with joints"),
        ('[{"image": "a.png"}]', "is not an MPII annotation file"),
        ('[{"image": "a.png", "joints": [[1, 2]], "joints_vis": [1], "center": [1, 1], "scale": 1}]', "has 1 joints"),
        ("{", "is not a COCO annotation file"),
    ],
)
def test_files_that_are_none_are_told_in_one_sentence(images, text, sentence):
    file = images.parent / "broken.json"
    file.write_text(text)
    with pytest.raises(TrainingError, match=sentence):
        read_labels(file, images)


def test_missing_files_are_named(images):
    with pytest.raises(TrainingError, match="no annotation file"):
        read_labels(images.parent / "none.mat", images)
    file = per_person(images)
    (images / "b.png").unlink()
    with pytest.raises(TrainingError, match=r"1 pictures of .* are missing, the first is .*b\.png"):
        read_labels(file, images)
