"""Which alerts stand, through acknowledgements, restarts and several people at once."""

import json
from pathlib import Path

import msgspec
import pytest

from edgepose import alerts, verdicts, wire, wire_care
from edgepose.alerts import Acknowledgement, Alerts
from edgepose.clock import Stamp
from edgepose.domain import CareEvent, Phase
from edgepose.errors import EdgeposeError
from edgepose.lasting import Lasting
from edgepose.ports import Message
from edgepose.state_folder import StateFolder, state_path
from edgepose.switches import Switches
from edgepose.verdicts import Verdicts

TOPICS = wire.Topics("edgepose", "flat")
FALL = "edgepose/flat/bed/alert/fall"
EVENT = "edgepose/flat/bed/event"
NOW = Stamp(ts=1763804400.5, synced=True)
OK = Acknowledgement(by="nurse", verdict="true")


def event(name: str, phase: str = "confirmed", camera: str = "bed", kind: str = "fall") -> wire_care.EventMessage:
    happened = CareEvent(
        id=name,
        kind=kind,
        phase=Phase(phase),
        camera=camera,
        track_id=7,
        zone=None,
        t_start=10.0,
        t_phase=12.5,
        confidence=0.87654321,
        evidence={"torso_deg": 80.5},
    )
    return wire_care.event_message(happened, lambda t_s: Stamp(ts=1000 + t_s, synced=True))


