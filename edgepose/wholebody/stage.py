"""The stage that adds hands, face and feet to the people of a frame, within a budget of time."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgepose.domain import ByteArray, FloatArray, Frame, FrameResult, Parts, Track
from edgepose.masks import Polygon, visible_pixels
from edgepose.wholebody import answers, crops
from edgepose.wholebody.crops import Crop
from edgepose.wholebody.memory import Memory, Seen, follows
from edgepose.wholebody.networks import Part, PartNetwork
from edgepose.wholebody.people import anchor_of, points_of, stature_of
from edgepose.wholebody.settings import WholeBodySettings

_OFF = 1.35
"""A hand whose own crop is so many times larger or smaller than the one it was found in, or turned by _TURN radians, is
looked at again in its own, and so is a hand or face that is less than _SURE."""
_TURN = 0.6
_SURE = 0.9
_STEPS = (4, 2, 1)
"""A picture is made so many times smaller before large crops are cut from it: few steps, since the scaler builds its
tables anew for every size."""
_COUNTS = {"left_hand": 21, "right_hand": 21, "face": 70, "left_foot": 3, "right_foot": 3}
_PARTS: dict[str, Part] = {
    "left_hand": "hand", "right_hand": "hand", "face": "face", "left_foot": "foot", "right_foot": "foot",
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A part of a person that is to be looked for."""

    person: int
    """Place in the list of tracks."""
    id: int
    name: str
    crop: Crop
    anchor: FloatArray
    waiting_s: float
    """How long nobody has looked; infinite where nobody ever has."""

    @property
    def part(self) -> Part:
        """Whose network it is for."""
        return _PARTS[self.name]


