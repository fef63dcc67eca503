"""What the network is trained on: labels, crops and targets agree about where things are."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("cv2", reason="the training scripts read pictures with OpenCV")

import cv2
from training import layout
from training.augment import Augmentation, random_crop
from training.batches import Batches, Plan
from training.coco import read_annotations
from training.errors import TrainingError
from training.targets import neck_target, paf_target, to_cells
from training.trunk_maps import TrunkMaps

LEFT_SHOULDER, RIGHT_SHOULDER = layout.KEYPOINTS.index("left_shoulder"), layout.KEYPOINTS.index("right_shoulder")


def shrink(pictures):
    """Stands for the trunk: the pictures themselves, at its stride."""
    small = pictures[:, :: layout.STRIDE, :: layout.STRIDE]
    return TrunkMaps(features=small, heats=small)


@pytest.fixture
def data_set(tmp_path):
    """A COCO file with one person and one crowd on one grey picture of 80 x 60 pixels."""
    keypoints = np.zeros((17, 3))
    keypoints[LEFT_SHOULDER] = 50, 20, 2
    keypoints[RIGHT_SHOULDER] = 30, 20, 2
    crowd = np.zeros((120, 160), np.uint8)
    crowd[80:, :40] = 1
    column_major = crowd.ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], column_major, [1 - column_major[-1]]])))
    labels = [
        {"image_id": 7, "keypoints": keypoints.ravel().tolist(), "num_keypoints": 2, "bbox": [30, 20, 20, 1]},
        {
            "image_id": 7,
            "num_keypoints": 0,
            "iscrowd": 1,
            "bbox": [0, 40, 20, 20],
            "segmentation": {"size": [120, 160], "counts": np.diff([0, *edges, crowd.size]).tolist()},
        },
    ]
    images = [{"id": 7, "file_name": "room.png", "width": 80, "height": 60}]
    cv2.imwrite(str(tmp_path / "room.png"), np.full((60, 80, 3), 128, np.uint8))
    (tmp_path / "labels.json").write_text(json.dumps({"images": images, "annotations": labels}))
    return tmp_path


def test_neck_lies_between_labelled_shoulders(data_set):
    (picture,) = read_annotations(data_set / "labels.json", data_set)
    assert picture.people[0, layout.NECK].tolist() == [40, 20, 1]


def test_crowd_is_masked_at_the_size_of_the_picture(data_set):
    (picture,) = read_annotations(data_set / "labels.json", data_set)
    _, _, mask = picture.read(longest=80)
    assert mask.shape == (60, 80)
    assert not mask[41:, :19].any()
    assert mask[:39].all()
    assert mask[:, 21:].all()


def test_shrinking_keeps_keypoints_on_their_pixels(data_set):
    (picture,) = read_annotations(data_set / "labels.json", data_set)
    small, people, _ = picture.read(longest=40)
    assert small.shape == (30, 40, 3)
    np.testing.assert_allclose(people[0, LEFT_SHOULDER, :2], [(50 + 0.5) / 2 - 0.5, (20 + 0.5) / 2 - 0.5])


def test_missing_pictures_are_named_in_one_sentence(data_set):
    (data_set / "room.png").unlink()
    with pytest.raises(TrainingError, match=r"1 pictures of .*labels.json are missing, the first is .*room.png"):
        read_annotations(data_set / "labels.json", data_set)


def test_file_without_people_is_refused(tmp_path):
    (tmp_path / "labels.json").write_text('{"images": [], "annotations": []}')
    with pytest.raises(TrainingError, match="no person with keypoints"):
        read_annotations(tmp_path / "labels.json", tmp_path)


def test_field_points_along_the_limb_and_is_zero_beside_it():
    people = np.zeros((1, layout.HEATS, 3), np.float32)
    people[0, layout.NECK] = 10, 10, 1
    people[0, RIGHT_SHOULDER] = 4, 10, 1
    fields = paf_target(people, side=24)
    limb = layout.LIMBS.index(("neck", "right_shoulder"))
    np.testing.assert_allclose(fields[10, 4:11, 2 * limb], -1.0)
    np.testing.assert_allclose(fields[10, 4:11, 2 * limb + 1], 0.0)
    assert not fields[14:].any()
    assert not np.delete(fields, [2 * limb, 2 * limb + 1], axis=-1).any()


def test_crossing_limbs_share_the_field():
    people = np.zeros((2, layout.HEATS, 3), np.float32)
    people[0, layout.NECK], people[0, RIGHT_SHOULDER] = (4, 12, 1), (20, 12, 1)
    people[1, layout.NECK], people[1, RIGHT_SHOULDER] = (12, 4, 1), (12, 20, 1)
    fields = paf_target(people, side=24)
    np.testing.assert_allclose(fields[12, 12, :2], [0.5, 0.5])


def test_neck_peaks_at_its_cell():
    people = np.zeros((1, layout.HEATS, 3), np.float32)
    people[0, layout.NECK] = 7, 3, 1
    heat = neck_target(people, side=16)
    assert np.unravel_index(heat.argmax(), heat.shape) == (3, 7)
    assert heat.max() == 1.0


def test_people_half_outside_the_crop_are_drawn_without_error():
    people = np.full((1, layout.HEATS, 3), 1.0, np.float32)
    people[0, :, 0] = np.linspace(-40, 40, layout.HEATS)
    people[0, :, 1] = np.linspace(50, -30, layout.HEATS)
    assert np.isfinite(paf_target(people, side=16)).all()
    assert np.isfinite(neck_target(people, side=16)).all()


@pytest.mark.parametrize("seed", range(8))
def test_crop_moves_keypoints_with_the_pixels(seed):
    picture = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(picture, (160, 90), 9, (255, 255, 255), -1)
    people = np.zeros((1, layout.HEATS, 3), np.float32)
    people[0, layout.NECK] = 160, 90, 1
    people[0, RIGHT_SHOULDER] = 150, 95, 1
    mask = np.ones((200, 300), np.uint8)
    crop = random_crop(picture, people, mask, 256, Augmentation(), np.random.default_rng(seed))
    rows, columns = np.nonzero(crop.picture[..., 0] > 160)
    x, y = crop.people[0, layout.NECK, :2]
    if len(rows) == 0 or not (30 < x < 226 and 30 < y < 226):
        pytest.skip(f"seed {seed} moves the disc to the border")
    assert np.hypot(columns.mean() - x, rows.mean() - y) < 2.0, f"seed {seed}"


def test_batches_do_not_depend_on_when_they_are_made(data_set):
    pictures = read_annotations(data_set / "labels.json", data_set)
    plan = Plan(sides=(64, 96), pixels=2 * 64 * 64, seed=3)
    first = list(Batches(pictures, shrink, plan, Augmentation()).stream(0, 4))
    again = list(Batches(pictures, shrink, plan, Augmentation()).stream(2, 4))
    np.testing.assert_array_equal(first[2].features, again[0].features)
    np.testing.assert_array_equal(first[3].pafs, again[1].pafs)
    assert first[0].features.shape == (2, 16, 16, 3)
    assert first[0].pafs.shape == (2, 16, 16, layout.FIELDS)


def test_cell_centres_follow_the_stride():
    people = np.array([[[1.5, 5.5, 1.0]] * layout.HEATS], np.float32)
    np.testing.assert_allclose(to_cells(people)[0, 0, :2], [0.0, 1.0])
