"""What the association does, written to be read: the kernel must give exactly the same people.

The arithmetic is spelled out where it is observable: places in 1/256 cell, line integrals in integers on integer maps,
everything else in float32, one operation at a time.
"""

from dataclasses import dataclass

import numpy as np

from edgepose._association import LIMITS

CELL = 256
FIELD_LIMIT = np.float32(2)
FLOAT_ONE = np.float32(16384)
LEVEL_MAX = 32767
LOGS = np.rint(65536 * np.log(np.maximum(np.arange(LEVEL_MAX + 1), 0.5))).astype(np.int64)
f32 = np.float32


@dataclass(frozen=True)
class Rules:
    """What tests/bench/quality_association.py tries out; the kernel has these."""

    sample_weights: tuple[int, ...] = (13, 38, 64, 90, 115, 141, 166, 192, 218, 243)
    """Where a limb is sampled, of 256: the middles of ten equal parts."""
    min_passed: int = LIMITS["min_passed"]
    """Samples that must reach min_limb."""
    middle: tuple[int, ...] = (4,)
    """Those of them that must in any case."""
    height_weight: float = 0.45
    """Of the logarithms of the heights of the two peaks, beside the mean of the field."""
    height_enough: float = 0.6
    """Confidence above which heights count alike."""
    length_penalty: bool = False
    """OpenPose's: a limb longer than half the map's height loses score."""
    redundant_limbs: bool = True
    """Whether limbs that close a ring are looked at."""
    min_sure: int = LIMITS["min_sure"]
    """Keypoints of a person that must be sure."""
    sure: float = 0.15
    """How far above min_keypoint a sure keypoint is."""


SHIPPED = Rules()


@dataclass(frozen=True)
class Peak:
    x: int
    y: int
    """1/256 cell."""
    raw: float
    confidence: np.float32
    log_height: int
    """1/65536 of the logarithm of its height in levels."""
    level_one: float
    """Levels of a confidence of 1."""

    def enough(self, rules):
        """The log_height from which on heights count alike."""
        return int(LOGS[int(min(LEVEL_MAX, rules.height_enough * self.level_one))])


@dataclass(frozen=True)
class People:
    keypoints: np.ndarray
    scores: np.ndarray
    capped: bool


def associate(heatmaps, pafs, skeleton, *, min_keypoint, min_limb, max_people, heat_quant=(1.0, 0), paf_quant=(1.0, 0)):
    """The people of one frame, as edgepose.association.Associator finds them."""
    found = [find_peaks(heatmaps[:, :, channel], heat_quant, min_keypoint) for channel in skeleton.heat_channels]
    peaks = [strongest(some, LIMITS["peaks"]) for some in found]
    people, capped = group(peaks, pafs, skeleton, min_limb, paf_quant)
    people = [person for person in people if is_person(person, peaks, min_keypoint)]
    result = write(people, peaks, len(skeleton.names), max_people)
    capped |= any(len(kept) < len(some) for kept, some in zip(peaks, found, strict=True)) or len(people) > max_people
    return People(*result, capped)


def group(peaks, pafs, skeleton, min_limb, paf_quant, rules=SHIPPED):
    """People as {keypoint: index of its peak} each, and whether there were more pairs than are looked at."""
    people, capped = [], False
    for (a, b), (x_channel, y_channel), starts in zip(
        skeleton.limbs, skeleton.paf_channels, limbs_of_tree(skeleton), strict=True
    ):
        if not (starts or rules.redundant_limbs):
            continue
        field = pafs[:, :, x_channel], pafs[:, :, y_channel]
        pairs = score_pairs(peaks[a], peaks[b], field, paf_quant, min_limb, rules)
        capped |= len(pairs) > LIMITS["pairs"]
        for i, j in match(pairs[: LIMITS["pairs"]]):
            join(people, a, i, b, j, starts)
    return people, capped


# ---- peaks


def find_peaks(heat, quant, min_keypoint):
    """Peaks of one heat map in reading order of the first cell of each."""
    scale, zero_point = quant
    integer = heat.dtype != np.float32
    if integer:
        threshold = zero_point + max(1, int(np.ceil(min_keypoint / float(f32(scale)) - 1e-6)))
    else:
        threshold = f32(zero_point + min_keypoint / float(f32(scale)))
    level_one = (1 if integer else float(FLOAT_ONE)) / float(f32(scale))
    logs = LOGS[levels(heat, quant)]
    values = heat.astype(int) if integer else heat
    height, width = heat.shape
    found = []
    done = np.zeros(heat.shape, bool)
    for y, x in np.argwhere(values >= threshold):
        if done[y, x]:
            continue
        cells = plateau(values, y, x)
        for cell in cells:
            done[cell] = True
        if len(cells) > LIMITS["plateau"]:
            continue
        if any(values[n] > values[y, x] for cell in cells for n in neighbours(cell, height, width)):
            continue
        raw = values[y, x]
        px, py, log_height = top_of(cells, logs)
        found.append(Peak(px, py, float(raw), confidence(raw, quant), log_height, level_one))
    return found


