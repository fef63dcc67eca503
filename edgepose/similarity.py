"""How well poses fit people: object keypoint similarity that widens with the time since somebody was seen."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FEW = 4
"""Keypoints in common under which a likeness is worth less."""


def gaps(
    known: Array, known_seen: NDArray[np.bool_], found: Array, found_seen: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.bool_]]:
    """(T, P, K) squared distances in pixels, and which keypoints both have.

    known, found: (T, K, 2) and (P, K, 2) pixels, with (T, K) and (P, K) which of them are known.
    """
    gap = known[:, None] - found[None]
    squared: Array = np.einsum("tpkd,tpkd->tpk", gap, gap)
    return squared, known_seen[:, None] & found_seen[None]


def alike(squared: Array, common: NDArray[np.bool_], spread_px: Array) -> Array:
    """(S, T, P) similarity 0 to 1 over the keypoints that both have; less where those are few.

    spread_px: (S, T, K) standard deviation within which a keypoint counts as the same, one after another. Source: the
    object keypoint similarity of COCO's keypoint evaluation, with that spread in the place of 2 · sigma · sqrt(area).
    """
    each = np.exp(squared / (-2 * spread_px * spread_px)[:, :, None])
    count = common.sum(axis=2)
    share: Array = np.einsum("stpk,tpk->stp", each, common) * (np.minimum(count, _FEW) / _FEW / np.maximum(count, 1))
    return share


def centres(xy: Array, seen: NDArray[np.bool_]) -> Array:
    """(N, 2) mean of the keypoints seen; 0, 0 where none is."""
    weight = seen.astype(float)
    total: Array = np.einsum("nkd,nk->nd", xy, weight)
    total /= np.maximum(np.add.reduce(weight, axis=1), 1.0)[:, None]
    return total


def near(known: Array, found: Array, spread_px: Array) -> Array:
    """(T, P) similarity 0 to 1 of places: (T, 2) against (P, 2) within (T,) standard deviations."""
    gap = known[:, None] - found[None]
    alike: Array = np.exp(-(gap * gap).sum(axis=2) / (2 * spread_px * spread_px)[:, None])
    return alike
