"""One camera on a thread of its own: frames through the pipeline, messages out, and up again after every loss."""

import logging
import math
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass

from edgepose.domain import FrameResult
from edgepose.errors import EdgeposeError, SourceError
from edgepose.ports import Source
from edgepose.watchdog import Pulse
from edgepose.wire import CameraStatus

log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
OPENING_S = 30.0
"""How long a source may take to open or to close; one that takes longer hangs."""


@dataclass(frozen=True)
class Persistence:
    """How much is done for a source that gives nothing."""

    live: bool
    """It goes on for ever, so that its end is a loss; else it is played once."""
    opening_s: float = OPENING_S
    """How long its first frame may take."""
    give_up_after: int = 0
    """How many attempts in a row may bring no frame before the loop ends with a failure; 0: any number."""


class CameraLoop:
    """Runs until its source has ended for good or stop() is called."""

    def __init__(
        self,
        name: str,
        *,
        open_source: Callable[[], Source],
        persistence: Persistence,
        look: Callable[[Source], Generator[FrameResult]],
        publish: Callable[[FrameResult], None],
        say_status: Callable[[CameraStatus], None],
        pulse: Pulse,
        on_end: Callable[["CameraLoop"], None],
    ) -> None:
        """`look` makes a source's frames into results, in order and in its own time (edgepose.flow).

        `on_end` is called on this loop's thread when it is over, with `failure` set if it went wrong.
        """
        self.name = name
        self.failure: EdgeposeError | None = None
        self.frames = 0
        self.losses = 0
        """How often it was lost or could not be opened."""
        self._open_source = open_source
        self._persistence = persistence
        self._look = look
        self._publish = publish
        self._say_status = say_status
        self._pulse = pulse
        self._on_end = on_end
        self._enabled = True
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; returns at once."""
        self._stopping.set()
        self._interrupt()

    def enable(self, on: bool) -> None:
        """Let it look, or close the camera until it may again; returns at once."""
        self._enabled = on
        self._interrupt()

    def join(self, timeout_s: float) -> bool:
        """Whether the thread has ended within so many seconds."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._keep_playing()
        except EdgeposeError as exc:
            self.failure = None if self._stopping.is_set() else exc
        except Exception as exc:  # a bug must end the daemon visibly, not one thread silently
            log.exception("camera %s: unexpected error", self.name)
            self.failure = EdgeposeError(f"camera {self.name} failed unexpectedly ({exc!r}); the log has the traceback")
        finally:
            self._pulse.resting()  # over: nobody waits for its frames
            self._on_end(self)

    def _interrupt(self) -> None:
        with self._changed:
            self._changed.notify_all()
        source = self._source
        if source is not None and not self._running():
            source.close()

    def _running(self) -> bool:
        return self._enabled and not self._stopping.is_set()

    def _keep_playing(self) -> None:
        """Play a file once; open a live source again after each loss, with growing waits."""
        self._say_status("offline")
        failures = 0
        while not self._stopping.is_set():
            if not self._enabled:
                self._rest_until_enabled()
                failures = 0
                continue
            before = self.frames
            reason = self._one_play()
            if self._running() and not self._persistence.live:
                break
            if not self._running():
                continue
            failures = 0 if self.frames > before else failures + 1
            self.losses += 1
            if failures >= (self._persistence.give_up_after or math.inf):
                raise SourceError(
                    f"camera {self.name}: {reason}; {failures} attempts in a row brought no frame, so edgepose ends "
                    "for its supervisor to start it afresh"
                )
            wait_s = min(FIRST_WAIT_S * 2.0 ** min(failures, 16), LONGEST_WAIT_S)
            log.warning("camera %s: %s; trying again in %.0f s", self.name, reason, wait_s)
            self._pause(wait_s)
        log.info("camera %s: over, after %d frames", self.name, self.frames)

    def _one_play(self) -> str:
        """Play until the source ends or fails; why it did. Raises SourceError where that is final."""
        before = self.frames
        self._pulse.resting(self._persistence.opening_s)
        try:
            self._play()
            return "the stream ended"
        except SourceError as exc:
            if not self._persistence.live:
                raise
            return str(exc)
        finally:
            self._source = None
            lost = self.frames > before and self._persistence.live and self._running()
            self._say_status("stalled" if lost else "offline")

    def _rest_until_enabled(self) -> None:
        log.info("camera %s: switched off", self.name)
        self._say_status("disabled")
        self._pulse.resting()
        with self._changed:
            self._changed.wait_for(lambda: self._enabled or self._stopping.is_set())
        self._say_status("offline")

    def _pause(self, wait_s: float) -> None:
        self._pulse.resting(wait_s + self._persistence.opening_s)
        with self._changed:
            self._changed.wait_for(lambda: not self._running(), wait_s)

    def _play(self) -> None:
        """Play the source to its end, or until stop() or enable(False) is called."""
        source = self._source = self._open_source()
        if not self._running():
            source.close()
            return
        results = self._look(source)
        try:
            for place, result in enumerate(results):
                if place == 0:
                    log.info("camera %s: online", self.name)
                    self._say_status("online")
                self._one(result)
                if not self._running():
                    return
        finally:
            source.close()  # first, or its frames would be waited for
            results.close()

    def _one(self, result: FrameResult) -> None:
        self._publish(result)
        self.frames += 1
        self._pulse.frame()
