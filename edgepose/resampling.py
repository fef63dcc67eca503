"""How far a score may be chance: the bootstrap over pictures (Efron and Tibshirani, An Introduction to the Bootstrap).

Sets of as many pictures are drawn from the pictures that were scored, with replacement, and scored anew: the spread of
these scores is what other pictures would have changed. Two networks are compared on the same draws, since a hard
picture is hard for both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
RealArray = npt.NDArray[np.float64]

ROUNDS = 1000
SEED = 1
_COVERED = 95.0
"""per cent of the draws that lie within an interval"""
_RECALLS = np.linspace(0.0, 1.0, 101)
"""where COCO reads precision off"""
_SCORES = 6


@dataclass(frozen=True)
class Matches:
    """Everybody found in a set, surest first, and whether they are right, among people of one range of sizes."""

    picture: IntArray
    """(N,) index of the picture that each was found in"""
    right: BoolArray
    """(T, N) matches an annotated person at the OKS 0.50, 0.55 … 0.95"""
    wrong: BoolArray
    """(T, N) matches nobody; who is neither right nor wrong lies in a crowd or has another size"""
    positives: IntArray
    """(I,) people to be found in each picture"""

    def averages(self, draws: IntArray) -> tuple[RealArray, RealArray]:
        """Mean precision and best recall, (T,) each, when picture i is drawn draws[i] times; NaN without people."""
        times = draws[self.picture]
        right, wrong = (self.right * times).cumsum(axis=1), (self.wrong * times).cumsum(axis=1)
        positives = int(draws @ self.positives)
        if not positives:
            return np.full(len(right), np.nan), np.full(len(right), np.nan)
        if not len(times):
            return np.zeros(len(right)), np.zeros(len(right))
        recall = right / positives
        precision = right / (right + wrong + np.spacing(1))
        # COCO takes the best precision at this recall or a higher one.
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return np.array([_read_off(r, p) for r, p in zip(recall, best, strict=True)]), recall[:, -1]


def _read_off(recall: RealArray, precision: RealArray) -> float:
    places = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.append(precision, 0.0)[places].mean())


@dataclass(frozen=True)
class Evidence:
    """What a network found in a set, in the form that scores of any draw of its pictures come from."""

    every: Matches
    """people of all sizes"""
    medium: Matches
    large: Matches

    @property
    def pictures(self) -> int:
        """How many the set has."""
        return len(self.every.positives)

    def scores(self, draws: IntArray) -> RealArray:
        """(6,) AP, AP50, AP75, APm, APl, AR when picture i is drawn draws[i] times; NaN where nobody has that size."""
        precision, recall = self.every.averages(draws)
        medium, _ = self.medium.averages(draws)
        large, _ = self.large.averages(draws)
        return np.array(
            [precision.mean(), precision[0], precision[5], medium.mean(), large.mean(), recall.mean()], np.float64
        )


@dataclass(frozen=True)
class Difference:
    """How much better the second of two networks scores."""

    value: float
    """second minus first"""
    interval: tuple[float, float] | None
    """where 95 % of the draws put it"""
    probability: float | None
    """share of the draws in which the second is better"""


def intervals(evidence: Evidence, rounds: int = ROUNDS, seed: int = SEED) -> list[tuple[float, float] | None]:
    """Where 95 % of the draws put each of the six scores; None where the set has nobody of that size."""
    drawn = _drawn(evidence.pictures, evidence.scores, rounds, seed)
    return [_interval(column) for column in drawn.T]


def compare(first: Evidence, second: Evidence, rounds: int = ROUNDS, seed: int = SEED) -> list[Difference]:
    """The six differences of two networks on the same set, each on the same draws."""
    everything = np.ones(first.pictures, np.int64)
    values = second.scores(everything) - first.scores(everything)
    drawn = _drawn(first.pictures, lambda draws: second.scores(draws) - first.scores(draws), rounds, seed)
    return [
        Difference(float(value), _interval(column), _better(column))
        for value, column in zip(values, drawn.T, strict=True)
    ]


def _drawn(pictures: int, scores: Callable[[IntArray], RealArray], rounds: int, seed: int) -> RealArray:
    """(rounds, 6) scores, a row a draw."""
    return np.array([scores(draws) for draws in _draws(pictures, rounds, seed)])


def _draws(pictures: int, rounds: int, seed: int) -> Iterator[IntArray]:
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(pictures, size=pictures), minlength=pictures)


def _interval(drawn: RealArray) -> tuple[float, float] | None:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    low, high = np.percentile(known, [(100 - _COVERED) / 2, (100 + _COVERED) / 2])
    return float(low), float(high)


def _better(drawn: RealArray) -> float | None:
    """Share of draws above 0; one that is 0 counts half."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    return float((known > 0).mean() + (known == 0).mean() / 2)
