"""Types of the kernel in cython_ext/_completion.pyx; what it promises stands there."""

from typing import final

from edgepose.completion import CentreChannels
from edgepose.domain import FloatArray, PoseMaps

LIMITS: dict[str, float]

@final
class Completer:
    def __init__(self, channels: CentreChannels) -> None: ...
    def __call__(self, keypoints: FloatArray, scores: FloatArray, maps: PoseMaps) -> tuple[FloatArray, FloatArray]: ...
