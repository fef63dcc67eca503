"""Times each stage, the network alone and the whole pipeline side by side in one run.

Machines are noisy, so the network alone and the pipeline take turns in short rounds, and what counts is the ratio.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgepose import wire
from edgepose.adapters.model_tflite import TfliteModel
from edgepose.adapters.sources import open_source
from edgepose.care.settings import Care, Tracking
from edgepose.clock import WallClock
from edgepose.config import Camera, FileSource, Model, PoseMessages
from edgepose.domain import Frame, FrameResult, StageTimes
from edgepose.flow import flow
from edgepose.networks import Network, build_pipeline, thread_count
from edgepose.people_watch import PeopleWatch
from edgepose.pipeline import Pipeline
from edgepose.report import CameraReport

ROUNDS = 8
SETTLE_S = 0.05
"""Before the network alone is timed: what the pipeline has begun is finished by then."""
WAITING = 8
"""Frames that the pipeline has worked ahead meanwhile, at most: they are taken before it is timed."""


@dataclass(frozen=True)
class BenchResult:
    """What `edgepose bench` prints. Times are medians in milliseconds."""

    model: str
    threads: int
    invoke_ms: float
    """The network alone, on a frame that already lies in its input."""
    preprocess_ms: float
    infer_ms: float
    associate_ms: float
    follow_ms: float
    """Tracking, postures and care rules."""
    encode_ms: float
    """Pose message and occupancy of one frame."""
    invoke_fps: float
    pipeline_fps: float
    """Decoding, letterbox, network, association, tracking, care and messages, as `edgepose run` chains them."""
    ratio: float
    """Pipeline over network alone: the median of the rounds' own ratios."""
    latency_p50_ms: float
    latency_p95_ms: float
    """From a frame being decoded to its messages being handed over, with frames coming at the clip's own pace."""
    frame_ms: float
    """The time of one frame at that pace."""
    rss_mb: float
    people_per_frame: float


def run_bench(
    network: Network,
    clip: Path,
    *,
    threads: int = 0,
    rounds: int = ROUNDS,
    round_s: float = 0.75,
    paced_s: float = 5.0,
    progress: Callable[[], None] = lambda: None,
) -> BenchResult:
    """Run it. `progress` is called after each round. Raises EdgeposeError."""
    threads = thread_count(threads)
    source = FileSource(path=str(clip), loop=True)
    pipeline = build_pipeline(network, Model(threads=threads))
    watch = PeopleWatch(
        camera="bench",
        layout=network.sidecar.skeleton.layout,
        zones={},
        tracking=Tracking(),
        care=Care(),
        clock=WallClock(),
    )
    report = CameraReport(wire.Topics("edgepose", "bench"), "bench", Camera(source=source), PoseMessages())
    times: list[StageTimes] = []
    encode_s: list[float] = []
    follow_ms: list[float] = []
    people: list[int] = []

    def one(seen: FrameResult) -> None:
        began = time.perf_counter()
        result = watch(seen)
        started = time.perf_counter()
        report.messages(result)
        encode_s.append(time.perf_counter() - started)
        follow_ms.append(1e3 * (started - began))
        times.append(result.times)
        people.append(len(result.tracks))

    invoke_fps, pipeline_fps = [], []
    with _results(source, pipeline) as results:
        alone = _invoker(network, threads, next(results).frame)
        alone()
        for _ in range(rounds):
            time.sleep(SETTLE_S)
            invoke_fps.append(_rate(alone, round_s))
            for _ in range(WAITING):
                one(next(results))
            pipeline_fps.append(_rate(lambda: one(next(results)), round_s))
            progress()
    paced = FileSource(path=str(clip), loop=True, realtime=True)
    latency_s, frame_s = _paced(paced, pipeline, one, paced_s)
    return BenchResult(
        model=network.sidecar.name,
        threads=threads,
        invoke_ms=1e3 / statistics.median(invoke_fps),
        preprocess_ms=statistics.median(t.preprocess for t in times),
        infer_ms=statistics.median(t.infer for t in times),
        associate_ms=statistics.median(t.associate for t in times),
        follow_ms=statistics.median(follow_ms),
        encode_ms=1e3 * statistics.median(encode_s),
        invoke_fps=statistics.median(invoke_fps),
        pipeline_fps=statistics.median(pipeline_fps),
        ratio=statistics.median(p / i for p, i in zip(pipeline_fps, invoke_fps, strict=True)),
        latency_p50_ms=1e3 * float(np.percentile(latency_s, 50)),
        latency_p95_ms=1e3 * float(np.percentile(latency_s, 95)),
        frame_ms=1e3 * frame_s,
        rss_mb=_rss_mb(),
        people_per_frame=statistics.mean(people),
    )


def _invoker(network: Network, threads: int, frame: Frame) -> Callable[[], None]:
    """A call that only runs the network, on a real picture."""
    model = TfliteModel(network.path, network.sidecar, threads=threads)
    height, width = model.input_size
    model.input_view()[:] = frame.picture.rgb(width, height)

    def invoke() -> None:
        model.infer()

    return invoke


@contextmanager
def _results(config: FileSource, pipeline: Pipeline) -> Iterator[Iterator[FrameResult]]:
    """The results of a source that is closed afterwards."""
    source = open_source(config, stall_timeout_s=10.0)
    results = flow(source, pipeline)
    try:
        yield results
    finally:
        source.close()
        results.close()


def _rate(call: Callable[[], None], for_s: float) -> float:
    """How often a second `call` runs, over at least `for_s` seconds."""
    started = time.perf_counter()
    for count in itertools.count(1):
        call()
        elapsed = time.perf_counter() - started
        if elapsed >= for_s:
            return count / elapsed
    raise AssertionError("counting never ends")


def _paced(
    config: FileSource, pipeline: Pipeline, one: Callable[[FrameResult], None], for_s: float
) -> tuple[list[float], float]:
    """(latency of each frame, time of one frame), seconds, with frames coming at the clip's pace."""
    started, latency_s, clip_s = time.monotonic(), [], []
    with _results(config, pipeline) as results:
        for result in results:
            one(result)
            latency_s.append((time.monotonic_ns() - result.frame.mono_ns) / 1e9)
            clip_s.append(result.frame.t_s)
            if time.monotonic() - started >= for_s:
                break
    steps = [b - a for a, b in itertools.pairwise(clip_s) if b > a]
    return latency_s, statistics.median(steps) if steps else 0.0


def _rss_mb() -> float:
    """Resident memory of this process, MB (10^6 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")
