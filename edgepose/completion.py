"""Keypoints that no limb led to, told by the network's regression from each person's centre.

The network heats the centre of each person and says there, roughly, where all keypoints are, hidden ones too (Duan et
al., CenterNet, arXiv 1904.07850). People are put together by the part affinity fields; a centre that agrees with what
was found of a person fills in what is missing. Keypoints that come this way are guesses, and say so: their confidence
is below that of any keypoint that was found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgepose.domain import FloatArray, MapArray, PoseMaps, Quant

GUESS_LIMIT = 0.09
"""Confidence of a completed keypoint at most; the least of a found one is the association's min_keypoint, 0.1."""

_GUESS_LEAST = 0.01
_MIN_CENTRE = 0.05
"""Heat of a centre that is looked at."""
_CENTRES_MAX = 40
_SPREAD = 0.1
"""Of a person's extent: how far regression and keypoint may be apart to agree, a standard deviation."""
_AGREE = 0.1
"""Mean agreement from which a centre may belong to a person."""
_REACH = 6
"""Cells around the regressed place in which the heat map is searched."""
_NEAR = 1.8
"""Cells: heat counts in parts of its distance from the regressed place and this."""
_UNSURE = 1.0
"""What a person without a centre is worth, beside one whose centre is certain."""
_COLD = 1e-3
"""Heat that any place has, so that without any other the regressed place is the best."""
_LOG_FLOOR = 1e-3

IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class CentreChannels:
    """Where the maps hold what completion reads."""

    centre: int
    """Of the heat maps."""
    offsets: tuple[tuple[int, int] | None, ...]
    """(x, y) channels of each keypoint of the layout, in cells from the centre's; None where it has none."""
    heats: tuple[int, ...]
    """Heat-map channel of each keypoint of the layout."""
    between: tuple[int, int, int] | None = None
    """A keypoint without a regression that lies half-way between two others, such as neck and shoulders."""


