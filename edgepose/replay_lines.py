"""The JSON objects that `edgepose replay` prints, a line each."""

import math
from typing import Any

from edgepose.care.events import CareEvent
from edgepose.replay import Ending, Step


def event_line(clip: str, event: CareEvent) -> dict[str, Any]:
    """One phase of a care event."""
    return {
        "clip": clip,
        "kind": event.kind,
        "phase": str(event.phase),
        "t_s": round(event.t_phase, 3),
        "track_id": event.track_id,
        "zone": event.zone,
        "id": event.id,
        "t_start": round(event.t_start, 3),
        "confidence": event.confidence,
        "evidence": dict(event.evidence),
    }


def frame_line(clip: str, step: Step) -> dict[str, Any]:
    """Everybody in one frame, as in a pose message: coordinates normalised to the frame, kp flat x, y, confidence."""
    width, height = step.size
    people = []
    for person in step.people:
        stance = step.stances.get(person.id)
        rows = person.pose.keypoints.tolist() if person.visible else []
        people.append(
            {
                "id": person.id,
                "state": str(person.state),
                "score": round(person.pose.score, 4),
                "posture": str(stance.posture) if stance else "unknown",
                "level": _number(stance.level) if stance else None,
                "uprightness": _number(stance.uprightness) if stance else None,
                "speed": _number(stance.speed) if stance else None,
                "kp": [
                    number
                    for x, y, seen in rows
                    for number in (
                        (round((x + 0.5) / width, 4), round((y + 0.5) / height, 4), round(seen, 4))
                        if seen > 0
                        else (0.0, 0.0, 0.0)
                    )
                ],
            }
        )
    return {"clip": clip, "kind": "frame", "t_s": round(step.t_s, 3), "seq": step.seq, "people": people}


def end_line(clip: str, ending: Ending, trouble: str = "") -> dict[str, Any]:
    """The last line of a clip."""
    line: dict[str, Any] = {"clip": clip, "kind": "clip_end", "t_s": round(ending.t_s, 3), "frames": ending.frames}
    return {**line, "error": trouble} if trouble else line


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
