"""When the watchdog is fed."""

import pytest

from edgepose.watchdog import Watch


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Beats:
    count = 0

    def ready(self) -> None: ...

    def beat(self) -> None:
        self.count += 1

    def stopping(self) -> None: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def beats() -> Beats:
    return Beats()


def test_one_camera_feeds_with_every_frame(beats: Beats):
    watch = Watch(beats, ["bed"])
    for count in range(1, 4):
        watch.of("bed").frame()
        assert beats.count == count


def test_of_two_cameras_each_has_to_do_its_part(beats: Beats, clock: Clock):
    watch = Watch(beats, ["bed", "hall"], clock)
    for _ in range(10):
        watch.of("bed").frame()
        watch.tick()
    assert beats.count == 0
    assert watch.late() == ()
    clock.now_s += 60
    assert watch.late() == ("hall",)
    watch.of("hall").frame()
    assert beats.count == 1


def test_time_alone_feeds_nobody(beats: Beats, clock: Clock):
    watch = Watch(beats, ["bed"], clock)
    watch.of("bed").frame()
    for _ in range(100):
        clock.now_s += 1
        watch.tick()
    assert beats.count == 1


def test_a_camera_in_recovery_is_excused_while_the_other_works(beats: Beats, clock: Clock):
    watch = Watch(beats, ["bed", "hall"], clock)
    watch.of("hall").resting(30)
    watch.of("bed").frame()
    watch.of("bed").frame()
    assert beats.count == 2


def test_a_recovery_that_takes_longer_than_it_said_is_a_hang(beats: Beats, clock: Clock):
    watch = Watch(beats, ["bed"], clock)
    watch.of("bed").resting(30)
    clock.now_s += 29
    watch.tick()
    assert beats.count == 2
    clock.now_s += 2
    watch.tick()
    assert beats.count == 2
    clock.now_s += 20
    assert watch.late() == ("bed",)


def test_cameras_that_are_all_off_are_well(beats: Beats, clock: Clock):
    watch = Watch(beats, ["bed", "hall"], clock)
    watch.of("bed").resting()
    watch.of("hall").resting()
    before = beats.count
    clock.now_s += 1e6
    watch.tick()
    assert beats.count == before + 1


def test_a_frame_ends_the_excuse(beats: Beats, clock: Clock):
    watch = Watch(beats, ["bed"], clock)
    watch.of("bed").resting(1000)
    watch.of("bed").frame()
    before = beats.count
    watch.tick()
    assert beats.count == before, "a hang in the second frame must not hide behind the opening of the first"
