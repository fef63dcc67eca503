"""How well falls are told when the same clips come as other cameras and rooms would show them.

    python tests/bench/care_variants.py CACHE labels.csv CLIPS… [--only plain 5_fps …] [--names]

Poses come from pose_cache.py's folder; what is missing there is left out. Nothing is tuned here: one set of
parameters is held against all variants.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose import scoring
from edgepose.care.settings import Care, Tracking
from edgepose.config import Association, Model
from edgepose.domain import FrameResult, Pose, Track
from edgepose.replay import Ending, ReplaySettings, followed
from tests.bench.pose_cache import CHANGES, PoseCache

Results = list[FrameResult]
Change = Callable[[Results, scoring.Label, np.random.Generator], Results]


def _slower(step_s: float) -> Change:
    """Fewer frames a second."""

    def change(results: Results, label: scoring.Label, rng: np.random.Generator) -> Results:
        kept, due_s = [], -1.0
        for result in results:
            if result.frame.t_s >= due_s - 1e-3:
                kept.append(result)
                due_s = max(due_s + step_s, result.frame.t_s) if due_s < 0 else due_s + step_s
        return kept

    return change


def _stretched(share: float) -> Change:
    """Everybody moves faster (below 1) or slower."""

    def change(results: Results, label: scoring.Label, rng: np.random.Generator) -> Results:
        return [replace(result, frame=replace(result.frame, t_s=result.frame.t_s * share)) for result in results]

    return change


def _begun_late(results: Results, label: scoring.Label, rng: np.random.Generator) -> Results:
    """Begins two seconds before the end of the fall; without a fall, half-way through."""
    end_s = results[-1].frame.t_s
    start_s = label.impact_s - 2.0 if label.impact_s is not None else end_s * (0.25 if label.fall else 0.5)
    return [result for result in results if result.frame.t_s >= start_s]


def _ended_early(results: Results, label: scoring.Label, rng: np.random.Generator) -> Results:
    """Ends one second after the fall; without one, half-way through."""
    if label.fall and label.impact_s is None:
        return results
    end_s = label.impact_s + 1.0 if label.impact_s is not None else results[-1].frame.t_s / 2
    return [result for result in results if result.frame.t_s <= end_s]


def _with_poses(change: Callable[[np.ndarray, np.random.Generator], np.ndarray | None]) -> Change:
    """Each pose changed, or left out."""

    def of_all(results: Results, label: scoring.Label, rng: np.random.Generator) -> Results:
        out = []
        for result in results:
            tracks = []
            for track in result.tracks:
                rows = change(track.pose.keypoints.copy(), rng)
                if rows is not None:
                    tracks.append(Track(track.id, Pose(rows, track.pose.score)))
            out.append(replace(result, tracks=tuple(tracks)))
        return out

    return of_all


def _patchy(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A weaker network: a fifth of the bodies and of the keypoints missing, the rest less exact."""
    if rng.random() < 0.2:
        return None
    seen = rows[:, 2] > 0
    size = np.ptp(rows[seen, 1]) if seen.any() else 0
    rows[:, :2] += rng.normal(0, 0.015 * size, (len(rows), 2))
    rows[~seen | (rng.random(len(rows)) < 0.2)] = 0
    return rows if (rows[:, 2] > 0).sum() >= 3 else None


def _completed(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is not seen is guessed, with a low confidence, as far off as a limb is long."""
    seen = rows[:, 2] > 0
    if seen.sum() < 3:
        return rows
    centre, size = rows[seen, :2].mean(0), max(float(np.ptp(rows[seen, :2], axis=0).max()), 1.0)
    rows[~seen, :2] = centre + rng.normal(0, 0.3 * size, ((~seen).sum(), 2))
    rows[~seen, 2] = rng.uniform(0.01, 0.09, (~seen).sum())
    return rows


VARIANTS: dict[str, Change] = {
    "10_fps": _slower(0.1),
    "7_fps": _slower(1 / 7),
    "5_fps": _slower(0.2),
    "faster": _stretched(0.8),
    "slower": _stretched(1.25),
    "begun_late": _begun_late,
    "ended_early": _ended_early,
    "patchy": _with_poses(_patchy),
    "completed": _with_poses(_completed),
}
PLAIN = "plain"


def outcome(clip: Path, results: Results) -> scoring.Outcome:
    """What the rules make of a clip."""
    settings = ReplaySettings(Model(), Association(), Tracking(), Care())
    alerts, end_s = [], 0.0
    for step in followed(clip.stem, results, settings, "body18"):
        alerts += [event.t_phase for event in step.events if event.kind == "fall" and event.phase == "confirmed"]
        end_s = step.t_s if isinstance(step, Ending) else end_s
    return scoring.Outcome(clip.name, end_s, tuple(alerts))


def outcomes(name: str, clips: list[Path], labels: dict[str, scoring.Label], caches) -> list[scoring.Outcome]:
    """One variant over all clips that there are poses of."""
    return [outcome(clip, results) for clip, results in varied(name, clips, labels, caches) if results]


def varied(
    name: str, clips: list[Path], labels: dict[str, scoring.Label], caches: tuple[PoseCache, PoseCache]
) -> Iterator[tuple[Path, Results]]:
    """Clips that there are poses of, as one variant shows them; caches: of every frame, and of every other."""
    full, half = caches
    picture = name if name in CHANGES else ""
    change = VARIANTS.get(name)
    for place, clip in enumerate(clips):
        cache = half if picture else full
        if cache.path(clip, picture).is_file():
            results = list(cache.get(clip, picture).results())
            yield clip, change(results, labels[clip.name], np.random.default_rng(place)) if change else results


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """What all scripts read that go over labelled clips whose poses are kept."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--model", default="auto")
    return parser


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="*", default=[PLAIN, *VARIANTS, *CHANGES])
    parser.add_argument("--names", action="store_true", help="name the misses and the false alarms")
    args = parser.parse_args()
    labels = scoring.read_labels(args.labels)
    caches = PoseCache(args.cache, args.model), PoseCache(args.cache, args.model, 2)
    for name in args.only:
        found = outcomes(name, args.clips, labels, caches)
        cells = []
        for score in scoring.scores(labels, found):
            if "/" not in score.source:
                cells.append(
                    f"{score.source}: {score.found}/{score.falls} falls, {score.quiet}/{score.others} quiet"
                    + (f", {max(score.delays_s):.1f} s" if score.delays_s else "")
                )
        print(f"{name:<14}{'; '.join(cells)}", flush=True)
        if args.names:
            print("   ", *scoring.report(labels, found)[-2:], sep="\n    ", flush=True)


if __name__ == "__main__":
    main()
