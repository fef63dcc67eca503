"""Keypoints that no limb led to, or that one led astray to, told by the network's regression from a person's centre.

The network heats the centre of each person and says there, roughly, where all keypoints are, hidden ones too (Duan et
al., CenterNet, arXiv 1904.07850). People are put together by the part affinity fields; a centre that agrees with what
was found of a person fills in what is missing. Keypoints that come this way are guesses, and say so: their confidence
is below that of any keypoint that was found. A keypoint that was found, but far from where the centre believes it, goes
as a guess to the heat that is nearer by, if that is about as warm. And where the limbs of a body fell into pieces, the
centre of one tells that the others belong to it: one body is one person. The compiled kernel of cython_ext does it.
"""

from dataclasses import dataclass

from edgepose._completion import LIMITS, Completer

__all__ = ["GUESS_LIMIT", "CentreChannels", "Completer"]

GUESS_LIMIT = LIMITS["guess_limit"]
"""Confidence of a completed keypoint at most; the least of a found one is the association's min_keypoint, 0.1."""


@dataclass(frozen=True)
class CentreChannels:
    """Where the maps hold what completion reads."""

    centre: int
    """Of the heat maps."""
    offsets: tuple[tuple[int, int] | None, ...]
    """(x, y) channels of each keypoint of the layout, in cells from the centre's; None where it has none."""
    heats: tuple[int, ...]
    """Heat-map channel of each keypoint of the layout."""
    between: tuple[int, int, int] | None = None
    """A keypoint without a regression that lies half-way between two others, such as neck and shoulders."""
