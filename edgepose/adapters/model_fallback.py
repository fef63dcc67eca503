"""A network on an accelerator that may be missing, fail or come back, and on the processor meanwhile."""

import logging
import threading
import time
from collections.abc import Callable

from edgepose.backoff import Backoff
from edgepose.domain import ByteArray, PoseMaps
from edgepose.errors import ModelError
from edgepose.ports import DelegateState, PoseModel

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 300.0
"""Between two attempts to have the accelerator back. What has run for longer than the longest was well."""


class FallbackModel:
    """Runs on the accelerator while it can; no frame is lost when it can't. Serves one thread, but for state().

    Attempts to have it back run beside the frames, since a stick may take seconds to be set up.
    """

    def __init__(
        self,
        name: str,
        *,
        fast: Callable[[], PoseModel],
        plain: Callable[[], PoseModel],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ModelError where the network can't even run on the processor.

        name: the delegate's, as configured. fast, plain: open the network on the accelerator and on the processor.
        """
        self._name = name
        self._open_fast, self._open_plain = fast, plain
        self._backoff = backoff or Backoff(first_s=FIRST_WAIT_S, most_s=LONGEST_WAIT_S, stable_s=LONGEST_WAIT_S)
        self._clock = clock
        self._fallbacks = 0
        self._trouble = ""
        self._retry_at_s = self._since_s = clock()
        self._attempt: _Attempt | None = None
        self._fast: PoseModel | None = None
        self._plain: PoseModel | None = None
        try:
            self._fast = fast()
        except ModelError as exc:
            self._fall_back(str(exc))
        self._input_size = self._current.input_size

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width), pixels; for any thread."""
        return self._input_size

    def state(self) -> DelegateState:
        """How the accelerator does; for any thread."""
        return DelegateState(self._name, self._fast is not None, self._fallbacks, self._trouble)

    def input_view(self) -> ByteArray:
        """(height, width, 3) uint8 to fill, of whatever the next frame runs on."""
        self._come_back()
        return self._current.input_view()

    def infer(self) -> PoseMaps:
        """Run the network on what input_view holds. Raises ModelError when it fails on the processor too."""
        if self._fast is not None:
            try:
                return self._fast.infer()
            except ModelError as exc:
                # A copy and a text: what holds on to a view of an interpreter keeps it from running.
                frame, trouble = self._fast.input_view().copy(), str(exc)
            self._fall_back(trouble)
            self._current.input_view()[...] = frame
        return self._current.infer()

    @property
    def _current(self) -> PoseModel:
        model = self._fast or self._plain
        assert model is not None
        return model

    def _fall_back(self, trouble: str) -> None:
        now_s = self._clock()
        self._fallbacks += 1
        self._trouble = trouble
        self._fast = None
        if self._plain is None:
            self._plain = self._open_plain()
        self._wait(now_s, now_s - self._since_s)
        log.warning("%s; the network runs on the processor until the delegate %s works again", trouble, self._name)

    def _come_back(self) -> None:
        """Take the accelerator where it is there again, or begin to look for it where that is due."""
        if self._fast is not None:
            return
        attempt, now_s = self._attempt, self._clock()
        if attempt is None:
            if now_s >= self._retry_at_s:
                self._attempt = _Attempt(self._open_fast)
            return
        if not attempt.over:
            return
        self._attempt = None
        if attempt.model is None:
            self._trouble = attempt.trouble
            self._wait(now_s, 0.0)
            return
        self._fast, self._trouble, self._since_s = attempt.model, "", now_s
        log.warning("the delegate %s works again; the network runs on it", self._name)

    def _wait(self, now_s: float, lasted_s: float) -> None:
        self._retry_at_s = now_s + self._backoff.next_wait(lasted_s)


class _Attempt:
    """Opens the network on the accelerator and runs it once, on a thread of its own."""

    def __init__(self, open_fast: Callable[[], PoseModel]) -> None:
        self.model: PoseModel | None = None
        self.trouble = ""
        self._open = open_fast
        # A daemon, since a broken driver may keep it from ending.
        self._thread = threading.Thread(target=self._try, name="delegate", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def _try(self) -> None:
        try:
            model = self._open()
            model.input_view()[...] = 0
            model.infer()
        except ModelError as exc:
            self.trouble = str(exc)
        else:
            self.model = model
