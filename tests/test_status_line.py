"""The line that `systemctl status` shows."""

from edgepose.status_line import StatusTeller, Vitals, status_line


def vitals(t_s: float, frames: int, broker: str | None = None, **cameras: str) -> Vitals:
    return Vitals(t_s, frames, cameras, broker)  # type: ignore[arg-type]


def test_all_is_well():
    line = status_line(vitals(10, 100), vitals(20, 249, bedroom="online", hall="online"))
    assert line == "2 cameras online, 14.9 frames/s, broker connected"


def test_one_camera_is_one():
    assert status_line(vitals(0, 0), vitals(1, 5, bedroom="online")).startswith("1 camera online, 5.0 frames/s")


def test_a_camera_that_is_away_is_named_with_its_status():
    line = status_line(vitals(0, 0), vitals(1, 0, bedroom="online", hall="stalled"))
    assert line.startswith("1 of 2 cameras online (hall stalled), 0.0 frames/s")


def test_what_keeps_the_broker_away_is_told():
    now = vitals(1, 0, "broker mqtt:1883 refuses the connection", hall="online")
    assert status_line(vitals(0, 0), now).endswith("broker away (broker mqtt:1883 refuses the connection)")
    assert status_line(vitals(0, 0), vitals(1, 0, "", hall="online")).endswith("broker awaited")


def test_a_rate_is_never_negative_and_needs_time_to_pass():
    assert "0.0 frames/s" in status_line(vitals(0, 100), vitals(1, 0, hall="online"))
    assert "0.0 frames/s" in status_line(vitals(1, 0), vitals(1, 9, hall="online"))


def test_it_is_told_at_once_and_then_every_few_seconds():
    said: list[str] = []
    teller = StatusTeller(said.append, every_s=5)
    for t_s in range(11):
        teller.tell(vitals(t_s, 10 * t_s, hall="online"))
    assert [line.split(", ")[1] for line in said] == ["0.0 frames/s", "10.0 frames/s", "10.0 frames/s"]


def test_a_remark_is_told_at_once_and_stays_until_it_is_taken_back():
    said: list[str] = []
    teller = StatusTeller(said.append, every_s=5)
    teller.tell(vitals(0, 0, hall="online"))
    teller.remark("the reload failed; ")
    teller.tell(vitals(9, 90, hall="online"))
    teller.remark("")
    assert [line.split(", ")[0] for line in said[1:]] == [
        "the reload failed; 1 camera online",
        "the reload failed; 1 camera online",
        "1 camera online",
    ]
