"""What waits for the broker, and in which order it goes.

Three kinds, by what must not happen to them: state (retained) must not be stale, so the latest of each topic is kept
and sent again on every connection; reports (QoS 1) must not be lost, so they stay until they are acknowledged;
the stream (QoS 0) must not be late, so it loses its oldest message when it can't go out.
"""

import math
import threading
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Protocol

from edgepose.ports import Message

STREAM_LIMIT = 256
"""Pose messages; two seconds, which is how long one is good for, of four cameras at 30 frames a second."""
REPORT_LIMIT = 1000


@dataclass(frozen=True)
class Report:
    """A message that is kept until the broker has it."""

    number: int
    """Rises by the order of arrival."""
    message: Message
    put_s: float


class Reports(Protocol):
    """Keeps reports in order: in memory here, on disk where they must outlive the process."""

    def append(self, message: Message, now_s: float) -> bool:
        """Keep a message; False, and it is not kept, where there is no room: the oldest are dropped last."""

    def after(self, number: int) -> Report | None:
        """The oldest one whose number is greater."""

    def remove(self, number: int) -> None:
        """The broker has it."""

    def __len__(self) -> int: ...


class MemoryReports:
    """Reports that live as long as the process."""

    def __init__(self, limit: int = REPORT_LIMIT) -> None:
        self._limit = limit
        self._kept: OrderedDict[int, Report] = OrderedDict()
        self._count = 0

    @property
    def last(self) -> int:
        """Number of the newest one ever kept."""
        return self._count

    def append(self, message: Message, now_s: float) -> bool:
        """Keep a message; False where there is no room."""
        if len(self._kept) >= self._limit:
            return False
        self._count += 1
        self._kept[self._count] = Report(self._count, message, now_s)
        return True

    def after(self, number: int) -> Report | None:
        """The oldest one whose number is greater."""
        return next((report for report in self._kept.values() if report.number > number), None)

    def remove(self, number: int) -> None:
        """The broker has it."""
        self._kept.pop(number, None)

    def __len__(self) -> int:
        return len(self._kept)


@dataclass(frozen=True)
class Outgoing:
    """A message whose turn it is."""

    message: Message
    expiry_s: int | None = None
    """What is left of the message's expiry, whole seconds, at least 1."""
    report: int | None = None
    """Number of the report, where it is one."""


@dataclass(frozen=True)
class Counters:
    """What has become of the messages since the start."""

    sent: int = 0
    """Handed to the network; one that is sent again counts again."""
    acknowledged: int = 0
    refused: int = 0
    """Not taken by the broker, by its own word: delivered to nobody."""
    dropped: int = 0
    """Stream messages that made way for newer ones."""
    expired: int = 0
    """Messages that waited longer than they were good for."""
    overflowed: int = 0
    """Reports that found no room."""
    waiting: int = 0
    """Now: state and stream messages that have not gone out."""
    reports: int = 0
    """Now: reports that the broker has not acknowledged, gone out or not."""
    in_flight: int = 0
    """Now: messages of QoS 1 that have gone out and are not acknowledged."""


