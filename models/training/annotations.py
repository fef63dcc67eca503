"""Reads annotation files of either data set, told by what is in them."""

import json
from pathlib import Path

from .coco import LabelledPicture, read_annotations
from .mpii import read_mpii


def read_labels(annotations: Path, images: Path) -> list[LabelledPicture]:
    """The labelled pictures of a COCO keypoint file or of an MPII file (.mat, or one of its JSON forms).

    Raises TrainingError where it is neither, and where pictures are missing.
    """
    is_mpii = annotations.suffix == ".mat" or _is_list(annotations)
    return read_mpii(annotations, images) if is_mpii else read_annotations(annotations, images)


def _is_list(annotations: Path) -> bool:
    """COCO's files hold an object, MPII's a list; what is no JSON at all is left to the reader to complain of."""
    try:
        return isinstance(json.loads(annotations.read_text()), list)
    except (OSError, ValueError):
        return False
