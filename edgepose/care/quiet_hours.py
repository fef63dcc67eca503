"""Times of day: whether it is night."""

from datetime import datetime, time


def within(hours: str, now: datetime | None) -> bool:
    """Whether a local time lies in `HH:MM-HH:MM`, which may go past midnight; not where the time is unknown."""
    if now is None:
        return False
    start, end = (time.fromisoformat(text) for text in hours.split("-"))
    clock = now.time()
    return start <= clock < end if start <= end else clock >= start or clock < end
