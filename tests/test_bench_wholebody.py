"""What `edgepose bench --wholebody` measures; not how long it takes."""

import json

import pytest

from edgepose import networks
from edgepose.bench_wholebody import one_person, run_bench
from edgepose.cli import main
from edgepose.demo_clip import CLIP
from edgepose.errors import EdgeposeError
from edgepose.networks import build_pipeline
from edgepose.wholebody.stage import WholeBody
from tests.clips import write_clip
from tests.test_wholebody import ALL, fakes

SMALL = "edgepose_192x256_int8"


def test_one_persons_135_keypoints_are_timed_beside_their_body():
    rounds = []
    told = run_bench(networks.load(SMALL), CLIP, threads=1, rounds=2, progress=lambda: rounds.append(1))
    assert (told.model, told.threads, told.keypoints) == (SMALL, 1, 135)
    assert min(told.body_ms, told.hands_ms, told.face_ms, told.feet_ms) > 0
    assert len(rounds) == 2


def test_a_clip_that_shows_nobody_is_refused_in_a_sentence(tmp_path):
    clip = write_clip(tmp_path / "empty.mp4", count=3, size=(320, 240))
    with pytest.raises(EdgeposeError, match="shows one person alone"):
        run_bench(networks.load(SMALL), clip, rounds=1)


def test_the_command_prints_one_object(capsys, monkeypatch):
    monkeypatch.setattr("edgepose.commands.bench.WHOLEBODY_ROUNDS", 1)
    assert main(["bench", "--wholebody", "--model", SMALL, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["keypoints"] == 135
    assert told["ratio"] > 0


def test_the_person_who_is_timed_has_every_part_looked_for():
    """With this network, ankles of the first frames that show all else are too faint to place a foot."""
    seen = one_person(build_pipeline(networks.load("edgepose_256x320_int8")), CLIP)
    nets = fakes()
    WholeBody(ALL, networks=nets, follow=False)(seen)
    assert len(nets["hand"].shown) >= 2
    assert len(nets["face"].shown) >= 1
    assert len(nets["foot"].shown) == 2
