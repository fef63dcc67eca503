"""A camera's loop: what it says while its source comes, goes and fails."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

import edgepose.camera_loop
from edgepose.camera_loop import CameraLoop
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


class CountingHeartbeat:
    def __init__(self) -> None:
        self.beats = 0

    def ready(self) -> None: ...

    def beat(self) -> None:
        self.beats += 1

    def stopping(self) -> None: ...


class Scene:
    """A loop over scripted sources, and all that it said."""

    def __init__(
        self, sources: Sequence[Source | Exception], live: bool = True, stages: Callable | None = None
    ) -> None:
        self.said: list[str] = []
        self.sent: list[int] = []
        self.ended: queue.SimpleQueue[CameraLoop] = queue.SimpleQueue()
        self.heartbeat = CountingHeartbeat()
        self._sources = iter(sources)
        self.loop = CameraLoop(
            "room",
            open_source=self._open,
            live=live,
            stages=stages or (lambda frame: FrameResult(frame, (4, 4), (), "body18")),
            publish=lambda result: self.sent.append(result.frame.seq),
            say_status=self.said.append,
            heartbeat=self.heartbeat,
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
    assert scene.heartbeat.beats == 3


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
    assert scene.heartbeat.beats == 0
