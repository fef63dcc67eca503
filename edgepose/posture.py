"""How a person holds themselves: standing, sitting, bent, lying or on the floor, and what that was judged by.

Geometry only, in statures: how high the shoulders are above the ground on which the person last stood, how upright
the torso is, how tall the visible body. Every measure does without what is hidden, and says nothing where it must.
"""

import math
from collections import deque
from collections.abc import Sequence
from statistics import median, median_low

from edgepose.anthropometry import (
    ANKLE_LEVEL,
    HIP_LEVEL,
    KNEE_LEVEL,
    SHANK,
    SHOULDER_LEVEL,
    THIGH,
    TORSO,
    Rows,
    centre,
    groups,
)
from edgepose.sinking import Sinking
from edgepose.smoothing import averaged
from edgepose.stance import FLAT_HEIGHT, LOW_LEVEL, NOTHING, SAT_HIPS, SAT_LEVEL, Posture, Stance, is_flat
from edgepose.tracking import Person, TrackState

Point = tuple[float, float]
_LEVELS = ("head", "shoulders", "hips", "knees", "ankles")
_GROUNDS = {"ankles": ANKLE_LEVEL, "knees": KNEE_LEVEL, "hips": HIP_LEVEL}
"""How high above the ground each joint of somebody upright is; best first."""
_HOLD_S = 0.3
"""What was seen so lately still counts as seen."""
_STEADY_S = 0.25
"""Levels are medians over so long: one wrong frame is no fall, and no rise. Of two in the middle the lower one, since
their mean would make a fall look slower, the more so the fewer frames a second."""
_RISE_PER_S = 1.2
"""Nobody gets up faster: a higher level was somebody else's shoulders."""
_JUMP, _FALL_PER_S = 0.2, 3.0
"""And nobody falls faster: a body that is so much lower in the next frame is somebody else's, or a cut in the film."""
_GROUND_S = 0.5
"""How fast the ground under a person follows, while they are upright."""
_UPRIGHT, _FIRST_UPRIGHT, _FIRST_LEVEL = 0.7, 0.5, 0.42
"""The ground is learnt from people so upright; at first also from those who lean forward on a chair."""
_SUNK, _SINKS_S, _LYING_LEVEL = 0.16, 1.0, 0.1
"""Whoever was only seen lying, and comes down so far within half a second, lands within so long, with the shoulders so
high above the ground."""
_DROP_S, _LONG_DROP_S = 0.5, 1.2
"""A fall is measured within these times."""
_MOTION_S, _CALM_S = 0.5, 0.2
"""Speed is taken over the first and averaged over the second."""
_HEAD_ABOVE_SHOULDERS = 0.12
_NAN = math.nan


_BENT_HIPS = 0.32
"""Those of somebody bent over are as high as they are standing, and so higher than that."""


_OVER_FEET, _OFF_GROUND, _HELD_UP = 0.2, 0.03, 0.2
"""Statures: whoever crouches has hips and shoulders no further beside the feet, or they would fall over; the hips above
the feet, or they would sit; and the shoulders well above them, or they would lie."""
_FOLDED_HIPS = 0.95 * (THIGH + SHANK) / (THIGH + SHANK + TORSO)
"""Of the way from the feet to the shoulders: somebody who lies straight has the hips above that, however the camera
looks, and the more so where it sees the feet nearer by; somebody who crouches has folded the legs."""
_AWAY_LYING = 0.38
"""Shoulders so low and a torso not quite upright are somebody's who lies away from the camera."""


class PostureFilter:
    """Judges the stance of everybody, frame by frame."""

    def __init__(self, layout: str, hold_s: float = 0.4) -> None:
        """hold_s: a posture is told once it has lasted so long."""
        self._layout = layout
        self._hold_s = hold_s
        self._bodies: dict[int, _Body] = {}

    def update(self, people: Sequence[Person], t_s: float) -> dict[int, Stance]:
        """Stances by id; of somebody lost, the last one."""
        stances = {}
        for person in people:
            if person.state is TrackState.GONE:
                self._bodies.pop(person.id, None)
                continue
            body = self._bodies.get(person.id)
            if body is None:
                body = self._bodies[person.id] = _Body(self._layout, self._hold_s)
                for sight in person.earlier:
                    body.see(sight, sight.seen_s)
            if person.visible:
                body.see(person, t_s)
            stances[person.id] = body.stance
        return stances


