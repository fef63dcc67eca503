"""What the hand's network for smaller crops is to say: where rendered hands are, and what it said of real ones, larger.

Few crops of pictures show a hand that the published network is sure of, so more is made of them: each is looked at
upright and turned, as it is and mirrored, and what the network says of several views of one hand is put together, which
is nearer to the truth than what it says of any one of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from .foot_views import Crops, cut, in_crops, in_views, random_maps, turned
from .hand_crops import POINTS
from .part_export import answers
from .part_sources import HAND

Array = Any
SIDE = 192
"""Pixels of a crop, instead of 224. The fewer, the less time it takes, and the less well it sees."""
MAPS = "maps"
"""The output of the small network that what is learned begins at."""
_TURNS = (0.0, -0.6, 0.6)
"""Radians by which crops of pictures are turned before anything else."""
_PERHAPS, _RIGHT, _TURN_FROM = -1.0, -0.5, -2.0
"""Logits at least: of a hand, and of a right one, for a crop to be looked at again; of a hand, for it to be turned."""
_VIEWS = 6
"""Of each crop, turned, shifted and scaled at random."""
_AGREE, _OF = 4, 0.5
"""A picture's hand is there where so many of its views are sure of a right hand, by logits of so much."""
_STEADY = 0.05
"""Views say where a hand is if they are within so much of the crop of each other."""
_REAL, _UNSURE = 2.0, 0.6
"""How much a picture's hand counts beside a rendered one: where it is there, and where it may be."""
_KNOWN = 3.0
"""Logits at least, of what is known to be a right hand."""


class Hands(Crops):
    """Labels are of (N, 21, 3): with how much each place counts; 0 where it is unknown."""

    made_with = "`python -m training hand-crops`"

    def part(self, which: Any) -> Self:
        """Some of them."""
        return type(self)(self.images[which], self.labels[which])

    def mirrored(self) -> Self:
        """Left and right exchanged, no places known any more."""
        return type(self)(self.images[:, :, ::-1], np.zeros_like(self.labels))


@dataclass(frozen=True)
class Looks:
    """What the published network says of several views of crops: V views of N crops."""

    hands: Hands
    maps: Array
    """(V, N, 2, 3) from views to crops."""
    places: Array
    """(V, N, 21, 2) in shares of the crop."""
    logits: Array
    """(V, N, 2)."""

    @property
    def middle(self) -> Array:
        """(N, 21, 2) the median place."""
        return np.median(self.places, axis=0)

    @property
    def agreed(self) -> Array:
        """(N,) that there is a right hand."""
        return (self.logits.min(axis=2) > _OF).sum(axis=0) >= _AGREE

    @property
    def steady(self) -> Array:
        """(N,) that they are of one mind where."""
        away = np.linalg.norm(self.places - self.middle, axis=-1).mean(axis=2)
        return np.median(away, axis=0) < _STEADY


@dataclass(frozen=True)
class Lessons:
    """Views of crops, and what is to be said of them."""

    maps: Array
    """(M, F) float16, of the network of small crops, where what is learned begins."""
    places: Array
    """(M, 21, 2) in shares of the view."""
    logits: Array
    """(M, 2) that there is a hand, and a right one: what the network says of large crops, but where it is known."""
    counts: Array
    """(M,) how much the places count."""

    @classmethod
    def joined(cls, lessons: Sequence[Self]) -> Self:
        """All as one."""
        return cls(*(np.concatenate([getattr(each, field.name) for each in lessons]) for field in fields(cls)))


def lessons_of(known: Hands, told: Hands, large: bytes, small: bytes, rng: np.random.Generator) -> tuple[Lessons, int]:
    """All that is taught, and how many views of hands in pictures that are sure and steady are in it.

    known: rendered hands. told: crops of pictures. large, small: the published network's file, and the one that learns.
    """
    real = in_pictures(told, large, rng)
    parts = [
        _of_pictures(real, small),
        _of_known(_looks(known, turned(len(known.images)), large, rng), small),
        *(_of_other_side(known, small, rng) for _ in range(2)),
        _of_anything(told, large, small),
    ]
    return Lessons.joined(parts), int((real.agreed & real.steady).sum()) * len(real.maps)


