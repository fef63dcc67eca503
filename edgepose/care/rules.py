"""Which rules there are."""

from collections.abc import Mapping

from edgepose.care.bathroom import BathroomRule
from edgepose.care.bed import BedRule
from edgepose.care.camera_blocked import CameraBlockedRule
from edgepose.care.events import Naming
from edgepose.care.fall import FallRule
from edgepose.care.gesture import GestureRule
from edgepose.care.inactivity import InactivityRule
from edgepose.care.long_lie import LongLieRule
from edgepose.care.no_show import NoShowRule
from edgepose.care.settings import Care
from edgepose.care.view import Rule
from edgepose.zones import Corners


def rules_of(
    settings: Care, naming: Naming, zones: Mapping[str, tuple[str, Corners]], layout: str = "body18"
) -> list[Rule]:
    """The rules that are switched on and have the zones that they need, for one camera."""
    beds, bathrooms = (
        tuple(name for name, (kind, _) in zones.items() if kind == wanted) for wanted in ("bed", "bathroom")
    )
    leaving = settings.bed_exit if settings.bed_exit.enabled else None
    absence = settings.bed_absence if settings.bed_absence.enabled else None
    rules: list[tuple[bool, Rule]] = [
        (settings.fall.enabled, FallRule(naming, settings.fall)),
        (settings.long_lie.enabled, LongLieRule(naming, settings.long_lie)),
        (settings.inactivity.enabled, InactivityRule(naming, settings.inactivity)),
        (bool(beds) and bool(leaving or absence), BedRule(naming, beds, leaving, absence)),
        (
            bool(bathrooms) and settings.bathroom_overstay.enabled,
            BathroomRule(naming, bathrooms, settings.bathroom_overstay),
        ),
        (settings.no_show.enabled, NoShowRule(naming, settings.no_show)),
        (settings.help_gesture.enabled, GestureRule(naming, layout, settings.help_gesture)),
        (settings.camera_blocked.enabled, CameraBlockedRule(naming, settings.camera_blocked)),
    ]
    return [rule for wanted, rule in rules if wanted]
