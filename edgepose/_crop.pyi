"""Types of the kernel in cython_ext/_crop.pyx; what it promises stands there."""

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import ByteArray

def cut(picture: ByteArray, affine: NDArray[np.float64], taps: int, out: ByteArray) -> None: ...
