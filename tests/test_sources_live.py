"""Live cameras: the newest frame, never a backlog; what happens when one is silent, lost or not wanted any more."""

import threading
import time

import pytest

from edgepose.adapters.camera_url import camera_url
from edgepose.adapters.live import LiveShot, LiveSource, Patience
from edgepose.adapters.picture_av import picture_from_rgb
from edgepose.adapters.sources import open_source
from edgepose.config import HttpSource, RtspSource, V4l2Source
from edgepose.errors import ConfigError, SourceError
from tests.clips import number_in, numbered
from tests.streams import within

SHORT = Patience(opening_s=0.1, stall_s=0.1)
LONG = Patience(opening_s=60, stall_s=60)
ANYWHERE = 30
"""Seconds that nothing here takes, unless it hangs."""


class Script:
    """A camera that gives numbered frames one by one, whenever the test says so."""

    def __init__(self, ending=None):
        self.ending = ending
        self.opened = 0
        self.closed = threading.Event()
        self._allowed = threading.Semaphore(0)
        self._taken = threading.Semaphore(0)
        self._on_the_way = 0
        self._over = threading.Event()

    def __call__(self, stop):
        self.opened += 1
        number = 0
        try:
            while True:
                while not self._allowed.acquire(timeout=0.01):
                    if stop.is_set():
                        return
                if self._over.is_set():
                    if self.ending is not None:
                        raise self.ending
                    return
                yield LiveShot(picture_from_rgb(numbered(number)), mono_ns=time.monotonic_ns())
                number += 1
                self._taken.release()
        finally:
            self.closed.set()

    def let_come(self, count=1):
        """Let so many frames come."""
        self._on_the_way += count
        for _ in range(count):
            self._allowed.release()

    def give(self, count=1):
        """Let so many come, and wait until the last one is where it can be taken."""
        self.let_come(count)
        while self._on_the_way:
            assert self._taken.acquire(timeout=ANYWHERE)
            self._on_the_way -= 1

    def finish(self):
        self._over.set()
        self._allowed.release()


def test_only_the_newest_frame_is_given_and_a_gap_tells_of_the_others():
    camera = Script()
    source = LiveSource("camera", camera, LONG)
    frames = source.frames()
    camera.let_come()
    assert next(frames).seq == 0
    camera.give(7)
    frame = next(frames)
    assert frame.seq == number_in(frame.picture) == 7
    assert frame.t_s == frame.mono_ns / 1e9
    source.close()


def test_a_frame_is_given_once():
    camera = Script()
    source = LiveSource("camera", camera, SHORT)
    frames = source.frames()
    camera.let_come()
    next(frames)
    with pytest.raises(SourceError, match="gave no frame"):
        next(frames)


def test_a_camera_that_never_gives_a_frame_is_reported():
    with within(ANYWHERE), pytest.raises(SourceError) as caught:
        list(LiveSource("camera /dev/video0", Script(), SHORT).frames())
    assert str(caught.value) == (
        "camera /dev/video0 gave no frame in 0.1 s; check that it is on and connected, and that nothing else uses it"
    )


def test_the_first_frame_may_take_longer_than_the_others():
    assert Patience.of(2.0) == Patience(opening_s=10.0, stall_s=2.0)
    assert Patience.of(30.0) == Patience(opening_s=30.0, stall_s=30.0)
    assert Patience.of(2.0, opening_s=3.0) == Patience(opening_s=3.0, stall_s=2.0)


def test_a_camera_that_is_reported_as_stalled_is_let_go_and_can_be_opened_again():
    camera = Script()
    source = LiveSource("camera", camera, SHORT)
    with pytest.raises(SourceError):
        list(source.frames())
    assert camera.closed.wait(ANYWHERE)
    frames = source.frames()
    camera.let_come()
    assert next(frames).seq == 0
    assert camera.opened == 2
    source.close()


@pytest.mark.parametrize("ending", [SourceError("camera hung up"), KeyError("a bug")])
def test_what_ends_the_reader_is_raised_after_the_last_frame(ending):
    camera = Script(ending)
    frames = LiveSource("camera", camera, LONG).frames()
    camera.let_come()
    assert next(frames).seq == 0
    camera.give(1)
    camera.finish()
    seen = []
    with pytest.raises(type(ending)) as caught:
        seen.extend(frame.seq for frame in frames)
    assert caught.value is ending
    assert seen == [1]


