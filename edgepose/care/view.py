"""What rules look at: everybody in one frame, with their stance and the zones they are in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol, runtime_checkable

from edgepose.care.events import CareEvent
from edgepose.stance import Stance
from edgepose.tracking import Person

Point = tuple[float, float]
RESTING = frozenset({"bed", "sofa", "chair"})
"""Kinds of zones in which lying or sitting down is what one does."""


@dataclass(frozen=True)
class Seen:
    """One person in one frame; where they are lost, as they were last."""

    person: Person
    stance: Stance
    place: Point
    """Of the body's middle, pixels."""
    zones: Mapping[str, str]
    """Names and kinds of the zones that hold the body's middle or its feet."""

    @property
    def id(self) -> int:
        """Of the track."""
        return self.person.id

    @property
    def visible(self) -> bool:
        """Whether this frame shows them."""
        return self.person.visible

    @property
    def resting(self) -> bool:
        """Whether they are where one lies or sits down."""
        return any(kind in RESTING for kind in self.zones.values())

    @property
    def keypoints(self) -> int:
        """How many of the body are seen."""
        return sum(row[2] > 0 for row in self.person.pose.rows)

    def zone_of(self, kinds: Sequence[str]) -> str | None:
        """The first zone of one of these kinds that they are in."""
        return next((name for name, kind in self.zones.items() if kind in kinds), None)

    def near(self, place: Point, statures: float) -> bool:
        """Whether they are within so many of their statures of a place."""
        return math.dist(self.place, place) <= statures * self.person.stature_px


@dataclass(frozen=True)
class PictureStats:
    """What a frame looks like as a whole, for telling a covered camera."""

    mean: float
    """Of the brightness, 0 to 255."""
    spread: float
    """Standard deviation of the brightness over the picture."""


@dataclass(frozen=True)
class View:
    """One frame for the rules."""

    t_s: float
    people: tuple[Seen, ...]
    """Confirmed and lost."""
    gone: frozenset[int] = frozenset()
    """Ids that have just been given up."""
    local_time: datetime | None = None
    """Wall-clock time where the camera hangs; None where it can't be believed."""
    picture: PictureStats | None = None
    cut: bool = False
    """Whether the camera shows another scene from this frame on."""

    @cached_property
    def visible(self) -> list[Seen]:
        """Those whom this frame shows."""
        return [seen for seen in self.people if seen.visible]


class Rule(Protocol):
    """One thing that is watched for."""

    def update(self, view: View) -> list[CareEvent]:
        """What this frame adds."""

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Somebody has taken an alert on; nothing where it isn't this rule's."""


@runtime_checkable
class Concluding(Protocol):
    """A rule that has something to say at the end of a clip."""

    def finish(self, t_s: float) -> list[CareEvent]:
        """What becomes certain if nothing changes any more."""
