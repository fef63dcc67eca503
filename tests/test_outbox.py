"""What waits for the broker, and in which order it goes."""

import random

import pytest

from edgepose.outbox import MemoryReports, Outbox, Outgoing
from edgepose.ports import Message


def state(topic: str, payload: bytes = b"x") -> Message:
    return Message(topic, payload, qos=1, retain=True)


def report(payload: bytes, expiry_s: int | None = None) -> Message:
    return Message("event", payload, qos=1, expiry_s=expiry_s)


def pose(payload: bytes, expiry_s: int | None = 2) -> Message:
    return Message("pose", payload, expiry_s=expiry_s)


def take_all(outbox: Outbox, now_s: float = 0.0) -> list[Outgoing]:
    taken = []
    while (outgoing := outbox.take(now_s)) is not None:
        taken.append(outgoing)
    return taken


def payloads(taken: list[Outgoing]) -> list[bytes]:
    return [outgoing.message.payload for outgoing in taken]


def filled(*messages: Message, **settings: object) -> Outbox:
    outbox = Outbox(**settings)  # type: ignore[arg-type]
    for message in messages:
        outbox.put(message, 0.0)
    return outbox


def test_nothing_goes_before_a_connection():
    assert take_all(filled(state("a"), report(b"b"), pose(b"c"))) == []


def test_state_goes_before_reports_before_the_stream():
    outbox = filled(pose(b"3"), report(b"2"), state("s", b"1"))
    outbox.connected(20)
    assert payloads(take_all(outbox)) == [b"1", b"2", b"3"]


def test_the_stream_loses_its_oldest_and_counts_it():
    outbox = filled(*(pose(b"%d" % n) for n in range(10)), stream_limit=3)
    outbox.connected(20)
    assert payloads(take_all(outbox)) == [b"7", b"8", b"9"]
    assert outbox.counters().dropped == 7


def test_a_pose_that_waited_longer_than_it_is_good_for_does_not_go():
    outbox = filled(pose(b"old"))
    outbox.put(pose(b"new"), 5.0)
    outbox.connected(20)
    assert payloads(take_all(outbox, now_s=6.5)) == [b"new"]
    assert outbox.counters().expired == 1


def test_what_is_left_of_the_expiry_goes_along():
    outbox = filled(report(b"x", expiry_s=100), pose(b"y", expiry_s=2), state("z"))
    outbox.connected(20)
    assert [outgoing.expiry_s for outgoing in take_all(outbox, now_s=0.5)] == [None, 100, 2]
    outbox = filled(report(b"x", expiry_s=100))
    outbox.connected(20)
    assert [outgoing.expiry_s for outgoing in take_all(outbox, now_s=60.2)] == [40]


def test_only_the_latest_state_of_a_topic_goes():
    outbox = filled(state("a", b"1"), state("b", b"2"), state("a", b"3"))
    outbox.connected(20)
    assert payloads(take_all(outbox)) == [b"2", b"3"]


def test_state_goes_again_on_every_connection_in_the_order_of_its_last_change():
    outbox = filled(state("a", b"1"), state("b", b"2"), state("c", b"3"))
    outbox.connected(20)
    take_all(outbox)
    outbox.put(state("a", b"4"), 1.0)
    take_all(outbox)
    outbox.disconnected()
    outbox.connected(20)
    assert payloads(take_all(outbox)) == [b"2", b"3", b"4"]


def test_a_cleared_topic_is_cleared_until_the_broker_knows_and_then_forgotten():
    outbox = filled(state("alert", b"fall"), state("alert", b""))
    outbox.connected(20)
    take_all(outbox)
    outbox.disconnected()
    outbox.connected(20)
    (cleared,) = take_all(outbox)
    assert cleared.message.payload == b""
    outbox.acknowledge(cleared)
    assert not outbox.holds("alert")
    outbox.connected(20)
    assert take_all(outbox) == []


def test_state_that_came_after_a_clearing_is_not_forgotten_with_it():
    outbox = filled(state("alert", b""))
    outbox.connected(20)
    (cleared,) = take_all(outbox)
    outbox.put(state("alert", b"fall"), 1.0)
    outbox.acknowledge(cleared)
    assert outbox.holds("alert")


