"""A clip's time line as a picture: how high, how upright, how fast, in which posture, and what was told."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgepose.render import pillow
from edgepose.replay import Ending, Step
from edgepose.stance import Stance

_WIDTH, _LEFT, _RIGHT, _ROW, _GAP = 1100, 150, 20, 110, 16
_COLOURS = ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75))
_POSTURES = {
    "standing": (120, 190, 120), "sitting": (120, 160, 220), "bent": (230, 200, 90), "lying": (235, 150, 80),
    "on_floor": (215, 70, 70), "unknown": (215, 215, 215),
}  # fmt: skip
_PHASES = {"suspected": (230, 160, 0), "confirmed": (200, 0, 0), "cleared": (0, 130, 0)}
_ROWS: tuple[tuple[str, float, float, Callable[[Stance], float]], ...] = (
    ("hip height, statures", -0.4, 1.0, lambda stance: stance.hip_level),
    ("shoulder height, statures", -0.4, 1.0, lambda stance: stance.level),
    ("torso angle, degrees", 0.0, 180.0, lambda stance: _angle(stance.uprightness)),
    ("speed, statures/s", 0.0, 1.5, lambda stance: stance.speed),
)


def draw_timeline(steps: Sequence[Step | Ending], path: Path, title: str) -> None:
    """Write a PNG. Raises EdgeposeError where Pillow is missing."""
    image_module = pillow()
    from PIL import ImageDraw

    frames = [step for step in steps if isinstance(step, Step)]
    ids = sorted({person.id for step in frames for person in step.people})
    end_s = max(steps[-1].t_s if steps else 0.0, 0.1)
    strip = 18
    height = 40 + len(_ROWS) * (_ROW + _GAP) + len(ids) * strip + 60
    image = image_module.new("RGB", (_WIDTH, height), "white")
    pen = ImageDraw.Draw(image)
    pen.text((_LEFT, 10), title, fill="black")
    for number, (name, low, high, value) in enumerate(_ROWS):
        top = 40 + number * (_ROW + _GAP)
        _axis(pen, name, low, high, top)
        for place, person_id in enumerate(ids):
            _curve(pen, frames, person_id, value, (low, high), top, end_s, _COLOURS[place % len(_COLOURS)])
    top = 40 + len(_ROWS) * (_ROW + _GAP)
    for place, person_id in enumerate(ids):
        pen.text((8, top + 3), f"posture of {person_id}", fill=_COLOURS[place % len(_COLOURS)])
        _postures(pen, frames, person_id, top, strip - 3, end_s)
        top += strip
    _events(pen, steps, end_s, top)
    image.save(path)


def _x(t_s: float, end_s: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * t_s / end_s


def _axis(pen: Any, name: str, low: float, high: float, top: int) -> None:
    pen.rectangle((_LEFT, top, _WIDTH - _RIGHT, top + _ROW), outline=(200, 200, 200))
    pen.text((8, top + _ROW // 2 - 6), name, fill="black")
    pen.text((_LEFT - 34, top), f"{high:g}", fill=(120, 120, 120))
    pen.text((_LEFT - 34, top + _ROW - 11), f"{low:g}", fill=(120, 120, 120))


def _curve(
    pen: Any,
    frames: Sequence[Step],
    person_id: int,
    value: Callable[[Stance], float],
    bounds: tuple[float, float],
    top: int,
    end_s: float,
    colour: tuple[int, int, int],
) -> None:
    low, high = bounds
    line: list[tuple[float, float]] = []
    for step in frames:
        visible = any(person.id == person_id and person.visible for person in step.people)
        number = value(step.stances[person_id]) if visible and person_id in step.stances else math.nan
        if math.isnan(number):
            _stroke(pen, line, colour)
            line = []
        else:
            share = (min(max(number, low), high) - low) / (high - low)
            line.append((_x(step.t_s, end_s), top + _ROW * (1 - share)))
    _stroke(pen, line, colour)


def _stroke(pen: Any, line: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    if len(line) > 1:
        pen.line(list(line), fill=colour, width=2)


def _postures(pen: Any, frames: Sequence[Step], person_id: int, top: int, height: int, end_s: float) -> None:
    for step, after in zip(frames, [*frames[1:], None], strict=True):
        stance = step.stances.get(person_id)
        if stance is not None and any(person.id == person_id and person.visible for person in step.people):
            right = _x(after.t_s if after else end_s, end_s)
            pen.rectangle((_x(step.t_s, end_s), top, right, top + height), fill=_POSTURES[str(stance.posture)])


def _events(pen: Any, steps: Sequence[Step | Ending], end_s: float, bottom: int) -> None:
    for number, event in enumerate(event for step in steps for event in step.events):
        colour = _PHASES.get(str(event.phase), (90, 90, 90))
        x = _x(event.t_phase, end_s)
        pen.line((x, 40, x, bottom), fill=colour, width=1)
        pen.text((min(x + 2, _WIDTH - 150), bottom + 4 + 14 * (number % 4)), f"{event.kind} {event.phase}", fill=colour)
    pen.text((_LEFT, bottom + 4), "0 s", fill="black")
    pen.text((_WIDTH - 60, bottom + 4), f"{end_s:.1f} s", fill="black")


def _angle(uprightness: float) -> float:
    """Degrees from upright."""
    return math.nan if math.isnan(uprightness) else math.degrees(math.acos(min(1.0, max(-1.0, uprightness))))
