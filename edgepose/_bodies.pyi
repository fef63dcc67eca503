"""Types of the kernel in cython_ext/_bodies.pyx; what it promises stands there."""

from typing import final

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import FloatArray
from edgepose.smoothing import OneEuroSettings

Doubles = NDArray[np.float64]
Places = NDArray[np.int32]

LIMITS: dict[str, float]

@final
class Bodies:
    def __init__(
        self, bones: Places, shares: Doubles, levels: Places, sigmas: Doubles, smoothing: OneEuroSettings | None
    ) -> None: ...
    def alike(self, memory: Doubles, facts: Doubles, found: FloatArray, t_s: float) -> Doubles: ...
    def advance(self, memory: Doubles, facts: Doubles, found: FloatArray, t_s: float) -> tuple[FloatArray, Doubles]: ...
