"""How keypoints are written: in which order, on which scale, and whether ids hold over time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import FloatArray, FrameResult, Pose
from edgepose.formats.keypoints import body
from edgepose.preprocess import fitted

Scale = Literal["source", "network", "unit", "signed"]
SCALES: dict[Scale, str] = {
    "source": "pixels of the input",
    "network": "pixels of the network's input",
    "unit": "0 to 1, from the top left corner",
    "signed": "-1 to 1, from the top left corner",
}
"""What x and y count, as OpenPose's keypoint_scale 0, 1, 3 and 4 do."""
OPENPOSE_LAYOUTS = {"BODY_25": "body25", "COCO": "body18", "MPI": "mpi15"}
"""OpenPose's name of each of its models' orders, and ours."""


@dataclass(frozen=True)
class Form:
    """What the writers of keypoint files have to know."""

    layout: str | None = None
    """A key of edgepose.skeleton.LAYOUTS; None: whatever is usual for the format."""
    scale: Scale = "source"
    network: tuple[int, int] = (1, 1)
    """(height, width) of the network's input, for that scale."""
    tracked: bool = False
    """Whether ids hold from frame to frame of a clip or stream."""

    def body(self, pose: Pose, source: str, target: str, size: tuple[int, int]) -> list[list[float]]:
        """A pose's keypoints in another layout, as triples() gives them."""
        return self.triples(body(pose, source, self.layout or target), size)

    def triples(self, keypoints: FloatArray, size: tuple[int, int]) -> list[list[float]]:
        """[[x, y, confidence], …] on this scale, rounded to a hundredth of a pixel and a ten-thousandth of confidence.

        size: (width, height) of the frame, pixels. What was not found stays 0, 0, 0.
        """
        exact = keypoints.astype(np.float64)
        seen = exact[:, 2] > 0
        exact[seen, :2] = self._scaled(exact[seen, :2], size)
        exact[:, :2] = exact[:, :2].round(6 if self.scale in ("unit", "signed") else 2)
        exact[:, 2] = exact[:, 2].round(4)
        rows: list[list[float]] = exact.tolist()
        return rows

    def flat(self, keypoints: FloatArray | None, size: tuple[int, int]) -> list[float]:
        """The same numbers in one row: x, y, confidence, x, y, confidence, …; empty where there are none."""
        return [] if keypoints is None else [number for row in self.triples(keypoints, size) for number in row]

    def box(self, pose: Pose, size: tuple[int, int]) -> list[float]:
        """Left, top, right, bottom of the keypoints found."""
        left, top, right, bottom = pose.box()
        corners = np.array([[left, top, 1.0], [right, bottom, 1.0]], np.float32)
        return [number for row in self.triples(corners, size) for number in row[:2]]

    def holds_ids(self, result: FrameResult) -> bool:
        """Whether an id means the same person in the next frame."""
        return self.tracked and not result.frame.name

    def _scaled(self, xy: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """(N, 2) pixels of the frame on this scale. A pixel's centre is a whole number, the frame's edge at -0.5."""
        if self.scale == "source":
            return xy
        share: NDArray[np.float64] = (xy + 0.5) / size
        if self.scale == "network":
            share = share * fitted(self.network, size) - 0.5
        elif self.scale == "signed":
            share = 2 * share - 1
        return share


PLAIN = Form()
"""Pixels of the input, in the order of the format."""
