"""OpenPose's XML and YAML: what OpenCV's cv::FileStorage writes, and reads back.

A frame is one file. It holds the array `pose_0` (people × keypoints × 3: x, y, confidence), as OpenPose names it
(https://github.com/CMU-Perceptual-Computing-Lab/openpose/issues/359 shows a file), and what OpenPose has no place for
here: `face`, `hand_left` and `hand_right` of the same kind, where they were looked for, and `person_id`. Nobody in the
picture is an empty array.
The layout is that of OpenCV's persistence for multi-dimensional matrices
(https://docs.opencv.org/4.x/d4/da4/group__core__xml.html), checked against cv2 itself in the tests.
"""

from collections.abc import Sequence
from textwrap import wrap

from edgepose.domain import FloatArray, FrameResult
from edgepose.formats.form import PLAIN, Form
from edgepose.formats.openpose_json import usual_layout
from edgepose.formats.origin import Origin

_WIDTH = 78
"""Characters a line of numbers."""
_Array = tuple[str, str, tuple[int, ...], list[str]]
"""Name, type of the numbers (f or i), sizes, numbers."""


def encode_xml(result: FrameResult, _origin: Origin | None = None, *, form: Form = PLAIN) -> str:
    """The text of one frame's XML file, without its last end of line."""
    arrays = "\n".join(_xml(array) for array in _arrays(result, form))
    return f'<?xml version="1.0"?>\n<opencv_storage>\n{arrays}\n</opencv_storage>'


def encode_yaml(result: FrameResult, _origin: Origin | None = None, *, form: Form = PLAIN) -> str:
    """The text of one frame's YAML file, without its last end of line."""
    return "%YAML:1.0\n---\n" + "\n".join(_yaml(array) for array in _arrays(result, form))


def _arrays(result: FrameResult, form: Form) -> list[_Array]:
    size, poses = result.size, [track.pose for track in result.tracks]
    target = usual_layout(poses[0], result.layout) if poses else "body18"
    bodies = [form.body(pose, result.layout, target, size) for pose in poses]
    arrays = [_floats("pose_0", bodies)]
    for name, parts in (
        ("face", [pose.parts.face for pose in poses]),
        ("hand_left", [pose.parts.left_hand for pose in poses]),
        ("hand_right", [pose.parts.right_hand for pose in poses]),
    ):
        found = _found(parts)
        if found:
            arrays.append(_floats(name, [form.triples(part, size) for part in found]))
    ids = [str(track.id if form.holds_ids(result) else -1) for track in result.tracks]
    arrays.append(("person_id", "i", (len(ids), 1) if ids else (0, 0), ids))
    return arrays


def _found(parts: Sequence[FloatArray | None]) -> list[FloatArray]:
    """The arrays, if all people have one."""
    found = [part for part in parts if part is not None]
    return found if len(found) == len(parts) else []


def _floats(name: str, people: list[list[list[float]]]) -> _Array:
    if not people:
        return name, "f", (0, 0), []
    numbers = [_number(value) for person in people for row in person for value in row]
    return name, "f", (len(people), len(people[0]), 3), numbers


def _number(value: float) -> str:
    """As OpenCV writes floats: always with a point."""
    return f"{value:.0f}." if value == int(value) else f"{value:.8g}"


def _xml(array: _Array) -> str:
    name, kind, sizes, numbers = array
    data = "\n    ".join(wrap(" ".join(numbers), _WIDTH))
    if len(sizes) == 2:
        head = f"<rows>{sizes[0]}</rows>\n  <cols>{sizes[1]}</cols>"
        type_id = "opencv-matrix"
    else:
        head = f"<sizes>\n    {' '.join(map(str, sizes))}</sizes>"
        type_id = "opencv-nd-matrix"
    return f'<{name} type_id="{type_id}">\n  {head}\n  <dt>{kind}</dt>\n  <data>\n    {data}</data></{name}>'


def _yaml(array: _Array) -> str:
    name, kind, sizes, numbers = array
    data = "\n       ".join(wrap(", ".join(numbers), _WIDTH))
    if len(sizes) == 2:
        head = f"!!opencv-matrix\n   rows: {sizes[0]}\n   cols: {sizes[1]}"
    else:
        head = f"!!opencv-nd-matrix\n   sizes: [ {', '.join(map(str, sizes))} ]"
    return f"{name}: {head}\n   dt: {kind}\n   data: [ {data} ]"
