"""One camera on a thread of its own: frames through the pipeline, messages out, and up again after every loss."""

import logging
import threading
from collections.abc import Callable

from edgepose.domain import Frame, FrameResult
from edgepose.errors import EdgeposeError, SourceError
from edgepose.ports import Heartbeat, Source
from edgepose.wire import CameraStatus

log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


class CameraLoop:
    """Runs until its source has ended for good or stop() is called."""

    def __init__(
        self,
        name: str,
        *,
        open_source: Callable[[], Source],
        live: bool,
        stages: Callable[[Frame], FrameResult],
        publish: Callable[[FrameResult], None],
        say_status: Callable[[CameraStatus], None],
        heartbeat: Heartbeat,
        on_end: Callable[["CameraLoop"], None],
    ) -> None:
        """`live` says that the source goes on for ever, so that its end is a loss.

        `on_end` is called on this loop's thread when it is over, with `failure` set if it went wrong.
        """
        self.name = name
        self.failure: EdgeposeError | None = None
        self.frames = 0
        self._open_source = open_source
        self._live = live
        self._stages = stages
        self._publish = publish
        self._say_status = say_status
        self._heartbeat = heartbeat
        self._on_end = on_end
        self._stopping = threading.Event()
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; returns at once."""
        self._stopping.set()
        source = self._source
        if source is not None:
            source.close()

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
            self._on_end(self)

    def _keep_playing(self) -> None:
        """Play a file once; open a live source again after each loss, with growing waits."""
        self._say_status("offline")
        wait_s = FIRST_WAIT_S
        while True:
            before = self.frames
            try:
                self._play()
                reason = "the stream ended"
            except SourceError as exc:
                if not self._live:
                    raise
                reason = str(exc)
            finally:
                delivered = self.frames > before
                over = self._stopping.is_set() or not self._live
                self._say_status("stalled" if delivered and not over else "offline")
            if over:
                log.info("camera %s: over, after %d frames", self.name, self.frames)
                return
            wait_s = FIRST_WAIT_S if delivered else min(2 * wait_s, LONGEST_WAIT_S)
            log.warning("camera %s: %s; trying again in %.0f s", self.name, reason, wait_s)
            if self._stopping.wait(wait_s):
                return

    def _play(self) -> None:
        """Play the source to its end or until stop() is called."""
        source = self._source = self._open_source()
        try:
            for place, frame in enumerate(source.frames()):
                if place == 0:
                    log.info("camera %s: online", self.name)
                    self._say_status("online")
                self._one(frame)
                if self._stopping.is_set():
                    return
        finally:
            source.close()

    def _one(self, frame: Frame) -> None:
        self._publish(self._stages(frame))
        self.frames += 1
        self._heartbeat.beat()
