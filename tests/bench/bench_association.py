"""How long the association takes, on one core: C time, Python call, and merely reading the maps, side by side.

    PYTHONPATH=. python tests/bench/bench_association.py [--model NAME --images DIR] [--plot FILE.svg]

Times are the shortest of many rounds: what the machine can do when nothing else runs on it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import plot_association
import scenes

from edgepose._association import PATHS
from edgepose.association import Associator
from edgepose.skeleton import BODY18, Skeleton

GRIDS = ((46, 54), (48, 64), (64, 80), (92, 108), (136, 240))
CROWDS = (1, 2, 5, 10, 20, 35, 50)
MIN_KEYPOINT, MIN_LIMB = 0.1, 0.05
ROUNDS = 25
ROUND_S = 0.004


@dataclass(frozen=True)
class Times:
    """Microseconds."""

    c: dict[str, float]
    """Inside the extension, by instruction set."""
    one_tensor: float
    """The same with both maps in one tensor of 57 channels and the best instruction set."""
    call: float
    """The Python call with the best instruction set."""
    read: float
    """Reading every byte of the maps once."""


def shortest(seconds: Callable[[int], float]) -> float:
    """Microseconds of the fastest round; `seconds` takes a number of repeats and tells the mean."""
    repeats = max(1, int(ROUND_S / max(seconds(1), 1e-7)))
    return min(seconds(repeats) for _ in range(ROUNDS)) * 1e6


def measure(scene: scenes.Scene) -> Times:
    associator = Associator(scene.skeleton, min_keypoint=MIN_KEYPOINT, min_limb=MIN_LIMB, max_people=100)
    maps, quants = scene.arguments()
    one = scene.in_one_tensor()
    c = {}
    for path in PATHS:
        associator.path = path
        c[path] = shortest(lambda n: associator.seconds_a_frame(*maps, **quants, repeats=n))

    def call(repeats: int) -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            associator(*maps, **quants)
        return (time.perf_counter() - start) / repeats

    return Times(
        c=c,
        one_tensor=shortest(lambda n: associator.seconds_a_frame(one.heatmaps, one.pafs, **quants, repeats=n)),
        call=shortest(call),
        read=shortest(lambda n: associator.seconds_to_read(*maps, repeats=n)),
    )


def crowd(n: int, shape: tuple[int, int], skeleton: Skeleton = BODY18) -> scenes.Scene:
    rng = np.random.default_rng(n)
    heights = (0.22 * shape[0], 0.34 * shape[0]) if n > 20 else None
    people = scenes.crowd(rng, n, shape, skeleton, height=heights)
    if len(people) < n:
        raise SystemExit(f"only {len(people)} of {n} people found room on {shape}")
    return scenes.draw(people, shape, skeleton, sigma=0.9 * shape[0] / 46).quantised(np.int8)


def line(name: str, times: Times) -> str:
    cells = [name, *(f"{us:.1f}" for us in times.c.values())]
    cells += [f"{times.one_tensor:.1f}", f"{times.call:.1f}", f"{times.call - min(times.c.values()):.1f}"]
    return "| " + " | ".join([*cells, f"{times.read:.1f}"]) + " |"


def speed() -> dict[tuple[int, int], dict[int, Times]]:
    paths = " | ".join(PATHS)
    print("Microseconds a frame (int8, body18, one core)\n")
    print(f"| grid, people | {paths} | one tensor | Python call | above C | reading the maps |")
    print("|---|" + "---|" * (len(PATHS) + 4))
    results: dict[tuple[int, int], dict[int, Times]] = {}
    for shape in GRIDS:
        for n in CROWDS:
            times = measure(crowd(n, shape))
            results.setdefault(shape, {})[n] = times
            print(line(f"{shape[0]} x {shape[1]}, {n}", times), flush=True)
    for shape in GRIDS:
        times = measure(scenes.garbage(np.random.default_rng(0), shape))
        print(line(f"{shape[0]} x {shape[1]}, garbage", times), flush=True)
    print(line("46 x 54, garbage of 2,000 peaks", measure(two_thousand_peaks())), flush=True)
    return results


def two_thousand_peaks() -> scenes.Scene:
    """111 peaks a keypoint, none beside another, and a field at random."""
    rng = np.random.default_rng(0)
    scene = scenes.garbage(rng, (46, 54))
    heat = np.full_like(scene.heatmaps, scene.heat_quant[1])
    places = [(y, x) for y in range(1, 45, 3) for x in range(1, 53, 3)]
    for k in range(18):
        for i in rng.permutation(len(places))[:111]:
            heat[*places[i], k] = rng.integers(-60, 127)
    return scenes.Scene(heat, scene.pafs, scene.people, scene.skeleton, scene.heat_quant, scene.paf_quant)


def accuracy() -> None:
    print("\nAccuracy on 46 x 54 (stride 8; mean of 5 scenes)\n")
    print("| people, noise | recall | precision | keypoints | mean error, px |\n|---|---|---|---|---|")
    for n in (1, 5, 20, 50):
        for noise in (0.0, 0.02, 0.05):
            found = []
            for seed in range(5):
                rng = np.random.default_rng(seed)
                people = scenes.crowd(rng, n, (46, 54), height=(10, 16) if n > 20 else None)
                scene = scenes.draw(people, (46, 54), noise=noise, rng=rng).quantised(np.int8)
                maps, quants = scene.arguments()
                associator = Associator(BODY18, min_keypoint=MIN_KEYPOINT, min_limb=MIN_LIMB, max_people=100)
                found.append(scenes.marks(people, associator(*maps, **quants).keypoints))
            mean = [np.mean([getattr(m, name) for m in found]) for name in ("recall", "precision", "keypoint_recall")]
            error = np.mean([m.error for m in found]) * 8
            print(f"| {n}, {noise} | " + " | ".join(f"{m:.3f}" for m in mean) + f" | {error:.2f} |", flush=True)


def real_maps(model: str, images: Path) -> None:
    from quality_association import kernel_maps

    print("\nReal pictures, microseconds\n")
    times, read = [], []
    for scene in kernel_maps(model, images):
        result = measure(scene)
        times.append(min(result.c.values()))
        read.append(result.read)
    print(f"{model}: median {np.median(times):.1f}, most {max(times):.1f}; reading the maps {np.median(read):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="auto", help="a network for real maps")
    parser.add_argument("--images", type=Path, help="a folder of pictures for real maps")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    args = parser.parse_args()
    results = speed()
    accuracy()
    if args.images:
        real_maps(args.model, args.images)
    if args.plot:
        curves = {
            f"{high} x {wide}": {n: (times.c["portable"], min(times.c.values())) for n, times in row.items()}
            for (high, wide), row in results.items()
        }
        args.plot.write_text(plot_association.svg(curves))


if __name__ == "__main__":
    main()
