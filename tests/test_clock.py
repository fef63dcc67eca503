"""The wall clock."""

import shutil
import subprocess
import time

import pytest

from edgepose import clock
from edgepose.clock import WallClock


class Hands:
    """A wall and a monotonic clock set by hand, nanoseconds."""

    wall_ns = 1_763_804_400_500_000_000
    mono_ns = 77_000_000_000

    def __call__(self) -> tuple[int, int]:
        return self.wall_ns, self.mono_ns


def test_a_monotonic_time_is_put_on_the_wall_clock():
    stamp = WallClock(now_ns=Hands(), synced=lambda: True).stamp(76_900_000_000)
    assert stamp.ts == pytest.approx(1_763_804_400.4, abs=1e-6)
    assert stamp.synced


def test_a_clock_that_jumps_moves_what_comes_after():
    hands = Hands()
    wall = WallClock(now_ns=hands, synced=lambda: False)
    before = wall.stamp().ts
    hands.wall_ns += 3600 * 10**9
    assert wall.stamp().ts - before == pytest.approx(3600)


def test_synchronisation_is_asked_for_now_and_then():
    hands, asked = Hands(), []
    wall = WallClock(now_ns=hands, synced=lambda: bool(asked.append(hands.mono_ns)) or len(asked) > 1, check_every_s=10)
    assert not wall.stamp().synced
    hands.mono_ns += 9 * 10**9
    assert not wall.stamp().synced
    hands.mono_ns += 2 * 10**9
    assert wall.stamp().synced
    assert len(asked) == 2


def test_the_real_clock_is_now():
    assert WallClock().stamp(time.monotonic_ns()).ts == pytest.approx(time.time(), abs=5)


def test_the_kernel_tells_its_error():
    error_us = clock.kernel_max_error_us()
    assert error_us is None or error_us >= 0


@pytest.mark.parametrize(("error_us", "synced"), [(1_000, True), (15_999_999, True), (16_000_000, False)])
def test_an_error_below_16_s_is_synchronised(monkeypatch: pytest.MonkeyPatch, error_us: int, synced: bool):
    monkeypatch.setattr(clock, "kernel_max_error_us", lambda: error_us)
    assert clock.clock_synced() is synced


def test_where_the_kernel_may_not_be_asked_timesyncds_mark_counts(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(clock, "kernel_max_error_us", lambda: None)
    monkeypatch.setattr(clock, "TIMESYNCD_FILE", tmp_path / "synchronized")
    assert not clock.clock_synced()
    (tmp_path / "synchronized").touch()
    assert clock.clock_synced()


def test_timedatectl_thinks_the_same():
    if shutil.which("timedatectl") is None:
        pytest.skip("timedatectl is not installed")
    told = subprocess.run(
        ["timedatectl", "show", "--property=NTPSynchronized", "--value"], capture_output=True, text=True, check=False
    )
    if told.returncode:
        pytest.skip("timedatectl needs a running systemd")
    assert clock.clock_synced() == (told.stdout.strip() == "yes")
