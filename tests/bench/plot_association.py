"""Microseconds over people as an SVG: a curve a grid and build, and what others take for twenty people."""

import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, BOTTOM = 64, 110, 34, 44
LOWEST_US, HIGHEST_US = 1.0, 50_000.0
LINE_PX = 15
"""Between two lines of text."""

OTHERS_US = {
    "tf-pose": 26_800, "OpenPose": 14_400, "Lightweight OpenPose": 12_700, "pafprocess": 1_370,
    "trt_pose, with dequantising": 293,
}  # fmt: skip
"""Measured on one core on maps of 46 x 54 cells with 20 people."""

Curves = Mapping[str, Mapping[int, Sequence[float]]]
"""Of each grid, by people: microseconds of the portable code and of the best, which may be the same."""


def svg(curves: Curves) -> str:
    """The plot. Solid curves are the best build, dashed ones the portable code."""
    counts = sorted({n for curve in curves.values() for n in curve})
    most = max(counts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 18, "Association: microseconds a frame over people, one core (dashed: portable code)"),
        *_axes(counts, most),
    ]
    ends = []
    for number, (grid, curve) in enumerate(curves.items()):
        colour = f"hsl({number * 290 // len(curves)} 65% 40%)"
        for place, dash in ((0, ' stroke-dasharray="5 4"'), (-1, "")):
            points = " ".join(f"{_x(n, most):.1f},{_y(curve[n][place]):.1f}" for n in sorted(curve))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        ends.append((_y(curve[max(curve)][-1]), grid, colour))
    parts += _labels(WIDTH - RIGHT + 8, ends)
    x = _x(20, most)
    parts += [f'<circle cx="{x:.1f}" cy="{_y(us):.1f}" r="3.5"/>' for us in OTHERS_US.values()]
    parts += _labels(x + 10, [(_y(us), f"{name} {us:,}", "black") for name, us in OTHERS_US.items()])
    return "\n".join([*parts, "</svg>", ""])


def _x(people: int, most: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * people / most


def _y(us: float) -> float:
    share = math.log(us / LOWEST_US) / math.log(HIGHEST_US / LOWEST_US)
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "black") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def _axes(counts: Sequence[int], most: int) -> list[str]:
    parts = []
    for us in (1, 10, 100, 1_000, 10_000):
        parts.append(f'<path d="M{LEFT} {_y(us):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, _y(us) + 4, f"{us:,}", "end"))
    parts += [_text(_x(n, most), HEIGHT - BOTTOM + 18, str(n), "middle") for n in counts]
    return [*parts, _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "people", "middle")]


def _labels(x: float, places: list[tuple[float, str, str]]) -> list[str]:
    """Names beside places (y, name, colour), pushed apart where they would cover one another."""
    parts, free = [], 0.0
    for y, name, colour in sorted(places):
        free = max(y + 4, free)
        parts.append(_text(x, free, name, colour=colour))
        free += LINE_PX
    return parts
