"""COCO keypoint average precision, as pycocotools computes it (https://cocodataset.org/#keypoints-eval)."""

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgepose.errors import EdgeposeError
from edgepose.formats.coco import PERSON
from edgepose.resampling import Evidence, Matches

_NUMBERS = 3 * 17
_AREA_OF_BOX = 0.53
"""How much of their box people cover, for annotations without an area: the mean of COCO's outlines is 0.52, and 0.53 is
what mmpose takes for data sets without outlines."""


@dataclass(frozen=True)
class Scores:
    """The six usual numbers, 0 to 1; -1, as pycocotools has it, where the set has nobody of that size."""

    AP: float
    """Average precision over OKS 0.50, 0.55 … 0.95."""
    AP50: float
    AP75: float
    APm: float
    """People of 32² to 96² pixels."""
    APl: float
    """People of more than 96² pixels."""
    AR: float
    """Average recall over the same OKS, with 20 people a picture at most."""


@dataclass(frozen=True)
class AnnotatedImage:
    """A picture of the set."""

    id: int
    file_name: str
    size: tuple[int, int] | None
    """(width, height) that it was annotated at, pixels, where the file tells."""


class AnnotatedSet:
    """Pictures with the people that are in them; those without people count too, since finding somebody is an error."""

    def __init__(self, document: dict[str, Any]) -> None:
        """document: a parsed COCO keypoint file. Raises EdgeposeError where it is none, or pycocotools is missing."""
        try:
            images = [_image(entry) for entry in document["images"]]
            people = [_completed(a, number) for number, a in enumerate(_people(document), start=1)]
        except (KeyError, TypeError, ValueError) as exc:
            raise EdgeposeError(
                f"the annotations are not a COCO keypoint file: {_missing(exc)} in its images or annotations"
            ) from exc
        if not any(person["num_keypoints"] for person in people):
            raise EdgeposeError(f"the annotations hold nobody with keypoints in category {PERSON} (person)")
        self.images = tuple(sorted(images, key=lambda image: image.id))
        self.people = sum(1 for person in people if person["num_keypoints"] and not person["iscrowd"])
        self._truth = _index({**document, "annotations": people, "categories": [{"id": PERSON, "name": "person"}]})

    def score(self, results: Sequence[dict[str, Any]]) -> Scores:
        """How well COCO keypoint results (edgepose.formats.coco) find the people."""
        evaluation = self._evaluated(results)
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.accumulate()
            evaluation.summarize()
        return Scores(*(round(float(number), 4) for number in evaluation.stats[:6]))

    def evidence(self, results: Sequence[dict[str, Any]]) -> Evidence:
        """The same in the form that tells what is chance (edgepose.resampling)."""
        evaluation = self._evaluated(results)
        pictures = len(evaluation.params.imgIds)
        by_size = [evaluation.evalImgs[n * pictures : (n + 1) * pictures] for n in range(3)]
        return Evidence(*(_matches(found) for found in by_size))

    def _evaluated(self, results: Sequence[dict[str, Any]]) -> Any:
        """The evaluation of pycocotools, after it has matched people found with people annotated."""
        from pycocotools.cocoeval import COCOeval

        copies = [dict(entry) for entry in results]  # loadRes writes into what it is given
        with contextlib.redirect_stdout(io.StringIO()):
            found = self._truth.loadRes(copies) if copies else _index({**self._truth.dataset, "annotations": []})
            evaluation = COCOeval(self._truth, found, "keypoints")
            evaluation.evaluate()
        return evaluation


def _matches(pictures: Sequence[dict[str, Any] | None]) -> Matches:
    """One entry a picture, in order, as pycocotools leaves them; None where there is nobody, annotated or found."""
    positives = [0 if entry is None else int((entry["gtIgnore"] == 0).sum()) for entry in pictures]
    found = [(number, entry) for number, entry in enumerate(pictures) if entry is not None]
    scores = np.array([score for _, entry in found for score in entry["dtScores"]], np.float64)
    order = np.argsort(-scores, kind="mergesort")  # as pycocotools breaks ties
    picture = np.array([number for number, entry in found for _ in entry["dtScores"]], np.int64)
    matched = np.concatenate([np.zeros((10, 0)), *(entry["dtMatches"] for _, entry in found)], axis=1) > 0
    ignored = np.concatenate([np.zeros((10, 0)), *(entry["dtIgnore"] for _, entry in found)], axis=1) > 0
    return Matches(
        picture=picture[order],
        right=(matched & ~ignored)[:, order],
        wrong=(~matched & ~ignored)[:, order],
        positives=np.array(positives, np.int64),
    )


