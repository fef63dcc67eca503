"""What a still, empty room costs beside one in which somebody moves: processor time of the chain that the daemon runs.

usage: python tests/bench/bench_low_power.py [--seconds 40] [--model NAME]
The camera is the demonstration clip, copied frame by frame as those of a camera module are; nothing is decoded
meanwhile. Times are of this process's processor, so that a busy machine does not spoil them.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose import networks, wire
from edgepose.adapters.camera_picamera2 import frame_of
from edgepose.adapters.live import LiveShot, LiveSource, Patience
from edgepose.adapters.picture_av import AvPicture, Scaler
from edgepose.attention import Attention, Attentive
from edgepose.care.settings import Care, Tracking
from edgepose.clock import WallClock
from edgepose.config import Camera, FileSource, LowPower, Model, PoseMessages
from edgepose.demo_clip import CLIP
from edgepose.flow import flow
from edgepose.people_watch import PeopleWatch
from edgepose.report import CameraReport
from tests.clips import frames_of

RATE, WIDTH, HEIGHT = 15, 640, 480


def buffers(pictures) -> list[np.ndarray]:
    """What a camera would fill: NV12."""
    import av

    return [
        av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="nv12").to_ndarray().ravel()
        for picture in pictures
    ]


def room(seconds: float, shown: list[np.ndarray]) -> LiveSource:
    """A camera that shows these pictures for so long, at its rate."""

    def read(stop) -> Iterator[LiveShot]:
        scaler, due_s = Scaler(), time.monotonic()
        for data in itertools.islice(itertools.cycle(shown), int(seconds * RATE)):
            due_s += 1 / RATE
            time.sleep(max(0.0, due_s - time.monotonic()))
            if stop.is_set():
                return
            frame = frame_of(data, {"format": "NV12", "size": (WIDTH, HEIGHT), "stride": WIDTH})
            yield LiveShot(AvPicture(frame, scaler), time.monotonic_ns())

    return LiveSource("the room", read, Patience(60, 60))


def cost(network: networks.Network, shown: list[np.ndarray], seconds: float, settings: LowPower) -> tuple[float, int]:
    """(share of one core, frames looked at) after the first seconds, in which the daemon is still awake."""
    pipeline = networks.build_pipeline(network, Model(threads=1))
    watch = PeopleWatch(
        camera="room",
        layout=network.sidecar.skeleton.layout,
        zones={},
        tracking=Tracking(),
        care=Care(),
        clock=WallClock(),
    )
    report = CameraReport(wire.Topics("edgepose", "bench"), "room", Camera(FileSource("x")), PoseMessages())
    attention, looked, begun = Attention(settings), 0, None
    warm_s = settings.after_s + 2
    source = Attentive(room(seconds + warm_s, shown), attention)
    started_s = time.monotonic()
    for seen in flow(source, pipeline):
        result = watch(seen)
        attention.learned(result)
        report.messages(result)
        if begun is None and time.monotonic() - started_s > warm_s:
            begun = time.process_time(), time.monotonic()
        looked += begun is not None
    assert begun is not None
    return (time.process_time() - begun[0]) / (time.monotonic() - begun[1]), looked


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--model", default="auto")
    arguments = parser.parse_args()
    network = networks.load(arguments.model)
    clip = frames_of(CLIP, 0, 150)
    empty = np.median(np.stack(clip[::5]), axis=0).astype(np.int16)
    random = np.random.default_rng(3)
    noisy = [np.clip(empty + random.normal(0, 3, empty.shape), 0, 255).astype(np.uint8) for _ in range(15)]
    settings = LowPower()
    busy, frames = cost(network, buffers(clip), arguments.seconds, settings)
    print(f"{network.sidecar.name}, {RATE} frames/s of {WIDTH}x{HEIGHT}, one thread, share of one core:")
    print(f"  somebody moves         {100 * busy:6.1f} %   {frames} frames through the network")
    # A machine that is busy otherwise leaves frames out; what they would have cost belongs to the comparison.
    busy *= max(1.0, arguments.seconds * RATE / frames)
    for name, chosen in (("empty, low power off", LowPower(enabled=False)), ("empty, low power", settings)):
        share, frames = cost(network, buffers(noisy), arguments.seconds, chosen)
        text = f"{100 * share:6.1f} %   {frames} frames through the network"
        print(f"  {name:<22} {text}, {share / busy:.2f} of busy at full rate")


if __name__ == "__main__":
    main()
