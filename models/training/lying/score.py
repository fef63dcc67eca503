"""How often a skeleton lies on the person who lies: the score of the set."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edgepose import networks
from edgepose.adapters.sources import open_source
from edgepose.config import Association, FileSource, Model
from edgepose.evaluation import AnnotatedSet
from edgepose.formats.coco import person_results
from edgepose.pipeline import Pipeline

from ..coco import FloatArray
from ..errors import TrainingError

LEAST_KEYPOINTS = 8
_MARGIN = 0.1
"""of the box's longer side: the box is that of joints, or of what has changed in the picture"""
_LEAST_EXTENT = 1 / 3
"""of the box's longer side: a skeleton shrivelled up on somebody is none of them"""


@dataclass(frozen=True)
class Share:
    """Of one group of pictures."""

    group: str
    found: int
    in_view: int
    """pictures whose person's place is known"""
    without: int
    """pictures whose person nobody could place; they don't count"""
    ap: float | None
    """COCO keypoint AP where every joint is known, else None"""


def shares(folder: Path, model: str) -> Iterator[Share]:
    """The score of a network on the set in `folder` (images/ and set.json), by group."""
    document = _document(folder)
    pipeline = networks.build_pipeline(networks.load(model), Model(threads=1), Association())
    results = {
        image["id"]: _people(pipeline, folder / "images" / image["file_name"], image["id"])
        for image in tqdm(document["images"], desc=model, unit="picture")
    }
    for group in dict.fromkeys(image["group"] for image in document["images"]):
        images = [image for image in document["images"] if image["group"] == group]
        ids = {image["id"] for image in images}
        people = [person for person in document["annotations"] if person["image_id"] in ids]
        lying = [person for person in people if person.get("lying", True)]
        found = sum(any(is_on(entry, person["bbox"]) for entry in results[person["image_id"]]) for person in lying)
        without = len(ids - {person["image_id"] for person in lying})
        yield Share(group, found, len(lying), without, _ap(images, people, results))


def is_on(result: dict[str, Any], box: Sequence[float]) -> bool:
    """Whether a COCO result is a skeleton of the person in a COCO box: enough keypoints, in place, about its size."""
    keypoints = np.array(result["keypoints"], np.float32).reshape(-1, 3)
    seen = keypoints[keypoints[:, 2] > 0, :2]
    left, top, width, height = box
    longer = max(width, height)
    margin = _MARGIN * longer
    low, high = np.array([left, top]) - margin, np.array([left + width, top + height]) + margin
    inside = seen[((seen >= low) & (seen <= high)).all(axis=1)]
    return len(inside) >= LEAST_KEYPOINTS and _extent(inside) >= _LEAST_EXTENT * longer


def table(rows: Sequence[tuple[str, Share]]) -> str:
    """Markdown, a line a network and group."""
    head = "| network | pictures | skeleton on the person | share | AP |\n|---|---|---|---|---|"
    return "\n".join([head, *(_line(model, share) for model, share in rows)])


def _line(model: str, share: Share) -> str:
    ap = "" if share.ap is None else f"{share.ap:.3f}"
    counted = f"{share.found} of {share.in_view}"
    return f"| {model} | {share.group} | {counted} | {100 * share.found / max(1, share.in_view):.1f} % | {ap} |"


def _document(folder: Path) -> Any:
    try:
        return json.loads((folder / "set.json").read_text())
    except FileNotFoundError:
        raise TrainingError(f"no set.json in {folder}; make a set with `lying-falls` or `render/lying.py`") from None


def _people(pipeline: Pipeline, picture: Path, image_id: int) -> list[dict[str, Any]]:
    source = open_source(FileSource(path=str(picture)), stall_timeout_s=10.0)
    try:
        return person_results(pipeline(next(iter(source.frames()))), image_id)
    finally:
        source.close()


def _ap(images: list[Any], people: list[Any], results: dict[int, list[dict[str, Any]]]) -> float | None:
    if not people or any("keypoints" not in person for person in people):
        return None
    annotated = AnnotatedSet({"images": images, "annotations": people})
    return annotated.score([entry for image in images for entry in results[image["id"]]]).AP


def _extent(points: FloatArray) -> float:
    return float(np.ptp(points, axis=0).max())
