"""How often a thing is said."""

import random

import pytest

from edgepose.cadence import ChangeGate, PoseGate


def sent(gate: PoseGate, frames: list[tuple[float, int]]) -> list[float]:
    return [t_s for t_s, people in frames if gate.admits(people, t_s)]


def at(fps: float, seconds: float, people: int, start_s: float = 0.0) -> list[tuple[float, int]]:
    return [(start_s + frame / fps, people) for frame in range(round(seconds * fps))]


def test_every_frame_with_people_is_said():
    assert len(sent(PoseGate(), at(15, 4, people=1))) == 60


def test_a_room_that_empties_is_said_once_then_kept_alive():
    frames = at(10, 1, people=2) + at(10, 31, people=0, start_s=1.0)
    quiet = [t_s for t_s in sent(PoseGate(keep_alive_s=10), frames) if t_s >= 1]
    assert quiet == pytest.approx([1.0, 11.0, 21.0, 31.0])


def test_a_room_that_is_empty_from_the_start_is_said():
    assert sent(PoseGate(keep_alive_s=10), at(10, 5, people=0)) == [0.0]


@pytest.mark.parametrize(("fps", "max_hz"), [(15, 10), (30, 10), (25, 10), (30, 4), (10, 10), (7, 10)])
def test_no_more_than_asked_and_no_less_than_there_is(fps: float, max_hz: float):
    count = len(sent(PoseGate(max_hz=max_hz), at(fps, 20, people=1)))
    assert count == pytest.approx(20 * min(fps, max_hz), abs=2)


def test_a_rate_holds_over_any_second_of_irregular_frames():
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    gate, t_s, times = PoseGate(max_hz=5), 0.0, []
    for _ in range(3000):
        t_s += rng.choice((0.01, 0.03, 0.07, 0.5, 3.0))
        times += [t_s] if gate.admits(1, t_s) else []
    assert max(sum(start <= t_s < start + 1 for t_s in times) for start in times) <= 6


def test_a_limited_rate_still_says_that_the_room_emptied():
    frames = [(0.0, 1), (0.1, 0), (0.2, 0), (0.3, 0), (0.4, 0)]
    assert sent(PoseGate(max_hz=4), frames) == [0.0, 0.3]


def test_flicker_does_not_break_the_rate():
    frames = [(frame / 20, frame % 2) for frame in range(200)]
    assert len(sent(PoseGate(max_hz=5), frames)) <= 51


def test_a_clip_that_begins_again_is_said_from_its_start():
    gate = PoseGate(max_hz=2, keep_alive_s=10)
    assert sent(gate, at(10, 2, people=0)) == [0.0]
    assert sent(gate, at(10, 2, people=0)) == [0.0]


def test_a_state_is_said_on_change_and_now_and_then():
    gate = ChangeGate(60)
    states = [(0, 1), (10, 1), (20, 2), (30, 2), (79, 2), (80, 2), (100, 1), (130, 1)]
    assert [t_s for t_s, state in states if gate.admits(state, t_s)] == [0, 20, 80, 100]


def test_a_state_of_a_clip_that_begins_again_is_said_again():
    gate = ChangeGate(60)
    assert [gate.admits(0, t_s) for t_s in (0, 5, 0, 5)] == [True, False, True, False]
