"""What goes over the wire: values in, MQTT messages out. Pure; topics and payloads of schema version 1.

Payloads are compact JSON (statuses: one word), and the structs here are their schema, for readers as well:
`msgspec.json.decode(payload, type=PoseMessage)`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgepose.clock import Stamp
from edgepose.domain import FrameResult, Parts
from edgepose.ports import Message

VERSION = 1
"""Rises when a field changes its meaning or goes; a new field does not raise it."""

POSE_EXPIRY_S = 2
UNKNOWN = "unknown"
"""Posture of somebody whose body can't be told."""
DECIMALS = 4
"""Of normalised coordinates and confidences: a tenth of a pixel of a 1000-pixel picture."""

NodeStatus = Literal["online", "stopped", "offline"]
CameraStatus = Literal["online", "stalled", "offline", "disabled"]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Topics:
    """Names of one node's topics."""

    prefix: str
    node: str

    def of_node(self, leaf: str) -> str:
        """<prefix>/<node>/<leaf>."""
        return f"{self.prefix}/{self.node}/{leaf}"

    def of_camera(self, camera: str, leaf: str) -> str:
        """<prefix>/<node>/<camera>/<leaf>."""
        return f"{self.prefix}/{self.node}/{camera}/{leaf}"


class StageMillis(msgspec.Struct, frozen=True):
    """What a frame has cost so far, milliseconds."""

    capture: float
    infer: float
    associate: float


class PersonMessage(msgspec.Struct, frozen=True):
    """One person of a pose message."""

    id: int
    score: float
    """0 to 1."""
    box: list[float]
    """Left, top, right, bottom of the keypoints seen, normalised to the frame."""
    kp: list[float]
    """x, y, confidence of every keypoint in layout order, x and y normalised to the frame; 0, 0, 0 where unseen."""
    posture: str
    zones: Sequence[str]
    face: list[float] | msgspec.UnsetType = msgspec.UNSET
    """As kp, in face70 order; only where faces are looked for. The others likewise: hand21, feet6."""
    left_hand: list[float] | msgspec.UnsetType = msgspec.UNSET
    right_hand: list[float] | msgspec.UnsetType = msgspec.UNSET
    feet: list[float] | msgspec.UnsetType = msgspec.UNSET


class PoseMessage(msgspec.Struct, frozen=True):
    """<prefix>/<node>/<camera>/pose."""

    v: int
    seq: int
    """Number of the frame at its source; a gap tells that frames were skipped."""
    boot: str
    """Changes with every boot of the machine; mono_ns and seq compare only within one."""
    ts: float
    """When the picture was taken, seconds since 1970 UTC."""
    mono_ns: int
    """When the picture was taken, monotonic clock of the machine."""
    clock_synced: bool
    """Whether ts can be believed."""
    cam: str
    w: int
    h: int
    """Pixels of the (rotated) frame."""
    layout: str
    lat_ms: StageMillis
    people: list[PersonMessage]


class OccupancyMessage(msgspec.Struct, frozen=True):
    """<prefix>/<node>/<camera>/occupancy."""

    v: int
    count: int
    ts: float
    clock_synced: bool
    posture: str = ""
    """Of the person who matters most; empty where nobody is."""


class ModelInfo(msgspec.Struct, frozen=True):
    """The network that a node runs."""

    name: str
    sha256: str
    input: tuple[int, int]
    """Height, width."""
    layout: str


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """<prefix>/<node>/info."""

    v: int = VERSION
    edgepose: str
    """Version of this software."""
    python: str
    machine: str
    """Architecture, such as aarch64."""
    runtime: str
    """Name and version of the inference runtime."""
    boot: str
    model: ModelInfo
    cameras: Sequence[str]


def node_status(topics: Topics, status: NodeStatus) -> Message:
    """Whether the node is there; the last will is the one that says offline."""
    return _status(topics.of_node("status"), status)


def camera_status(topics: Topics, camera: str, status: CameraStatus) -> Message:
    """Whether a camera delivers."""
    return _status(topics.of_camera(camera, "status"), status)


def camera_enabled(topics: Topics, camera: str, on: bool) -> Message:
    """Whether a camera may look: what …/enabled/set has set."""
    return Message(
        topics.of_camera(camera, "enabled/state"),
        b"ON" if on else b"OFF",
        qos=1,
        retain=True,
        content_type="text/plain",
    )


def node_info(topics: Topics, info: Info) -> Message:
    """What runs on the node."""
    return Message(topics.of_node("info"), _encode(info), qos=1, retain=True)


