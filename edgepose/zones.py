"""Which named parts of the picture a person stands in."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from edgepose.domain import FloatArray, FrameResult
from edgepose.skeleton import LAYOUTS

if TYPE_CHECKING:
    from edgepose.config import Zone

Corners = Sequence[tuple[float, float]]


def ground_point(keypoints: FloatArray, layout: str) -> tuple[float, float] | None:
    """Where a person touches the ground, in the unit of `keypoints` (K, 3): None where no keypoint was seen.

    Between the ankles, or at the one that was seen; else the middle of the bottom of the box around all keypoints.
    """
    rows: list[list[float]] = keypoints.tolist()  # a loop over 18 rows is quicker than eight numpy calls
    feet = [rows[place] for place in _ankles(layout) if rows[place][2] > 0]
    if feet:
        return sum(row[0] for row in feet) / len(feet), sum(row[1] for row in feet) / len(feet)
    seen = [row for row in rows if row[2] > 0]
    if not seen:
        return None
    xs = [row[0] for row in seen]
    return (min(xs) + max(xs)) / 2, max(row[1] for row in seen)


def contains(polygon: Corners, x: float, y: float) -> bool:
    """Whether a point lies inside a polygon, by the even-odd rule; its edge counts as inside on the left and top.

    Source: the crossing number algorithm (Shimrat 1962, Communications of the ACM 5(8)).
    """
    inside = False
    ax, ay = polygon[-1]
    for bx, by in polygon:
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            inside = not inside
        ax, ay = bx, by
    return inside


class ZoneMap:
    """The zones of one camera."""

    def __init__(self, zones: "Mapping[str, Zone]") -> None:
        self._polygons = {name: zone.polygon for name, zone in zones.items()}

    def at(self, x: float, y: float) -> tuple[str, ...]:
        """Names of the zones around a point (normalised 0 to 1), in the order of the configuration."""
        return tuple(name for name, polygon in self._polygons.items() if contains(polygon, x, y))

    def of(self, result: FrameResult) -> tuple[tuple[str, ...], ...]:
        """For each track of a frame, the zones that hold its ground point."""
        if not self._polygons:
            return ((),) * len(result.tracks)
        return tuple(self._of_person(track.pose.keypoints, result) for track in result.tracks)

    def _of_person(self, keypoints: FloatArray, result: FrameResult) -> tuple[str, ...]:
        point = ground_point(keypoints, result.layout)
        if point is None:
            return ()
        width, height = result.size
        return self.at((point[0] + 0.5) / width, (point[1] + 0.5) / height)


@lru_cache
def _ankles(layout: str) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(LAYOUTS[layout]) if name in ("left_ankle", "right_ankle"))
