"""Heat maps and part affinity fields of people whose places are known.

Drawn as networks are trained to answer (Cao et al., arXiv 1812.08008): a Gaussian around each keypoint, the greatest
where several people overlap; a unit vector within half a limb's width of its line, the mean where several overlap.
"""

from dataclasses import dataclass, replace

import numpy as np

from edgepose.skeleton import BODY18, Skeleton

# A standing body18 figure, 1 high, neck to ankles; x to its left, y downwards, origin between the hips.
_FIGURE = {
    "nose": (0.0, -0.62), "neck": (0.0, -0.48), "right_eye": (-0.03, -0.66), "left_eye": (0.03, -0.66),
    "right_ear": (-0.07, -0.64), "left_ear": (0.07, -0.64), "mid_hip": (0.0, 0.0),
    "right_hip": (-0.09, 0.0), "left_hip": (0.09, 0.0),
}  # fmt: skip
# keypoint, the one it hangs on, length, angle from straight down to its own side at rest, and how far that swings
_CHAIN = (
    ("shoulder", "neck", 0.13, 80, 8), ("elbow", "shoulder", 0.19, 15, 60), ("wrist", "elbow", 0.17, 10, 60),
    ("knee", "hip", 0.26, 4, 25), ("ankle", "knee", 0.25, 0, 20), ("heel", "ankle", 0.05, -20, 5),
    ("big_toe", "ankle", 0.09, 50, 5), ("small_toe", "ankle", 0.09, 70, 5),
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """People and the maps of them."""

    heatmaps: np.ndarray
    """(H, W, K) float32."""
    pafs: np.ndarray
    """(H, W, 2L) float32."""
    people: np.ndarray
    """(P, K, 3) float: x, y in grid cells, and 1 where the maps show the keypoint; 0, 0, 0 otherwise."""
    skeleton: Skeleton
    heat_quant: tuple[float, int] = (1.0, 0)
    paf_quant: tuple[float, int] = (1.0, 0)

    def quantised(self, dtype, heat_quant=None, paf_quant=None):
        """The same scene as an int8 or uint8 network leaves it."""
        shift = 128 if dtype == np.uint8 else 0
        heat_quant = heat_quant or (1 / 256, -128 + shift)
        paf_quant = paf_quant or (0.0107, -11 + shift)
        return replace(
            self,
            heatmaps=_quantise(self.heatmaps, dtype, heat_quant),
            pafs=_quantise(self.pafs, dtype, paf_quant),
            heat_quant=heat_quant,
            paf_quant=paf_quant,
        )

    def in_one_tensor(self, spare=1):
        """The same scene with both maps as views of one tensor, `spare` channels in front of each."""
        heat, paf = self.heatmaps, self.pafs
        gap = np.full((*heat.shape[:2], spare), 100, heat.dtype)
        tensor = np.concatenate([gap, heat, gap, paf], axis=2)
        at = heat.shape[2] + spare
        return replace(self, heatmaps=tensor[:, :, spare:at], pafs=tensor[:, :, at + spare :])

    def arguments(self):
        """What an Associator is called with, and how."""
        return (self.heatmaps, self.pafs), {"heat_quant": self.heat_quant, "paf_quant": self.paf_quant}


def _quantise(values, dtype, quant):
    scale, zero_point = quant
    info = np.iinfo(dtype)
    return np.clip(np.rint(values / scale) + zero_point, info.min, info.max).astype(dtype)


def other_sides(names):
    """Which keypoint each one becomes in a mirror, as a list of places."""
    swapped = [name.replace("left", "-").replace("right", "left").replace("-", "right") for name in names]
    return [names.index(name) for name in swapped]


def figure(rng, skeleton=BODY18, *, height=12.0, centre=(20.0, 20.0), lean_deg=None, mirrored=None):
    """(K, 3) keypoints of one body in a random pose, all of them seen; lean_deg 90 is lying."""
    points = {name: np.array(place) for name, place in _FIGURE.items()}
    for side, sign in (("right", -1), ("left", 1)):
        for name, parent, length, rest, swing in _CHAIN:
            angle = np.deg2rad(sign * rest + rng.uniform(-swing, swing))
            base = points[parent if parent in points else f"{side}_{parent}"]
            points[f"{side}_{name}"] = base + length * np.array([np.sin(angle), np.cos(angle)])
    body = np.array([points[name] for name in skeleton.names if name in points])
    if len(body) < len(skeleton.names):
        raise ValueError("the skeleton has keypoints that the figure lacks")
    if mirrored if mirrored is not None else rng.random() < 0.5:
        body[:, 0] *= -1
    lean = np.deg2rad(rng.uniform(-15, 15) if lean_deg is None else lean_deg)
    body = body @ np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    return np.column_stack([body * height + np.array(centre), np.ones(len(body))])


def crowd(rng, n, shape, skeleton=BODY18, *, height=None, gap=2.5, lean_deg=None):
    """Up to n figures on a grid of that shape, whole, no keypoint within `gap` cells of another person's same one."""
    high, wide = shape
    people = []
    for _ in range(400 * n):
        if len(people) == n:
            break
        size = rng.uniform(*height) if height else rng.uniform(0.18, 0.75 if n < 6 else 0.3) * high
        body = figure(rng, skeleton, height=size, centre=rng.uniform((0, 0), (wide, high)), lean_deg=lean_deg)
        if body[:, :2].min() < 0.5 or (body[:, :2] > (wide - 1.5, high - 1.5)).any():
            continue
        if all(np.hypot(*(body - other)[:, :2].T).min() > gap for other in people):
            people.append(body)
    return np.array(people).reshape(-1, len(skeleton.names), 3)


def hide(rng, people, share):
    """The people with that share of their keypoints unseen; each keeps at least five."""
    people = people.copy()
    for person in people:
        hidden = rng.random(len(person)) < share
        hidden[rng.permutation(len(person))[:5]] = False
        person[hidden] = 0
    return people


def without(people, skeleton, *names):
    """The people with those keypoints unseen."""
    people = people.copy()
    people[:, [skeleton.names.index(name) for name in names]] = 0
    return people


def cut(people, shape):
    """The people without what lies outside the grid."""
    people = people.copy()
    high, wide = shape
    outside = (people[..., :2] < -0.5).any(-1) | (people[..., 0] > wide - 0.5) | (people[..., 1] > high - 0.5)
    people[outside] = 0
    return people


def draw(people, shape, skeleton=BODY18, *, sigma=0.9, limb_width=1.6, noise=0.0, rng=None, peak=1.0):
    """The scene of these people. noise: standard deviation, about what a small network leaves is 0.02."""
    high, wide = shape
    ys, xs = np.mgrid[:high, :wide].astype(float)
    heat = np.zeros((high, wide, skeleton.heat_depth))
    field = np.zeros((high, wide, skeleton.paf_depth))
    for k, channel in enumerate(skeleton.heat_channels):
        for x, y, seen in people[:, k]:
            if seen:
                blob = peak * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
                heat[..., channel] = np.maximum(heat[..., channel], blob)
    for (a, b), channels in zip(skeleton.limbs, skeleton.paf_channels, strict=True):
        hits = np.zeros((high, wide))
        total = np.zeros((high, wide, 2))
        for person in people:
            if not (person[a, 2] and person[b, 2]):
                continue
            way = person[b, :2] - person[a, :2]
            length = max(np.hypot(*way), 1e-6)
            unit = way / length
            along = (xs - person[a, 0]) * unit[0] + (ys - person[a, 1]) * unit[1]
            across = np.abs((xs - person[a, 0]) * unit[1] - (ys - person[a, 1]) * unit[0])
            inside = (along > -0.5) & (along < length + 0.5) & (across <= limb_width / 2)
            hits += inside
            total[inside] += unit
        field[..., list(channels)] = total / np.maximum(hits, 1)[..., None]
    if noise:
        heat += rng.normal(0, noise, heat.shape)
        field += rng.normal(0, noise, field.shape)
    return Scene(heat.astype(np.float32), field.astype(np.float32), people, skeleton)


def garbage(rng, shape, skeleton=BODY18, dtype=np.int8):
    """A scene of nobody: every value at random."""
    high, wide = shape
    if dtype == np.float32:
        values = [
            rng.normal(0.5, 0.5, (high, wide, n)).astype(dtype) for n in (skeleton.heat_depth, skeleton.paf_depth)
        ]
        return Scene(*values, np.zeros((0, len(skeleton.names), 3)), skeleton)
    info = np.iinfo(dtype)
    values = [
        rng.integers(info.min, info.max + 1, (high, wide, n), dtype) for n in (skeleton.heat_depth, skeleton.paf_depth)
    ]
    empty = Scene(*values, np.zeros((0, len(skeleton.names), 3)), skeleton)
    return replace(empty, heat_quant=(1 / 256, info.min), paf_quant=(1 / 100, (info.min + info.max + 1) // 2))


@dataclass(frozen=True)
class Marks:
    """How well people were found."""

    recall: float
    precision: float
    error: float
    """Mean distance of the keypoints found of the people found, cells."""
    keypoint_recall: float
    """Of the seen keypoints of the people found."""


def marks(truth, found, *, near=1.0, share=0.8):
    """A person counts as found where `share` of the seen keypoints lie within `near` cells of one result's."""
    free = list(range(len(found)))
    hits, errors, seen_total = 0, [], 0
    for person in truth:
        seen = person[:, 2] > 0
        best = None
        for i in free:
            distance = np.hypot(*(found[i, :, :2] - person[:, :2]).T)
            good = seen & (found[i, :, 2] > 0) & (distance <= near)
            if good.sum() >= share * seen.sum() and (best is None or good.sum() > best[1].sum()):
                best = i, good, distance
        if best:
            free.remove(best[0])
            hits += 1
            errors += list(best[2][best[1]])
            seen_total += seen.sum()
    return Marks(
        recall=hits / max(1, len(truth)),
        precision=hits / len(found) if len(found) else float(not len(truth)),
        error=float(np.mean(errors)) if errors else 0.0,
        keypoint_recall=len(errors) / max(1, seen_total),
    )
