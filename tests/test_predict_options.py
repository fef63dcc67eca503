"""What OpenPose's users ask of `edgepose predict`: layouts, ids, drawings, heat maps, many processes, going on."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from edgepose.domain import Pose, Track
from edgepose.identities import UNKNOWN, Identified
from edgepose.prediction_setup import Best
from edgepose.skeleton import BODY25_NAMES, FEET6_NAMES
from tests.clips import write_clip
from tests.test_formats import everywhere, result_of
from tests.test_predict import frame_of_clip, needs_clip, needs_network, predict, sentences, write_picture

WHOLEBODY = Path(__file__).parent / "wholebody"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five pictures of the demo clip, and one that can't be read."""
    path = tmp_path_factory.mktemp("pictures")
    for second in range(5):
        write_picture(path / f"room_{second}.png", frame_of_clip(4.0 + second))
    (path / "room_3b.png").write_text("this is no picture")
    return path


@needs_network
@needs_clip
def test_many_processes_write_what_one_writes(folder, tmp_path):
    pytest.importorskip("PIL", reason="needs the extra `render`")
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        run = predict(folder, "--jobs", jobs, "--out", out, "--render", out / "drawn", "--black")
        assert run.returncode == 1
        assert "room_3b.png" in sentences(run)[0]
        assert "5 frames" in sentences(run)[-1]
        assert "1 input failed" in sentences(run)[-1]
    one, two = (sorted(f for f in (tmp_path / jobs).rglob("*") if f.is_file()) for jobs in ("1", "2"))
    assert [path.name for path in one] == [path.name for path in two]
    assert len([path for path in one if path.suffix == ".png"]) == 5
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name
    with av.open(str(tmp_path / "1" / "drawn" / "room_0_rendered.png")) as drawn:
        pixels = next(drawn.decode(video=0)).to_ndarray(format="rgb24")
    assert 0 < (pixels.max(axis=2) > 60).mean() < 0.2, "skeletons on black"


@needs_network
@needs_clip
def test_a_run_that_goes_on_does_only_what_is_missing(folder, tmp_path):
    words = (folder, "--jobs", "1", "--format", "openpose-yaml", "--out", tmp_path)
    assert predict(*words).returncode == 1
    lost = tmp_path / "room_3_pose.yml"
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    text = lost.read_text()
    lost.unlink()
    run = predict(*words, "--resume")
    assert "1 frame, " in sentences(run)[-1]
    assert "4 frames done before" in sentences(run)[-1]
    assert lost.read_text() == text
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path != lost} == {
        path: time for path, time in before.items() if path != lost
    }


@needs_network
def test_wholebody_fills_body25_with_feet_beside_their_own_ankles(tmp_path):
    run = predict(
        WHOLEBODY / "person_1_0.jpg", "--wholebody", "--format", "openpose-json", "--out", tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    (person,) = json.loads((tmp_path / "person_1_0_keypoints.json").read_text())["people"]
    truth = next(t for t in json.loads((WHOLEBODY / "truth.json").read_text()) if t["file"] == "person_1_0.jpg")
    body = np.reshape(person["pose_keypoints_2d"], (25, 3))
    feet = body[[BODY25_NAMES.index(name) for name in FEET6_NAMES]]
    assert (feet[:, 2] > 0).all()
    shin = np.linalg.norm(body[10, :2] - body[11, :2])
    for found, place in zip(feet, truth["feet"], strict=True):
        assert np.linalg.norm(found[:2] - place[:2]) < 0.3 * shin
    assert [len(person[f"{part}_keypoints_2d"]) for part in ("face", "hand_left", "hand_right")] == [210, 63, 63]


@needs_network
@needs_clip
def test_a_clip_gets_ids_in_the_order_asked_for_and_on_the_scale(tmp_path):
    clip = tmp_path / "two.mp4"
    with av.open(str(clip), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for step in range(6):
            picture = av.VideoFrame.from_ndarray(frame_of_clip(4.0 + step / 10), format="rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode())
    words = ("--format", "openpose-json", "--out", tmp_path / "out", "--layout", "BODY_25", "--keypoint-scale", "unit")
    run = predict(clip, *words, "--number-people-max", "1", "--write-heatmaps", tmp_path, "--heatmaps-format", "float")
    assert run.returncode == 0, run.stderr
    people = [json.loads(path.read_text())["people"] for path in sorted((tmp_path / "out").iterdir())]
    assert len(people) == 6
    ids = {person["person_id"][0] for frame in people for person in frame}
    assert ids == {1}
    for frame in people:
        for person in frame:
            assert len(person["pose_keypoints_2d"]) == 75
            assert all(0 <= number <= 1 for number in person["pose_keypoints_2d"])
    assert len(list(tmp_path.glob("two_*_pose_heatmaps.float"))) == 6


@needs_network
def test_everything_drawn_becomes_one_video(tmp_path):
    pytest.importorskip("PIL", reason="needs the extra `render`")
    pictures = [write_picture(tmp_path / name) for name in ("a.png", "b.png")]
    clip = write_clip(tmp_path / "room.mp4", count=5, rate=10)
    run = predict(*pictures, clip, "--write-video", tmp_path / "out" / "all.mp4", "--video-fps", "5")
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    with av.open(str(tmp_path / "out" / "all.mp4")) as video:
        times = [frame.time for frame in video.decode(video=0)]
    np.testing.assert_allclose(times, np.arange(7) / 5, atol=1e-3)


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "coco", "--layout", "MPI"),
        ("--format", "coco-wholebody", "--keypoint-scale", "unit"),
        ("--format", "openpose-xml"),
        ("--layout", "BODY_24"),
        ("--resume",),
        ("--black",),
        ("--video-fps", "5"),
        ("--write-video", "a.avi"),
        ("--number-people-max", "0"),
    ],
)
def test_options_that_contradict_each_other_exit_with_2(tmp_path, words):
    run = predict("a.png", *words, cwd=tmp_path)
    assert run.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_the_best_people_are_kept_in_their_order():
    result = result_of(*(everywhere(100 * n) for n in range(4)))
    scores = (0.3, 0.9, 0.2, 0.5)
    tracks = tuple(Track(t.id, Pose(t.pose.keypoints, s)) for t, s in zip(result.tracks, scores, strict=True))
    kept = Best(lambda _frame: replace(result, tracks=tracks), 2)(result.frame)
    assert [track.id for track in kept.tracks] == [2, 4]


def test_ids_stay_with_their_people_and_poses_stay_as_they_were_found():
    here, there = everywhere(), everywhere(300)
    scrap = np.zeros((18, 3), np.float32)
    scrap[4] = (600, 20, 0.4)
    moved = np.array((2, 1, 0), np.float32)
    frames = [result_of(here, there), result_of(there + moved, here + moved, scrap, seq=1)]
    stages = Identified(lambda frame: frames[frame.seq], "body18")
    first, second = (stages(result.frame).tracks for result in frames)
    assert [track.id for track in second] == [first[1].id, first[0].id, UNKNOWN]
    assert len({track.id for track in first}) == 2
    for track, before in zip(second, frames[1].tracks, strict=True):
        np.testing.assert_array_equal(track.pose.keypoints, before.pose.keypoints)
