"""The network's thread and those beside it: every frame, in order, errors in their place, no backlog of a camera."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgepose.association import Associator
from edgepose.domain import Frame, PoseMaps, Quant
from edgepose.errors import ModelError, SourceError
from edgepose.flow import flow
from edgepose.pipeline import CellGrid, Pipeline
from edgepose.preprocess import Letterbox
from tests.broker import wait_until
from tests.scenes import BODY18


class Grey:
    """A picture of one shade."""

    width = height = 32

    def __init__(self, shade: int) -> None:
        self._shade = shade

    def rgb(self, width: int, height: int):
        return np.full((height, width, 3), self._shade, np.uint8)


class Shades:
    """A source whose frame n has the shade n."""

    def __init__(self, count: int, live: bool = False, then: Exception | None = None) -> None:
        self.live = live
        self.given = 0
        self._count = count
        self._then = then
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        for seq in range(self._count):
            if self._closed:
                return
            self.given += 1
            yield Frame(Grey(seq), t_s=seq / 10, mono_ns=time.monotonic_ns(), seq=seq)
        if self._then is not None:
            raise self._then

    def close(self) -> None:
        self._closed = True


class Network:
    """Notes the shades that it is shown; finds nobody."""

    input_size = (32, 32)

    def __init__(self, fails_at: int = -1) -> None:
        self.shown: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self._input = np.zeros((32, 32, 3), np.uint8)
        self._fails_at = fails_at

    def input_view(self):
        return self._input

    def infer(self) -> PoseMaps:
        assert self.go.wait(60)
        if len(self.shown) == self._fails_at:
            raise ModelError("the runtime failed")
        assert len(np.unique(self._input)) == 1, "two frames at once"
        self.shown.append(int(self._input[0, 0, 0]))
        return PoseMaps(np.zeros((4, 4, 18), np.int8), np.zeros((4, 4, 38), np.int8), Quant(), Quant())


def pipeline(network: Network) -> Pipeline:
    return Pipeline(network, Letterbox((32, 32)), Associator(BODY18), grid=CellGrid(8), layout="body18")


@pytest.mark.parametrize("live", [False, True])
def test_every_frame_comes_in_order_and_is_shown_whole(live: bool):
    network, source = Network(), Shades(100, live)
    assert [result.frame.seq for result in flow(source, pipeline(network))] == list(range(100))
    assert network.shown == list(range(100))


@pytest.mark.parametrize("live", [False, True])
def test_errors_come_after_the_frames_before_them(live: bool):
    def until_it_fails(source: Shades, network: Network, error: type[Exception]) -> list[int]:
        seen = []
        with pytest.raises(error):
            for result in flow(source, pipeline(network)):
                seen.append(result.frame.seq)
        return seen

    assert until_it_fails(Shades(9, live), Network(fails_at=3), ModelError) == [0, 1, 2]
    assert until_it_fails(Shades(4, live, then=SourceError("unplugged")), Network(), SourceError) == [0, 1, 2, 3]


def test_a_live_frame_is_taken_only_when_the_network_is_free():
    network, source = Network(), Shades(100, live=True)
    network.go.clear()
    results = flow(source, pipeline(network))
    taker = threading.Thread(target=next, args=(results,))
    taker.start()
    wait_until(lambda: source.given, "the first frame")
    time.sleep(0.1)
    assert source.given == 1, "a second one would be old by the time the network is free"
    network.go.set()
    taker.join()
    source.close()
    results.close()


def test_frames_of_a_file_are_prepared_while_the_network_works():
    network, source = Network(), Shades(100)
    network.go.clear()
    results = flow(source, pipeline(network))
    taker = threading.Thread(target=next, args=(results,))
    taker.start()
    wait_until(lambda: source.given >= 2, "a frame ahead")
    time.sleep(0.1)
    assert source.given <= 4, "but not the whole file"
    network.go.set()
    taker.join()
    source.close()
    results.close()


@pytest.mark.parametrize("live", [False, True])
def test_closing_ends_every_thread(live: bool):
    before = set(threading.enumerate())
    source = Shades(1_000_000, live)
    results = flow(source, pipeline(Network()))
    next(results)
    made = set(threading.enumerate()) - before
    assert made
    source.close()
    results.close()
    wait_until(lambda: not any(thread.is_alive() for thread in made), "its threads to end")
