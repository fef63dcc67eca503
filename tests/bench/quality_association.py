"""Which rules of association earn AP: ours, ours with one rule changed at a time, and OpenPose's, on the same maps.

PYTHONPATH=. python tests/bench/quality_association.py --annotations A.json --images DIR [--model NAME …]
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import reference_association as ours
import reference_openpose as openpose
import scenes

from edgepose import networks
from edgepose.adapters.model_tflite import TfliteModel
from edgepose.adapters.sources import open_source
from edgepose.association import Associator
from edgepose.config import FileSource
from edgepose.domain import PoseMaps
from edgepose.evaluation import AnnotatedSet, load_annotations
from edgepose.pipeline import CellGrid
from edgepose.preprocess import Letterbox, Transform
from edgepose.sidecar import Sidecar
from edgepose.skeleton import COCO17_NAMES, Skeleton

Found = tuple[np.ndarray, np.ndarray]
"""Keypoints (P, K, 3) in grid cells and scores (P,)."""


@dataclass(frozen=True)
class Maps:
    image_id: int
    transform: Transform
    heatmaps: np.ndarray
    pafs: np.ndarray


@dataclass(frozen=True)
class Bench:
    sidecar: Sidecar
    skeleton: Skeleton
    maps: list[Maps]
    annotated: AnnotatedSet

    @property
    def quants(self) -> dict[str, tuple[float, int]]:
        outputs = self.sidecar.outputs
        return {
            "heat_quant": (outputs.heatmaps.scale, outputs.heatmaps.zero_point),
            "paf_quant": (outputs.pafs.scale, outputs.pafs.zero_point),
        }

    def show(self, name: str, find: Callable[[Maps], Found]) -> None:
        """Print one line of the table."""
        results: list[dict[str, Any]] = []
        for maps in self.maps:
            results += coco(self, maps, *find(maps))
        s = self.annotated.score(results)
        print(f"| {name} | {s.AP:.3f} | {s.AP50:.3f} | {s.APm:.3f} | {s.APl:.3f} | {len(results)} |", flush=True)


def read_maps(model: str, annotations: Path, images: Path) -> Bench:
    network, annotated = networks.load(model), load_annotations(annotations)
    side = network.sidecar
    letterbox = Letterbox((side.input.height, side.input.width), pad=side.input.pad, colour=side.input.colour)
    tflite = TfliteModel(network.path, side, threads=1)
    found = []
    for image in annotated.images:
        source = open_source(FileSource(path=str(images / image.file_name)), stall_timeout_s=10.0)
        frame = next(iter(source.frames()))
        transform = letterbox(frame.picture, out=tflite.input_view())
        source.close()
        found.append(_copied(image.id, transform, tflite.infer()))
    return Bench(side, side.to_skeleton(), found, annotated)


def kernel_maps(model: str, images: Path, most: int = 40) -> Iterator[scenes.Scene]:
    """What a network leaves of the pictures of a folder."""
    network = networks.load(model)
    side = network.sidecar
    letterbox = Letterbox((side.input.height, side.input.width), pad=side.input.pad, colour=side.input.colour)
    tflite = TfliteModel(network.path, side, threads=1)
    for picture in sorted(images.glob("*.jpg"))[:most]:
        source = open_source(FileSource(path=str(picture)), stall_timeout_s=10.0)
        transform = letterbox(next(iter(source.frames())).picture, out=tflite.input_view())
        source.close()
        maps = _copied(0, transform, tflite.infer())
        heat, paf = side.outputs.heatmaps, side.outputs.pafs
        quants = (heat.scale, heat.zero_point), (paf.scale, paf.zero_point)
        yield scenes.Scene(maps.heatmaps, maps.pafs, np.zeros((0, 18, 3)), side.to_skeleton(), *quants)


def _copied(image_id: int, transform: Transform, maps: PoseMaps) -> Maps:
    """Maps are views into the network's memory, which must be let go of before it runs again."""
    return Maps(image_id, transform, maps.heatmaps.copy(), maps.pafs.copy())


def coco(bench: Bench, maps: Maps, keypoints: np.ndarray, scores: np.ndarray) -> Iterator[dict[str, Any]]:
    grid = CellGrid(bench.sidecar.grid.stride, bench.sidecar.grid.centre)
    order = [bench.skeleton.names.index(name) for name in COCO17_NAMES]
    for person, score in zip(keypoints, scores, strict=True):
        points = person[order].astype(np.float32)
        seen = points[:, 2] > 0
        points[seen, :2] = maps.transform.to_frame(grid.to_input(points[seen, :2]))
        points[:, 2] = seen
        if seen.any():
            yield {
                "image_id": maps.image_id,
                "category_id": 1,
                "keypoints": points.ravel().tolist(),
                "score": float(score),
            }


