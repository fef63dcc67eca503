"""The one place where the stages of a frame are chained: picture, letterbox, network, association, people."""

import time
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from edgepose.association import Associator
from edgepose.domain import FloatArray, Frame, FrameResult, Pose, PoseMaps, StageTimes, Track
from edgepose.ports import PoseModel
from edgepose.preprocess import Letterbox


@dataclass(frozen=True)
class CellGrid:
    """How the cells of the maps lie on the network's input: pixel = (cell + centre) * stride - 0.5."""

    stride: int
    centre: float = 0.5

    def to_input(self, cells: FloatArray) -> FloatArray:
        """(…, 2) cell coordinates as pixels of the network's input."""
        pixels: FloatArray = ((cells + self.centre) * self.stride - 0.5).astype(np.float32)
        return pixels


class Stages(Protocol):
    """Anything that turns frames into results; the real one is Pipeline."""

    def __call__(self, frame: Frame) -> FrameResult:
        """All that can be known of this frame."""


class Pipeline:
    """Frames in, people out. Owns its network and workspace, so it serves one thread."""

    def __init__(
        self,
        model: PoseModel,
        letterbox: Letterbox,
        associator: Associator,
        *,
        grid: CellGrid,
        layout: str,
        keep_maps: bool = False,
    ) -> None:
        """keep_maps: whether results carry a copy of what the network left."""
        self._model = model
        self._letterbox = letterbox
        self._associate = associator
        self._grid = grid
        self._layout = layout
        self._keep_maps = keep_maps

    def __call__(self, frame: Frame) -> FrameResult:
        """All that can be known of one frame. Raises ModelError when the network fails."""
        started = time.perf_counter()
        capture_ms = max(0.0, (time.monotonic_ns() - frame.mono_ns) / 1e6)
        transform = self._letterbox(frame.picture, out=self._model.input_view())
        filled = time.perf_counter()
        maps = self._model.infer()
        inferred = time.perf_counter()
        people = self._associate(
            maps.heatmaps,
            maps.pafs,
            heat_quant=(maps.heat_quant.scale, maps.heat_quant.zero_point),
            paf_quant=(maps.paf_quant.scale, maps.paf_quant.zero_point),
        )
        keypoints = people.keypoints  # ours: fresh with every call
        seen = keypoints[..., 2] > 0
        keypoints[seen, :2] = transform.to_frame(self._grid.to_input(keypoints[seen, :2]))
        associated = time.perf_counter()
        return FrameResult(
            frame=frame,
            size=transform.size,
            tracks=tuple(
                Track(id=place, pose=Pose(keypoints=person, score=float(score)))
                for place, (person, score) in enumerate(zip(keypoints, people.scores, strict=True), start=1)
            ),
            layout=self._layout,
            times=StageTimes(
                capture=capture_ms,
                preprocess=(filled - started) * 1e3,
                infer=(inferred - filled) * 1e3,
                associate=(associated - inferred) * 1e3,
            ),
            capped=people.capped,
            maps=copied(maps) if self._keep_maps else None,
        )


def copied(maps: PoseMaps) -> PoseMaps:
    """Maps of their own memory, which outlive the network's next run."""
    return replace(maps, heatmaps=maps.heatmaps.copy(), pafs=maps.pafs.copy())