def occupancy(topics: Topics, camera: str, count: int, stamp: Stamp, posture: str = "") -> Message:
    """How many people a camera sees."""
    message = OccupancyMessage(
        v=VERSION, count=count, ts=round(stamp.ts, 3), clock_synced=stamp.synced, posture=posture
    )
    return Message(topics.of_camera(camera, "occupancy"), _encode(message), qos=1, retain=True)


def pose(
    topics: Topics,
    camera: str,
    result: FrameResult,
    *,
    stamp: Stamp,
    boot: str,
    zones: Sequence[Sequence[str]] = (),
) -> Message:
    """The skeletons of one frame.

    `stamp` is when the picture was taken; `zones` holds the names of the zones of each track, or nothing at all.
    """
    message = PoseMessage(
        v=VERSION,
        seq=result.frame.seq,
        boot=boot,
        ts=round(stamp.ts, 3),
        mono_ns=result.frame.mono_ns,
        clock_synced=stamp.synced,
        cam=camera,
        w=result.size[0],
        h=result.size[1],
        layout=result.layout,
        lat_ms=StageMillis(
            capture=_millis(result.times.capture),
            infer=_millis(result.times.infer),
            associate=_millis(result.times.associate),
        ),
        people=_people(result, zones) if result.tracks else [],
    )
    return Message(topics.of_camera(camera, "pose"), _encode(message), expiry_s=POSE_EXPIRY_S)


def openpose(topics: Topics, camera: str, document: bytes) -> Message:
    """The same frame as an OpenPose 1.3 JSON document, which edgepose.formats makes."""
    return Message(topics.of_camera(camera, "pose/openpose"), document, expiry_s=POSE_EXPIRY_S)


def _status(topic: str, word: str) -> Message:
    return Message(topic, word.encode(), qos=1, retain=True, content_type="text/plain")


def _people(result: FrameResult, zones: Sequence[Sequence[str]]) -> list[PersonMessage]:
    keypoints, boxes = _normalised(result)
    flat = keypoints.reshape(len(keypoints), -1).tolist()
    named = zones or ((),) * len(flat)
    return [
        PersonMessage(
            id=track.id,
            score=_unit(track.pose.score),
            box=box,
            kp=kp,
            posture=result.postures.get(track.id, UNKNOWN),
            zones=list(names),
            **_parts(track.pose.parts, result.size),
        )
        for track, box, kp, names in zip(result.tracks, boxes.tolist(), flat, named, strict=True)
    ]


def _normalised(result: FrameResult) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keypoints (P, K, 3) and boxes (P, 4), all 0 to 1 and finite, whatever came in.

    Rounded as float64, so that JSON gets the short number and not a float32's neighbour. A frame's pixel x has its
    centre at x and spans one pixel, so that the frame's edges, 0 and 1, are at -0.5 and width - 0.5.
    """
    keypoints = _on_frame(np.array([track.pose.keypoints for track in result.tracks]), result.size)
    seen = keypoints[..., 2] > 0
    xy = keypoints[..., :2]
    low = np.where(seen[..., None], xy, 1.0).min(axis=1)
    boxes = np.concatenate((low, xy.max(axis=1)), axis=1)
    boxes[~seen.any(axis=1)] = 0.0
    return keypoints, boxes


def _on_frame(pixels: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float64]:
    """(P, K, 3) of pixels as shares of the frame, rounded; what was not found, or is no number, is 0, 0, 0."""
    keypoints = pixels.astype(np.float64)
    seen = (keypoints[..., 2] > 0) & np.isfinite(keypoints).all(axis=-1)
    keypoints[..., :2] += 0.5
    keypoints[..., :2] /= size
    np.maximum(np.minimum(keypoints, 1.0, out=keypoints), 0.0, out=keypoints)  # np.clip takes twice as long
    keypoints[~seen] = 0.0
    return keypoints.round(DECIMALS)


def _parts(parts: Parts, size: tuple[int, int]) -> dict[str, list[float]]:
    """The parts that were looked for, each as kp."""
    named = {
        "face": parts.face,
        "left_hand": parts.left_hand,
        "right_hand": parts.right_hand,
        "feet": parts.feet,
    }
    return {
        name: _on_frame(found[None], size)[0].ravel().tolist() for name, found in named.items() if found is not None
    }


def _unit(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), DECIMALS) if math.isfinite(value) else 0.0


def _millis(value: float) -> float:
    return round(max(value, 0.0), 2) if math.isfinite(value) else 0.0