class _Body:
    """What is remembered of one person's body."""

    def __init__(self, layout: str, hold_s: float) -> None:
        self.stance = NOTHING
        self._places = groups(layout)
        self._hold_s = hold_s
        self._points: dict[str, tuple[float, Point]] = {}
        self._ground: float | None = None
        self._stature = 0.0
        self._ground_s = 0.0
        self._sinking, self._landed_s = Sinking(), -math.inf
        self._raw: deque[tuple[float, float]] = deque()
        self._levels: deque[tuple[float, float]] = deque()
        self._heights: deque[tuple[float, float]] = deque()
        self._trail: deque[tuple[float, dict[str, Point]]] = deque()
        self._calm, self._speed_s = _NAN, 0.0
        self._candidate = Posture.UNKNOWN
        self._candidate_s = -math.inf

    def see(self, person: Person, t_s: float) -> None:
        """Judge a new frame."""
        rows: Rows = person.pose.rows
        points = self._seen(rows, t_s)
        stature = person.stature_px
        shoulders = _shoulders(points, stature)
        upright = self._uprightness(shoulders, points, stature)
        if upright > (_FIRST_UPRIGHT if self._ground is None else _UPRIGHT) and not self.stance.low:
            self._stand_on(points, shoulders, stature, t_s)
        scale = self._stature or stature
        height = _height(rows, points, scale)
        sunk = self._land(is_flat(height, upright), points, scale, t_s)
        level = self._level(shoulders, scale, t_s)
        hip_level = self._above_ground(points.get("hips"), scale)
        posture, confidence = _judged(level, hip_level, upright, height, _legs(points, scale))
        self.stance = Stance(
            *self._settled(posture, confidence, t_s),
            level=level,
            hip_level=hip_level,
            uprightness=upright,
            height=height,
            drop=max(self._drop(t_s, _DROP_S), sunk),
            long_drop=self._drop(t_s, _LONG_DROP_S),
            flattened=self._flattened(height, points, t_s),
            speed=self._speed(points, scale, t_s),
            crouched=_crouched(points, scale),
            grounded=self._ground is not None and ("hips" in points or "knees" in points),
        )

    def _uprightness(self, shoulders: Point | None, points: dict[str, Point], stature: float) -> float:
        """Of the torso; by the height they had standing, since lying along the line of sight looks upright."""
        if shoulders is None or "hips" not in points:
            return _NAN
        return (points["hips"][1] - shoulders[1]) / (TORSO * (self._stature or stature))

    def _seen(self, rows: Rows, t_s: float) -> dict[str, Point]:
        """The levels of the body that are seen, or were a moment ago."""
        for level in _LEVELS:
            point = centre(rows, self._places[level])
            if point is not None:
                self._points[level] = (t_s, point)
        return {level: point for level, (seen_s, point) in self._points.items() if t_s - seen_s <= _HOLD_S}

    def _stand_on(self, points: dict[str, Point], shoulders: Point | None, stature: float, t_s: float) -> None:
        """Learn from an upright person where the ground is, by the lowest joint seen, and how tall they look.

        Somebody who stands looks as tall as the shoulders are above the ground: less than the bones add up to where
        the camera looks down steeply. Somebody who sits doesn't tell.
        """
        lowest = next((joint for joint in _GROUNDS if joint in points), None)
        if lowest is None or shoulders is None:
            return
        ground = points[lowest][1] + _GROUNDS[lowest] * stature
        if lowest != "hips" and _stands(points, stature):
            stature = min(stature, max((ground - shoulders[1]) / SHOULDER_LEVEL, 0.6 * stature))
        if self._ground is None:
            if ground - shoulders[1] >= _FIRST_LEVEL * stature:  # whoever is met on the floor tells no ground
                self._ground, self._stature = ground, stature
        else:
            spans = (t_s - self._ground_s) / _GROUND_S
            self._ground = averaged(self._ground, ground, spans)
            self._stature = averaged(self._stature, stature, spans)
        self._ground_s = t_s

    def _land(self, flat: bool, points: dict[str, Point], stature: float, t_s: float) -> float:
        """Learn from somebody who falls lying where the ground is: it is no higher than where they come to lie.

        Gives how far they sink, while they do.
        """
        if self._ground is not None and t_s - self._landed_s > _SINKS_S:
            return 0.0
        sunk = self._sinking.add(points, flat, t_s) / stature
        if self._ground is None and sunk >= _SUNK:
            self._stature, self._ground_s, self._landed_s = stature, t_s, t_s
        if t_s - self._landed_s > _SINKS_S:
            return 0.0
        if "shoulders" in points:
            below = points["shoulders"][1] + _LYING_LEVEL * stature
            self._ground = below if self._ground is None else max(self._ground, below)
        return sunk

    def _above_ground(self, point: Point | None, stature: float) -> float:
        return _NAN if point is None or self._ground is None else (self._ground - point[1]) / stature

    def _level(self, shoulders: Point | None, stature: float, t_s: float) -> float:
        """Median of the shoulders' level over a moment."""
        now = self._above_ground(shoulders, stature)
        if math.isnan(now):
            return self._levels[-1][1] if self._levels and t_s - self._levels[-1][0] <= _HOLD_S else _NAN
        self._raw.append((t_s, now))
        while self._raw[0][0] < t_s - _STEADY_S:
            self._raw.popleft()
        steady = median_low([level for _, level in self._raw])
        if self._levels and t_s - self._levels[-1][0] <= _HOLD_S:
            elapsed_s = t_s - self._levels[-1][0]
            steady = min(steady, self._levels[-1][1] + _RISE_PER_S * elapsed_s)
            if steady < self._levels[-1][1] - _JUMP - _FALL_PER_S * elapsed_s:
                self._levels.clear()
        self._levels.append((t_s, steady))
        while len(self._levels) > 1 and self._levels[1][0] <= t_s - _LONG_DROP_S:
            self._levels.popleft()
        return steady

    def _drop(self, t_s: float, within_s: float) -> float:
        """The level then is interpolated, so that few frames a second see what many do."""
        start_s = t_s - within_s
        if not self._levels or self._levels[-1][0] < start_s:
            return 0.0
        later_s, later = self._levels[-1]
        highest = later
        for seen_s, level in reversed(self._levels):
            if seen_s < start_s:
                share = (start_s - seen_s) / (later_s - seen_s)
                level += share * (later - level)  # noqa: PLW2901
            highest = level if level > highest else highest  # a call of max() costs as much as the rest
            if seen_s <= start_s:
                break
            later_s, later = seen_s, level
        return highest - self._levels[-1][1]

    def _flattened(self, height: float, points: dict[str, Point], t_s: float) -> float:
        if math.isnan(height) or not ("knees" in points or "ankles" in points):
            return 0.0
        self._heights.append((t_s, height))
        while self._heights[0][0] < t_s - _LONG_DROP_S:
            self._heights.popleft()
        newest = [height for seen_s, height in self._heights if seen_s >= t_s - _STEADY_S]
        return max([height for _, height in self._heights]) - median_low(newest)

    def _speed(self, points: dict[str, Point], stature: float, t_s: float) -> float:
        """Median speed of the levels of the body seen now and half a second ago."""
        self._trail.append((t_s, points))
        while len(self._trail) > 1 and self._trail[1][0] <= t_s - _MOTION_S:
            self._trail.popleft()
        before_s, before = self._trail[0]
        if t_s - before_s < 0.6 * _MOTION_S:
            return _NAN
        moved = [math.dist(point, before[level]) for level, point in points.items() if level in before]
        if moved:
            speed = median(moved) / stature / (t_s - before_s)
            spans = (t_s - self._speed_s) / _CALM_S
            self._calm = speed if math.isnan(self._calm) else averaged(self._calm, speed, spans)
            self._speed_s = t_s
        return self._calm

    def _settled(self, posture: Posture, confidence: float, t_s: float) -> tuple[Posture, float, float]:
        """The posture that has lasted; the one before until then."""
        if posture is not self._candidate:
            self._candidate, self._candidate_s = posture, t_s
        told = self.stance
        if posture is told.posture:
            return posture, confidence, told.since_s
        if t_s - self._candidate_s >= self._hold_s or told.posture is Posture.UNKNOWN:
            return posture, confidence, self._candidate_s
        return told.posture, 0.5 * told.confidence, told.since_s


