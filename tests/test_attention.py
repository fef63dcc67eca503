"""An empty, still room is looked at now and then; whoever comes in is looked at from the first frame on."""

import av
import numpy as np
import pytest

from edgepose.adapters.picture_av import AvPicture, Orientation, Scaler, picture_from_rgb
from edgepose.attention import Attention
from edgepose.config import LowPower
from edgepose.domain import CareEvent, Frame, FrameResult, Phase
from edgepose.motion import MotionGate, grey_cells

RATE = 15
SETTINGS = LowPower(fps=1.0, after_s=10.0)


class Room:
    """A camera's pictures: noise, and a figure where one is."""

    def __init__(self, seed: int = 1) -> None:
        print(f"seed {seed}")
        self._random = np.random.default_rng(seed)
        self._wall = self._random.integers(60, 190, (480, 640), np.uint8)
        self._wall = self._wall.reshape(48, 10, 64, 10).mean(axis=(1, 3)).repeat(10, 0).repeat(10, 1)
        self.light = 0
        self._noise = self._random.normal(0, 5, (16, 480, 640)).astype(np.int16)

    def picture(self, figure_x: int | None = None) -> AvPicture:
        grey = self._wall.astype(np.int16) + self.light + self._noise[self._random.integers(16)]
        if figure_x is not None:
            grey[150:330, figure_x : figure_x + 40] = 30  # far away: as wide as two cells and a half
        return AvPicture(av.VideoFrame.from_ndarray(np.clip(grey, 0, 255).astype(np.uint8), format="gray"), Scaler())


def frame(picture, number: int) -> Frame:
    return Frame(picture, t_s=number / RATE, mono_ns=0, seq=number)


def result(of: Frame, *, people: int = 0, detected: int = 0, events=()) -> FrameResult:
    return FrameResult(of, (640, 480), (), "body18", present=people, detected=detected or people, events=tuple(events))


def looked(
    attention: Attention, room: Room, numbers, *, people=lambda _: 0, figure=lambda _: None, **more
) -> list[int]:
    """The numbers of the frames that went through the network."""
    wanted = []
    for number in numbers:
        now = frame(room.picture(figure(number)), number)
        if attention.wants(now):
            wanted.append(number)
            attention.learned(result(now, people=people(number), **more))
    return wanted


def test_an_empty_room_is_looked_at_once_a_second_after_ten_seconds():
    attention = Attention(SETTINGS)
    wanted = looked(attention, Room(), range(40 * RATE))
    first = [n for n in wanted if n < 10 * RATE]
    later = [n for n in wanted if n > 11 * RATE]
    assert len(first) == 10 * RATE, "it may be that somebody has only just left"
    assert len(later) == pytest.approx(29, abs=1)
    assert attention.idle


def test_all_frames_are_looked_at_while_somebody_is_there_however_still():
    attention = Attention(SETTINGS)
    wanted = looked(attention, Room(), range(40 * RATE), people=lambda _: 1)
    assert len(wanted) == 40 * RATE and not attention.idle


def test_motion_is_looked_at_from_its_first_frame_on():
    attention = Attention(SETTINGS)
    begin = 30 * RATE + 7
    wanted = looked(attention, Room(), range(45 * RATE), figure=lambda n: 20 + 4 * (n - begin) if n >= begin else None)
    assert begin in wanted
    assert [n for n in wanted if begin <= n < begin + 5 * RATE] == list(range(begin, begin + 5 * RATE))


def test_somebody_who_is_found_without_moving_wakes_it_too():
    attention, room = Attention(SETTINGS), Room()
    looked(attention, room, range(20 * RATE))
    wanted = looked(attention, room, range(20 * RATE, 30 * RATE), people=lambda _: 1)
    assert len(wanted) >= 9 * RATE


def test_a_first_glimpse_of_somebody_is_followed_at_full_rate_for_a_moment():
    attention, room = Attention(SETTINGS), Room()
    looked(attention, room, range(20 * RATE))
    wanted = looked(attention, room, range(20 * RATE, 23 * RATE), detected=1)
    assert len(wanted) >= 2 * RATE


def test_an_alert_that_stands_keeps_it_awake_until_somebody_takes_it_on():
    def event(phase: Phase) -> CareEvent:
        return CareEvent("f1", "fall", phase, "room", 1, None, 0.0, 0.0, 1.0)

    attention, room = Attention(SETTINGS), Room()
    first = frame(room.picture(), 0)
    assert attention.wants(first)
    attention.learned(result(first, events=[event(Phase.CONFIRMED)]))
    assert len(looked(attention, room, range(1, 30 * RATE))) == 30 * RATE - 1
    attention.learned(result(first, events=[event(Phase.ACKED)]))
    assert len(looked(attention, room, range(30 * RATE, 60 * RATE))) < 15 * RATE


def test_the_light_of_the_whole_room_is_no_motion():
    attention, room = Attention(SETTINGS), Room()
    looked(attention, room, range(20 * RATE))
    room.light = 40
    assert len(looked(attention, room, range(20 * RATE, 30 * RATE))) <= 11


def test_switched_off_it_wants_every_frame():
    assert len(looked(Attention(LowPower(enabled=False)), Room(), range(20 * RATE))) == 20 * RATE


def test_a_clip_that_begins_again_is_looked_at_from_its_beginning():
    attention, room = Attention(SETTINGS), Room()
    looked(attention, room, range(20 * RATE))
    assert len(looked(attention, room, range(5 * RATE))) == 5 * RATE


@pytest.mark.parametrize("kind", ["yuv420p", "nv12", "yuyv422", "uyvy422", "rgb24", "bgr24", "bgr0", "gray"])
@pytest.mark.parametrize("orientation", [Orientation(), Orientation(True, True), Orientation(False, True, True)])
def test_cells_show_the_picture_upright_whatever_its_format(kind, orientation):
    grey = np.zeros((480, 640), np.uint8)
    grey[:100, :200] = 200
    stored = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="rgb24").reformat(format=kind)
    picture = AvPicture(stored, Scaler(), orientation)
    expected = picture.rgb(40, 30)[..., 1] > 100
    assert np.mean((grey_cells(picture) > 100) == expected) > 0.96


def test_a_picture_of_another_make_is_scaled():
    class Flat:
        width, height = 64, 48

        def rgb(self, width, height):
            return np.full((height, width, 3), 77, np.uint8)

    assert (grey_cells(Flat()) == 77).all() and grey_cells(Flat()).shape == (30, 40)
    assert (grey_cells(picture_from_rgb(np.full((20, 20, 3), 77, np.uint8))) == 77).all()


def test_a_single_flickering_cell_is_no_motion():
    gate, cells = MotionGate(), np.full((30, 40), 90, np.uint8)
    lamp = cells.copy()
    lamp[4, 4] = 255
    assert not any(gate.moved(lamp if number % 2 else cells, number / RATE) for number in range(50))
