"""Random people: shapes, clothes and poses, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from body import Body, make_body
from pose import Array, Pose, turn
from wardrobe import Dressed, Outfit, dress

_ANKLE_M = 0.08


def person(rng: np.random.Generator, trouser: float = 0.95, soles: bool = False) -> Dressed:
    """Somebody, dressed.

    trouser: how far the trousers reach, as in Outfit. soles: whether the shoes' are of another colour.
    """
    shape = {name: float(rng.uniform(0.1, 0.9)) for name in ("gender", "height", "muscle", "proportions")}
    shape |= {"age": float(rng.uniform(0.5, 0.95)), "weight": float(rng.uniform(0.3, 0.75))}
    body = make_body(shape, float(rng.uniform(1.52, 1.9)), float(rng.uniform(0.1, 1.3)))
    skin = np.array([0.56, 0.33, 0.24]) * rng.uniform(0.25, 1.25)
    barefoot = rng.uniform() < 0.25
    shoes = skin if barefoot else _colour(rng)
    outfit = Outfit(
        skin=_tuple(np.clip(skin, 0, 1)),
        hair=_tuple(np.array([0.4, 0.3, 0.2]) * rng.uniform(0.02, 1.2)),
        top=_tuple(_colour(rng)),
        trousers=_tuple(_colour(rng)),
        shoes=_tuple(shoes),
        socks=_tuple(skin if barefoot else _colour(rng)),
        sleeve=float(rng.choice([0.3, 0.95])),
        hair_back_m=float(rng.uniform(0.0, 0.08)),
        loose_m=float(rng.uniform(0.006, 0.016)),
        trouser=trouser,
    )
    if soles and not barefoot:
        outfit = replace(outfit, soles=_tuple(_colour(rng)))
    return dress(body, outfit, int(rng.integers(1 << 30)))


def _colour(rng: np.random.Generator) -> Array:
    return np.asarray(rng.uniform(0.02, 0.7, 3) * rng.uniform(0.3, 1.0))


def _tuple(colour: Array) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])


def pose(body: Body, rng: np.random.Generator) -> Pose:
    """Standing, walking, sitting or lying, each in many ways."""
    kind = rng.choice(["stand", "stride", "sit", "lie"], p=[0.35, 0.3, 0.25, 0.1])
    height = body.leg_m + body.sole_m
    wide = body.half_hip_m
    gap = rng.uniform(0.9, 1.8, 2) * wide * [1, -1]
    ahead = {"stand": rng.normal(0, 0.05, 2), "stride": rng.uniform(0.1, 0.36) * np.array([1, -1])}.get(
        str(kind), rng.uniform(0.25, 0.55, 2)
    )
    drop = {"stand": 0.01, "stride": 0.05, "sit": rng.uniform(0.36, 0.5) * height, "lie": 0.0}[str(kind)]
    lift = np.maximum(rng.normal(0, 0.05, 2), 0) if kind == "stride" else np.zeros(2)
    ankles = np.stack([ahead, gap, body.sole_m + lift], 1)
    pelvis = np.array([0, 0, height - drop])
    splay = rng.uniform(-5, 35, 2) * [1, -1]
    tip = np.radians(rng.normal(0, 6, 2) + (rng.uniform(-25, 35, 2) if kind == "stride" else 0))
    toes = np.stack([np.cos(np.radians(splay)), np.sin(np.radians(splay)), np.tan(tip)], 1)
    upright = Pose(
        pelvis=pelvis,
        turn=turn(pitch=float(rng.normal(0, 6))),
        spine=rng.normal(0, [8, 6, 10]),
        head=rng.normal(0, [10, 8, 18]),
        ankles=ankles,
        toes=toes,
        knees=np.stack([np.ones(2), rng.uniform(0, 0.4, 2) * [1, -1], np.full(2, 0.3)], 1),
        hands=_hands(rng),
        elbows=np.array([[-0.7, 0.8, -0.5]] * 2) + rng.normal(0, 0.2, (2, 3)),
        holds=np.zeros((2, 3)),
        grip=np.zeros(2),
    )
    if kind != "lie":
        return upright.placed(np.zeros(3), float(rng.uniform(0, 360)))
    return _laid(upright, rng)


def _hands(rng: np.random.Generator) -> Array:
    """Wrists from shoulders, forwards, outwards and up, in arm lengths: hanging, held before the body, or raised."""
    hanging = np.array([0.15, 0.12, -0.9])
    held = np.array([0.6, -0.05, -0.3])
    raised = np.array([0.45, 0.25, 0.35])
    chosen = [(hanging, held, raised)[rng.choice(3, p=[0.4, 0.4, 0.2])] for _ in range(2)]
    return np.asarray(chosen + rng.normal(0, 0.1, (2, 3)))


def _laid(upright: Pose, rng: np.random.Generator) -> Pose:
    """The same on the back or on a side, legs along the floor."""
    roll = float(rng.choice([0.0, 80.0, -80.0]))
    legs = upright.ankles - upright.pelvis
    legs[:, 0] = rng.uniform(0, 0.25, 2)
    ankles = np.stack([-legs[:, 2] * rng.uniform(0.85, 1.0), legs[:, 1], 0.1 + legs[:, 0]], 1)
    toes = np.stack([upright.toes[:, 2] * 0.3, upright.toes[:, 1], np.ones(2)], 1)
    lying = replace(
        upright,
        pelvis=np.array([0.0, 0.0, 0.12]),
        turn=turn(pitch=-90, twist=roll),
        ankles=ankles,
        toes=toes,
        knees=np.stack([np.full(2, 0.2), legs[:, 1], np.ones(2)], 1),
    )
    return lying.placed(np.zeros(3), float(rng.uniform(0, 360)))
