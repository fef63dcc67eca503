"""What passes from the trunk to the head while training. Free of TensorFlow, as is all that makes batches."""

from typing import NamedTuple, Protocol

from .coco import FloatArray


class TrunkMaps(NamedTuple):
    """What the head reads."""

    features: FloatArray
    """(N, S/4, S/4, 24)"""
    heats: FloatArray
    """(N, S/4, S/4, 17) 0-1"""


class TrunkRunner(Protocol):
    """Runs the trunk on a batch of (N, S, S, 3) RGB pictures, 0-255; may be called from several threads."""

    def __call__(self, pictures: FloatArray) -> TrunkMaps:
        """What the head reads of these pictures."""
        ...