def _shoulders(points: dict[str, Point], stature: float) -> Point | None:
    """Where the shoulders are, or must be."""
    if "shoulders" in points:
        return points["shoulders"]
    if "head" in points:
        x, y = points["head"]
        return x, y + _HEAD_ABOVE_SHOULDERS * stature
    return None


def _height(rows: Rows, points: dict[str, Point], stature: float) -> float:
    """From the highest to the lowest of the levels seen; unknown for a head alone."""
    if len(points) < 3 or not ("hips" in points or "knees" in points):
        return _NAN
    ys = [row[1] for row in rows if row[2] > 0] + [point[1] for point in points.values()]
    return (max(ys) - min(ys)) / stature


def _judged(level: float, hip_level: float, upright: float, height: float, thigh: float) -> tuple[Posture, float]:
    """The posture of one frame and how sure it is, from what can be told; comparisons with the unknown are false."""
    if math.isnan(upright):
        return (Posture.ON_FLOOR, 0.5) if level <= 0.3 and height <= FLAT_HEIGHT else (Posture.UNKNOWN, 0.0)
    if upright < 0.5 or (level <= _AWAY_LYING and upright < 0.7):
        return _judged_leaning(level, hip_level, upright, height, thigh)
    if hip_level <= SAT_HIPS and level <= SAT_LEVEL:
        return Posture.ON_FLOOR, 0.6
    if thigh < 0.65 or hip_level < 0.36:
        return Posture.SITTING, min(1.0, upright)
    if thigh >= 0.65 or level >= 0.62:
        return Posture.STANDING, min(1.0, upright)
    return Posture.UNKNOWN, 0.0


