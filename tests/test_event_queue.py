"""The queue of events on disk: what a power cut, a full disk and a restart leave of it."""

import errno
import logging
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgepose.event_queue
import edgepose.journal
from edgepose.event_queue import DiskReports
from edgepose.journal import Journal
from edgepose.outbox import Outbox, Reports
from edgepose.ports import Message


def event(name: str, expiry_s: int | None = 86400) -> Message:
    return Message("edgepose/flat/bed/event", name.encode(), qos=1, expiry_s=expiry_s)


def waiting(reports: Reports) -> list[str]:
    names, number = [], -1
    while (report := reports.after(number)) is not None:
        names.append(report.message.payload.decode())
        number = report.number
    return names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.queue"


def test_events_outlive_the_process_in_order(path: Path):
    reports = DiskReports(path, now_s=0)
    for name in "abcde":
        assert reports.append(event(name), 0)
    reports.remove(1)
    reports.remove(3)
    again = DiskReports(path, now_s=10)
    assert waiting(again) == ["b", "d", "e"]
    assert again.append(event("f"), 11)
    assert waiting(DiskReports(path, now_s=20)) == ["b", "d", "e", "f"]


def test_the_whole_message_and_its_age_outlive_the_process(path: Path):
    message = Message("a/b", b"\x00\xff", qos=1, expiry_s=60, content_type="text/plain")
    DiskReports(path, now_s=100).append(message, 100)
    report = DiskReports(path, now_s=130).after(-1)
    assert report is not None and (report.message, report.put_s) == (message, 100)


def test_of_another_boot_the_age_is_unknown_and_begins_anew(path: Path, monkeypatch: pytest.MonkeyPatch):
    DiskReports(path, now_s=5000).append(event("a"), 5000)
    monkeypatch.setattr(edgepose.event_queue, "boot", lambda: "beef")
    report = DiskReports(path, now_s=3).after(-1)
    assert report is not None and report.put_s == 3
    report = DiskReports(path, now_s=9).after(-1)
    assert report is not None and report.put_s == 3, "and counts from then on"


def test_a_power_cut_at_any_byte_leaves_the_events_that_were_whole(path: Path):
    reports = DiskReports(path, now_s=0)
    ends = []
    for name in ("first", "second", "third"):
        reports.append(event(name), 0)
        ends.append(path.stat().st_size)
    reports.remove(1)
    ends.append(path.stat().st_size)
    data = path.read_bytes()
    truth = {0: [], 1: ["first"], 2: ["first", "second"], 3: ["first", "second", "third"], 4: ["second", "third"]}
    for cut in range(len(data) + 1):
        for tail in (b"", b"\0" * 7, b"\xff" * 40):
            path.write_bytes(data[:cut] + tail)
            left = DiskReports(path, now_s=0)
            expected = truth[sum(end <= cut for end in ends)]
            assert waiting(left) == expected, (cut, tail)
            left.append(event("next"), 0)
            left.close()
            assert waiting(DiskReports(path, now_s=0)) == [*expected, "next"], (cut, tail)


def test_a_power_cut_while_the_file_is_written_anew_leaves_the_old_one(path: Path):
    DiskReports(path, now_s=0).append(event("a"), 0)
    path.with_suffix(".new").write_bytes(b"edgepose jour")
    assert waiting(DiskReports(path, now_s=0)) == ["a"]


def test_what_a_half_undone_clear_leaves_behind_new_records_is_not_taken_for_new(path: Path):
    reports = DiskReports(path, now_s=0)
    reports.append(event("old1"), 0)
    reports.append(event("old2"), 0)
    old = path.read_bytes()
    reports.remove(1)
    reports.remove(2)
    reports.append(event("new1"), 0)
    new = path.read_bytes()
    path.write_bytes(new + old[len(new) :])
    assert waiting(DiskReports(path, now_s=0)) == ["new1"]


