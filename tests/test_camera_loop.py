"""A camera's loop: what it says while its source comes, goes and fails."""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

import edgepose.camera_loop
from edgepose.camera_loop import CameraLoop, Persistence
from edgepose.domain import Frame, FrameResult
from edgepose.errors import EdgeposeError, ModelError, SourceError
from edgepose.ports import Source


class Blank:
    """A picture of nothing."""

    width = height = 4

    def rgb(self, width: int, height: int):
        return np.zeros((height, width, 3), np.uint8)


class ScriptedSource:
    """Yields so many frames, then ends, raises, or (None) waits to be closed."""

    def __init__(self, frames: int, then: Exception | str | None, live: bool = True) -> None:
        self.live = live
        self._frames = frames
        self._then = then
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        for seq in range(self._frames):
            yield Frame(picture=Blank(), t_s=seq / 10, mono_ns=time.monotonic_ns(), seq=seq)
        if isinstance(self._then, Exception):
            raise self._then
        if self._then is None:
            self._closed.wait(10)

    def close(self) -> None:
        self._closed.set()


class CountingPulse:
    def __init__(self) -> None:
        self.beats = 0
        self.rests: list[float] = []

    def frame(self) -> None:
        self.beats += 1

    def resting(self, for_s: float = math.inf) -> None:
        self.rests.append(for_s)


class Scene:
    """A loop over scripted sources, and all that it said."""

    def __init__(
        self, sources: Sequence[Source | Exception], live: bool = True, stages: Callable | None = None, **more: float
    ) -> None:
        self.said: list[str] = []
        self.sent: list[int] = []
        self.ended: queue.SimpleQueue[CameraLoop] = queue.SimpleQueue()
        self.pulse = CountingPulse()
        self._sources = iter(sources)
        seen = stages or (lambda frame: FrameResult(frame, (4, 4), (), "body18"))
        self.loop = CameraLoop(
            "room",
            open_source=self._open,
            persistence=Persistence(live, **more),
            look=lambda source: (seen(frame) for frame in source.frames()),
            publish=lambda result: self.sent.append(result.frame.seq),
            say_status=self.said.append,
            pulse=self.pulse,
            on_end=self.ended.put,
        )

    def _open(self) -> Source:
        source = next(self._sources)
        if isinstance(source, Exception):
            raise source
        return source

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.005)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edgepose.camera_loop, "FIRST_WAIT_S", 0.01)


def test_a_file_is_played_once_and_every_frame_is_reported():
    scene = Scene([ScriptedSource(3, "end", live=False)], live=False)
    scene.loop.start()
    assert scene.ended.get(timeout=10) is scene.loop
    assert scene.loop.failure is None
    assert scene.sent == [0, 1, 2]
    assert scene.said == ["offline", "online", "offline"]
    assert scene.pulse.beats == 3


def test_a_file_that_fails_ends_the_loop_with_its_error_after_what_was_read():
    scene = Scene([ScriptedSource(2, SourceError("truncated"), live=False)], live=False)
    scene.loop.start()
    scene.ended.get(timeout=10)
    assert str(scene.loop.failure) == "truncated"
    assert len(scene.sent) == 2
    assert scene.said[-1] == "offline"


def test_a_file_that_cannot_be_opened_is_not_tried_again():
    scene = Scene([SourceError("no such file")], live=False)
    scene.loop.start()
    scene.ended.get(timeout=10)
    assert str(scene.loop.failure) == "no such file"


def test_a_camera_that_stalls_is_reported_and_opened_again():
    scene = Scene([ScriptedSource(2, SourceError("no frame in 5 s")), ScriptedSource(1, None)])
    scene.loop.start()
    scene.until(lambda: len(scene.sent) == 3)
    scene.loop.stop()
    assert scene.loop.join(10)
    assert scene.said == ["offline", "online", "stalled", "online", "offline"]
    assert scene.loop.failure is None


def test_a_camera_that_is_not_there_is_tried_again_until_it_is():
    scene = Scene([SourceError("refused"), SourceError("refused"), ScriptedSource(1, None)])
    scene.loop.start()
    scene.until(lambda: bool(scene.sent))
    scene.loop.stop()
    assert scene.loop.join(10)
    assert scene.said[:4] == ["offline", "offline", "offline", "online"]