def _judged_leaning(
    level: float, hip_level: float, upright: float, height: float, thigh: float
) -> tuple[Posture, float]:
    """The same where the torso is far from upright: flat as a whole, or over legs that stand."""
    flat = height <= FLAT_HEIGHT or (level <= LOW_LEVEL and not hip_level > _BENT_HIPS)
    if flat:
        on_floor = level <= 0.3 and not hip_level > 0.25
        return (Posture.ON_FLOOR if on_floor else Posture.LYING), min(1.0, 1.2 - abs(upright))
    if thigh >= 0.5:
        return Posture.BENT, min(1.0, 1.1 - abs(upright))
    return Posture.UNKNOWN, 0.0


def _crouched(points: dict[str, Point], stature: float) -> bool:
    """Whether hips and shoulders are above the feet, and the legs folded in between; not where these are hidden."""
    if not ("shoulders" in points and "hips" in points and "ankles" in points):
        return False
    feet_x, feet_y = points["ankles"]
    (shoulders_x, shoulders_y), (hips_x, hips_y) = points["shoulders"], points["hips"]
    if max(abs(shoulders_x - feet_x), abs(hips_x - feet_x)) > _OVER_FEET * stature:
        return False
    up = feet_y - shoulders_y
    return up >= _HELD_UP * stature and _OFF_GROUND * stature <= feet_y - hips_y <= _FOLDED_HIPS * up


def _stands(points: dict[str, Point], stature: float) -> bool:
    """Whether the thighs hang straight down, and not towards the camera, whatever its tilt makes of their length."""
    if _legs(points, stature) < 0.5 or "hips" not in points or "knees" not in points:
        return False
    (hip_x, hip_y), (knee_x, knee_y) = points["hips"], points["knees"]
    return knee_y - hip_y > 2 * abs(knee_x - hip_x)


def _legs(points: dict[str, Point], stature: float) -> float:
    """How upright the thighs are: 1 straight down, 0 level or pointing at the camera; not-a-number unseen."""
    if "hips" not in points or "knees" not in points:
        return _NAN
    return (points["knees"][1] - points["hips"][1]) / (THIGH * stature)
