"""What tracking and care cost a frame, for five people: python tests/bench/bench_care.py."""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from edgepose.care.engine import Care, counted
from edgepose.care.rules import rules_of
from edgepose.care.settings import Care as CareSettings
from edgepose.tracking import Tracker
from tests.skeleton_scenes import Flaws, Performer, Scene, walk

PEOPLE, FPS, SECONDS = 5, 15, 40


def main() -> None:
    performers = [
        Performer(walk((0, -1.5 + 0.4 * n, 4.0 + n), (20, 1.5, 4.0 + n), (SECONDS, -1.5, 4.0 + n)))
        for n in range(PEOPLE)
    ]
    scene = Scene(performers, flaws=Flaws(split=0.2, ghosts=1))
    tracker = Tracker("body18")
    care = Care(rules_of(CareSettings(), counted("room"), {}), "body18")
    tracking_ms, care_ms = [], []
    for t_s, poses, _ in list(scene.frames(FPS, 1)):
        started = time.perf_counter()
        people = tracker.update(poses, t_s)
        tracked = time.perf_counter()
        care.update(people, t_s, size=scene.camera.size)
        tracking_ms.append((tracked - started) * 1e3)
        care_ms.append((time.perf_counter() - tracked) * 1e3)
    for name, times in (("tracking", tracking_ms), ("postures and care", care_ms)):
        print(
            f"{name:<18} {statistics.median(times):.3f} ms a frame (median), {min(times):.3f} (least), {PEOPLE} people"
        )
    total = [a + b for a, b in zip(tracking_ms, care_ms, strict=True)]
    print(f"{'together':<18} {statistics.median(total):.3f} ms, {np.percentile(total, 5):.3f} in quiet moments")


if __name__ == "__main__":
    main()