def levels(values, quant):
    """Whole numbers 0 to LEVEL_MAX, NaN as 0."""
    scale, zero_point = quant
    if values.dtype != np.float32:
        return np.clip(values.astype(int) - zero_point, 0, LEVEL_MAX)
    with np.errstate(all="ignore"):
        level = (values - f32(zero_point)) * f32(scale) * FLOAT_ONE + f32(0.5)
    return np.clip(np.nan_to_num(level, nan=0, posinf=LEVEL_MAX, neginf=0), 0, LEVEL_MAX).astype(int)


def confidence(raw, quant):
    scale, zero_point = quant
    with np.errstate(over="ignore"):
        return min(f32(1), (f32(raw) - f32(zero_point)) * f32(scale))


def neighbours(cell, height, width):
    y, x = cell
    return [
        (ny, nx)
        for ny in range(max(0, y - 1), min(height, y + 2))
        for nx in range(max(0, x - 1), min(width, x + 2))
        if (ny, nx) != (y, x)
    ]


def plateau(values, y, x):
    """All cells of the same value that hang together with this one, also over corners."""
    cells, todo = {(y, x)}, [(y, x)]
    while todo:
        for cell in neighbours(todo.pop(), *values.shape):
            if values[cell] == values[y, x] and cell not in cells:
                cells.add(cell)
                todo.append(cell)
    return cells


def top_of(cells, logs):
    """Place and height of a plateau's top: the middle of its box and, where it fills that, the parabolas through it."""
    (top, left), (bottom, right) = np.min(list(cells), axis=0), np.max(list(cells), axis=0)
    x, y = int(left + right) * CELL // 2, int(top + bottom) * CELL // 2
    height = int(logs[min(cells)])
    if len(cells) == (right - left + 1) * (bottom - top + 1):
        dx, x_rise = fit(logs, left, right, top, bottom)
        dy, y_rise = fit(logs.T, top, bottom, left, right)
        x, y, height = x + dx, y + dy, height + x_rise + y_rise
    return x, y, max(0, height)


