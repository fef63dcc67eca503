"""Shoes: the front of the foot, toes and all, is put on the surface of a rounded toe cap."""

from __future__ import annotations

import numpy as np
from body import SEGMENT_INDEX, Body
from mesh import Float

_ROUND = 2.6
"""exponent of the superellipse that a cut across the shoe is"""
_CAP_AT = (0.45, 0.6, 0.8, 1.0)
"""places along the shoe, 0 heel to 1 tip …"""
_CAP_M = (0.085, 0.074, 0.062, 0.042)
"""… and the upper's height over the sole there"""


def shod(body: Body, vertices: Float) -> Float:
    """Vertices with both feet in shoes, those behind the instep left as they are."""
    out = vertices.astype(np.float64).copy()
    for side in "LR":
        foot = body.weights[:, SEGMENT_INDEX[f"foot.{side}"]] > 0.5
        out[foot] = _capped(out[foot], body.joints[f"foot.{side}"], body.joints[f"toe2-1.{side}"])
    return out.astype(np.float32)


def _capped(points: Float, ankle: Float, toe: Float) -> Float:
    along = np.array([toe[0] - ankle[0], toe[1] - ankle[1], 0.0])
    along /= np.linalg.norm(along)
    across = np.array([-along[1], along[0], 0.0])
    a, b, h = points @ along, points @ across, points[:, 2] - points[:, 2].min()
    share = (a - a.min()) / np.ptp(a)
    middle, half = _outline(share, b)
    height = np.interp(share, _CAP_AT, _CAP_M)
    db, dh = b - middle, h - 0.5 * height
    size = ((np.abs(db) / half) ** _ROUND + (np.abs(dh) / (0.5 * height)) ** _ROUND) ** (1 / _ROUND)
    scale = 1 / np.maximum(size, 0.15)
    front = np.clip((share - 0.42) / 0.16, 0, 1)
    front = (front * front * (3 - 2 * front))[:, None]
    capped = points + np.outer(db * (scale - 1), across)
    capped[:, 2] += dh * (scale - 1)
    return np.asarray(points * (1 - front) + capped * front)


def _outline(share: Float, across: Float) -> tuple[Float, Float]:
    """Middle and half the width of the shoe at each point's place along it; the tip is round."""
    places = np.linspace(0, 1, 13)
    low, high = np.empty(13), np.empty(13)
    for k, place in enumerate(places):
        near = across[np.abs(share - place) < 0.06]
        low[k], high[k] = near.min(), near.max()
    middle = np.poly1d(np.polyfit(places, 0.5 * (low + high), 2))(share)
    width = np.poly1d(np.polyfit(places[2:-2], 0.5 * (high - low)[2:-2], 3))(np.clip(share, 0.1, 0.86))
    tip = np.clip((share - 0.72) / 0.30, 0, 1)
    return middle, (width + 0.003) * np.sqrt(1 - 0.9 * tip**2.5)
