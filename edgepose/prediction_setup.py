"""What `edgepose predict` shall do, as values that can be sent to another process, and what is built from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from edgepose import networks
from edgepose.config import Association, Camera, FileSource, Model, Mount
from edgepose.domain import Frame, FrameResult
from edgepose.formats import FORMATS, Form, ImageIds, Origin, OutputFolder, Writer
from edgepose.formats import heatmaps as heatmap_files
from edgepose.identities import Identified
from edgepose.inputs import Input
from edgepose.picture_pool import Size
from edgepose.pipeline import Stages
from edgepose.wholebody.networks import Part, PartNetwork, load_wanted
from edgepose.wholebody.settings import WholeBodySettings
from edgepose.wholebody.stage import WholeBody


@dataclass(frozen=True)
class Looks:
    """How frames are looked at."""

    model: str = "auto"
    threads: int = 0
    association: Association = field(default_factory=Association)
    rotate: Literal[0, 90, 180, 270] = 0
    people_max: int | None = None
    """So many people of a frame are kept, those with the best scores; None: all."""
    keep_maps: bool = False
    wholebody: WholeBodySettings = field(default_factory=WholeBodySettings)

    def part_networks(self) -> Mapping[Part, PartNetwork]:
        """The networks of the parts that are asked for. Raises ModelError."""
        return load_wanted(self.wholebody, self.threads or 1)

    def with_parts(self, stages: Stages, networks: Mapping[Part, PartNetwork], *, follow: bool) -> Stages:
        """Stages that also look for those parts. follow: whether ids hold from frame to frame."""
        if not networks:
            return stages
        whole = WholeBody(self.wholebody, networks=networks, follow=follow, rotate=self.rotate)
        return lambda frame: whole(stages(frame))

    def stages(self) -> Stages:
        """The stages for any upright or rotated picture, without its people's parts. Raises ModelError."""
        pipeline = networks.build_pipeline(
            networks.load(self.model),
            Model(threads=self.threads),
            self.association,
            Camera(source=FileSource(path=""), mount=Mount(rotate=self.rotate)),
            keep_maps=self.keep_maps,
        )
        return pipeline if self.people_max is None else Best(pipeline, self.people_max)


@dataclass(frozen=True)
class Drawn:
    """What is written of the pictures themselves."""

    inputs: tuple[Path, ...] = ()
    """Files that must stay as they are."""
    render: Path | None = None
    heatmaps: Path | None = None
    heatmap_form: heatmap_files.Form = "png"
    black: bool = False

    def writers(self, looks: Looks) -> Iterator[Writer]:
        """Those that want to see the picture. Raises EdgeposeError."""
        if self.render:
            from edgepose.formats.rendered import Drawing, Rendered

            yield Rendered(OutputFolder(self.render, self.inputs), Drawing(looks.rotate, black=self.black))
        if self.heatmaps:
            skeleton = networks.load(looks.model).sidecar.to_skeleton()
            folder = OutputFolder(self.heatmaps, self.inputs)
            yield heatmap_files.HeatMaps(folder, skeleton, self.heatmap_form)


def equip(settings: tuple[Looks, Drawn]) -> tuple[Stages, Sequence[Writer]]:
    """What a process of the picture pool needs."""
    looks, drawn = settings
    stages = looks.with_parts(looks.stages(), looks.part_networks(), follow=False)
    return stages, tuple(drawn.writers(looks))


def text_writer(name: str, out: str, inputs: Sequence[Path], ids: ImageIds, form: Form, *, resume: bool) -> Writer:
    """The writer of a format into a folder, or, for -, to standard output."""
    a_format = FORMATS[name]
    if out == "-" and a_format.to_stdout:
        return a_format.to_stdout(ids, form)
    return a_format.to_folder(OutputFolder(Path(out), inputs), ids, form, resume)


class Best:
    """Stages that keep the people with the best scores."""

    def __init__(self, stages: Stages, most: int) -> None:
        self._stages, self._most = stages, most

    def __call__(self, frame: Frame) -> FrameResult:
        """The frame with at most so many people, in their order."""
        result = self._stages(frame)
        if len(result.tracks) <= self._most:
            return result
        best = sorted(result.tracks, key=lambda track: -track.pose.score)[: self._most]
        return replace(result, tracks=tuple(track for track in result.tracks if track in best))


class WhereSeen:
    """A writer that is given only results whose pixels are at hand: the pool has written the others itself."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def has(self, origin: Origin) -> bool:
        """As the writer says."""
        return self._writer.has(origin)

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame, unless its pixels stayed elsewhere."""
        if not isinstance(result.frame.picture, Size):
            self._writer.add(result, origin)

    def close(self) -> None:
        """Close the writer."""
        self._writer.close()


class StagesOf:
    """The stages for each input: the network is shared, ids begin afresh with every clip and stream."""

    def __init__(self, looks: Looks, layout: str) -> None:
        """The network is loaded for the first input that needs it."""
        self._looks, self._layout = looks, layout
        self._loaded: tuple[Stages, Mapping[Part, PartNetwork]] | None = None

    def __call__(self, given: Input) -> Stages:
        """Raises ModelError."""
        self._loaded = self._loaded or (self._looks.stages(), self._looks.part_networks())
        stages, networks = self._loaded
        if not given.picture:
            stages = Identified(stages, self._layout)
        return self._looks.with_parts(stages, networks, follow=not given.picture)
