"""The `tracking` and `care` sections of the configuration: defaults, bounds and meaning."""

from typing import Annotated, Literal

import msgspec

from edgepose.section import Section

Positive = Annotated[float, msgspec.Meta(gt=0)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", description="two times of day, as 22:00-07:00"
    ),
]


class Tracking(Section, frozen=True):
    """How people keep their ids."""

    max_lost_s: Positive = 8.0
    """An id waits so long for its person."""
    confirm_s: Annotated[float, msgspec.Meta(ge=0)] = 0.25
    """Somebody new is believed after so long."""
    smoothing: Literal["one_euro", "none"] = "one_euro"


class Fall(Section, frozen=True):
    """Somebody comes down to the ground and stays there."""

    enabled: bool = True
    drop: Unit = 0.22
    """How far the shoulders come down within half a second, in statures, for a fall to be suspected."""
    slow_drop: Unit = 0.30
    """The same within 1.2 seconds: for falls towards and away from the camera, which it sees foreshortened."""
    flattened: Unit = 0.40
    """How much less tall the whole body is than 1.2 seconds ago, in statures: the same for falls away from a camera
    that looks down steeply, where the shoulders hardly come down in the picture."""
    upright_drop: Unit = 0.38
    """The same for somebody who then sits or crouches: faster than that is done on purpose."""
    hard_drop: Unit = 0.50
    """A fall so fast is confirmed without waiting for stillness: faster than anybody lies down."""
    down_s: Positive = 1.5
    """A hard fall is confirmed after so long on the ground; after twice that while they move."""
    still_s: Positive = 1.0
    """Any other one after so long without moving."""
    still_upright_s: Positive = 5.0
    """The same for somebody who sits up on the ground, or lies along the line of sight, which looks alike."""
    still_speed: Positive = 0.12
    """Not moving: slower than so many statures a second."""
    latest_s: Positive = 8.0
    """Whoever is still down by then is alerted for, moving or not."""
    clear_s: Positive = 2.0
    """Cleared once upright for so long."""
    repeat_s: Positive | None = None
    """Tell an alert again every so many seconds until it is acknowledged; left out: once."""


class LongLie(Section, frozen=True):
    """Somebody lies on the floor, however they came there."""

    enabled: bool = True
    suspect_s: Positive = 12.0
    confirm_s: Positive = 30.0
    repeat_s: Positive | None = None


class BedExit(Section, frozen=True):
    """Somebody leaves a bed in quiet hours."""

    enabled: bool = True
    quiet_hours: Hours = "22:00-07:00"
    out_s: Positive = 2.0
    """Seen up outside the bed for so long."""


class BedAbsence(Section, frozen=True):
    """Somebody who left a bed in quiet hours is not back."""

    enabled: bool = True
    quiet_hours: Hours = "22:00-07:00"
    suspect_s: Positive = 600.0
    confirm_s: Positive = 1200.0


class Inactivity(Section, frozen=True):
    """Somebody who is not in bed does not move."""

    enabled: bool = True
    after_s: Positive = 1800.0
    still_speed: Positive = 0.03
    """Slower than so many statures a second."""
    quiet_hours: Hours = "22:00-07:00"
    """In these nobody is expected to move."""
    repeat_s: Positive | None = None


class BathroomOverstay(Section, frozen=True):
    """Somebody does not come out of the bathroom."""

    enabled: bool = True
    after_s: Positive = 1800.0
    repeat_s: Positive | None = None


class NoShow(Section, frozen=True):
    """Nobody has been up by a time of day."""

    enabled: bool = False
    between: Hours = "06:00-10:00"
    """Somebody is always up in this time; an alert is due at its end."""
    repeat_s: Positive | None = None


class HelpGesture(Section, frozen=True):
    """Both arms raised and waved."""

    enabled: bool = True
    raised_s: Positive = 1.5
    waves: Annotated[int, msgspec.Meta(ge=1)] = 3
    """Turns of a hand within three seconds."""
    swing: Positive = 0.08
    """Statures that a hand goes to one side, at least."""
    repeat_s: Positive | None = None


class CameraBlocked(Section, frozen=True):
    """The camera is covered."""

    enabled: bool = True
    after_s: Positive = 10.0
    spread: Positive = 6.0
    """An even picture: the standard deviation of its brightness (0 to 255) is at most so much."""


class Care(Section, frozen=True):
    """What is watched for."""

    fall: Fall = Fall()
    long_lie: LongLie = LongLie()
    inactivity: Inactivity = Inactivity()
    bed_exit: BedExit = BedExit()
    bed_absence: BedAbsence = BedAbsence()
    bathroom_overstay: BathroomOverstay = BathroomOverstay()
    no_show: NoShow = NoShow()
    help_gesture: HelpGesture = HelpGesture()
    camera_blocked: CameraBlocked = CameraBlocked()
