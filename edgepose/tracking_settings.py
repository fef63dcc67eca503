"""The `tracking` section as the tracker wants it."""

from edgepose.care.settings import Tracking
from edgepose.smoothing import OneEuroSettings
from edgepose.tracking import TrackerSettings


def tracker_settings(section: Tracking) -> TrackerSettings:
    """The same, with the filter that is meant."""
    return TrackerSettings(
        confirm_s=section.confirm_s,
        max_lost_s=section.max_lost_s,
        smoothing=OneEuroSettings() if section.smoothing == "one_euro" else None,
    )
