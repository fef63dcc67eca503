"""`edgepose replay`: lines, scores, time lines, and clips that can't be read."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from edgepose import networks, scoring
from edgepose.care.settings import Care, Tracking
from edgepose.cli import main
from edgepose.commands.replay import find_clips
from edgepose.config import Association, Model
from edgepose.domain import Frame, FrameResult, Track
from edgepose.errors import UsageError
from edgepose.replay import Ending, Replayer, ReplaySettings, Step
from edgepose.replay_lines import end_line, event_line, frame_line
from edgepose.timeline import draw_timeline
from tests.skeleton_scenes import SUPINE, Scene
from tests.test_care_fall import fall

SMALLEST = "edgepose_192x256_int8"
needs_network = pytest.mark.skipif(
    SMALLEST not in {path.stem for path in networks.installed()}, reason=f"{SMALLEST} is not installed"
)


def results(scene, fps=15):
    """A scene as the pipeline would give it."""
    for seq, (t_s, poses, _) in enumerate(scene.frames(fps, 1)):
        tracks = tuple(Track(place, pose) for place, pose in enumerate(poses, start=1))
        frame = Frame(picture=None, t_s=t_s, mono_ns=0, seq=seq)
        yield FrameResult(frame=frame, size=scene.camera.size, tracks=tracks, layout="body18")


def settings():
    return ReplaySettings(Model(name=SMALLEST, threads=1), Association(), Tracking(), Care())


@pytest.fixture
def steps():
    """All that a fall gives."""
    if SMALLEST not in {path.stem for path in networks.installed()}:
        pytest.skip(f"{SMALLEST} is not installed")
    return list(Replayer(settings()).of_results("clip", results(Scene([fall(SUPINE, 90)]))))


def write_clip(path, seconds=1.0, fps=10):
    """A video of nothing."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        grey = np.full((240, 320, 3), 128, np.uint8)
        for _ in range(round(seconds * fps)):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def test_events_and_frames_become_lines(steps):
    events = [event_line("a.mp4", event) for step in steps for event in step.events]
    falls = [line for line in events if line["kind"] == "fall"]
    assert [line["phase"] for line in falls] == ["suspected", "confirmed"]
    assert falls[1]["clip"] == "a.mp4"
    assert 3.5 < falls[1]["t_s"] < 10
    assert falls[1]["track_id"] == 1
    lines = [frame_line("a.mp4", step) for step in steps if isinstance(step, Step)]
    person = lines[-1]["people"][0]
    assert person["posture"] in ("on_floor", "lying")
    assert len(person["kp"]) == 54
    assert 0 <= min(person["kp"]) <= max(person["kp"]) <= 1
    assert end_line("a.mp4", steps[-1])["kind"] == "clip_end"
    json.dumps([*events, *lines], allow_nan=False)


def test_a_time_line_is_a_picture(steps, tmp_path):
    image = pytest.importorskip("PIL.Image")
    draw_timeline(steps, tmp_path / "a.png", "a.mp4")
    with image.open(tmp_path / "a.png") as picture:
        assert picture.width > 500


def test_a_time_line_of_a_clip_without_frames(tmp_path):
    pytest.importorskip("PIL.Image")
    draw_timeline([Ending(0.0, 0, ())], tmp_path / "a.png", "a.mp4")
    assert (tmp_path / "a.png").is_file()


@needs_network
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_every_clip_of_a_folder_ends_with_a_line(tmp_path, capsys, jobs):
    for name in ("a", "b"):
        write_clip(tmp_path / f"{name}.mp4")
    code = main(["replay", str(tmp_path), "--model", SMALLEST, "--jobs", jobs, "--tracks"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    ends = [line for line in lines if line["kind"] == "clip_end"]
    assert [Path(line["clip"]).name for line in ends] == ["a.mp4", "b.mp4"]
    assert {line["frames"] for line in ends} == {10}
    assert sum(line["kind"] == "frame" for line in lines) == 20


@needs_network
def test_a_clip_that_cannot_be_read_is_told_and_the_others_are_played(tmp_path, capsys):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    write_clip(tmp_path / "b.mp4")
    code = main(["replay", str(tmp_path), "--model", SMALLEST, "--jobs", "1"])
    captured = capsys.readouterr()
    ends = [json.loads(line) for line in captured.out.splitlines()]
    assert code == 1
    assert [("error" in line, line["frames"]) for line in ends] == [(True, 0), (False, 10)]
    assert "a.mp4" in captured.err


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no video"):
        find_clips([str(tmp_path)])


LABELS = """file,source,label,fall_end,fps
a.mp4,Here/one,fall,50,25
b.mp4,Here/two,fall,,25
c.mp4,Here/two,adl,,25
d.mp4,There,adl,,25
"""


def outcome(clip, *alerts_s):
    return scoring.Outcome(clip, 1800.0, alerts_s)


def test_scores_by_source(tmp_path):
    (tmp_path / "labels.csv").write_text(LABELS)
    labels = scoring.read_labels(tmp_path / "labels.csv")
    outcomes = [outcome("a.mp4", 3.5), outcome("b.mp4"), outcome("c.mp4"), outcome("d.mp4", 1.0, 9.0)]
    table = {score.source: score for score in scoring.scores(labels, outcomes)}
    assert set(table) == {"Here", "Here/one", "Here/two", "There", "all"}
    assert table["Here"].sensitivity == 0.5
    assert table["Here"].specificity == 1.0
    assert table["Here"].delays_s == (1.5,)
    assert table["There"].sensitivity is None
    assert table["There"].false_alarms_per_hour == 4.0
    assert table["all"].precision == 0.5
    text = "\n".join(scoring.report(labels, [*outcomes, outcome("e.mp4")]))
    assert "missed falls: b.mp4" in text
    assert "false alarms: d.mp4" in text
    assert "1 clips have no label" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "header"), ("name,label\na,fall\n", "header"), ("file,label,fall_end,fps\na,fall,x,25\n", "must be numbers")],
)
def test_bad_labels_are_refused_in_a_sentence(tmp_path, text, said):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        scoring.read_labels(tmp_path / "labels.csv")
