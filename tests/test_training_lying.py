"""The set of people who lie: where they are in a fall clip's frames, and what counts as finding them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("cv2", reason="the training scripts read clips with OpenCV")

from training.errors import TrainingError
from training.lying import fall_frames
from training.lying.fall_frames import Clip, read_clips
from training.lying.score import is_on

LYING = (100.0, 150.0, 120.0, 40.0)


def skeleton(count: int, *, left: float = 100, top: float = 150, width: float = 120, height: float = 40) -> dict:
    keypoints = np.zeros((17, 3))
    keypoints[:count, 0] = np.linspace(left, left + width, count)
    keypoints[:count, 1] = np.linspace(top, top + height, count)
    keypoints[:count, 2] = 0.5
    return {"keypoints": keypoints.ravel().tolist()}


def test_eight_keypoints_on_the_person_are_a_find_and_seven_are_none():
    assert is_on(skeleton(8), LYING)
    assert not is_on(skeleton(7), LYING)


def test_a_skeleton_elsewhere_is_none():
    assert not is_on(skeleton(17, left=300), LYING)
    assert not is_on(skeleton(17, top=20), LYING)


def test_a_skeleton_shrivelled_up_on_the_person_is_none():
    assert not is_on(skeleton(17, left=150, top=160, width=20, height=20), LYING)


def test_keypoints_beside_the_person_do_not_count():
    assert not is_on(skeleton(12, left=0, width=200), LYING)


@dataclass(frozen=True)
class Taught:
    """Stands for the teacher's TaughtPerson, which comes with TensorFlow."""

    score: float
    keypoints: np.ndarray
    views: int


def taught(left: float, top: float, *, views: int = 4) -> Taught:
    keypoints = np.array(skeleton(17, left=left, top=top)["keypoints"], np.float32).reshape(17, 3)
    return Taught(0.7, keypoints, views)


@pytest.fixture
def room() -> np.ndarray:
    return np.full((240, 320, 3), 90, np.uint8)


def with_somebody(room: np.ndarray) -> np.ndarray:
    left, top, width, height = (int(side) for side in LYING)
    picture = room.copy()
    picture[top : top + height, left : left + width] = 200
    return picture


def test_the_teacher_says_where_the_person_lies(room):
    box, means = fall_frames._place([taught(100, 150)], with_somebody(room), room)
    assert means == "teacher"
    assert box == pytest.approx(LYING)


def test_somebody_who_was_there_before_the_fall_is_not_the_one_who_fell(room):
    box, means = fall_frames._place([taught(10, 10)], with_somebody(room), room)
    assert means == "change"
    assert box == pytest.approx(LYING, abs=8)


def test_what_only_one_view_saw_is_not_believed(room):
    _, means = fall_frames._place([taught(100, 150, views=1)], with_somebody(room), room)
    assert means == "change"


def test_a_hole_left_by_somebody_who_stood_there_before_is_nobody(room):
    before = room.copy()
    before[20:140, 20:70] = 20
    box, _ = fall_frames._place([], with_somebody(room), before)
    assert box == pytest.approx(LYING, abs=8)


def test_an_empty_room_has_nobody_to_find(room):
    assert fall_frames._place([], room, room) == (None, "change")


def test_who_lies_still_lies_where_the_teacher_saw_them_a_second_before():
    beside = (*LYING[:3], 50.0)
    told = fall_frames._completed({10: (LYING, "teacher"), 35: (beside, "change"), 300: (None, "change")}, fps=25.0)
    assert told[35] == (LYING, "a frame beside it")
    assert told[300] == (None, "change")


def test_frames_are_taken_every_second_after_the_fall():
    clip = Clip("a.mp4", 48, 80, 157, 25.0)
    assert clip.after() == [88, 113, 138]
    assert max(clip.before()) == 47


def test_falls_whose_end_is_not_known_are_left_out(tmp_path):
    head = "file,source,label,activity,fall_start,fall_end,frames,fps,note\n"
    (tmp_path / "labels.csv").write_text(
        head + "a.mp4,x,fall,,48,80,157,25.0,\nb.mp4,x,fall,,,,9,25.0,\nc.mp4,x,adl,,,,9,25.0,\n"
    )
    assert [clip.file for clip in read_clips(tmp_path / "labels.csv")] == ["a.mp4"]
    (tmp_path / "labels.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TrainingError, match="is not a table of falls"):
        read_clips(tmp_path / "labels.csv")
