"""Measurements, the inbox, zones over time, the http port, and clocks that jump."""

import re
import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from edgepose.adapters.http import HealthServer
from edgepose.clock import WallClock
from edgepose.errors import EdgeposeError
from edgepose.inbox import MOST, TOLD, Inbox
from edgepose.meter import Meter
from edgepose.ports import Incoming
from edgepose.zone_watch import HOLD_S, ZoneUse, ZoneWatches


def test_the_frame_rate_is_that_of_the_last_seconds():
    meter = Meter()
    for number in range(300):
        meter.frame(number / 15 - 0.05, number / 15)
    now_s = 299 / 15
    assert meter.fps(now_s) == pytest.approx(15, rel=0.02)
    assert meter.latency_ms(now_s) == (pytest.approx(50), pytest.approx(50))
    assert 0 < meter.fps(now_s + 5) < 11, "a camera that has stopped is seen to slow down at once"
    assert meter.fps(now_s + 11) == 0
    assert meter.latency_ms(now_s + 11) == (0, 0)


def test_no_frame_and_one_frame_have_no_rate():
    meter = Meter()
    assert meter.fps(0) == 0
    meter.frame(1, 1)
    assert meter.fps(1) == 0


def test_a_flood_of_commands_is_cut_off_counted_and_does_not_fill_the_log(caplog: pytest.LogCaptureFixture):
    woken: list[None] = []
    inbox = Inbox(lambda: woken.append(None))
    for _ in range(10_000):
        inbox.put(Incoming("edgepose/flat/bed/enabled/set", b"ON"))
    assert len(inbox.take()) == MOST == len(woken)
    assert inbox.take() == []
    assert inbox.refused == 10_000 - MOST
    assert len(caplog.records) == TOLD + 1


def test_a_zone_is_occupied_from_the_first_frame_to_a_moment_after_the_last():
    zones = ZoneWatches(["bed", "door"])
    assert zones.update([], 0) == {"bed": ZoneUse(0, 0), "door": ZoneUse(0, 0)}
    assert zones.update([("bed",), ("bed", "door")], 10)["bed"] == ZoneUse(2, 0)
    assert zones.update([("bed",)], 30) == {"bed": ZoneUse(1, 20), "door": ZoneUse(0, 0)}
    assert zones.update([], 30 + HOLD_S)["bed"] == ZoneUse(1, 20 + HOLD_S), "one missed detection is not an empty bed"
    assert zones.update([], 31 + HOLD_S)["bed"] == ZoneUse(0, 0)
    assert zones.update([("bed",)], 50)["bed"] == ZoneUse(1, 0)
    assert zones.update([("bed",)], 1)["bed"] == ZoneUse(1, 0), "a clip that begins again"


def test_visitors_who_say_nothing_do_not_keep_others_out():
    server = HealthServer(("127.0.0.1", 0), CollectorRegistry(), lambda: ("bed",))
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    try:
        with pytest.raises(urllib.request.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=10)
        assert (caught.value.code, caught.value.read()) == (503, b'{"status":"late","late":["bed"]}')
    finally:
        for visitor in silent:
            visitor.close()
        server.close()


def test_a_port_or_an_address_that_cannot_be_had_is_one_sentence():
    server = HealthServer(("127.0.0.1", 0), CollectorRegistry(), tuple)
    for address in (("127.0.0.1", server.port), ("192.0.2.1", 9464), ("127.0.0.1", 99999), ("no.such.host.invalid", 1)):
        with pytest.raises(EdgeposeError, match=r"^http.bind: .* can't be listened on \(.*\)"):
            HealthServer(address, CollectorRegistry(), tuple)
    server.close()


def test_a_wall_clock_that_jumps_moves_stamps_and_nothing_else():
    now = {"wall": 0, "mono": 100_000_000_000}
    clock = WallClock(synced=lambda: now["wall"] > 1e18, now_ns=lambda: (now["wall"], now["mono"]))
    assert clock.stamp().ts == 0.0 and not clock.stamp().synced
    now |= {"wall": 1_763_804_400_000_000_000, "mono": 111_000_000_000}  # a time server has answered
    assert clock.stamp(110_000_000_000).ts == 1_763_804_399.0
    assert clock.stamp().synced
    now["wall"] = 0
    assert clock.stamp().ts == 0.0


def test_only_the_clock_looks_at_the_wall_clock():
    asked = re.compile(r"\btime\.time\(|\btime_ns\(\)|datetime\.(now|today|utcnow)")
    package = Path(__file__).parents[1] / "edgepose"
    found = {
        path.name
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if asked.search(line.replace("monotonic_ns()", ""))
    }
    assert found <= {"clock.py"}, "all else counts in monotonic seconds, so that a clock that is set can't disturb it"
