"""Reports that outlive the process and a power cut: in memory, and beside that in a journal on disk."""

import logging
import threading
from pathlib import Path

import msgspec

from edgepose.journal import MAX_RECORD, Journal
from edgepose.machine_id import boot
from edgepose.outbox import REPORT_LIMIT, MemoryReports, Report
from edgepose.ports import Message

log = logging.getLogger(__name__)

SPARE_BYTES = 1 << 18
"""How far the journal may grow by records of reports that are done, before it is written anew without them."""


class _Put(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    number: int
    boot: str
    """Monotonic times of another boot say nothing."""
    put_s: float
    message: Message


class _Done(msgspec.Struct, frozen=True, array_like=True, tag="done"):
    number: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Put | _Done).decode


class DiskReports:
    """outbox.Reports in a file: one write for a report and one for its end, nothing in between. Thread-safe.

    A disk that fails or is full costs durability and never a report: it is kept in memory, counted and logged, and
    the file is made whole again with the next change that the disk takes.
    """

    def __init__(self, path: Path, now_s: float, *, limit: int = REPORT_LIMIT) -> None:
        """Take up what an earlier process has left in the file; `now_s` are monotonic seconds. Never fails."""
        self._lock = threading.Lock()
        self._journal = Journal(path)
        self._path = path
        self._memory = MemoryReports(limit)
        self._live: dict[int, bytes] = {}
        """The record of every report that waits."""
        self._whole = False
        """Whether the file says what we know."""
        self._unsaved = 0
        self._rewrite_at = 0
        """Size of the journal that is too much."""
        self._load(now_s)

    @property
    def unsaved(self) -> int:
        """How often something could not be written, since the start."""
        return self._unsaved

    @property
    def durable(self) -> bool:
        """Whether what waits would survive a power cut now."""
        return self._whole

    def append(self, message: Message, now_s: float) -> bool:
        """Keep a message, on the disk when this returns; False, and it is not kept, where there is no room."""
        with self._lock:
            if len(message.payload) + len(message.topic) > MAX_RECORD // 2 or not self._memory.append(message, now_s):
                return False
            number = self._memory.last
            self._live[number] = _encode(_Put(number, boot(), now_s, message))
            self._save(self._live[number], durable=True)
            return True

    def after(self, number: int) -> Report | None:
        """The oldest one whose number is greater."""
        with self._lock:
            return self._memory.after(number)

    def remove(self, number: int) -> None:
        """The broker has it. A power cut right after may bring it back: it is delivered at least once."""
        with self._lock:
            if self._live.pop(number, None) is None:
                return
            self._memory.remove(number)
            self._save(_encode(_Done(number)), durable=False)

    def close(self) -> None:
        """Let go of the file; a later change opens it again."""
        with self._lock:
            self._journal.close()
            self._whole = False

    def __len__(self) -> int:
        return len(self._memory)

    def _load(self, now_s: float) -> None:
        try:
            records, torn = self._journal.load()
        except OSError as exc:
            self._complain(exc)
            return
        if torn:
            log.warning("%s: %d bytes at its end make no sense, as a power cut leaves them", self._path, torn)
        for put in _waiting(records):
            # Of another boot nobody knows how long ago it was, least of all a clock that was set since: it begins anew.
            put_s = put.put_s if put.boot == boot() else now_s
            if self._memory.append(put.message, put_s):
                number = self._memory.last
                self._live[number] = _encode(_Put(number, boot(), put_s, put.message))
        if self._live:
            log.info("%s: %d events of an earlier run still wait for the broker", self._path, len(self._live))
        self._rewrite()

    def _save(self, record: bytes, *, durable: bool) -> None:
        if not self._whole or self._journal.size > self._rewrite_at:
            self._rewrite()
            return
        try:
            if self._live:
                self._journal.add(record, durable=durable)
            else:
                self._journal.clear()
        except OSError as exc:
            self._complain(exc)

    def _rewrite(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._journal.replace(self._live.values())
        except OSError as exc:
            self._complain(exc)
            return
        if self._unsaved and not self._whole:
            log.info("%s can be written again; all %d waiting events are on the disk", self._path, len(self._live))
        self._whole = True
        self._rewrite_at = 2 * self._journal.size + SPARE_BYTES

    def _complain(self, exc: OSError) -> None:
        if self._whole or not self._unsaved:
            log.warning(
                "%s can't be written (%s): events are kept in memory alone; free some space, or look at the disk",
                self._path,
                exc.strerror or exc,
            )
        self._whole = False
        self._unsaved += 1


def _waiting(records: list[bytes]) -> list[_Put]:
    """The reports of a journal that have not been done, in order."""
    waiting: dict[int, _Put] = {}
    last = 0
    for record in records:
        try:
            entry = _decode(record)
        except msgspec.DecodeError:  # of another version; what stands behind it may still be read
            continue
        if isinstance(entry, _Done):
            waiting.pop(entry.number, None)
        elif entry.number <= last:
            break  # left over from before a clear() that a power cut has half undone
        else:
            waiting[entry.number], last = entry, entry.number
    return list(waiting.values())