def test_a_stream_that_ends_for_good_ends_the_frames():
    camera = Script()
    frames = LiveSource("camera", camera, LONG).frames()
    camera.let_come()
    next(frames)
    camera.finish()
    assert list(frames) == []


def test_closing_from_another_thread_ends_a_wait_at_once_and_lets_the_camera_go():
    camera = Script()
    source = LiveSource("camera", camera, LONG)
    closer = threading.Timer(0.1, source.close)
    closer.start()
    with within(ANYWHERE):
        assert list(source.frames()) == []
    closer.join()
    assert camera.closed.is_set()
    source.close()
    assert list(source.frames()) == []
    assert camera.opened == 1


def test_closing_does_not_wait_for_a_driver_that_hangs():
    hanging = threading.Event()

    def hang(stop):
        hanging.wait(ANYWHERE)
        yield from ()

    source = LiveSource("camera", hang, LONG)
    closer = threading.Timer(0.1, source.close)
    closer.start()
    with within(ANYWHERE / 2):
        assert list(source.frames()) == []
        closer.join()
    hanging.set()


def test_a_consumer_that_goes_away_lets_the_camera_go():
    camera = Script()
    frames = LiveSource("camera", camera, LONG).frames()
    camera.let_come()
    next(frames)
    frames.close()
    assert camera.closed.wait(ANYWHERE)


def test_live_sources_say_so():
    for config in (RtspSource(url="rtsp://h/a"), HttpSource(url="http://h/a"), V4l2Source()):
        assert open_source(config, stall_timeout_s=1).live is True


def test_the_password_goes_into_the_url_and_into_nothing_else(tmp_path):
    (tmp_path / "password").write_text("s3cr:t/ @%\n")
    url = camera_url("rtsp://viewer:@PASSWORD@@cam.lan:554/a?key=k", str(tmp_path / "password"), ("rtsp",))
    assert url.secret == "rtsp://viewer:s3cr%3At%2F%20%40%25@cam.lan:554/a?key=k"
    assert url.shown == "rtsp://cam.lan:554/a"
    assert "s3cr" not in repr(url)


def test_a_password_from_systemd(tmp_path, monkeypatch):
    (tmp_path / "camera").write_text("pw")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert camera_url("http://h/?p=@PASSWORD@", "credential:camera", ("http",)).secret == "http://h/?p=pw"


@pytest.mark.parametrize(
    ("url", "password_file", "sentence"),
    [
        ("http://u:pw@h/a", None, "http://h/a is not a camera's address; it begins with rtsp:// or rtsps://"),
        ("cam.lan/a", None, "cam.lan/a is not a camera's address; it begins with rtsp:// or rtsps://"),
        ("rtsp:///a", None, "rtsp:///a is not a camera's address; it begins with rtsp:// or rtsps://"),
        ("rtsp://[::1/a", None, "a camera's url is not an address; it begins with rtsp:// or rtsps://"),
        (
            "rtsp://u:@PASSWORD@@h/a",
            None,
            "rtsp://h/a has @PASSWORD@ in its url; name the file with the password as password_file",
        ),
        ("rtsp://u:pw@h/a", "/f", "rtsp://h/a has a password_file; write @PASSWORD@ where it belongs in its url"),
    ],
)
def test_an_address_that_cannot_be_meant_is_a_mistake_in_the_configuration(url, password_file, sentence):
    with pytest.raises(ConfigError) as caught:
        open_source(RtspSource(url=url, password_file=password_file), stall_timeout_s=1)
    assert sentence in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_device_that_is_not_there_says_what_to_do():
    with pytest.raises(SourceError) as caught:
        list(open_source(V4l2Source(device="/dev/video-none"), stall_timeout_s=1).frames())
    assert str(caught.value) == (
        "camera /dev/video-none is not there; plug it in, and look for its name with v4l2-ctl --list-devices"
    )


def test_a_device_that_is_not_a_camera_says_so():
    with pytest.raises(SourceError, match="camera /dev/null is not a camera"):
        list(open_source(V4l2Source(device="/dev/null"), stall_timeout_s=1).frames())
