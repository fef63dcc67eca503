"""The one place where the stages of a frame are chained: picture, letterbox, network, association, people."""

import time
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from edgepose.association import Associator
from edgepose.completion import Completer
from edgepose.domain import ByteArray, FloatArray, Frame, FrameResult, Pose, PoseMaps, StageTimes, Track
from edgepose.ports import PoseModel
from edgepose.preprocess import Letterbox, Transform

GLANCE = 32
"""Pixels of a frame's small picture, along the longer side."""


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


@dataclass(frozen=True)
class Fitted:
    """A frame that is ready for the network."""

    frame: Frame
    pixels: ByteArray | None
    """(height, width, 3) uint8 of the network's input; None: they lie in the input tensor already."""
    transform: Transform
    glance: ByteArray
    """(h, w) uint8: the frame, grey and small."""
    capture_ms: float
    preprocess_ms: float


class Pipeline:
    """Frames in, people out: fit(), then look(). Each serves one thread, which need not be the same."""

    def __init__(
        self,
        model: PoseModel,
        letterbox: Letterbox,
        associator: Associator,
        *,
        grid: CellGrid,
        layout: str,
        completer: Completer | None = None,
        keep_maps: bool = False,
    ) -> None:
        """keep_maps: whether results carry a copy of what the network left."""
        self._model = model
        self._letterbox = letterbox
        self._associate = associator
        self._complete = completer
        self._grid = grid
        self._layout = layout
        self._keep_maps = keep_maps

    def __call__(self, frame: Frame) -> FrameResult:
        """All that can be known of one frame. Raises ModelError when the network fails."""
        return self.look(self._fit(frame, self._model.input_view(), in_place=True))

    def fit(self, frame: Frame) -> Fitted:
        """The frame as the network wants it, in memory of its own, so that the network may be at work meanwhile."""
        return self._fit(frame, np.empty((*self._model.input_size, 3), np.uint8), in_place=False)

    def look(self, fitted: Fitted) -> FrameResult:
        """All that can be known of a frame. Raises ModelError when the network fails."""
        filled = time.perf_counter()
        if fitted.pixels is not None:
            np.copyto(self._model.input_view(), fitted.pixels)
        maps = self._model.infer()
        inferred = time.perf_counter()
        people = self._associate(
            maps.heatmaps,
            maps.pafs,
            heat_quant=(maps.heat_quant.scale, maps.heat_quant.zero_point),
            paf_quant=(maps.paf_quant.scale, maps.paf_quant.zero_point),
        )
        keypoints, scores = people.keypoints, people.scores  # ours: fresh with every call
        if self._complete is not None:
            keypoints, scores = self._complete(keypoints, scores, maps)
        seen = keypoints[..., 2] > 0
        keypoints[seen, :2] = fitted.transform.to_frame(self._grid.to_input(keypoints[seen, :2]))
        associated = time.perf_counter()
        return FrameResult(
            frame=fitted.frame,
            size=fitted.transform.size,
            tracks=tuple(
                Track(id=place, pose=Pose(keypoints=person, score=float(score)))
                for place, (person, score) in enumerate(zip(keypoints, scores, strict=True), start=1)
            ),
            layout=self._layout,
            times=StageTimes(
                capture=fitted.capture_ms,
                preprocess=fitted.preprocess_ms,
                infer=(inferred - filled) * 1e3,
                associate=(associated - inferred) * 1e3,
            ),
            capped=people.capped,
            glance=fitted.glance,
            maps=copied(maps) if self._keep_maps else None,
        )

    def _fit(self, frame: Frame, out: ByteArray, *, in_place: bool) -> Fitted:
        started = time.perf_counter()
        capture_ms = max(0.0, (time.monotonic_ns() - frame.mono_ns) / 1e6)
        transform = self._letterbox(frame.picture, out=out)
        return Fitted(
            frame=frame,
            pixels=None if in_place else out,
            transform=transform,
            glance=_glance(out, transform.scaled_size),
            capture_ms=capture_ms,
            preprocess_ms=(time.perf_counter() - started) * 1e3,
        )


def _glance(pixels: ByteArray, scaled_size: tuple[int, int]) -> ByteArray:
    """(h, w): some pixels of the green channel, which is nearly the brightness; GLANCE along the longer side."""
    width, height = scaled_size
    step = max(1, max(scaled_size) // GLANCE)
    return pixels[step // 2 : height : step, step // 2 : width : step, 1].copy()


def copied(maps: PoseMaps) -> PoseMaps:
    """Maps of their own memory, which outlive the network's next run."""
    offsets = None if maps.offsets is None else maps.offsets.copy()
    return replace(maps, heatmaps=maps.heatmaps.copy(), pafs=maps.pafs.copy(), offsets=offsets)
