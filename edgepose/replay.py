"""A clip through tracking and care at its own time: what a camera that saw it would have told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edgepose import networks
from edgepose.care.engine import Care, Zones, counted
from edgepose.care.events import CareEvent
from edgepose.care.rules import rules_of
from edgepose.care.settings import Care as CareSettings
from edgepose.care.settings import Tracking
from edgepose.config import Association, Camera, FileSource, Model
from edgepose.domain import Frame, FrameResult
from edgepose.pipeline import Stages
from edgepose.scene_cut import SceneCut
from edgepose.stance import Stance
from edgepose.tracking import Person, Tracker
from edgepose.tracking_settings import tracker_settings


@dataclass(frozen=True)
class ReplaySettings:
    """What a replay runs with; it is sent to worker processes."""

    model: Model
    association: Association
    tracking: Tracking
    care: CareSettings
    camera: Camera | None = None
    """The mount, masks and zones; None: an upright picture without zones."""
    starts: datetime | None = None
    """Local time of a clip's first frame, for rules that know day from night."""


@dataclass(frozen=True)
class Step:
    """What one frame of a clip gave."""

    t_s: float
    seq: int
    size: tuple[int, int]
    people: tuple[Person, ...]
    stances: dict[int, Stance]
    events: tuple[CareEvent, ...]


@dataclass(frozen=True)
class Ending:
    """The end of a clip, with what it makes certain."""

    t_s: float
    """Of the last frame; 0 for a clip without any."""
    frames: int
    events: tuple[CareEvent, ...]


class Replayer:
    """Plays clips one after another; each begins with nobody known. Serves one thread."""

    def __init__(self, settings: ReplaySettings) -> None:
        """Load the network. Raises ModelError."""
        self._settings = settings
        network = networks.load(settings.model.name)
        self._layout = network.sidecar.skeleton.layout
        self._stages: Stages = networks.build_pipeline(
            network, settings.model, settings.association, settings.camera or Camera(source=FileSource(path=""))
        )

    def play(self, clip: Path) -> Iterator[Step | Ending]:
        """A step a frame, and the ending. Raises SourceError where the clip can't be read (to its end)."""
        from edgepose.adapters.sources import open_source

        source = open_source(FileSource(path=str(clip)), stall_timeout_s=60.0)
        try:
            yield from self.over(clip.stem, source.frames())
        finally:
            source.close()

    def over(self, name: str, frames: Iterator[Frame]) -> Iterator[Step | Ending]:
        """The same for frames from anywhere."""
        yield from self.of_results(name, (self._stages(frame) for frame in frames))

    def of_results(self, name: str, results: Iterator[FrameResult]) -> Iterator[Step | Ending]:
        """The same for poses that are known already."""
        yield from followed(name, results, self._settings, self._layout)


def steps(
    results: Iterable[FrameResult], tracker: Tracker, care: Care, starts: datetime | None = None
) -> Iterator[Step]:
    """Tracking and care over poses, a step a frame. `starts`: the local time of second 0."""
    scene = SceneCut()
    for result in results:
        t_s = result.frame.t_s
        cut = scene.update(result.glance)
        people = tracker.update([track.pose for track in result.tracks], t_s, cut=cut)
        local = starts + timedelta(seconds=t_s) if starts else None
        events = care.update(people, t_s, size=result.size, local_time=local, cut=cut)
        yield Step(t_s, result.frame.seq, result.size, people, dict(care.stances), tuple(events))


def followed(
    name: str, results: Iterable[FrameResult], settings: ReplaySettings, layout: str
) -> Iterator[Step | Ending]:
    """Tracking and care over the poses of a clip, and what its end makes certain."""
    tracker = Tracker(layout, tracker_settings(settings.tracking))
    zones: Zones = (
        {key: (zone.kind, zone.polygon) for key, zone in settings.camera.zones.items()} if settings.camera else {}
    )
    care = Care(rules_of(settings.care, counted(name), zones, layout), layout, zones)
    t_s, frames = 0.0, 0
    for step in steps(results, tracker, care, settings.starts):
        t_s, frames = step.t_s, frames + 1
        yield step
    yield Ending(t_s, frames, tuple(care.finish(t_s)) if frames else ())