class Outbox:
    """Thread-safe: any thread puts, the thread of the connection takes."""

    def __init__(self, *, stream_limit: int = STREAM_LIMIT, reports: Reports | None = None) -> None:
        self._lock = threading.Lock()
        self._state: dict[str, Message] = {}
        """Latest message of each retained topic, the one that changed last at the end."""
        self._due: dict[str, None] = {}
        """Retained topics that this connection hasn't seen, in order."""
        self._reports: Reports = MemoryReports() if reports is None else reports
        self._cursor = -1
        self._stream: deque[tuple[Message, float]] = deque()
        self._stream_limit = stream_limit
        self._in_flight = 0
        self._window = 0
        self._counted: Counter[str] = Counter()

    def put(self, message: Message, now_s: float) -> None:
        """Take a message in; `now_s` are monotonic seconds. Never blocks and never fails: what is lost is counted."""
        with self._lock:
            if message.retain:
                self._state.pop(message.topic, None)
                self._state[message.topic] = message
                self._due.pop(message.topic, None)
                self._due[message.topic] = None
            elif message.qos:
                if not self._reports.append(message, now_s):
                    self._counted["overflowed"] += 1
            else:
                if len(self._stream) >= self._stream_limit:
                    self._stream.popleft()
                    self._counted["dropped"] += 1
                self._stream.append((message, now_s))

    def holds(self, topic: str) -> bool:
        """Whether a retained message of this topic has been put."""
        with self._lock:
            return topic in self._state

    def connected(self, window: int) -> None:
        """A new connection, which takes `window` unacknowledged messages: state and unacknowledged reports go again."""
        with self._lock:
            self._due = dict.fromkeys(self._state)
            self._cursor = -1
            self._in_flight = 0
            self._window = window

    def repeat(self) -> None:
        """Somebody new listens: all state goes again."""
        with self._lock:
            self._due = dict.fromkeys(self._state)

    def disconnected(self) -> None:
        """Nothing goes out any more, and no acknowledgement will come."""
        with self._lock:
            self._due = dict.fromkeys(self._state)  # what was under way may not have arrived
            self._in_flight = self._window = 0

    def discard_stream(self) -> None:
        """Forget the stream, so that what matters goes out at once."""
        with self._lock:
            self._counted["dropped"] += len(self._stream)
            self._stream.clear()

    def take(self, now_s: float) -> Outgoing | None:
        """The next message that may go: state before reports before the stream; None where there is none now."""
        with self._lock:
            outgoing = None
            if self._in_flight < self._window:
                outgoing = self._take_state() or self._take_report(now_s)
            outgoing = outgoing or self._take_stream(now_s)
            if outgoing is not None:
                self._in_flight += bool(outgoing.message.qos)
                self._counted["sent"] += 1
            return outgoing

    def reject(self, outgoing: Outgoing) -> None:
        """A message that was taken can't be sent at all."""
        if outgoing.message.qos:
            self.acknowledge(outgoing, refused=True)
        else:
            with self._lock:
                self._counted["refused"] += 1

    def acknowledge(self, outgoing: Outgoing, *, refused: bool = False) -> None:
        """The broker has answered for a message of QoS 1; one that it refused isn't tried again."""
        with self._lock:
            self._in_flight -= 1
            self._counted["refused" if refused else "acknowledged"] += 1
            if outgoing.report is not None:
                self._reports.remove(outgoing.report)
            elif not outgoing.message.payload and self._state.get(outgoing.message.topic) is outgoing.message:
                del self._state[outgoing.message.topic]  # cleared at the broker; nothing to repeat

    def counters(self) -> Counters:
        """A copy of the counters."""
        with self._lock:
            return Counters(
                **self._counted,
                waiting=len(self._due) + len(self._stream),
                reports=len(self._reports),
                in_flight=self._in_flight,
            )

    def idle(self) -> bool:
        """Whether everything has gone out and been acknowledged."""
        with self._lock:
            return not (self._due or self._stream or self._in_flight or len(self._reports))

    def _take_state(self) -> Outgoing | None:
        if not self._due:
            return None
        topic = next(iter(self._due))
        del self._due[topic]
        return Outgoing(self._state[topic], self._state[topic].expiry_s)

    def _take_report(self, now_s: float) -> Outgoing | None:
        while (report := self._reports.after(self._cursor)) is not None:
            self._cursor = report.number
            expiry_s = _left(report.message, now_s - report.put_s)
            if expiry_s != 0:
                return Outgoing(report.message, expiry_s, report.number)
            self._reports.remove(report.number)
            self._counted["expired"] += 1
        return None

    def _take_stream(self, now_s: float) -> Outgoing | None:
        while self._window and self._stream:
            message, put_s = self._stream.popleft()
            expiry_s = _left(message, now_s - put_s)
            if expiry_s != 0:
                return Outgoing(message, expiry_s)
            self._counted["expired"] += 1
        return None


def _left(message: Message, waited_s: float) -> int | None:
    """Whole seconds of expiry that are left, 0 where it is over; None where the message doesn't expire."""
    if message.expiry_s is None:
        return None
    return max(0, math.ceil(message.expiry_s - waited_s))
