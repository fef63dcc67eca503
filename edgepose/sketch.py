"""Skeletons as text: a pose message drawn with braille dots, two by four a character."""

from edgepose.skeleton import BODY18, BODY25, COCO17, LAYOUTS
from edgepose.wire import PoseMessage

_LIMBS = {"body18": BODY18.limbs, "body25": BODY25.limbs, "coco17": COCO17.limbs}
# Unicode's braille block (U+2800): the bit of each dot by its row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def sketch(message: PoseMessage, columns: int = 56) -> list[str]:
    """The frame with its people as lines of text, as wide as told and as high as its aspect wants (2 dots by 4)."""
    rows = max(1, round(columns * message.h / message.w / 2))
    cells = [[0] * columns for _ in range(rows)]
    limbs = _LIMBS.get(message.layout, ())
    names = LAYOUTS[message.layout]
    # The redundant limbs from shoulder to ear help the association, but make no better drawing.
    shown = [(a, b) for a, b in limbs if not (names[a].endswith("shoulder") and names[b].endswith("ear"))]
    for person in message.people:
        points = [
            (person.kp[3 * k] * (2 * columns - 1), person.kp[3 * k + 1] * (4 * rows - 1), person.kp[3 * k + 2])
            for k in range(len(names))
        ]
        for a, b in shown:
            if points[a][2] > 0 and points[b][2] > 0:
                _line(cells, points[a], points[b])
    return ["".join(chr(0x2800 + cell) for cell in row) for row in cells]


def _line(cells: list[list[int]], a: tuple[float, float, float], b: tuple[float, float, float]) -> None:
    """Set the dots from a to b."""
    steps = max(1, round(max(abs(b[0] - a[0]), abs(b[1] - a[1]))))
    for step in range(steps + 1):
        x = round(a[0] + (b[0] - a[0]) * step / steps)
        y = round(a[1] + (b[1] - a[1]) * step / steps)
        cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
