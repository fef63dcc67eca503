"""What people and programs read: one module a format, and the table of those that `predict` can write."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from edgepose.formats import native, openpose_json
from edgepose.formats.coco import ImageIds
from edgepose.formats.folder import OutputFolder
from edgepose.formats.origin import Origin, Stems, without_credentials
from edgepose.formats.writers import CocoArray, Encode, FilePerFrame, FilePerInput, Lines, Writer

__all__ = ["FORMATS", "Format", "ImageIds", "Origin", "OutputFolder", "Stems", "Writer", "without_credentials"]


@dataclass(frozen=True)
class Format:
    """A format by name."""

    help: str
    to_folder: Callable[[OutputFolder, ImageIds], Writer]
    to_stdout: Callable[[ImageIds], Writer]


def _text_format(help_text: str, encode: Encode, files: type[FilePerFrame] | type[FilePerInput], suffix: str) -> Format:
    return Format(
        help_text,
        lambda folder, _ids: files(folder, encode, suffix),
        lambda _ids: Lines(sys.stdout, encode),
    )


FORMATS = {
    "openpose-json": _text_format(
        "OpenPose 1.3 JSON, a file a frame", openpose_json.encode, FilePerFrame, "_keypoints.json"
    ),
    "coco": Format("COCO keypoint results, one file for all", CocoArray, lambda ids: CocoArray(sys.stdout, ids)),
    "native": _text_format("a JSON line a frame, a file an input", native.encode, FilePerInput, ".jsonl"),
}
"""The formats of `edgepose predict --format`; a text format needs its encoder and a row here."""
