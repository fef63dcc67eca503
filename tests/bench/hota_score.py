"""HOTA: how well people are found, and how well they keep their ids, in one figure.

Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", International Journal of Computer
Vision 129, 2021. At each least similarity alpha, DetA = TP / (TP + FN + FP); AssA is the mean over all TP of
TPA / (TPA + FNA + FPA), what the truth and the track of that TP have in common; HOTA is the root of their product. All
are then averaged over alpha. Who is matched with whom in a frame is found once, as the authors' own evaluation does
it (TrackEval): so that similarity there, times likeness over the whole clip, is the most in sum.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgepose.assignment import assign

Pair = tuple[Hashable, Hashable]
"""A truth and a track."""
ALPHAS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""The least similarities at which a track may be of a truth."""


@dataclass(frozen=True)
class Likeness:
    """One frame."""

    truths: Sequence[Hashable]
    tracks: Sequence[Hashable]
    similarity: np.ndarray
    """(truths, tracks) 0 to 1."""

    def of_clip(self, clip: str) -> "Likeness":
        """The same with ids that no other clip has."""
        return replace(self, truths=[(clip, one) for one in self.truths], tracks=[(clip, one) for one in self.tracks])


@dataclass(frozen=True)
class Hota:
    """Each 0 to 1."""

    hota: float
    detection: float
    """DetA."""
    association: float
    """AssA."""


def hota(frames: Sequence[Likeness], alphas: Sequence[float] = ALPHAS) -> Hota:
    """Over all frames; 0 where nobody is there and nobody is found."""
    truths = Counter(name for frame in frames for name in frame.truths)
    tracks = Counter(number for frame in frames for number in frame.tracks)
    whole = _alignment(frames, truths, tracks)
    matched = [pair for frame in frames for pair in _matched(frame, whole)]
    scores = []
    for alpha in alphas:
        together = Counter(pair for pair, similarity in matched if similarity >= alpha - 1e-9)
        scores.append(_score(together, truths, tracks))
    return Hota(*np.mean(scores, axis=0).tolist())


def _alignment(frames: Sequence[Likeness], truths: Counter, tracks: Counter) -> dict[Pair, float]:
    """How alike a truth and a track are over the whole clip, 0 to 1: what both share of all that is there of either."""
    common: Counter[Pair] = Counter()
    for frame in frames:
        table = frame.similarity
        both = table.sum(axis=0, keepdims=True) + table.sum(axis=1, keepdims=True) - table
        share = np.divide(table, both, out=np.zeros_like(table, dtype=float), where=both > 0)
        for row, name in enumerate(frame.truths):
            for column, number in enumerate(frame.tracks):
                common[name, number] += share[row, column]
    return {(name, number): n / (truths[name] + tracks[number] - n) for (name, number), n in common.items()}


def _matched(frame: Likeness, whole: dict[Pair, float]) -> list[tuple[Pair, float]]:
    """One-to-one pairs of a frame, with how similar they are there."""
    if not frame.similarity.size:
        return []
    fits = np.array([[whole[name, number] for number in frame.tracks] for name in frame.truths])
    places = assign((1.0 - fits * frame.similarity).tolist())
    return [((frame.truths[row], frame.tracks[column]), frame.similarity[row, column]) for row, column in places]


def _score(together: Counter, truths: Counter, tracks: Counter) -> tuple[float, float, float]:
    """HOTA, DetA and AssA of pairs that were matched so often."""
    found = together.total()
    if not found:
        return 0.0, 0.0, 0.0
    detection = found / (truths.total() + tracks.total() - found)
    association = sum(n * n / (truths[name] + tracks[number] - n) for (name, number), n in together.items()) / found
    return float(np.sqrt(detection * association)), detection, association
