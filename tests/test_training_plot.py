"""A training log as a picture: losses, AP, hours."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from training.errors import TrainingError
from training.measure import log_figures
from training.plot import draw, read_log


def log_of(tmp_path, *lines: dict) -> Path:
    file = tmp_path / "train.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def loss(step: int, value: float) -> dict:
    return {"step": step, "paf_loss": value, "steps_per_s": 0.5}


def test_losses_scores_and_hours_are_told_apart(tmp_path):
    file = log_of(tmp_path, loss(50, 9.0), loss(100, 4.0))
    log_figures(file, 100, Path("edgepose_256x320_int8.tflite"), {"AP": 0.2, "AR": 0.3})
    log = read_log(file)
    assert dict(log.losses) == {"paf_loss": ([50, 100], [9.0, 4.0])}
    assert dict(log.scores) == {"AP edgepose_256x320_int8": ([100], [0.2])}
    assert log.hours == ([50, 100], pytest.approx([100 / 3600, 200 / 3600]))


def test_steps_that_were_run_again_after_a_break_count_once(tmp_path):
    log = read_log(log_of(tmp_path, loss(50, 9.0), loss(100, 5.0), loss(150, 3.0), loss(100, 4.0)))
    assert log.losses["paf_loss"] == ([50, 100, 150], [9.0, 4.0, 3.0])


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "is empty"), ("{", "is not a training log"), ('{"a": 1}', "is not a training log")]
)
def test_what_is_no_log_is_told_in_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "train.jsonl"
    file.write_text(text)
    with pytest.raises(TrainingError, match=sentence):
        read_log(file)


def test_no_log_is_told_by_name(tmp_path):
    with pytest.raises(TrainingError, match=r"no log .*none\.jsonl"):
        read_log(tmp_path / "none.jsonl")


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_picture_is_drawn(tmp_path, ending):
    pytest.importorskip("matplotlib", reason="plots are drawn with matplotlib of the extra `train`")
    file = log_of(tmp_path, loss(50, 9.0), loss(100, 4.0), {"step": 100, "AP": 0.2})
    out = tmp_path / f"train.{ending}"
    draw(file, out)
    assert out.stat().st_size > 5000