def test_a_live_stream_that_ends_is_a_loss():
    scene = Scene([ScriptedSource(1, "end"), ScriptedSource(1, None)])
    scene.loop.start()
    scene.until(lambda: len(scene.sent) == 2)
    scene.loop.stop()
    assert scene.loop.join(10)
    assert "stalled" in scene.said


def test_stop_ends_a_camera_that_gives_no_frames():
    scene = Scene([ScriptedSource(0, None)])
    scene.loop.start()
    scene.loop.stop()
    assert scene.loop.join(10)


@pytest.mark.parametrize("error", [ModelError("the network failed"), ZeroDivisionError("a bug")])
def test_a_failure_inside_the_pipeline_ends_the_loop_visibly(error: Exception):
    def broken(frame: Frame) -> FrameResult:
        raise error

    scene = Scene([ScriptedSource(1, None)], stages=broken)
    scene.loop.start()
    scene.ended.get(timeout=10)
    assert isinstance(scene.loop.failure, EdgeposeError)
    assert str(error) in str(scene.loop.failure)
    assert scene.pulse.beats == 0


def test_a_camera_that_is_switched_off_is_closed_and_says_so_until_it_is_switched_on():
    first, second = ScriptedSource(2, None), ScriptedSource(1, None)
    scene = Scene([first, second])
    scene.loop.start()
    scene.until(lambda: len(scene.sent) == 2)
    scene.loop.enable(False)
    scene.until(lambda: scene.said[-1] == "disabled")
    assert first._closed.is_set()
    assert scene.pulse.rests[-1] == math.inf
    scene.loop.enable(True)
    scene.until(lambda: len(scene.sent) == 3)
    scene.loop.stop()
    assert scene.loop.join(10)
    assert scene.said == ["offline", "online", "offline", "disabled", "offline", "online", "offline"]
    assert scene.loop.losses == 0


def test_a_camera_that_starts_switched_off_is_not_even_opened():
    scene = Scene([])
    scene.loop.enable(False)
    scene.loop.start()
    scene.until(lambda: scene.said[-1] == "disabled")
    scene.loop.stop()
    assert scene.loop.join(10)
    assert scene.loop.failure is None


def test_a_camera_can_be_switched_off_while_it_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edgepose.camera_loop, "FIRST_WAIT_S", 100.0)
    scene = Scene([SourceError("refused")])
    scene.loop.start()
    scene.until(lambda: scene.loop.losses == 1)
    scene.loop.enable(False)
    scene.until(lambda: scene.said[-1] == "disabled")
    scene.loop.stop()
    assert scene.loop.join(10)


def test_a_camera_that_never_comes_back_ends_the_process_after_so_many_attempts():
    scene = Scene([ScriptedSource(1, SourceError("unplugged")), *[SourceError("gone")] * 3], give_up_after=3)
    scene.loop.start()
    scene.ended.get(timeout=10)
    assert isinstance(scene.loop.failure, SourceError)
    assert "3 attempts in a row brought no frame" in str(scene.loop.failure)
    assert scene.loop.losses == 4


def test_a_camera_that_recovers_every_time_is_never_given_up():
    flaky = [ScriptedSource(1, SourceError("loose contact")) for _ in range(10)]
    scene = Scene([*flaky, ScriptedSource(1, None)], give_up_after=2)
    scene.loop.start()
    scene.until(lambda: len(scene.sent) == 11)
    scene.loop.stop()
    assert scene.loop.join(10)
    assert scene.loop.failure is None


def test_every_wait_is_announced_to_the_watchdog_beforehand():
    scene = Scene([SourceError("refused"), ScriptedSource(1, None)], opening_s=7.0)
    scene.loop.start()
    scene.until(lambda: bool(scene.sent))
    assert scene.pulse.rests[0] == 7
    assert scene.pulse.rests[1] > 7, "the wait and the opening that follows"
    scene.loop.stop()
    assert scene.loop.join(10)
