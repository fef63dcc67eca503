"""What a rule says: events with phases, and the case that an event's phases belong to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgepose.domain import CareEvent, Evidence, Phase

__all__ = ["CareEvent", "Case", "Evidence", "Naming", "Phase"]


@dataclass(frozen=True)
class Naming:
    """Gives events their ids and says whose camera it is."""

    camera: str
    new_id: Callable[[str], str]
    """From a kind to an id that no other event has."""


class Case:
    """One event on its way through the phases; every step gives what is to be told of it."""

    def __init__(self, naming: Naming, kind: str, t_start: float, *, track_id: int | None, zone: str | None) -> None:
        self.id = naming.new_id(kind)
        self.kind = kind
        self.t_start = t_start
        self.track_id = track_id
        self.zone = zone
        self.phase: Phase | None = None
        self.t_phase = t_start
        self.confidence = 0.0
        self._camera = naming.camera
        self._told_s = t_start
        self._repeats = 0

    @property
    def alarming(self) -> bool:
        """Whether it stands as an alert, acknowledged or not."""
        return self.phase in (Phase.CONFIRMED, Phase.ACKED)

    @property
    def over(self) -> bool:
        """Whether nothing more will be told."""
        return self.phase in (Phase.CLEARED, Phase.EXPIRED)

    def become(self, phase: Phase, t_s: float, confidence: float | None = None, **evidence: object) -> CareEvent:
        """Enter a phase."""
        self.phase, self.t_phase, self._told_s = phase, t_s, t_s
        return self._told(t_s, confidence, evidence)

    def repeat(self, t_s: float, every_s: float | None) -> list[CareEvent]:
        """The alert once more, where nobody has acknowledged it for so long."""
        if self.phase is not Phase.CONFIRMED or not every_s or t_s - self._told_s < every_s:
            return []
        self._told_s = t_s
        self._repeats += 1
        return [self._told(self.t_phase, None, {"repeat": self._repeats})]

    def _told(self, t_phase: float, confidence: float | None, evidence: Mapping[str, object]) -> CareEvent:
        if confidence is not None:
            self.confidence = round(min(max(confidence, 0.0), 1.0), 3)
        plain = {key: round(value, 3) if isinstance(value, float) else value for key, value in evidence.items()}
        return CareEvent(
            id=self.id,
            kind=self.kind,
            phase=self.phase or Phase.SUSPECTED,
            camera=self._camera,
            track_id=self.track_id,
            zone=self.zone,
            t_start=self.t_start,
            t_phase=t_phase,
            confidence=self.confidence,
            evidence=plain,  # type: ignore[arg-type]
        )