def load_annotations(path: Path) -> AnnotatedSet:
    """The set of a COCO keypoint file. Raises EdgeposeError where it can't be read or is none."""
    return AnnotatedSet(_read_json(path))


def load_results(path: Path, annotated: AnnotatedSet) -> list[dict[str, Any]]:
    """COCO keypoint results for a set. Raises EdgeposeError where they can't be read or are of another set."""
    document = _read_json(path, "results")
    try:
        results = [{**entry, "image_id": int(entry["image_id"]), "score": float(entry["score"])} for entry in document]
        lengths = {len(entry["keypoints"]) for entry in results}
    except (KeyError, TypeError, ValueError) as exc:
        raise EdgeposeError(f"{path} holds no COCO keypoint results: {_missing(exc)} in its entries") from exc
    if lengths - {_NUMBERS}:
        raise EdgeposeError(f"{path} holds people with {min(lengths - {_NUMBERS})} keypoint numbers, not {_NUMBERS}")
    strange = {entry["image_id"] for entry in results} - {image.id for image in annotated.images}
    if strange:
        raise EdgeposeError(f"{path} holds people of picture {min(strange)}, which the annotations don't name")
    return results


def image_ids(path: Path) -> dict[str, int]:
    """The ids of a COCO file's pictures by file name. Raises EdgeposeError where it can't be read or has none."""
    document = _read_json(path)
    try:
        return {str(image["file_name"]): int(image["id"]) for image in document["images"]}
    except (KeyError, TypeError, ValueError) as exc:
        raise EdgeposeError(f"{path} is not a COCO file: {_missing(exc)} in its images") from exc


def _read_json(path: Path, what: str = "annotations") -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as exc:
        raise EdgeposeError(f"can't read the {what} {path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise EdgeposeError(f"the {what} {path} are not JSON: {exc}") from exc


def _missing(exc: Exception) -> str:
    return f"there is no {exc}" if isinstance(exc, KeyError) else str(exc)


def _image(entry: dict[str, Any]) -> AnnotatedImage:
    size = (int(entry["width"]), int(entry["height"])) if "width" in entry and "height" in entry else None
    return AnnotatedImage(int(entry["id"]), str(entry["file_name"]), size)


def _people(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [a for a in document["annotations"] if a["category_id"] == PERSON]


def _completed(annotation: dict[str, Any], number: int) -> dict[str, Any]:
    """An annotation with all that the scoring reads; one without keypoints becomes a region that is not scored.

    The numbers start at 1, because pycocotools takes a match with annotation 0 for no match.
    """
    keypoints = annotation.get("keypoints") or [0] * _NUMBERS
    if len(keypoints) != _NUMBERS:
        raise ValueError(f"annotation {annotation.get('id', number)} has {len(keypoints)} keypoint numbers, not 51")
    box = annotation.get("bbox") or _box(keypoints)
    return {
        **annotation,
        "id": number,
        "keypoints": keypoints,
        "num_keypoints": sum(1 for visible in keypoints[2::3] if visible > 0),
        "bbox": box,
        "area": annotation.get("area") or _AREA_OF_BOX * box[2] * box[3],
        "iscrowd": annotation.get("iscrowd", 0),
    }


def _box(keypoints: Sequence[float]) -> list[float]:
    """Left, top, width and height of the keypoints that are annotated."""
    xs = [x for x, visible in zip(keypoints[::3], keypoints[2::3], strict=True) if visible > 0] or [0.0]
    ys = [y for y, visible in zip(keypoints[1::3], keypoints[2::3], strict=True) if visible > 0] or [0.0]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _index(document: dict[str, Any]) -> Any:
    """The form that pycocotools gives to a parsed file."""
    try:
        from pycocotools.coco import COCO
    except ImportError as exc:
        raise EdgeposeError("scoring needs pycocotools; pip install 'edgepose[eval]'") from exc
    coco = COCO()
    coco.dataset = document
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