def kernel(bench: Bench) -> Callable[[Maps], Found]:
    thresholds = bench.sidecar.thresholds
    associator = Associator(
        bench.skeleton, min_keypoint=thresholds.min_keypoint, min_limb=thresholds.min_limb, max_people=100
    )

    def find(maps: Maps) -> Found:
        people = associator(maps.heatmaps, maps.pafs, **bench.quants)
        return people.keypoints, people.scores

    return find


def with_rules(bench: Bench, peaks: dict[int, Any], rules: ours.Rules) -> Callable[[Maps], Found]:
    """The reference with other rules; peaks are found once and kept."""
    thresholds, quants = bench.sidecar.thresholds, bench.quants

    def find(maps: Maps) -> Found:
        if maps.image_id not in peaks:
            peaks[maps.image_id] = [
                ours.strongest(
                    ours.find_peaks(maps.heatmaps[:, :, c], quants["heat_quant"], thresholds.min_keypoint), 128
                )
                for c in bench.skeleton.heat_channels
            ]
        mine = peaks[maps.image_id]
        people, _ = ours.group(mine, maps.pafs, bench.skeleton, thresholds.min_limb, quants["paf_quant"], rules)
        people = [person for person in people if ours.is_person(person, mine, thresholds.min_keypoint, rules)]
        return ours.write(people, mine, len(bench.skeleton.names), 100)

    return find


def with_openpose(bench: Bench) -> Callable[[Maps], Found]:
    """OpenPose's people, whatever their mean scores; found once and kept."""
    kept: dict[int, Found] = {}

    def find(maps: Maps) -> Found:
        if maps.image_id not in kept:
            (heat_scale, heat_zero), (paf_scale, paf_zero) = bench.quants["heat_quant"], bench.quants["paf_quant"]
            heat = (maps.heatmaps.astype(float) - heat_zero) * heat_scale
            paf = (maps.pafs.astype(float) - paf_zero) * paf_scale
            kept[maps.image_id] = openpose.associate(heat, paf, bench.skeleton)
        return kept[maps.image_id]

    return find


def evenly(n: int) -> ours.Rules:
    """n samples, six tenths of which must pass."""
    weights = tuple(round(256 * (2 * k + 1) / (2 * n)) for k in range(n))
    return ours.Rules(sample_weights=weights, min_passed=round(0.6 * n), middle=((n - 1) // 2, n // 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--model", nargs="+", default=["auto"])
    parser.add_argument("--no-openpose", action="store_true", help="leave out the slow comparison")
    args = parser.parse_args()
    shipped = ours.SHIPPED
    for model in args.model:
        bench = read_maps(model, args.annotations, args.images)
        print(f"\n{bench.sidecar.name}\n\n| rules | AP | AP50 | APm | APl | people |\n|---|---|---|---|---|---|")
        bench.show("**the kernel**", kernel(bench))
        if not args.no_openpose:
            find = with_openpose(bench)
            bench.show("OpenPose's", lambda maps, find=find: openpose.sure(*find(maps)))
            bench.show("OpenPose's, any mean score", find)
        peaks: dict[int, Any] = {}
        for name, rules in {
            "matching by the field alone": replace(shipped, height_weight=0.0),
            "heights count half": replace(shipped, height_weight=shipped.height_weight / 2),
            "heights count double": replace(shipped, height_weight=shipped.height_weight * 2),
            "5 samples": evenly(5),
            "16 samples": evenly(16),
            "all samples must pass": replace(shipped, min_passed=10),
            "seven samples must pass": replace(shipped, min_passed=7),
            "three samples must pass": replace(shipped, min_passed=3),
            "the middle need not pass": replace(shipped, middle=()),
            "penalty for long limbs": replace(shipped, length_penalty=True),
            "no redundant limbs": replace(shipped, redundant_limbs=False),
            "any three keypoints are a person": replace(shipped, sure=0.0),
            "sure is 0.25 above": replace(shipped, sure=0.25),
        }.items():
            bench.show(name, with_rules(bench, peaks, rules))


if __name__ == "__main__":
    main()