def fit(logs, left, right, top, bottom):
    """From the middle of columns left to right to the top of the parabola through them and their neighbours, and its
    rise. The rows of the plateau count twice, those beside it once.
    """
    if left == 0 or right == logs.shape[1] - 1:
        return 0, 0
    before = middle = after = rows = 0
    for y in range(max(0, top - 1), min(logs.shape[0], bottom + 2)):
        weight = 2 if top <= y <= bottom else 1
        rows += weight
        before += weight * int(logs[y, left - 1])
        middle += weight * int(logs[y, left : right + 1].sum())
        after += weight * int(logs[y, right + 1])
    wide = int(right - left + 1)
    tilt, bend = (after - before) * wide, 2 * middle - (before + after) * wide
    if bend <= 0:
        return 0, 0
    most = (wide + 1) * CELL // 4
    offset = min((abs(tilt) * most + bend // 2) // bend, most)
    rise = min(tilt * tilt // (8 * bend * rows * wide), 65536 // 2)
    return (offset if tilt >= 0 else -offset), rise


def strongest(peaks, n):
    """The n highest (of equal ones the first), in their old order."""
    ranks = sorted(range(len(peaks)), key=lambda i: (-peaks[i].raw, i))[:n]
    return [peaks[i] for i in sorted(ranks)]


# ---- limbs


def score_pairs(a_peaks, b_peaks, field, quant, min_limb, rules=SHIPPED):
    """(score, i, j) of the pairs that a limb may join, by i and then j."""
    if not a_peaks or not b_peaks:
        return []
    ax, ay = (np.array([getattr(p, axis) for p in a_peaks])[:, None] for axis in "xy")
    bx, by = (np.array([getattr(p, axis) for p in b_peaks])[None, :] for axis in "xy")
    dx, dy = bx - ax, by - ay
    fx, fy = (components(channel, quant) for channel in field)
    scale = f32(quant[0])
    length = np.sqrt(dx.astype(f32) * dx.astype(f32) + dy.astype(f32) * dy.astype(f32))
    least = f32(min_limb / float(scale)) * length
    total, passed, middle = np.zeros(dx.shape, fx.dtype), np.zeros(dx.shape, int), np.ones(dx.shape, bool)
    for k, weight in enumerate(rules.sample_weights):
        x = (ax * (256 - weight) + bx * weight + 128 * CELL) // (256 * CELL)
        y = (ay * (256 - weight) + by * weight + 128 * CELL) // (256 * CELL)
        sample = fx[y, x] * dx.astype(fx.dtype) + fy[y, x] * dy.astype(fy.dtype)
        total = total + sample
        passes = sample.astype(f32) > least
        passed += passes
        middle &= passes | (k not in rules.middle)
    good = middle & (passed >= rules.min_passed) & (total > 0)
    mean = total.astype(f32) * (scale / f32(len(rules.sample_weights))) / np.where(good, length, f32(1))
    a_height, b_height = (np.array([min(p.log_height, p.enough(rules)) for p in some]) for some in (a_peaks, b_peaks))
    strength = (a_height / 65536).astype(f32)[:, None] + (b_height / 65536).astype(f32)[None, :]
    score = mean + f32(rules.height_weight) * strength
    if rules.length_penalty:
        penalty = np.minimum(0.5 * len(fx) * CELL / np.where(good, length, f32(1)) - 1, 0)
        score, good = score + penalty, good & (mean + penalty > 0)
    return [(score[i, j], int(i), int(j)) for i, j in np.argwhere(good)]


def components(channel, quant):
    """One component of the field, in levels: whole numbers, or floats without NaN and infinity."""
    scale, zero_point = quant
    if channel.dtype != np.float32:
        return channel.astype(np.int64) - zero_point
    limit = FIELD_LIMIT / f32(scale)
    return np.clip(np.nan_to_num(channel - f32(zero_point), nan=0, posinf=limit, neginf=-limit), -limit, limit)


def match(pairs):
    """Best first, each peak once; of equal pairs the first."""
    used_a, used_b, joined = set(), set(), []
    for _, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if i not in used_a and j not in used_b:
            used_a.add(i)
            used_b.add(j)
            joined.append((i, j))
    return joined


# ---- people


def limbs_of_tree(skeleton):
    """Of each limb, whether it reaches a keypoint that the limbs before it do not: only such limbs start a person."""
    groups = [{k} for k in range(len(skeleton.names))]
    starts = []
    for a, b in skeleton.limbs:
        (one,), (other,) = [g for g in groups if a in g], [g for g in groups if b in g]
        starts.append(one is not other)
        if one is not other:
            groups.remove(other)
            one |= other
    return starts


def join(people, a, i, b, j, starts):
    """Start a person, extend one, or merge two that have no keypoint in common."""
    first = next((p for p in people if p.get(a) == i), None)
    second = next((p for p in people if p.get(b) == j), None)
    if first is None and second is None:
        if starts:
            people.append({a: i, b: j})
    elif second is None:
        first.setdefault(b, j)
    elif first is None:
        second.setdefault(a, i)
    elif first is not second and not first.keys() & second.keys():
        first.update(second)
        people[:] = [p for p in people if p is not second]


def is_person(person, peaks, min_keypoint, rules=SHIPPED):
    """Whether enough of its keypoints are sure: noise makes people of weak peaks."""
    least = f32(min_keypoint) + f32(rules.sure)
    return sum(peaks[k][i].confidence >= least for k, i in person.items()) >= rules.min_sure


def write(people, peaks, keypoints, max_people):
    """Keypoints and scores, best first; of equal people, first the one with the earliest peak."""
    rated = []
    for person in people:
        total = f32(0)
        for k in sorted(person, reverse=True):
            total += peaks[k][person[k]].confidence * peaks[k][person[k]].confidence
        rated.append((np.sqrt(total / f32(keypoints)), min(person.items()), person))
    rated.sort(key=lambda r: (-r[0], r[1]))
    rated = rated[:max_people]
    result = np.zeros((len(rated), keypoints, 3), np.float32)
    for row, (_, _, person) in zip(result, rated, strict=True):
        for k, i in person.items():
            peak = peaks[k][i]
            row[k] = peak.x / CELL, peak.y / CELL, peak.confidence
    return result, np.array([score for score, _, _ in rated], np.float32)
