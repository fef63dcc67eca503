"""The log in the form that its reader wants."""

import logging
import os
from collections.abc import Iterator

import pytest

from edgepose.config import Logging
from edgepose.logs import leads_to_journal, start_logging

log = logging.getLogger("edgepose.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger("edgepose")
    before = root.handlers[:], root.level, root.propagate
    yield
    root.handlers[:], root.level, root.propagate = before


def journal_of_stderr() -> str:
    found = os.fstat(2)
    return f"{found.st_dev}:{found.st_ino}"


def test_every_line_of_a_traceback_has_its_priority(capsys: pytest.CaptureFixture[str]):
    start_logging(Logging(format="journal"))
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("it went wrong")
    log.warning("careful")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "<3>it went wrong"
    assert lines[-1] == "<4>careful"
    assert len(lines) > 4
    assert all(line.startswith("<3>") for line in lines[:-1])


def test_the_journal_is_known_by_its_inode():
    assert leads_to_journal({"JOURNAL_STREAM": journal_of_stderr()})
    assert not leads_to_journal({"JOURNAL_STREAM": "1:2"})
    assert not leads_to_journal({})


@pytest.mark.parametrize("journal", [True, False])
def test_the_form_is_the_journals_where_it_listens(
    journal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JOURNAL_STREAM", journal_of_stderr() if journal else "1:2")
    start_logging(Logging())
    log.info("hello")
    said = capsys.readouterr().err
    assert said == "<6>hello\n" if journal else said.endswith(" INFO    hello\n")
