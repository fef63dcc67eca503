"""Skeletons over pictures and clips, looked at pixel by pixel."""

import builtins

import av
import numpy as np
import pytest

from edgepose import render
from edgepose.adapters.clip_writer import ClipWriter
from edgepose.domain import Pose
from edgepose.errors import EdgeposeError
from edgepose.skeleton import BODY18_NAMES

pytest.importorskip("PIL", reason="needs the extra `render`")

GREY = 128


def picture(width: int = 320, height: int = 240) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def pose_of(**places: tuple[float, float, float]) -> Pose:
    keypoints = np.zeros((18, 3), np.float32)
    for name, place in places.items():
        keypoints[BODY18_NAMES.index(name)] = place
    return Pose(keypoints, 0.9)


def changed(drawn: np.ndarray) -> np.ndarray:
    return np.abs(drawn.astype(int) - GREY).max(axis=2)


def test_a_limb_is_drawn_between_its_keypoints_and_the_picture_given_stays_as_it_is():
    before = picture()
    drawn = render.draw(before, [pose_of(neck=(100, 100, 1), right_hip=(100, 200, 1))], "body18")
    assert (before == GREY).all()
    difference = changed(drawn)
    assert (difference[102:198, 100] > 40).all()
    assert (difference[:, :85] == 0).all()
    assert (difference[:, 116:] == 0).all()


def test_a_limb_lies_symmetrically_about_its_line():
    difference = changed(render.draw(picture(), [pose_of(neck=(100, 60, 1), right_hip=(100, 200, 1))], "body18"))
    row = difference[130]
    assert (row * np.arange(320)).sum() / row.sum() == pytest.approx(100, abs=0.15)


def test_a_limb_with_an_end_that_was_not_found_is_not_drawn():
    difference = changed(render.draw(picture(), [pose_of(right_knee=(200, 200, 0.9))], "body18"))
    rows, columns = np.nonzero(difference)
    assert len(rows)
    assert rows.min() > 190
    assert columns.min() > 190, "nothing leads to 0, 0"


def test_what_the_network_was_less_sure_of_is_fainter():
    strength = [
        int(changed(render.draw(picture(), [pose_of(neck=(100, 50, c), right_hip=(100, 200, c))], "body18"))[125, 100])
        for c in (0.1, 0.5, 1.0)
    ]
    assert strength[0] < strength[1] < strength[2]


def test_the_fields_between_shoulder_and_ear_are_not_part_of_the_picture():
    ends = pose_of(right_shoulder=(50, 200, 1), right_ear=(250, 40, 1))
    assert changed(render.draw(picture(), [ends], "body18"))[120, 150] == 0


def test_limbs_have_colours_of_their_own():
    arms = pose_of(
        left_shoulder=(60, 60, 1), left_elbow=(60, 200, 1), right_shoulder=(200, 60, 1), right_elbow=(200, 200, 1)
    )
    drawn = render.draw(picture(), [arms], "body18").astype(int)
    assert np.abs(drawn[130, 60] - drawn[130, 200]).max() > 60


def test_keypoints_outside_the_picture_are_harmless():
    far = pose_of(neck=(-500, -500, 1), right_hip=(900, 700, 1), left_hip=(1e5, 1e5, 1), nose=(-1000, 10, 1))
    assert render.draw(picture(), [far], "body18").shape == (240, 320, 3)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (2000, 30)])
def test_pictures_of_any_size_can_be_drawn_on(size):
    width, height = size
    drawn = render.draw(picture(width, height), [pose_of(neck=(0, 0, 1), nose=(width - 1, height - 1, 1))], "body18")
    assert drawn.shape == (height, width, 3)


@pytest.mark.parametrize("layout", ["body25", "coco17"])
def test_other_body_layouts_are_drawn(layout):
    keypoints = np.random.default_rng(4).uniform(20, 200, (25 if layout == "body25" else 17, 3)).astype(np.float32)
    assert changed(render.draw(picture(), [Pose(keypoints, 1.0)], layout)).any()


def test_a_layout_without_a_skeleton_is_told():
    with pytest.raises(EdgeposeError, match="'hand21'; there is one for body18"):
        render.draw(picture(), [], "hand21")


def test_pictures_are_written_as_their_ending_says(tmp_path):
    from PIL import Image

    for ending, kind in (("png", "PNG"), ("jpg", "JPEG")):
        render.save(picture(), tmp_path / f"a.{ending}")
        with Image.open(tmp_path / f"a.{ending}") as read:
            assert (read.format, read.size) == (kind, (320, 240))


def test_a_folder_that_went_away_is_one_sentence(tmp_path):
    with pytest.raises(EdgeposeError, match="can't write"):
        render.save(picture(), tmp_path / "gone" / "a.png")
    with pytest.raises(EdgeposeError, match="can't write"):
        ClipWriter(tmp_path / "gone" / "a.mp4").add(picture(), 0.0)


def test_without_pillow_the_sentence_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_pillow(name, *args, **kwargs):
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(EdgeposeError, match=r"pip install 'edgepose\[render\]'"):
        render.draw(picture(), [], "body18")


def test_a_clip_keeps_the_frame_rate_size_and_colours_of_its_source(tmp_path):
    writer = ClipWriter(tmp_path / "a.mp4")
    for count in range(25):
        writer.add(np.full((120, 160, 3), (200, 20, 60), np.uint8), 7.0 + count / 12.5)
    writer.close()
    with av.open(str(tmp_path / "a.mp4")) as clip:
        stream = clip.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 160, 120)
        assert stream.average_rate == 12.5
        frames = list(clip.decode(video=0))
    assert [round(frame.time, 3) for frame in frames[:3]] == [0.0, 0.08, 0.16]
    assert len(frames) == 25
    assert np.abs(frames[12].to_ndarray(format="rgb24").astype(int) - (200, 20, 60)).max() <= 6


def test_a_source_that_changes_its_size_or_has_odd_sides_still_gives_a_clip(tmp_path):
    writer = ClipWriter(tmp_path / "a.mp4")
    for count, size in enumerate([(121, 161), (60, 200), (240, 320)]):
        writer.add(np.zeros((*size, 3), np.uint8), count / 5)
    writer.close()
    writer.close()
    with av.open(str(tmp_path / "a.mp4")) as clip:
        assert [(frame.width, frame.height) for frame in clip.decode(video=0)] == [(160, 120)] * 3


def test_a_clip_without_pictures_is_no_file(tmp_path):
    ClipWriter(tmp_path / "a.mp4").close()
    assert not list(tmp_path.iterdir())
