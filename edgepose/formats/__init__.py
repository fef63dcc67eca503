"""What people and programs read: one module a format, and the table of those that `predict` can write."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edgepose.formats import filestorage, native, openpose_json
from edgepose.formats.coco import ImageIds, person_results, wholebody_results
from edgepose.formats.folder import OutputFolder
from edgepose.formats.form import OPENPOSE_LAYOUTS, PLAIN, SCALES, Form
from edgepose.formats.origin import Origin, Stems, without_credentials
from edgepose.formats.writers import CocoArray, Entries, FilePerFrame, FilePerInput, Lines, Writer

__all__ = [
    "FORMATS",
    "OPENPOSE_LAYOUTS",
    "PLAIN",
    "SCALES",
    "Form",
    "Format",
    "ImageIds",
    "Origin",
    "OutputFolder",
    "Stems",
    "Writer",
    "without_credentials",
]

_FormedEncode = Callable[..., str]
"""(result, origin, *, form) to text."""


@dataclass(frozen=True)
class Format:
    """A format by name."""

    help: str
    to_folder: Callable[[OutputFolder, ImageIds, Form, bool], Writer]
    """The last argument: whether to go on where an earlier run stopped."""
    to_stdout: Callable[[ImageIds, Form], Writer] | None
    """None where a frame can't be a line."""
    formed: bool = True
    """Whether it has more than one layout and scale."""


def _lines_of(encode: _FormedEncode) -> Callable[[ImageIds, Form], Writer]:
    return lambda _ids, form: Lines(sys.stdout, partial(encode, form=form))


def _per_frame(
    help_text: str, encode: _FormedEncode, suffix: str, to_stdout: Callable[[ImageIds, Form], Writer] | None
) -> Format:
    return Format(
        help_text,
        lambda folder, _ids, form, _resume: FilePerFrame(folder, partial(encode, form=form), suffix),
        to_stdout,
    )


def _coco(help_text: str, entries: Entries) -> Format:
    return Format(
        help_text,
        lambda folder, ids, _form, resume: CocoArray(folder, ids, entries, resume=resume),
        lambda ids, _form: CocoArray(sys.stdout, ids, entries),
        formed=False,
    )


FORMATS = {
    "openpose-json": _per_frame(
        "OpenPose 1.3 JSON, a file a frame", openpose_json.encode, "_keypoints.json", _lines_of(openpose_json.encode)
    ),
    "openpose-xml": _per_frame("OpenCV's FileStorage, a file a frame", filestorage.encode_xml, "_pose.xml", None),
    "openpose-yaml": _per_frame("the same as YAML", filestorage.encode_yaml, "_pose.yml", None),
    "coco": _coco("COCO keypoint results, one file for all", person_results),
    "coco-wholebody": _coco("the same with feet, face and hands", wholebody_results),
    "native": Format(
        "a JSON line a frame, a file an input",
        lambda folder, _ids, form, resume: FilePerInput(
            folder, partial(native.encode, form=form), ".jsonl", resume=resume
        ),
        _lines_of(native.encode),
    ),
}
"""The formats of `edgepose predict --format`; a text format needs its encoder and a row here."""