class Broker:
    """What a reader has heard, and what the broker keeps."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, message: Message) -> None:
        self.heard.append(message)

    def phases(self) -> list[tuple[str, str]]:
        documents = [json.loads(message.payload) for message in self.heard if message.topic.endswith("/event")]
        return [(document["id"], document["phase"]) for document in documents]

    def stands(self, topic: str = FALL) -> str | None:
        payloads = [message.payload for message in self.heard if message.topic == topic]
        return json.loads(payloads[-1])["id"] if payloads and payloads[-1] else None


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


def test_an_event_goes_out_as_documented(broker: Broker):
    Alerts(alerts.NoFiles()).take(TOPICS, event("a1"), broker.send)
    first, alert = broker.heard
    assert (first.topic, first.qos, first.retain, first.expiry_s) == (EVENT, 1, False, 86400)
    assert json.loads(first.payload) == {
        "v": 1,
        "id": "a1",
        "kind": "fall",
        "phase": "confirmed",
        "camera": "bed",
        "track_id": 7,
        "zone": None,
        "t_start": 1010.0,
        "t_phase": 1012.5,
        "confidence": 0.8765,
        "evidence": {"torso_deg": 80.5},
        "clock_synced": True,
    }
    assert (alert.topic, alert.qos, alert.retain, alert.payload) == (FALL, 1, True, first.payload)


def test_only_what_is_confirmed_stands_until_it_ends(broker: Broker):
    book = Alerts(alerts.NoFiles())
    book.take(TOPICS, event("a1", "suspected"), broker.send)
    assert len(broker.heard) == 1 and broker.stands() is None
    for end in ("cleared", "acked", "expired"):
        book.take(TOPICS, event("a1"), broker.send)
        assert broker.stands() == "a1"
        book.take(TOPICS, event("a1", end), broker.send)
        assert broker.stands() is None
        assert broker.heard[-1].payload == b""


def test_of_two_people_on_the_floor_one_that_gets_up_leaves_the_other_standing(broker: Broker):
    book = Alerts(alerts.NoFiles())
    book.take(TOPICS, event("a1"), broker.send)
    book.take(TOPICS, event("a2"), broker.send)
    assert broker.stands() == "a2"
    book.take(TOPICS, event("a2", "cleared"), broker.send)
    assert broker.stands() == "a1"


def test_an_acknowledgement_ends_an_alert_and_is_told_to_all(broker: Broker):
    book = Alerts(alerts.NoFiles())
    book.take(TOPICS, event("a1"), broker.send)
    assert len(book.acknowledge(TOPICS, "a1", OK, NOW, broker.send)) == 1
    acked = json.loads(broker.heard[-2].payload)
    assert (acked["phase"], acked["t_phase"]) == ("acked", 1763804400.5)
    assert acked["evidence"] == {"torso_deg": 80.5, "by": "nurse", "verdict": "true"}
    assert broker.stands() is None
    assert len(book.acknowledge(TOPICS, "a1", OK, NOW, broker.send)) == 0, "nothing stands any more"


def test_a_camera_name_acknowledges_all_that_stands_there(broker: Broker):
    book = Alerts(alerts.NoFiles())
    book.take(TOPICS, event("a1"), broker.send)
    book.take(TOPICS, event("a2", kind="long_lie"), broker.send)
    book.take(TOPICS, event("a3", camera="hall"), broker.send)
    assert len(book.acknowledge(TOPICS, "bed", OK, NOW, broker.send)) == 2
    assert [stands.id for stands in book.standing()] == ["a3"]


def test_an_alert_stands_through_a_restart_and_can_be_acknowledged_then(broker: Broker, folder: StateFolder):
    Alerts(folder).take(TOPICS, event("a1"), broker.send)
    again, broker = Alerts(folder), Broker()
    again.repeat(TOPICS, [("bed", "fall"), ("hall", "fall")], broker.send)
    assert broker.stands() == "a1"
    assert broker.heard[-1] == Message("edgepose/flat/hall/alert/fall", b"", qos=1, retain=True)
    assert len(again.acknowledge(TOPICS, "a1", OK, NOW, broker.send)) == 1
    assert Alerts(folder).standing() == ()


def test_alerts_of_a_camera_that_left_the_configuration_expire(broker: Broker):
    book = Alerts(alerts.NoFiles())
    book.take(TOPICS, event("a1"), broker.send)
    book.retire(TOPICS, ["hall"], NOW, broker.send)
    assert broker.phases() == [("a1", "confirmed"), ("a1", "expired")]
    assert broker.stands() is None


def test_a_rule_gone_wild_fills_neither_memory_nor_messages(broker: Broker):
    book = Alerts(alerts.NoFiles())
    for number in range(alerts.MOST + 20):
        book.take(TOPICS, event(f"a{number}"), broker.send)
    assert len(book.standing()) == alerts.MOST
    happened = CareEvent(
        "x", "fall", Phase.CONFIRMED, "bed", 1, None, 0, 0, 7.0, {f"k{n}": "x" * 9999 for n in range(999)}
    )
    made = wire_care.event(TOPICS, wire_care.event_message(happened, lambda _: NOW))
    assert len(made.payload) < 16384
    assert json.loads(made.payload)["confidence"] == 1


def test_verdicts_are_kept_over_restarts_with_what_the_alert_was_concluded_from(broker: Broker, folder: StateFolder):
    for name, verdict in (("a1", "true"), ("a2", "false")):
        book = Alerts(folder)
        book.take(TOPICS, event(name), broker.send)
        Verdicts(folder).keep(book.acknowledge(TOPICS, name, Acknowledgement("nurse", verdict), NOW, broker.send))
    lines = [json.loads(line) for line in (folder.read(verdicts.FILE) or b"").splitlines()]
    assert [(line["id"], line["kind"], line["phase"]) for line in lines] == [
        ("a1", "fall", "acked"),
        ("a2", "fall", "acked"),
    ]
    assert [line["evidence"] for line in lines] == [
        {"torso_deg": 80.5, "by": "nurse", "verdict": "true"},
        {"torso_deg": 80.5, "by": "nurse", "verdict": "false"},
    ]


def test_of_many_verdicts_the_last_are_kept(folder: StateFolder):
    for start in (0, verdicts.MOST - 10):
        Verdicts(folder).keep(event(f"a{start + number}", "acked") for number in range(verdicts.MOST))
    ids = [json.loads(line)["id"] for line in (folder.read(verdicts.FILE) or b"").splitlines()]
    assert ids == [f"a{verdicts.MOST - 10 + number}" for number in range(verdicts.MOST)]


@pytest.mark.parametrize("garbage", [b"", b"{", b"[1]", b'[{"id":"a"}]', b"\xff"])
def test_a_damaged_file_is_told_and_left_aside(garbage: bytes, folder: StateFolder, caplog: pytest.LogCaptureFixture):
    folder.write(alerts.FILE, garbage)
    assert Alerts(folder).standing() == ()
    assert "can't be read" in caplog.text


def test_a_camera_that_was_switched_off_stays_off_over_a_restart(folder: StateFolder):
    switches = Switches(folder)
    switches.set("bed", False)
    switches.set("hall", False)
    switches.set("hall", True)
    again = Switches(folder)
    assert not again.on("bed")
    assert again.on("hall")


def test_a_switch_that_does_not_move_writes_nothing(folder: StateFolder):
    Switches(folder).set("bed", True)
    assert folder.read("switches.json") is None


def test_one_folder_serves_one_process(tmp_path: Path):
    first = StateFolder(tmp_path)
    with pytest.raises(EdgeposeError, match="is used by another edgepose; stop that one"):
        StateFolder(tmp_path)
    first.close()
    StateFolder(tmp_path).close()


def test_a_folder_that_cannot_be_written_is_told_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").write_text("")
    folder = StateFolder(tmp_path / "file" / "state")
    folder.write("a", b"1")
    folder.write("a", b"2")
    assert folder.unsaved == 3
    assert caplog.text.count("can't be written") == 1
    assert folder.read("a") is None


def test_the_folder_is_systemds_or_the_users():
    assert state_path("flat", {"STATE_DIRECTORY": "/var/lib/edgepose:/x", "HOME": "/h"}) == Path("/var/lib/edgepose")
    assert state_path("flat", {"XDG_STATE_HOME": "/s"}) == Path("/s/edgepose/flat")
    assert state_path("flat", {"HOME": "/h"}) == Path("/h/.local/state/edgepose/flat")


def test_a_crash_between_an_event_and_its_alert_is_made_good_from_the_events_that_wait(tmp_path: Path):
    for wanted, happened in (
        (["old"], event("old")),
        (["old", "new"], event("new")),
        (["new"], event("old", "cleared")),
        (["new"], None),
    ):
        lasting = Lasting.in_folder(tmp_path / "state")
        if happened is not None:

            def kept_and_no_more(message: Message, lasting: Lasting = lasting) -> None:
                lasting.reports.append(message, 0.0)
                raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                lasting.alerts.take(TOPICS, happened, kept_and_no_more)
        lasting.close()
        lasting = Lasting.in_folder(tmp_path / "state")
        assert [each.id for each in lasting.alerts.standing()] == wanted
        lasting.close()


def test_a_reminder_of_an_alert_that_was_just_acknowledged_is_not_told(broker: Broker):
    """The rule, on its camera's thread, learns of the acknowledgement a frame later."""
    kept = Alerts(alerts.NoFiles())
    reminder = msgspec.structs.replace(event("a1"), evidence={"repeat": 1})
    kept.take(TOPICS, event("a1"), broker.send)
    kept.take(TOPICS, reminder, broker.send)
    assert broker.stands() == "a1"
    assert len(kept.acknowledge(TOPICS, "a1", OK, NOW, broker.send)) == 1
    kept.take(TOPICS, reminder, broker.send)
    assert broker.phases() == [("a1", "confirmed"), ("a1", "confirmed"), ("a1", "acked")]
    assert broker.stands() is None and kept.standing() == ()
