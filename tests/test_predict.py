"""`edgepose predict` as people call it: a process, its files, its sentences and its exit codes."""

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest

from edgepose import networks
from edgepose.config import FileSource, HttpSource, RtspSource, V4l2Source
from edgepose.demo_clip import CLIP
from edgepose.errors import UsageError
from edgepose.inputs import read_inputs
from edgepose.skeleton import BODY18_NAMES
from tests.clips import encoded, numbered, write_clip
from tests.streams import PASSWORD, USER, HttpCamera

ROOT = Path(__file__).parents[1]
SMALLEST = "edgepose_192x256_int8"
needs_network = pytest.mark.skipif(
    not any(path.stem == SMALLEST for path in networks.installed()), reason=f"the network {SMALLEST} is not installed"
)
needs_clip = pytest.mark.skipif(not CLIP.is_file(), reason="the demo clip is not installed")


def predict(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgepose", "predict", "--model", SMALLEST, "--threads", "1", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, env=environment(), check=False)


def environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def sentences(run: subprocess.CompletedProcess[str]) -> list[str]:
    """What standard error says, the runtime's own chatter left out."""
    assert "Traceback" not in run.stderr, run.stderr
    return [line for line in run.stderr.splitlines() if line.startswith("edgepose: ")]


def write_picture(path: Path, pixels: np.ndarray | None = None) -> Path:
    codec, form = {".png": ("png", "rgb24"), ".jpg": ("mjpeg", "yuvj444p")}[path.suffix]
    path.write_bytes(encoded(np.ascontiguousarray(numbered(5) if pixels is None else pixels), codec, form))
    return path


def frame_of_clip(seconds: float) -> np.ndarray:
    """A picture of the demo clip, in which somebody stands."""
    with av.open(str(CLIP)) as clip:
        return next(f.to_ndarray(format="rgb24") for f in clip.decode(video=0) if f.time >= seconds)


# ---- what the words mean


def test_words_are_pictures_clips_streams_and_cameras(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).touch()
    words = [str(tmp_path), "clip.mp4", "rtsp://cam/1", "https://cam/video", "/dev/video3"]
    found = read_inputs(words)
    assert [Path(an_input.text).name for an_input in found] == ["a.JPG", "b.png", "clip.mp4", "1", "video", "video3"]
    assert [an_input.group for an_input in found[:2]] == [str(tmp_path)] * 2
    assert [type(an_input.source) for an_input in found[2:]] == [FileSource, RtspSource, HttpSource, V4l2Source]


@pytest.mark.parametrize(
    ("word", "sentence"), [("ftp://cam/1", "can't read ftp:// streams"), (".", "holds no pictures")]
)
def test_words_that_cannot_be_meant_are_told(tmp_path, monkeypatch, word, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=sentence):
        read_inputs([word])


# ---- files and streams of results


@needs_network
def test_a_picture_becomes_a_line_on_standard_output(tmp_path):
    picture = write_picture(tmp_path / "a.png")
    run = predict(picture)
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert (document["file"], document["w"], document["h"]) == (str(picture), 160, 120)
    assert document["layout"] == "body18"
    assert sentences(run)[-1].startswith("edgepose: 1 frame, ")


@needs_network
def test_a_folder_and_a_clip_become_openpose_files_with_openpose_names(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("one.png", "two.jpg"):
        write_picture(pictures / name)
    clip = write_clip(tmp_path / "room.mp4", count=3)
    run = predict(pictures, clip, "--format", "openpose-json", "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "one_keypoints.json",
        *(f"room_{seq:012d}_keypoints.json" for seq in range(3)),
        "two_keypoints.json",
    ]
    for path in (tmp_path / "out").iterdir():
        assert json.loads(path.read_text())["version"] == 1.3


@needs_network
def test_pictures_of_one_name_do_not_write_over_each_other(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / "a.png")
    predict(tmp_path / "x" / "a.png", tmp_path / "y" / "a.png", "--format", "openpose-json", "--out", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-2_keypoints.json", "a_keypoints.json"]


@needs_network
@needs_clip
def test_coco_results_of_people_are_read_by_pycocotools(tmp_path):
    coco_module = pytest.importorskip("pycocotools.coco")
    write_picture(tmp_path / "000000000042.png", frame_of_clip(4.0))
    annotations = tmp_path / "a.json"
    annotations.write_text(json.dumps({"images": [{"id": 7, "file_name": "000000000042.png"}]}))
    for extra, image_id in (((), 42), (("--annotations", annotations), 7)):
        run = predict(tmp_path / "000000000042.png", "--format", "coco", "--out", "-", *extra)
        assert run.returncode == 0, run.stderr
        truth = coco_module.COCO()
        truth.dataset = {"images": [{"id": image_id}], "annotations": [], "categories": [{"id": 1}]}
        truth.createIndex()
        assert truth.loadRes(json.loads(run.stdout)).getAnnIds(imgIds=[image_id])


@needs_network
@needs_clip
def test_a_picture_that_lies_on_its_side_is_turned_upright(tmp_path):
    upright = frame_of_clip(4.0)
    write_picture(tmp_path / "upright.png", upright)
    write_picture(tmp_path / "turned.png", np.rot90(upright))  # counter-clockwise
    straight = json.loads(predict(tmp_path / "upright.png").stdout)
    turned = json.loads(predict(tmp_path / "turned.png", "--rotate", "90", "--out", "-", "--render", tmp_path).stdout)
    assert (turned["w"], turned["h"]) == (straight["w"], straight["h"])
    assert straight["people"]
    first, second = (np.array(d["people"][0]["keypoints"])[BODY18_NAMES.index("neck")] for d in (straight, turned))
    np.testing.assert_allclose(first, second, atol=2)
    with av.open(str(tmp_path / "turned_rendered.png")) as rendered:
        drawn = next(rendered.decode(video=0)).to_ndarray(format="rgb24")
    assert drawn.shape == upright.shape
    assert 0 < (np.abs(drawn.astype(int) - upright) > 30).mean() < 0.2, "skeletons over the upright picture"


@needs_network
def test_rendering_writes_pictures_and_clips_and_nothing_on_standard_output(tmp_path):
    pytest.importorskip("PIL", reason="needs the extra `render`")
    picture, clip = write_picture(tmp_path / "a.jpg"), write_clip(tmp_path / "room.mp4", count=5, rate=10)
    run = predict(picture, clip, "--render", tmp_path / "out")
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_rendered.jpg", "room_rendered.mp4"]
    with av.open(str(tmp_path / "out" / "room_rendered.mp4")) as rendered:
        assert rendered.streams.video[0].average_rate == 10
        assert len(list(rendered.decode(video=0))) == 5


@needs_network
def test_inputs_stay_as_they_are_even_in_the_folder_written_to(tmp_path):
    pytest.importorskip("PIL", reason="needs the extra `render`")
    pictures = [write_picture(tmp_path / name) for name in ("a.png", "a_rendered.png")]
    before = [picture.read_bytes() for picture in pictures]
    run = predict(tmp_path, "--render", tmp_path)
    assert run.returncode == 1
    assert "a_rendered.png is one of the inputs and is left as it is" in sentences(run)[-1]
    assert [picture.read_bytes() for picture in pictures] == before


# ---- what goes wrong


@needs_network
def test_an_input_that_fails_is_told_and_the_others_go_on(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("this is no picture")
    good = write_picture(tmp_path / "good.png")
    run = predict(text, tmp_path / "missing.mp4", good)
    assert run.returncode == 1
    assert [json.loads(line)["file"] for line in run.stdout.splitlines()] == [str(good)]
    told = sentences(run)
    assert len(told) == 3
    assert "text.png" in told[0]
    assert "missing.mp4" in told[1]
    assert "2 inputs failed" in told[2]


@needs_network
def test_what_could_be_read_of_a_truncated_video_is_kept(tmp_path):
    whole = write_clip(tmp_path / "whole.mkv", count=60, size=(320, 240))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    run = predict(cut, "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "cut.mkv" in sentences(run)[0]
    kept = (tmp_path / "out" / "cut.jsonl").read_text().splitlines()
    assert 0 < len(kept) < 60
    assert [json.loads(line)["seq"] for line in kept] == list(range(len(kept)))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.png", "--format", "xml"],
        ["a.png", "--rotate", "45"],
        ["a.png", "--min-keypoint", "2"],
        ["a.png", "--max-people", "0"],
        ["a.png", "--annotations", "a.json"],
        ["ftp://cam/1"],
    ],
)
def test_a_command_line_that_cannot_be_meant_exits_with_2(words, tmp_path):
    run = predict(*words, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


@needs_network
def test_a_file_in_the_place_of_the_output_folder_exits_with_2(tmp_path):
    picture = write_picture(tmp_path / "a.png")
    run = predict(picture, "--out", picture)
    assert run.returncode == 2
    assert "a.png is a file; name a folder" in sentences(run)[0]


def test_a_network_that_is_not_there_is_one_sentence(tmp_path):
    run = predict(write_picture(tmp_path / "a.png"), "--model", "edgepose_193x256_int8")
    assert run.returncode == 1
    assert len(sentences(run)) == 1


def start(*words: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edgepose", "predict", "--model", SMALLEST, "--threads", "1", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())


@needs_network
def test_a_reader_that_goes_away_is_no_failure(tmp_path):
    process = start(write_clip(tmp_path / "a.mp4", count=60))
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["seq"] == 0
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(60) == 0, said
    assert "Traceback" not in said
    assert "Exception" not in said


@needs_network
def test_sigterm_finishes_the_files(tmp_path):
    pytest.importorskip("PIL", reason="needs the extra `render`")
    process = start(write_clip(tmp_path / "a.mp4", count=2000), "--out", "-", "--render", tmp_path / "out")
    assert process.stdout
    for _ in range(60):
        process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert rest.count("\n") < 1940
    with av.open(str(tmp_path / "out" / "a_rendered.mp4")) as rendered:
        assert len(list(rendered.decode(video=0))) >= 50


@needs_network
def test_a_stream_is_read_until_it_is_stopped_and_its_password_stays_out_of_the_output():
    with HttpCamera() as camera:
        process = start(camera.url("/protected", login=f"{quote(USER)}:{quote(PASSWORD, safe='')}@"))
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    documents = [json.loads(line) for line in lines]
    assert {document["source"] for document in documents} == {camera.url("/protected")}
    assert all(a["t_s"] < b["t_s"] for a, b in pairwise(documents))
    assert quote(PASSWORD, safe="") not in "".join(lines) + rest + said


@needs_network
def test_a_stream_that_nobody_serves_is_told_in_one_sentence():
    with HttpCamera() as camera:
        run = predict(camera.url("/none"))
    assert run.returncode == 1
    assert "/none" in sentences(run)[0]
    assert "1 input failed" in sentences(run)[1]


def test_an_address_that_is_none_exits_with_2():
    run = predict("rtsp://")
    assert run.returncode == 2
    assert len(sentences(run)) == 1