class WholeBody:
    """Adds the parts that are asked for to the poses of a frame. Serves one camera or clip."""

    def __init__(
        self,
        settings: WholeBodySettings,
        *,
        networks: Mapping[Part, PartNetwork],
        follow: bool,
        rotate: int = 0,
        masks: Sequence[Polygon] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """networks: of the parts that are wanted, as load_wanted() gives them.

        follow: whether ids hold from frame to frame. rotate, masks: as the letterbox has them.
        """
        self._settings, self._follow = settings, follow
        self._turns, self._masks, self._clock = rotate // 90, tuple(masks), clock
        self._networks = networks
        self._names = [name for name, part in _PARTS.items() if part in self._networks]
        self._memory = Memory()
        self._cost_s: dict[str, float] = {}
        self._visible: dict[tuple[int, int], ByteArray] = {}

    def __call__(self, result: FrameResult) -> FrameResult:
        """The frame with the parts of everybody in it. Raises ModelError when a network fails."""
        frame = result.frame
        if not result.tracks or not self._names:
            return result
        started = self._clock()
        self._memory.forget_before(frame.t_s)
        looks = sorted(self._looks(result), key=lambda look: -look.waiting_s)
        picture = _Lazy(lambda step: self._upright(frame, step))
        found: dict[tuple[int, str], FloatArray] = {}
        for look in looks:
            spent_s = self._clock() - started
            if self._fits(look, spent_s):
                found[look.person, look.name] = self._look(look, picture, result)
                took_s = self._clock() - started - spent_s
                self._cost_s[look.part] = took_s + 0.8 * (self._cost_s.get(look.part, took_s) - took_s)
            elif (seen := self._memory.get((look.id, look.name))) is not None and self._follow:
                found[look.person, look.name] = seen.by_now(frame.t_s, look.anchor)
        tracks = tuple(self._with_parts(track, place, found) for place, track in enumerate(result.tracks))
        return replace(result, tracks=tracks)

    def _fits(self, look: Look, spent_s: float) -> bool:
        """Whether there is time for it; the one that waits longest always has it."""
        budget_ms = self._settings.budget_ms
        return budget_ms is None or spent_s == 0 or 1e3 * (spent_s + self._cost_s.get(look.part, 0.0)) <= budget_ms

    def _looks(self, result: FrameResult) -> list[Look]:
        return [look for place, track in enumerate(result.tracks) for look in self._of_person(place, track, result)]

    def _of_person(self, place: int, track: Track, result: FrameResult) -> list[Look]:
        points = points_of(track.pose, result.layout)
        stature_px = stature_of(track, result.layout)
        looks = []
        for name in self._names:
            crop = crops.expected(name, points, stature_px)
            if crop is None or not _in_view(crop, result.size):
                continue
            anchor = anchor_of(name, points)
            seen = self._memory.get((track.id, name)) if self._follow else None
            waiting_s = math.inf if seen is None else result.frame.t_s - seen.t_s
            looks.append(Look(place, track.id, name, _where(name, crop, seen, anchor), anchor, waiting_s))
        return looks

    def _look(self, look: Look, picture: "_Lazy", result: FrameResult) -> FloatArray:
        network = self._networks[look.part]
        keypoints = self._answer(look.crop, network, picture, result.size)
        own = _around(look.name, keypoints) if math.isinf(look.waiting_s) else None
        if own is not None and (keypoints[:, 2].max() < _SURE or (look.part == "hand" and _differs(own, look.crop))):
            again = self._answer(own, network, picture, result.size)
            keypoints = again if again[:, 2].max() >= keypoints[:, 2].max() - 0.1 else keypoints
        if self._follow:
            self._memory.put((look.id, look.name), Seen(keypoints, result.frame.t_s, look.anchor))
        return keypoints

    def _answer(self, crop: Crop, network: PartNetwork, picture: "_Lazy", size: tuple[int, int]) -> FloatArray:
        answer = network([picture.cut(crop, network.side)])
        return answers.landmarks(answer["points"][0] / network.side, answer["presence"][0], crop, size)

    def _with_parts(self, track: Track, place: int, found: Mapping[tuple[int, str], FloatArray]) -> Track:
        def of(name: str) -> FloatArray:
            keypoints = found.get((place, name))
            return np.zeros((_COUNTS[name], 3), np.float32) if keypoints is None else keypoints

        on = self._settings
        parts = Parts(
            face=of("face") if on.face else None,
            left_hand=of("left_hand") if on.hands else None,
            right_hand=of("right_hand") if on.hands else None,
            feet=np.concatenate([of("left_foot"), of("right_foot")]) if on.feet else None,
        )
        return replace(track, pose=replace(track.pose, parts=parts))

    def _upright(self, frame: Frame, step: int) -> ByteArray:
        """The picture as the keypoints have it, so many times smaller, black where it is masked."""
        picture = frame.picture
        pixels = picture.rgb(max(1, picture.width // step), max(1, picture.height // step))
        upright: ByteArray = np.rot90(pixels, -self._turns) if self._turns else pixels
        if self._masks:
            upright = upright & self._unmasked((upright.shape[1], upright.shape[0]), step)
        return upright

    def _unmasked(self, size: tuple[int, int], step: int) -> ByteArray:
        """(H, W, 1): 255 where it may be seen; masks also cover pixels that a masked one could colour."""
        if size not in self._visible:
            margin = 1.0 + 2.0 / step
            seen = visible_pixels(self._masks, size, (margin, margin))
            self._visible[size] = (seen * np.uint8(255))[..., None]
        return self._visible[size]


class _Lazy:
    """The picture in the sizes that crops are cut from, each converted when the first of them needs it."""

    def __init__(self, upright: Callable[[int], ByteArray]) -> None:
        self._upright = upright
        self._pictures: dict[int, ByteArray] = {}

    def cut(self, crop: Crop, side: int) -> ByteArray:
        """(side, side, 3) uint8."""
        step = next((step for step in _STEPS if crop.side >= step * side), 1)
        if step not in self._pictures:
            self._pictures[step] = self._upright(step)
        return crop.pixels(self._pictures[step], side, 1 / step)


def _where(name: str, crop: Crop, seen: Seen | None, anchor: FloatArray) -> Crop:
    """The crop to look in: the body's, or around what was seen last, moved along with the body."""
    tracked = _around(name, seen.keypoints) if seen is not None and seen.sure else None
    if seen is not None and tracked is not None:
        tracked = tracked.moved(*(anchor - seen.anchor).tolist())
    return follows(crop, tracked)


def _around(name: str, keypoints: FloatArray) -> Crop | None:
    """The crop around a hand or face that was found whole; None for others."""
    side, _, part = name.partition("_")
    if part == "foot" or not _complete(keypoints):
        return None
    return crops.hand_seen(keypoints, side) if part == "hand" else crops.face_seen(keypoints)


def _complete(keypoints: FloatArray) -> bool:
    """Whether all points are there, as they are but at the edge of the picture."""
    return bool((keypoints[:, 2] > 0).all())


def _differs(crop: Crop, other: Crop) -> bool:
    ratio = crop.side / other.side
    turned = abs((crop.angle - other.angle + np.pi) % (2 * np.pi) - np.pi)
    away = np.hypot(crop.x - other.x, crop.y - other.y) / other.side
    return not 1 / _OFF < ratio < _OFF or turned > _TURN or away > 0.15


def _in_view(crop: Crop, size: tuple[int, int]) -> bool:
    return -0.5 < crop.x < size[0] - 0.5 and -0.5 < crop.y < size[1] - 0.5