def in_pictures(hands: Hands, large: bytes, rng: np.random.Generator, turns: Sequence[float] = _TURNS) -> Looks:
    """Looks at those crops, as they are, mirrored and turned, in which there may be a right hand."""
    found: list[tuple[Hands, Array]] = []
    for crops in (hands, hands.mirrored()):
        perhaps = np.ones(len(crops.images), bool)
        for turn in turns:
            there = crops.part(perhaps)
            maps = turned(len(there.images), turn)
            _, logits = _asked(large, there, maps)
            likely = (logits[:, 0] > _PERHAPS) & (logits[:, 1] > _RIGHT)
            found.append((there.part(likely), maps[likely]))
            if perhaps.all():
                perhaps = logits[:, 0] > _TURN_FROM
    images, labels = (np.concatenate([getattr(each, name) for each, _ in found]) for name in ("images", "labels"))
    return _looks(Hands(images, labels), np.concatenate([maps for _, maps in found]), large, rng)


def _looks(hands: Hands, first: Array, large: bytes, rng: np.random.Generator) -> Looks:
    """At random views of crops, after those that turn them: (N, 2, 3)."""
    views = []
    for _ in range(_VIEWS):
        maps = _after(first, random_maps(rng, len(first)))
        found, logits = _asked(large, hands, maps)
        views.append((maps, in_crops(found.reshape(-1, POINTS, 2) / HAND.side, maps), logits))
    return Looks(hands, *(np.stack(each) for each in zip(*views, strict=True)))


def _of_pictures(seen: Looks, small: bytes) -> Lessons:
    """Of hands in pictures: where several looks of the network put them, together."""
    counts = np.where(seen.agreed, _REAL, _UNSURE) * seen.steady
    return _lessons(seen, small, seen.middle, counts, seen.logits)


def _of_known(seen: Looks, small: bytes) -> Lessons:
    """Of rendered hands: where they are, unless most of them is hidden."""
    labels, logits = seen.hands.labels, seen.logits.copy()
    counts = labels[..., 2].mean(axis=1)
    logits[:, counts > 0] = np.maximum(logits[:, counts > 0], _KNOWN)
    return _lessons(seen, small, labels[..., :2], 1.0 * (counts > 0.5), logits)


def _of_other_side(hands: Hands, small: bytes, rng: np.random.Generator) -> Lessons:
    """Known hands mirrored: there is a hand, but no right one, and its places are not to be told."""
    left = hands.part(hands.labels[..., 2].any(axis=1)).mirrored()
    maps = random_maps(rng, len(left.images))
    logits = np.tile(np.array([_KNOWN, -_KNOWN], np.float32), (len(maps), 1))
    return _without_places(left, maps, small, logits)


def _of_anything(hands: Hands, large: bytes, small: bytes) -> Lessons:
    """Of crops of pictures, in most of which the network sees no hand: only how sure it is of that."""
    maps = turned(len(hands.images))
    _, logits = _asked(large, hands, maps)
    return _without_places(hands, maps, small, logits)


def _without_places(hands: Hands, maps: Array, small: bytes, logits: Array) -> Lessons:
    return Lessons(_maps(hands, maps, small), np.zeros((len(maps), POINTS, 2)), logits, np.zeros(len(maps)))


def _lessons(seen: Looks, small: bytes, places: Array, counts: Array, logits: Array) -> Lessons:
    return Lessons(
        maps=np.concatenate([_maps(seen.hands, maps, small) for maps in seen.maps]),
        places=np.concatenate([in_views(places, maps) for maps in seen.maps]),
        logits=np.concatenate(logits),
        counts=np.tile(counts, len(seen.maps)).astype(np.float64),
    )


def _maps(hands: Hands, maps: Array, small: bytes) -> Array:
    return answers(small, _as_shares(cut(hands.images, maps, SIDE)), [MAPS])[0].astype(np.float16)


def _asked(large: bytes, hands: Hands, maps: Array) -> list[Array]:
    """Points, pixels of its crop, and logits, of the published network."""
    return answers(large, _as_shares(cut(hands.images, maps, HAND.side)))


def _as_shares(views: Array) -> Iterator[Array]:
    return (view.astype(np.float32) / 255 for view in views)


def _after(first: Array, maps: Array) -> Array:
    """Views of crops that are turned already."""
    return np.einsum("nij,njk->nik", first[:, :, :2], maps)
