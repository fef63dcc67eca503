"""How well the fall rule carries over: its thresholds tuned on the clips of one source, tested on those of the other.

    python tests/bench/care_cross.py CACHE labels.csv CLIPS… [--draws 300] [--seed 1] [--tune-on plain 10_fps …]

The search knows nothing of the thresholds that ship: sets of them are drawn at random from wide RANGES, each is scored
on the tuning source alone (the mean of sensitivity and specificity), and of all that come within NEARLY of the best
the median of each threshold is taken, which lies in the middle of what works rather than at its edge. What is seen
before a fall begins counts as a quiet clip while tuning, since a source may have few others; the test is on whole
clips as they are. Poses come from pose_cache.py's folder; tracking and postures are computed once.
"""

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose import scoring
from edgepose.care.engine import Care, counted
from edgepose.care.events import CareEvent, Phase
from edgepose.care.fall import FallRule
from edgepose.care.settings import Fall
from edgepose.care.view import View
from edgepose.replay import steps
from edgepose.tracking import Tracker
from tests.bench.care_variants import PLAIN, VARIANTS, Results, arguments, varied
from tests.bench.pose_cache import CHANGES, PoseCache

RANGES = {
    "drop": (0.15, 0.40),
    "slow_drop": (0.20, 0.50),
    "flattened": (0.25, 0.60),
    "upright_drop": (0.25, 0.60),
    "hard_drop": (0.35, 0.80),
    "still_s": (0.5, 3.0),
    "still_upright_s": (2.0, 8.0),
    "still_speed": (0.06, 0.25),
}
NEARLY = 0.01
Sight = TypeVar("Sight")
_BEFORE_S, _LEAST_S = 0.3, 2.0
"""A quiet part ends so long before the fall begins, and is so long at least."""


class Recorder:
    """A rule that says nothing and keeps what rules see."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def update(self, view: View) -> list[CareEvent]:
        """Keep it."""
        self.views.append(view)
        return []

    def acknowledge(self, event_id: str, by: str, verdict: bool | None, t_s: float) -> list[CareEvent]:
        """Nothing to acknowledge."""
        return []


@dataclass(frozen=True)
class Example:
    """What rules see of a clip, or of its beginning."""

    views: list[View]
    fall: bool


def views_of(results: Results) -> list[View]:
    """What rules see of a clip."""
    recorder = Recorder()
    for _ in steps(results, Tracker("body18"), Care([recorder], "body18")):
        pass
    return recorder.views


def alerts(views: Sequence[View], settings: Fall) -> bool:
    """Whether a fall is confirmed."""
    rule = FallRule(counted("clip"), settings)
    for view in views:
        if any(event.phase is Phase.CONFIRMED for event in rule.update(view)):
            return True
    return bool(views) and any(event.phase is Phase.CONFIRMED for event in rule.finish(views[-1].t_s))


def rates(examples: Sequence[Example], settings: Fall) -> tuple[float, float]:
    """Sensitivity and specificity."""
    told: dict[bool, list[bool]] = {True: [], False: []}
    for example in examples:
        told[example.fall].append(alerts(example.views, settings) is example.fall)
    return float(np.mean(told[True])), float(np.mean(told[False]))


def tuned(examples: Sequence[Example], draws: Sequence[Fall]) -> tuple[Fall, float, int]:
    """The middle of the best settings, the best score, and how many came near it."""
    scores = np.array([np.mean(rates(examples, settings)) for settings in draws])
    best = [settings for settings, score in zip(draws, scores, strict=True) if score >= scores.max() - NEARLY]
    middle = {name: round(float(np.median([getattr(one, name) for one in best])), 3) for name in RANGES}
    return Fall(**middle), float(scores.max()), len(best)


def drawn(count: int, seed: int) -> list[Fall]:
    """Settings from anywhere in the ranges."""
    rng = np.random.default_rng(seed)
    return [Fall(**{name: float(rng.uniform(*ends)) for name, ends in RANGES.items()}) for _ in range(count)]


def fall_starts(path: Path) -> dict[str, float]:
    """When falls begin, seconds, by file, where the labels tell."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["fall_start"]]
    return {row["file"]: float(row["fall_start"]) / float(row["fps"]) for row in rows}


def quiet_part(sights: Iterable[Sight], fall_s: float, when: Callable[[Sight], float]) -> list[Sight]:
    """What is seen before a fall begins; nothing where that is short. `when`: its time, seconds."""
    before = [sight for sight in sights if when(sight) < fall_s - _BEFORE_S]
    return before if before and when(before[-1]) - when(before[0]) >= _LEAST_S else []


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tune-on", nargs="*", default=[PLAIN], choices=[PLAIN, *VARIANTS, *CHANGES])
    args = parser.parse_args()
    labels, starts = scoring.read_labels(args.labels), fall_starts(args.labels)
    caches = PoseCache(args.cache, args.model), PoseCache(args.cache, args.model, 2)
    tuning: dict[str, list[Example]] = {}
    testing: dict[str, list[Example]] = {}
    for name in dict.fromkeys((PLAIN, *args.tune_on)):
        for clip, results in varied(name, args.clips, labels, caches):
            label, views = labels[clip.name], views_of(results)
            source = label.source.split("/")[0]
            if name in args.tune_on:
                tuning.setdefault(source, []).append(Example(views, label.fall))
            if name == PLAIN:
                testing.setdefault(source, []).append(Example(views, label.fall))
                if before := quiet_part(views, starts.get(clip.name, 0.0), lambda view: view.t_s):
                    tuning[source].append(Example(before, fall=False))
    draws = drawn(args.draws, args.seed)
    print(f"{args.draws} settings drawn with seed {args.seed}, tuned on {' '.join(args.tune_on)}", flush=True)
    print("as shipped: ", _told(testing, Fall()), flush=True)
    for source, examples in tuning.items():
        settings, best, near = tuned(examples, draws)
        print(f"tuned on {source} ({len(examples)} examples, best score {best:.3f}, {near} settings near it): ", end="")
        print(", ".join(f"{name} {getattr(settings, name):.2f}" for name in RANGES))
        print("            ", _told(testing, settings), flush=True)


def _told(testing: Mapping[str, Sequence[Example]], settings: Fall) -> str:
    cells = []
    for source, examples in testing.items():
        found, quiet = rates(examples, settings)
        cells.append(f"{source}: sensitivity {found:.3f}, specificity {quiet:.3f}")
    return "; ".join(cells)


if __name__ == "__main__":
    main()