@settings(deadline=None, print_blob=True)
@given(flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_anywhere_is_survived(tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]):
    path = tmp_path_factory.mktemp("damaged") / "events.queue"
    reports = DiskReports(path, now_s=0)
    for name in "abcd":
        reports.append(event(name), 0)
    data = bytearray(path.read_bytes())
    for place, value in flips:
        data[place % len(data)] = value
    path.write_bytes(data)
    left = DiskReports(path, now_s=0)
    assert waiting(left) in ([], ["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"])


def test_a_full_queue_keeps_the_oldest_and_the_outbox_counts_the_others(path: Path):
    reports = DiskReports(path, now_s=0, limit=3)
    outbox = Outbox(reports=reports)
    for name in "abcde":
        outbox.put(event(name), 0)
    assert waiting(reports) == ["a", "b", "c"]
    assert outbox.counters().overflowed == 2


def test_the_file_stays_small_while_events_come_and_go(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edgepose.event_queue, "SPARE_BYTES", 2000)
    reports = DiskReports(path, now_s=0)
    largest = 0
    reports.append(event("the oldest stays"), 0)
    for number in range(500):
        reports.append(event(f"{number}"), 0)
        reports.remove(number + 2)
        largest = max(largest, path.stat().st_size)
    assert largest < 4000
    again = DiskReports(path, now_s=0)
    assert waiting(again) == ["the oldest stays"]
    again.remove(1)
    assert path.stat().st_size < 30


def test_nothing_is_written_while_nothing_happens(path: Path):
    outbox = Outbox(reports=DiskReports(path, now_s=0))
    before = path.stat()
    for second in range(100):
        outbox.put(Message("pose", b"x"), second)
        outbox.put(Message("state", b"x", qos=1, retain=True), second)
        outbox.take(second)
    assert path.stat() == before


class FullDisk:
    """A journal's file system that takes no more than so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._write = edgepose.journal.os.pwrite
        monkeypatch.setattr(edgepose.journal.os, "pwrite", self._pwrite)

    def _pwrite(self, file: int, data: memoryview, place: int) -> int:
        if not self.full:
            return self._write(file, data, place)
        if len(data) > 5:
            return self._write(file, data[:5], place)  # a full disk takes a part before it refuses
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_no_event_and_is_told_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    disk = FullDisk(monkeypatch)
    reports = DiskReports(path, now_s=0)
    reports.append(event("a"), 0)
    disk.full = True
    assert reports.append(event("b"), 0)
    assert reports.append(event("c"), 0)
    assert waiting(reports) == ["a", "b", "c"]
    assert (reports.unsaved, reports.durable) == (2, False)
    assert caplog.text.count("No space left on device") == 1
    assert waiting(DiskReports(path, now_s=0)) == ["a"], "what was there is still there"
    disk.full = False
    reports.remove(2)
    assert reports.durable
    assert "can be written again" in caplog.text
    assert waiting(DiskReports(path, now_s=0)) == ["a", "c"]


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").write_text("")
    reports = DiskReports(tmp_path / "file" / "events.queue", now_s=0)
    assert reports.append(event("a"), 0)
    assert waiting(reports) == ["a"]
    assert not reports.durable
    assert "kept in memory alone" in caplog.text


def test_any_history_leaves_what_a_list_would(tmp_path: Path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    path = tmp_path / "events.queue"
    reports, truth, made = DiskReports(path, now_s=0), [], 0
    for _ in range(400):
        match rng.randrange(5):
            case 0 | 1:
                reports.append(event(str(made)), 0)
                truth.append(str(made))
                made += 1
            case 2 | 3 if truth:
                gone = rng.choice(truth[:3])
                number = -1
                while (report := reports.after(number)) is not None and report.message.payload.decode() != gone:
                    number = report.number
                assert report is not None
                reports.remove(report.number)
                truth.remove(gone)
            case 4:
                if rng.random() < 0.5:
                    reports.close()
                reports = DiskReports(path, now_s=0)
        assert waiting(reports) == truth


def test_a_journal_that_is_no_journal_is_told_and_replaced(path: Path, caplog: pytest.LogCaptureFixture):
    path.parent.mkdir()
    path.write_bytes(b"something else altogether")
    assert waiting(DiskReports(path, now_s=0)) == []
    assert "make no sense" in caplog.text
    assert Journal(path).load() == ([], 0)
