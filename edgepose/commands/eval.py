"""`edgepose eval`: COCO keypoint AP of a network, through the same stages as the daemon."""

import argparse
import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgepose import networks, resampling
from edgepose.adapters.sources import open_source
from edgepose.commands.arguments import add_association_arguments, add_network_arguments, association
from edgepose.config import FileSource, Model
from edgepose.domain import FrameResult
from edgepose.errors import EdgeposeError, UsageError
from edgepose.evaluation import AnnotatedImage, AnnotatedSet, Scores, load_annotations, load_results
from edgepose.formats.coco import person_results
from edgepose.pipeline import Stages
from edgepose.progress import Progress
from edgepose.resampling import ROUNDS, Difference

_MEANINGS = {
    "AP": "average precision, OKS 0.50 to 0.95",
    "AP50": "at OKS 0.50",
    "AP75": "at OKS 0.75",
    "APm": "medium people, 32² to 96² pixels",
    "APl": "large people",
    "AR": "average recall, OKS 0.50 to 0.95",
}
"""The scores, in the order of evaluation.Scores."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--annotations", type=Path, required=True, metavar="A.json", help="COCO keypoint annotations of people"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--images", type=Path, metavar="DIR", help="the annotated pictures: score a network on them")
    what.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("A.json", "B.json"),
        help="score two files of COCO results, and tell whether B is better than A by more than chance",
    )
    add_network_arguments(parser)
    add_association_arguments(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the people found, as COCO results")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")


def run(args: argparse.Namespace) -> int:
    """Find the people of every annotated picture, score them and print; or compare two files of results."""
    annotated = load_annotations(args.annotations)
    if args.compare:
        return _compare(annotated, args)
    _require_pictures(annotated, args.images)
    network = networks.load(args.model)
    stages = networks.build_pipeline(network, Model(threads=args.threads), association(args))
    found = _find_all(annotated, args.images, stages)
    if args.out:
        _write(found.people, args.out)
    scores, spread = annotated.score(found.people), resampling.intervals(annotated.evidence(found.people))
    if args.json:
        numbers = {"images": len(annotated.images), "ms": round(found.median_ms, 2)}
        chance = {"interval95": dict(zip(_MEANINGS, map(_rounded, spread), strict=True))}
        print(json.dumps({"model": network.sidecar.name, **asdict(scores), **numbers, **chance}))
    else:
        print(_table(network.sidecar.name, networks.thread_count(args.threads), scores, spread, annotated, found))
    return 0


def _compare(annotated: AnnotatedSet, args: argparse.Namespace) -> int:
    if args.out:
        raise UsageError("--out writes what a network finds; with --compare both files are there already")
    first, second = (load_results(file, annotated) for file in args.compare)
    scores = [asdict(annotated.score(results)) for results in (first, second)]
    differences = resampling.compare(annotated.evidence(first), annotated.evidence(second))
    rows = dict(zip(_MEANINGS, differences, strict=True))
    if args.json:
        told = {name: _told(scores[0][name], scores[1][name], row) for name, row in rows.items()}
        print(json.dumps({"compare": [str(file) for file in args.compare], **told, "images": len(annotated.images)}))
    else:
        print(_comparison(args.compare, scores, rows, annotated))
    return 0


@dataclass
class _Found:
    people: list[dict[str, Any]] = field(default_factory=list)
    """COCO results."""
    ms: list[float] = field(default_factory=list)
    """Network and association, a number a picture; decoding and scaling are left out."""

    @property
    def median_ms(self) -> float:
        return statistics.median(self.ms)


def _require_pictures(annotated: AnnotatedSet, folder: Path) -> None:
    missing = [image.file_name for image in annotated.images if not (folder / image.file_name).is_file()]
    if missing:
        raise EdgeposeError(
            f"{len(missing)} of {len(annotated.images)} annotated pictures are not in {folder}, "
            f"the first is {missing[0]}; give their folder with --images"
        )


def _find_all(annotated: AnnotatedSet, folder: Path, stages: Stages) -> _Found:
    found = _Found()
    with Progress(len(annotated.images), "pictures") as progress:
        for image in annotated.images:
            result = _find(folder / image.file_name, stages)
            _require_size(image, result)
            found.people += person_results(result, image.id)
            found.ms.append(result.times.infer + result.times.associate)
            progress.step()
    return found


def _find(file: Path, stages: Stages) -> FrameResult:
    source = open_source(FileSource(path=str(file)), stall_timeout_s=10.0)
    try:
        for frame in source.frames():
            return stages(frame)
    finally:
        source.close()
    raise EdgeposeError(f"{file} holds no picture")


def _require_size(image: AnnotatedImage, result: FrameResult) -> None:
    """Annotations of another size or orientation would score as misses without a word."""
    if image.size and image.size != result.size:
        raise EdgeposeError(
            f"{image.file_name} is {result.size[0]}x{result.size[1]} pixels, but was annotated at "
            f"{image.size[0]}x{image.size[1]}; give the pictures that the annotations were made on"
        )


def _write(results: list[dict[str, Any]], file: Path) -> None:
    try:
        file.write_text(json.dumps(results), encoding="utf-8")
    except OSError as exc:
        raise EdgeposeError(f"can't write {file}: {exc.strerror}") from exc


Interval = tuple[float, float] | None


def _table(
    model: str, threads: int, scores: Scores, spread: list[Interval], annotated: AnnotatedSet, found: _Found
) -> str:
    numbers = asdict(scores)
    return "\n".join(
        [
            f"{model}, {threads} {'thread' if threads == 1 else 'threads'}",
            *(
                f"  {name:<5}{_number(numbers[name]):>7}  {_span(interval):>14}   {meaning}"
                for (name, meaning), interval in zip(_MEANINGS.items(), spread, strict=True)
            ),
            f"  {len(annotated.images)} pictures, {annotated.people} people annotated, {len(found.people)} found",
            f"  between: 95 % of {ROUNDS} sets drawn from these pictures with replacement",
            f"  {found.median_ms:.2f} ms a picture (median of network and association)",
        ]
    )


def _comparison(
    files: list[Path], scores: list[dict[str, float]], rows: dict[str, Difference], annotated: AnnotatedSet
) -> str:
    lines = [f"  {'':<5}{'A':>7}{'B':>7}{'B - A':>8}  {'between':>16}  B is better with a probability of"]
    for name, row in rows.items():
        a, b = (_number(each[name]) for each in scores)
        known = row.probability is not None
        difference, chance = (f"{row.value:+.3f}", f"{row.probability:.3f}") if known else ("-", "-")
        lines.append(f"  {name:<5}{a:>7}{b:>7}{difference:>8}  {_span(row.interval, '+'):>16}  {chance}")
    return "\n".join(
        [
            f"A {files[0]}",
            f"B {files[1]}",
            *lines,
            f"  {len(annotated.images)} pictures, {annotated.people} people; between: 95 % of {ROUNDS} sets drawn from "
            "these pictures with replacement, the same for A and B",
        ]
    )


def _told(a: float, b: float, row: Difference) -> dict[str, Any]:
    known = row.probability is not None
    return {
        "a": a,
        "b": b,
        "difference": round(row.value, 4) if known else None,
        "interval95": _rounded(row.interval),
        "probability": row.probability,
    }


def _number(value: float) -> str:
    """A score, or a dash where the set has nobody to measure it on."""
    return "-" if value < 0 else f"{value:.3f}"


def _span(interval: Interval, sign: str = "") -> str:
    return "-" if interval is None else f"{interval[0]:{sign}.3f} to {interval[1]:{sign}.3f}"


def _rounded(interval: Interval) -> list[float] | None:
    return None if interval is None else [round(end, 4) for end in interval]
