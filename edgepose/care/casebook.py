"""What rules with one case at a time share: suspicion, alert, end, repetition and acknowledgement."""

from collections.abc import Mapping

from edgepose.care.events import CareEvent, Case, Naming, Phase


class CaseBook:
    """At most one open case for each key (a person, a zone, or the whole room)."""

    def __init__(self, naming: Naming, kind: str, repeat_s: float | None = None) -> None:
        self._naming = naming
        self._kind = kind
        self._repeat_s = repeat_s
        self._cases: dict[object, Case] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._cases

    def phase(self, key: object) -> Phase | None:
        """Where the open case stands; None where there is none."""
        case = self._cases.get(key)
        return case.phase if case else None

    def suspect(
        self,
        key: object,
        t_start: float,
        t_s: float,
        *,
        track_id: int | None = None,
        zone: str | None = None,
        confidence: float = 0.5,
        evidence: Mapping[str, object] | None = None,
    ) -> list[CareEvent]:
        """Open a case, unless there is one."""
        if key in self._cases:
            return []
        case = self._cases[key] = Case(self._naming, self._kind, t_start, track_id=track_id, zone=zone)
        return [case.become(Phase.SUSPECTED, t_s, confidence, **(evidence or {}))]

    def confirm(
        self, key: object, t_s: float, confidence: float = 0.9, evidence: Mapping[str, object] | None = None
    ) -> list[CareEvent]:
        """Make a suspicion an alert; an alert is repeated where that is due."""
        case = self._cases[key]
        if case.phase is Phase.SUSPECTED:
            return [case.become(Phase.CONFIRMED, t_s, confidence, **(evidence or {}))]
        return case.repeat(t_s, self._repeat_s)

    def clear(self, key: object, t_s: float, reason: str) -> list[CareEvent]:
        """Close a case, where there is one."""
        case = self._cases.pop(key, None)
        return [case.become(Phase.CLEARED, t_s, reason=reason)] if case else []

    def expire(self, key: object, t_s: float, reason: str) -> list[CareEvent]:
        """Give a case up, where there is one."""
        case = self._cases.pop(key, None)
        return [case.become(Phase.EXPIRED, t_s, reason=reason)] if case else []

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Keep the verdict with the alert of that id."""
        said = "" if verdict is None else str(verdict).lower()
        return [
            case.become(Phase.ACKED, t_s, by=by, verdict=said)
            for case in self._cases.values()
            if case.id == event_id and case.phase is Phase.CONFIRMED
        ]
