"""The progress bar: on a terminal only, and never torn by a sentence."""

import re
import sys

import pytest

from edgepose.progress import Progress


def test_on_a_terminal_a_bar_counts_and_a_sentence_has_its_own_line(capsys):
    pytest.importorskip("tqdm")
    with Progress(3, "frames", enabled=True) as progress:
        progress.step()
        progress.say("edgepose: something happened")
        progress.step(2)
    said = capsys.readouterr()
    assert said.out == ""
    assert "3/3" in said.err
    assert re.search(r"(?m)^.*\redgepose: something happened$|^edgepose: something happened$", said.err)


def test_in_a_pipe_there_are_sentences_alone(capsys):
    with Progress(3, "frames") as progress:
        progress.step(3)
        progress.say("edgepose: something happened")
    assert capsys.readouterr() == ("", "edgepose: something happened\n")


def test_without_tqdm_there_is_no_bar_and_no_failure(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with Progress(None, "frames", enabled=True) as progress:
        progress.step()
    assert capsys.readouterr().err == ""
