"""The values that travel from stage to stage: frozen, with shapes and units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
MapArray = NDArray[np.int8] | NDArray[np.uint8] | NDArray[np.float32]


class Picture(Protocol):
    """An image in whatever form its source holds it (YUV of a camera, RGB of an array), scaled only when asked."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""

    def rgb(self, width: int, height: int) -> ByteArray:
        """(height, width, 3) uint8 RGB, scaled and converted in one pass."""


@dataclass(frozen=True)
class Frame:
    """One picture of one camera, and when it was taken."""

    picture: Picture
    t_s: float
    """Monotonic seconds of the source: a clip's own time, or the monotonic clock of a live camera."""
    mono_ns: int
    """Monotonic clock of this machine at capture (for a file: when the frame was handed out), nanoseconds."""
    seq: int
    """Counts the frames of a source from 0; a gap tells that live frames were skipped."""
    name: str = ""
    """The file a still picture came from, or empty."""


@dataclass(frozen=True)
class Quant:
    """Affine quantisation of a map: value = (q - zero_point) * scale."""

    scale: float = 1.0
    zero_point: int = 0


@dataclass(frozen=True)
class PoseMaps:
    """What the network leaves, as it leaves it: valid until the model's next call, since it may be a view."""

    heatmaps: MapArray
    """(H, W, >=K) int8, uint8 or float32."""
    pafs: MapArray
    """(H, W, >=2L) of the same kind; may be a view of the same tensor."""
    heat_quant: Quant
    paf_quant: Quant
    offsets: MapArray | None = None
    """(H, W, >=2K): from a person's centre to their keypoints, in cells, of networks that tell it; any of the kinds."""
    offset_quant: Quant = Quant()


@dataclass(frozen=True)
class Parts:
    """What is known of a person beyond the body; None where it was not looked for, all zeros where it was not found."""

    face: FloatArray | None = None
    """(70, 3) in face70 order, otherwise as Pose.keypoints."""
    left_hand: FloatArray | None = None
    """(21, 3) in hand21 order; of the person's own left hand."""
    right_hand: FloatArray | None = None
    feet: FloatArray | None = None
    """(6, 3) in feet6 order."""


@dataclass(frozen=True)
class Pose:
    """One person of one frame."""

    keypoints: FloatArray
    """(K, 3) float32: x, y in pixels of the (rotated) frame, origin at the top left pixel's centre, and confidence
    0 to 1; 0, 0, 0 where not found."""
    score: float
    """0 to 1."""
    parts: Parts = Parts()

    @cached_property
    def rows(self) -> list[list[float]]:
        """The keypoints as plain lists, for those who look at one after another."""
        plain: list[list[float]] = self.keypoints.tolist()
        return plain

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(K,) which keypoints were found."""
        found: NDArray[np.bool_] = self.keypoints[:, 2] > 0
        return found

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the keypoints found, in pixels; zeros where none was."""
        xy = self.keypoints[self.seen, :2]
        if not len(xy):
            return (0.0, 0.0, 0.0, 0.0)
        (left, top), (right, bottom) = xy.min(axis=0), xy.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


@dataclass(frozen=True)
class Track:
    """A person with an id; of a single picture, the id is the place in its list."""

    id: int
    pose: Pose


@dataclass(frozen=True)
class StageTimes:
    """How long each stage took for one frame, milliseconds."""

    capture: float = 0.0
    """From the picture being taken to the pipeline holding it."""
    preprocess: float = 0.0
    infer: float = 0.0
    associate: float = 0.0


class Phase(StrEnum):
    """Where a care event stands."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    """An alert."""
    CLEARED = "cleared"
    """It is over."""
    ACKED = "acked"
    """Somebody has taken it on."""
    EXPIRED = "expired"
    """It neither became certain nor was it seen to end."""


Evidence = Mapping[str, float | int | str | bool]


@dataclass(frozen=True)
class CareEvent:
    """One transition of one event that the care rules watch for."""

    id: str
    """The same in all phases of one event, and never used again, not even after a restart; letters, digits, - and _."""
    kind: str
    """The rule that found it, such as fall."""
    phase: Phase
    camera: str
    track_id: int | None
    """The person, where it is about one."""
    zone: str | None
    t_start: float
    """When what it tells of began, seconds of Frame.t_s."""
    t_phase: float
    """When this phase began, seconds of Frame.t_s."""
    confidence: float
    """0 to 1."""
    evidence: Evidence = field(default_factory=dict)
    """What it was concluded from, for the reader: names with their unit, such as torso_deg."""


@dataclass(frozen=True)
class FrameResult:
    """All that became known of one frame."""

    frame: Frame
    size: tuple[int, int]
    """(width, height) of the frame after rotation, pixels: what keypoints refer to."""
    tracks: tuple[Track, ...]
    layout: str
    """Keypoint order, a key of edgepose.skeleton.LAYOUTS."""
    times: StageTimes = field(default_factory=StageTimes)
    capped: bool = False
    """True where the maps held more peaks or pairs than the association looks at."""
    events: tuple[CareEvent, ...] = ()
    """What the care rules have concluded with this frame, in order."""
    postures: Mapping[int, str] = field(default_factory=dict)
    """What each person does with their body, by the id of the track: see edgepose.posture.Posture."""
    maps: PoseMaps | None = None
    """What the network left, copied; only where it was asked for."""
    detected: int = 0
    """How many people the network found in this very frame, whether they are believed or not."""
    glance: ByteArray | None = None
    """(h, w) uint8: the upright picture, grey and small, as the network saw it; None where it wasn't kept."""
    present: int | None = None
    """How many people are believed to be there, seen in this very frame or a moment ago; None: as many as tracks."""

    @property
    def count(self) -> int:
        """How many people there are."""
        return len(self.tracks) if self.present is None else self.present
