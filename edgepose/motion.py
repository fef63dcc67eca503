"""Whether something moves, told from a coarse grid of brightness: far cheaper than the network."""

from typing import Protocol, runtime_checkable

import numpy as np

from edgepose.domain import ByteArray, FloatArray, Picture

COLUMNS, ROWS = 40, 30
_SETTLE_S = 1.0
"""The picture of the empty room follows what is seen within about so long."""
_LEVELS = 10.0
"""Of 255: by so much more than the whole picture a cell changes where something moves; noise is averaged away."""
_CELLS = 2
"""So many cells at once; one alone may be a lamp of a device."""


@runtime_checkable
class Glanceable(Protocol):
    """A picture that gives its brightness on a coarse grid without being converted."""

    def grey_cells(self, columns: int, rows: int) -> ByteArray:
        """(rows, columns) uint8."""


def grey_cells(picture: Picture) -> ByteArray:
    """(ROWS, COLUMNS) uint8, brightness."""
    if isinstance(picture, Glanceable):
        return picture.grey_cells(COLUMNS, ROWS)
    grey: ByteArray = picture.rgb(COLUMNS, ROWS)[..., 1]
    return grey


class MotionGate:
    """Compares each picture with what was there before; a change of the light of the whole room is no motion."""

    def __init__(self) -> None:
        self._usual: FloatArray | None = None
        self._t_s = 0.0

    def moved(self, cells: ByteArray, t_s: float) -> bool:
        """Whether something moves in the picture of `t_s`, given as grey_cells; the first picture is no motion."""
        now = cells.astype(np.float32)
        usual = self._usual
        if usual is None or not self._t_s <= t_s:
            self._usual, self._t_s = now, t_s
            return False
        change = now - usual
        change -= np.median(change)
        moved = bool(np.count_nonzero(np.abs(change) > _LEVELS) >= _CELLS)
        usual += (now - usual) * np.float32(min(1.0, (t_s - self._t_s) / _SETTLE_S))
        self._t_s = t_s
        return moved
