"""Live cameras: a thread reads all that comes and keeps only the newest frame, so that nobody works off a backlog."""

import itertools
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from edgepose.domain import Frame, Picture
from edgepose.errors import SourceError

_LEAST_OPENING_S = 10.0
CHECK_CONNECTION = "check that it is on and connected, and that nothing else uses it"
_CLOSING_S = 0.25
"""How long close() waits for the camera to be let go: some frame times, since a reader notices with the next frame."""


@dataclass(frozen=True)
class Patience:
    """How long a camera may be silent."""

    opening_s: float
    """Before the first frame: a camera may have to wake up, log somebody in and wait for a key frame."""
    stall_s: float
    """Between two frames."""

    @classmethod
    def of(cls, stall_s: float, opening_s: float | None = None) -> "Patience":
        """With the same for the opening, but at least 10 s, where nothing else is asked for."""
        return cls(opening_s or max(stall_s, _LEAST_OPENING_S), stall_s)


@dataclass(frozen=True)
class LiveShot:
    """A picture of a live camera."""

    picture: Picture
    mono_ns: int
    """Monotonic clock at capture, or at arrival where the camera doesn't tell."""
    number: int | None = None
    """The camera's own count of its frames, where it tells: a gap says that it has skipped some."""


Reader = Callable[[threading.Event], Generator[LiveShot]]
"""Opens a camera, yields all that it gives until it ends or the event is set, and lets it go when it is closed.

It need not notice the event while it waits for the camera, but shall give up by itself then. Raises SourceError.
"""


class LiveSource:
    """The newest frame of a camera, for whoever asks; a gap in `seq` tells that some were skipped."""

    live = True

    def __init__(self, name: str, reader: Reader, patience: Patience) -> None:
        """name: how messages call the camera."""
        self._name = name
        self._reader = reader
        self._patience = patience
        self._lock = threading.Lock()
        self._closed = False
        self._reading: _Reading | None = None

    def frames(self) -> Iterator[Frame]:
        """The newest frame, each one once, until the camera ends its stream for good or close() is called.

        Raises SourceError when the camera can't be opened, is lost, or gives no frame for too long; calling frames()
        again then opens it again.
        """
        reading = self._start()
        if reading is None:
            return
        limit_s = self._patience.opening_s
        try:
            while (frame := reading.newest.take(limit_s)) is not None:
                yield frame
                limit_s = self._patience.stall_s
        except TimeoutError:
            raise SourceError(f"{self._name} gave no frame in {limit_s:g} s; {CHECK_CONNECTION}") from None
        finally:
            reading.end()

    def close(self) -> None:
        """End frames(), and wait a moment for the camera to be let go."""
        with self._lock:
            self._closed = True
            reading = self._reading
        if reading is not None:
            reading.end()
            reading.thread.join(_CLOSING_S)

    def _start(self) -> "_Reading | None":
        with self._lock:
            if self._closed:
                return None
            self._reading = _Reading(self._name, self._reader)
            self._reading.thread.start()
            return self._reading


class _Newest:
    """Room for one frame: a newer one takes the place of one that nobody has taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._over = False
        self._shut = False
        self._error: BaseException | None = None

    def put(self, frame: Frame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify()

    def shut(self) -> None:
        """Nothing is taken any more."""
        with self._changed:
            self._shut = True
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes after the frame that is there."""
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The frame, or None at the end. Raises TimeoutError, or the error that it ended with."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frame is not None or self._over or self._shut, timeout_s):
                raise TimeoutError
            frame, self._frame = self._frame, None
            if self._shut:
                return None
            if frame is None and self._error is not None:
                raise self._error
            return frame


class _Reading:
    """One opening of the camera, and the thread that reads it."""

    def __init__(self, name: str, reader: Reader) -> None:
        self.newest = _Newest()
        self._stop = threading.Event()
        self._reader = reader
        # A daemon, since a driver or a network library may keep it from ending.
        self.thread = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)

    def end(self) -> None:
        """Let the camera go as soon as possible."""
        self._stop.set()
        self.newest.shut()

    def _read(self) -> None:
        counted = itertools.count()
        first: int | None = None
        try:
            with closing(self._reader(self._stop)) as shots:
                for shot in shots:
                    if self._stop.is_set():
                        break
                    seq = next(counted)
                    if shot.number is not None:
                        first = shot.number if first is None else first
                        seq = shot.number - first
                    t_s = shot.mono_ns / 1e9
                    self.newest.put(Frame(shot.picture, t_s=t_s, mono_ns=shot.mono_ns, seq=seq))
        except BaseException as error:  # raised again where frames are taken
            self.newest.end(error)
        else:
            self.newest.end()