class Completer:
    """Fills in missing keypoints of people. Keeps nothing from frame to frame."""

    def __init__(self, channels: CentreChannels) -> None:
        self._channels = channels
        self._told = np.array([k for k, pair in enumerate(channels.offsets) if pair is not None])
        pairs = [pair for pair in channels.offsets if pair is not None]
        self._x = np.array([x for x, _ in pairs])
        self._y = np.array([y for _, y in pairs])
        self._heats = np.array(channels.heats)
        steps = np.arange(-_REACH, _REACH + 1)
        self._rows, self._columns = (part.ravel() for part in np.meshgrid(steps, steps, indexing="ij"))

    def __call__(self, keypoints: FloatArray, scores: FloatArray, maps: PoseMaps) -> tuple[FloatArray, FloatArray]:
        """(P, K, 3) keypoints in cells and (P,) scores, both completed; what came in stays as it is.

        The centre's heat is part of the score: people whom limbs and centre agree on are surer.
        """
        if maps.offsets is None or not len(keypoints):
            return keypoints, scores
        rows, columns, heats = self._centres(maps)
        sure = np.zeros(len(keypoints), np.float32)
        completed = keypoints.copy()
        if len(rows):
            places = self._places(rows, columns, maps.offsets, maps.offset_quant)
            for person, centre in self._matches(keypoints, places):
                sure[person] = heats[centre]
                self._fill(completed[person], places[centre], maps)
        return completed, (scores * (_UNSURE + sure) / (1 + _UNSURE)).astype(np.float32)

    def _centres(self, maps: PoseMaps) -> tuple[IntArray, IntArray, FloatArray]:
        """Rows, columns and heats 0 to 1 of the centres, warmest first."""
        quant = maps.heat_quant
        channel = maps.heatmaps[:, :, self._channels.centre]
        rows, columns = np.nonzero(channel > _MIN_CENTRE / quant.scale + quant.zero_point)
        if not len(rows):
            return rows, columns, np.zeros(0, np.float32)
        values = channel[rows, columns].astype(np.float32)
        padded = np.pad(channel, 2, constant_values=channel.min())
        around = np.stack([padded[rows + dy, columns + dx] for dy in range(5) for dx in range(5)])
        order = np.flatnonzero(values >= around.max(axis=0))
        order = order[np.argsort(-values[order], kind="stable")][:_CENTRES_MAX]
        return rows[order], columns[order], (values[order] - quant.zero_point) * np.float32(quant.scale)

    def _places(self, rows: IntArray, columns: IntArray, offsets: MapArray, quant: Quant) -> FloatArray:
        """(C, T, 2) x, y in cells where each centre believes the keypoints to be that the network regresses."""
        values = (offsets[rows, columns].astype(np.float32) - quant.zero_point) * np.float32(quant.scale)
        return np.stack([values[:, self._x] + columns[:, None], values[:, self._y] + rows[:, None]], axis=-1)

    def _matches(self, keypoints: FloatArray, places: FloatArray) -> list[tuple[int, int]]:
        """(person, centre) pairs, those that agree best first; neither is in two of them."""
        found = keypoints[:, self._told]
        extent = np.maximum(np.ptp(places, axis=1).max(axis=1), 4.0)
        squared = np.square(found[:, None, :, :2] - places[None]).sum(axis=-1)
        close = np.exp(-squared / (2 * np.square(_SPREAD * extent))[None, :, None]) * (found[:, None, :, 2] > 0)
        agreement = close.sum(axis=-1) / np.maximum((found[..., 2] > 0).sum(axis=1), 1)[:, None]
        pairs: list[tuple[int, int]] = []
        for flat in np.argsort(-agreement, axis=None, kind="stable"):
            person, centre = divmod(int(flat), len(places))
            if agreement[person, centre] < _AGREE:
                break
            if all(person != other and centre != taken for other, taken in pairs):
                pairs.append((person, centre))
        return pairs

    def _fill(self, person: FloatArray, places: FloatArray, maps: PoseMaps) -> None:
        """Puts guesses where the (K, 3) person has nothing."""
        missing = np.flatnonzero(person[self._told, 2] == 0)
        if len(missing):
            person[self._told[missing]] = self._guesses(self._told[missing], places[missing], maps)
        if self._channels.between is not None:
            middle, one, other = self._channels.between
            if person[middle, 2] == 0 and person[one, 2] > 0 and person[other, 2] > 0:
                person[middle, :2] = (person[one, :2] + person[other, :2]) / 2
                person[middle, 2] = min(person[one, 2], person[other, 2], GUESS_LIMIT)

    def _guesses(self, keypoints: IntArray, places: FloatArray, maps: PoseMaps) -> FloatArray:
        """(M, 3) x, y in cells and confidence: the heat map's best place near the regressed one."""
        height, width = maps.heatmaps.shape[:2]
        channels = self._heats[keypoints][:, None]
        near = np.clip(np.rint(places), 0, (width - 1, height - 1)).astype(np.intp)
        rows = np.clip(near[:, 1:] + self._rows, 0, height - 1)
        columns = np.clip(near[:, :1] + self._columns, 0, width - 1)
        heats = self._heat(maps, rows, columns, channels)
        apart = np.hypot(columns - places[:, :1], rows - places[:, 1:])
        best = np.argmax((heats + _COLD) / (apart + _NEAR), axis=1)
        each = np.arange(len(best))
        row, column = rows[each, best], columns[each, best]
        shift_x = self._shift(maps, row, column, channels[:, 0], 0, 1)
        shift_y = self._shift(maps, row, column, channels[:, 0], 1, 0)
        confidence = np.clip(heats[each, best], _GUESS_LEAST, GUESS_LIMIT)
        return np.stack([column + shift_x, row + shift_y, confidence], axis=-1).astype(np.float32)

    def _shift(
        self, maps: PoseMaps, row: IntArray, column: IntArray, channel: IntArray, down: int, right: int
    ) -> FloatArray:
        """Where the parabola through the logarithms of three neighbours is highest, -0.5 to 0.5 cells."""
        height, width = maps.heatmaps.shape[:2]
        before, here, after = (
            np.log(
                np.maximum(
                    self._heat(
                        maps,
                        np.clip(row + step * down, 0, height - 1),
                        np.clip(column + step * right, 0, width - 1),
                        channel,
                    ),
                    _LOG_FLOOR,
                )
            )
            for step in (-1, 0, 1)
        )
        bend = before - 2 * here + after
        shift: FloatArray = np.where(
            bend < -1e-6, np.clip(0.5 * (before - after) / np.minimum(bend, -1e-6), -0.5, 0.5), 0
        )
        return shift

    def _heat(self, maps: PoseMaps, rows: IntArray, columns: IntArray, channels: IntArray) -> FloatArray:
        quant = maps.heat_quant
        values = maps.heatmaps[rows, columns, channels].astype(np.float32)
        heats: FloatArray = (values - quant.zero_point) * np.float32(quant.scale)
        return heats
