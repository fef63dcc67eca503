"""What hands, face and feet of one person cost beside their body, timed in turns in one run."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgepose.adapters.sources import open_source
from edgepose.config import FileSource, Model
from edgepose.domain import FrameResult, Track
from edgepose.errors import EdgeposeError
from edgepose.networks import Network, build_pipeline, thread_count
from edgepose.pipeline import Pipeline
from edgepose.wholebody import crops
from edgepose.wholebody.networks import Part, load_wanted
from edgepose.wholebody.people import points_of, stature_of
from edgepose.wholebody.settings import WholeBodySettings
from edgepose.wholebody.stage import WholeBody

ROUNDS = 60
_PARTS = ("left_hand", "right_hand", "face", "left_foot", "right_foot")
_BODY = 19
"""18 and the middle of the hips."""
_POINTS: dict[Part, int] = {"hand": 40, "face": 70, "foot": 6}
"""Beyond the body's: it has the wrists."""


@dataclass(frozen=True)
class WholeBodyResult:
    """What `edgepose bench --wholebody` prints. Times are medians in milliseconds, of one frame again and again."""

    model: str
    threads: int
    keypoints: int
    """Of one person, all parts together."""
    body_ms: float
    """Letterbox, network and association."""
    hands_ms: float
    """Of both of them, crops included; likewise the next two."""
    face_ms: float
    feet_ms: float
    all_ms: float
    """Body and parts."""
    ratio: float
    """All over body: the median of the rounds' own ratios."""


def run_bench(
    network: Network, clip: Path, *, threads: int = 0, rounds: int = ROUNDS, progress: Callable[[], None] = lambda: None
) -> WholeBodyResult:
    """Run it. `progress` is called after each round. Raises EdgeposeError, also where the clip shows nobody whole."""
    threads = thread_count(threads)
    pipeline = build_pipeline(network, Model(threads=threads))
    seen = one_person(pipeline, clip)
    everything = WholeBodySettings(hands=True, face=True, feet=True)
    networks = load_wanted(everything, threads)
    stages = {part: WholeBody(everything, networks={part: networks[part]}, follow=True) for part in networks}
    whole = WholeBody(everything, networks=networks, follow=True)
    times: dict[Part | str, list[float]] = {name: [] for name in ("body", "all", *stages)}

    def timed(name: Part | str, call: Callable[[], object]) -> None:
        started = time.perf_counter()
        call()
        times[name].append(1e3 * (time.perf_counter() - started))

    for _ in range(rounds):
        timed("body", lambda: pipeline(seen.frame))
        timed("all", lambda: whole(pipeline(seen.frame)))
        for part, stage in stages.items():
            timed(part, partial(stage, seen))
        progress()
    medians = {name: statistics.median(each) for name, each in times.items()}
    return WholeBodyResult(
        model=network.sidecar.name,
        threads=threads,
        keypoints=_BODY + sum(_POINTS[part] for part in networks),
        body_ms=medians["body"],
        hands_ms=medians["hand"],
        face_ms=medians["face"],
        feet_ms=medians["foot"],
        all_ms=medians["all"],
        ratio=statistics.median(a / b for a, b in zip(times["all"], times["body"], strict=True)),
    )


def one_person(pipeline: Pipeline, clip: Path) -> FrameResult:
    """The first frame of the clip in which exactly one person is seen so that every part is looked for."""
    for result in _results(pipeline, clip):
        if len(result.tracks) == 1 and _whole(result.tracks[0], result.layout):
            return result
    raise EdgeposeError(f"no frame of {clip} shows one person alone from eyes to ankles; name another clip")


def _whole(track: Track, layout: str) -> bool:
    points, stature_px = points_of(track.pose, layout), stature_of(track, layout)
    return all(crops.expected(part, points, stature_px) is not None for part in _PARTS)


def _results(pipeline: Pipeline, clip: Path) -> Iterator[FrameResult]:
    with closing(open_source(FileSource(path=str(clip)), stall_timeout_s=10.0)) as source:
        yield from map(pipeline, source.frames())
