"""Polygons as pixels, on the safe side: a pixel counts as covered as soon as the polygon comes near it."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Polygon = Sequence[tuple[float, float]]
"""Corners in order, 0 to 1 of the picture's width and height; the last one joins the first."""

_Floats = NDArray[np.floating]
_Bools = NDArray[np.bool_]
_REACH = 2**0.5
"""In margins: as far as the corner of a pixel's rectangular surroundings."""


def visible_pixels(polygons: Sequence[Polygon], size: tuple[int, int], margin: tuple[float, float]) -> _Bools:
    """(height, width): False for pixels in a polygon, and for those with one in the rectangle around them.

    size: (width, height), pixels. margin: (x, y), how far that rectangle reaches from the centre, pixels.
    """
    width, height = size
    covered = np.zeros((height, width), np.bool_)
    # Distances are measured in margins, so that both directions have the same reach.
    x = ((np.arange(width) + 0.5) / margin[0])[None, :]
    y = ((np.arange(height) + 0.5) / margin[1])[:, None]
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64) * (width / margin[0], height / margin[1])
        covered |= _inside(corners, x, y) | _near(corners, x, y, _REACH)
    return ~covered


def _inside(corners: _Floats, x: _Floats, y: _Floats) -> _Bools:
    """(H, W) where the winding number is not zero, so that a polygon which crosses itself has no holes."""
    winding = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.int32)
    for (ax, ay), (bx, by) in _edges(corners):
        to_the_left = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
        winding += (ay <= y) & (y < by) & (to_the_left > 0)
        winding -= (by <= y) & (y < ay) & (to_the_left < 0)
    inside: _Bools = winding != 0
    return inside


def _near(corners: _Floats, x: _Floats, y: _Floats, distance: float) -> _Bools:
    """(H, W) where an edge is at most so far away."""
    near = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.bool_)
    for a, b in _edges(corners):
        along, length2 = b - a, float(((b - a) ** 2).sum())
        share = ((x - a[0]) * along[0] + (y - a[1]) * along[1]) / (length2 or 1.0)
        share = np.clip(share, 0.0, 1.0)
        near |= (x - a[0] - share * along[0]) ** 2 + (y - a[1] - share * along[1]) ** 2 <= distance**2
    return near


def _edges(corners: _Floats) -> Iterator[tuple[_Floats, _Floats]]:
    return zip(corners, np.roll(corners, -1, axis=0), strict=True)
