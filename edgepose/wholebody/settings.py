"""The `wholebody` section of the configuration: off unless asked for."""

from typing import Annotated

import msgspec

from edgepose.section import Section


class WholeBodySettings(Section, frozen=True):
    """Keypoints beyond the body's."""

    hands: bool = False
    """21 keypoints each."""
    face: bool = False
    """70 keypoints."""
    feet: bool = False
    """Big toe, small toe and heel of each foot."""
    budget_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Of each frame, for all parts of all people; what doesn't fit takes turns. None: everything in every frame."""

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return self.hands or self.face or self.feet