def test_no_more_is_in_flight_than_the_broker_takes():
    outbox = filled(*(report(b"%d" % n) for n in range(5)), pose(b"pose"))
    outbox.connected(2)
    first = take_all(outbox)
    assert payloads(first) == [b"0", b"1", b"pose"]
    outbox.acknowledge(first[0])
    assert payloads(take_all(outbox)) == [b"2"]


def test_reports_that_were_not_acknowledged_go_again_in_order():
    outbox = filled(*(report(b"%d" % n) for n in range(4)))
    outbox.connected(20)
    taken = take_all(outbox)
    outbox.acknowledge(taken[0])
    outbox.acknowledge(taken[2])
    outbox.disconnected()
    outbox.put(report(b"4"), 1.0)
    outbox.connected(20)
    assert payloads(take_all(outbox)) == [b"1", b"3", b"4"]


def test_a_refused_report_is_not_tried_again_and_is_counted():
    outbox = filled(report(b"x"))
    outbox.connected(20)
    outbox.acknowledge(take_all(outbox)[0], refused=True)
    outbox.connected(20)
    assert take_all(outbox) == []
    assert (outbox.counters().refused, outbox.counters().acknowledged) == (1, 0)


def test_a_full_queue_of_reports_keeps_its_oldest_and_counts_the_rest():
    outbox = filled(*(report(b"%d" % n) for n in range(5)), reports=MemoryReports(limit=3))
    outbox.connected(20)
    assert payloads(take_all(outbox)) == [b"0", b"1", b"2"]
    assert outbox.counters().overflowed == 2


def test_it_is_idle_when_all_has_gone_and_been_acknowledged():
    outbox = filled(state("a"), report(b"b"), pose(b"c"))
    assert not outbox.idle()
    outbox.connected(20)
    waiting = [outgoing for outgoing in take_all(outbox) if outgoing.message.qos]
    for outgoing in waiting:
        assert not outbox.idle()
        outbox.acknowledge(outgoing)
    assert outbox.idle()


@pytest.mark.parametrize("message", [state("a"), report(b"x"), pose(b"x")])
def test_a_message_that_cannot_be_sent_is_counted_and_does_not_block(message: Message):
    outbox = filled(message)
    outbox.connected(20)
    outbox.reject(take_all(outbox)[0])
    assert outbox.counters().refused == 1
    assert outbox.idle()


class Unsteady:
    """A publisher and a broker with a connection between them that comes and goes."""

    def __init__(self, rng: random.Random) -> None:
        self.outbox = Outbox(stream_limit=5)
        self.truth: dict[str, bytes] = {}
        self.broker: dict[str, bytes] = {}
        self.reported: list[bytes] = []
        self.arrived: list[bytes] = []
        self._rng = rng
        self._up = False
        self._flying: list[Outgoing] = []

    def report(self) -> None:
        self.reported.append(b"%d" % len(self.reported))
        self.outbox.put(report(self.reported[-1]), 0.0)

    def state(self) -> None:
        topic, payload = self._rng.choice("abc"), self._rng.choice((b"", b"on", b"off"))
        self.truth[topic] = payload
        self.outbox.put(state(topic, payload), 0.0)

    def pose(self) -> None:
        self.outbox.put(pose(b"p"), 0.0)

    def connect(self) -> None:
        if not self._up:
            self._up = True
            self.outbox.connected(self._rng.randint(1, 20))

    def lose(self) -> None:
        self._up, self._flying = False, []
        self.outbox.disconnected()

    def send(self) -> None:
        outgoing = self.outbox.take(0.0)
        if outgoing is None:
            return
        if self._rng.random() < 0.1:
            self.lose()
            return
        message = outgoing.message
        if message.retain:
            self.broker[message.topic] = message.payload
        elif message.qos:
            self.arrived.append(message.payload)
        if message.qos:
            self._flying.append(outgoing)

    def acknowledge(self) -> None:
        if self._flying:
            self.outbox.acknowledge(self._flying.pop(0))

    def settle(self) -> None:
        while not self.outbox.idle():
            self.connect()
            self.send()
            self.acknowledge()


def test_random_connections_lose_no_report_and_end_with_the_truth():
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(100):
        world = Unsteady(rng)
        acts = (world.report, world.state, world.pose, world.connect, world.lose, world.send, world.acknowledge)
        for _ in range(rng.randint(10, 200)):
            rng.choice(acts)()
        world.settle()
        assert list(dict.fromkeys(world.arrived)) == world.reported
        assert world.broker == world.truth
