"""How well people keep their ids in clips whose truth is known: IDF1, HOTA, and how often an id changes.

    python tests/bench/identity_score.py CLIP.mp4 … [--model NAME] [--every 1]

Beside each clip lies CLIP.json, as models/training/render/crossing.py writes it. The clips go through what
`edgepose replay --tracks` runs. IDF1: Ristani et al., "Performance Measures and a Data Set for Multi-Target,
Multi-Camera Tracking", ECCV workshops 2016; a skeleton is somebody's where object keypoint similarity is at least 0.5.
HOTA, DetA and AssA (hota_score.py) take that same similarity, at 0.05, 0.10 … 0.95, and stand for the mean over these.
Who shows too little of themselves (fewer than LEAST_SEEN keypoints) need not be found, and is no mistake when found.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose.anthropometry import sigmas
from edgepose.assignment import assign
from edgepose.care.settings import Care, Tracking
from edgepose.config import Association, Model
from edgepose.replay import Replayer, ReplaySettings, Step
from tests.bench.hota_score import Hota, Likeness, hota

LEAST_SEEN = 6
SIMILAR = 0.5
Bodies = Mapping[int, np.ndarray]
"""(18, 3) x, y and, of the truth, 2 seen, 1 hidden, 0 outside; of what was found, confidence; by id."""


@dataclass(frozen=True)
class Score:
    """Counts over clips."""

    truths: int
    found: int
    identified: int
    """Skeletons with the id that, over the whole clip, is best given to that person."""
    located: int
    """Skeletons that lie on somebody, whatever their id."""
    switches: int
    """How often somebody's id is another than the last that they had."""

    def __add__(self, other: "Score") -> "Score":
        return Score(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def idf1(self) -> float:
        """2 IDTP / (truths + found)."""
        return 2 * self.identified / max(self.truths + self.found, 1)


def scored(frames: Sequence[tuple[Bodies, Bodies]]) -> Score:
    """Of (truth, found) a frame."""
    together: Counter[tuple[int, int]] = Counter()
    truths = found = located = switches = 0
    last: dict[int, int] = {}
    for truth, people in frames:
        pairs = matched(truth, people)
        counts = {name for name, body in truth.items() if (body[:, 2] == 2).sum() >= LEAST_SEEN}
        truths += len(counts)
        found += len(people) - sum(name not in counts for name in pairs)
        for name, number in pairs.items():
            if name in counts:
                located += 1
                together[name, number] += 1
                switches += last.setdefault(name, number) != number
                last[name] = number
    return Score(truths, found, _identified(together), located, switches)


def matched(truth: Bodies, people: Bodies) -> dict[int, int]:
    """Found ids by true ids, each at most once, as alike as can be."""
    names, numbers = list(truth), list(people)
    alike = [[similarity(truth[name], people[number]) for number in numbers] for name in names]
    pairs = assign([[1.0 - value for value in row] for row in alike]) if names and numbers else []
    return {names[row]: numbers[column] for row, column in pairs if alike[row][column] >= SIMILAR}


def similarity(truth: np.ndarray, found: np.ndarray) -> float:
    """Object keypoint similarity over the keypoints that both have; COCO's area is that of the truth's box, halved."""
    both = (truth[:, 2] > 0) & (found[:, 2] > 0)
    if not both.any():
        return 0.0
    inside = truth[truth[:, 2] > 0, :2]
    area = float(np.prod(np.maximum(np.ptp(inside, axis=0), 1.0))) * 0.53
    gap = ((truth[both, :2] - found[both, :2]) ** 2).sum(axis=1)
    spread = (2 * np.array(sigmas("body18"))[both]) ** 2
    return float(np.exp(-gap / (2 * area * spread)).mean())


def likenesses(frames: Sequence[tuple[Bodies, Bodies]]) -> list[Likeness]:
    """The similarities of each frame that HOTA is counted from; those who need not be found are taken out.

    Who shows too little of themselves is left out, and so is whoever was found on them and on nobody else.
    """
    out = []
    for truth, people in frames:
        excused = {name for name, body in truth.items() if (body[:, 2] == 2).sum() < LEAST_SEEN}
        spare = {number for name, number in matched(truth, people).items() if name in excused}
        names, numbers = [name for name in truth if name not in excused], [one for one in people if one not in spare]
        table = np.array([[similarity(truth[name], people[number]) for number in numbers] for name in names])
        out.append(Likeness(names, numbers, table.reshape(len(names), len(numbers))))
    return out


def _identified(together: Mapping[tuple[int, int], int]) -> int:
    """The most that one-to-one pairs of names and ids have in common."""
    names, numbers = ({pair[side] for pair in together} for side in (0, 1))
    table = [[-float(together.get((name, number), 0)) for number in sorted(numbers)] for name in sorted(names)]
    return int(-sum(table[row][column] for row, column in assign(table)))


def truth_of(path: Path) -> tuple[int, list[Bodies]]:
    """Frames a second, and everybody in each frame."""
    content = json.loads(path.read_text(encoding="utf-8"))
    frames = [{one["id"]: np.array(one["kp"]).reshape(-1, 3) for one in frame} for frame in content["frames"]]
    return content["fps"], frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--model", default="auto")
    args = parser.parse_args()
    replayer = Replayer(ReplaySettings(Model(name=args.model, threads=1), Association(), Tracking(), Care()))
    total: dict[str, Score] = defaultdict(lambda: Score(0, 0, 0, 0, 0))
    print(
        f"{'clip':<16}{'people':>8}{'frames':>8}{'IDF1':>8}{'HOTA':>8}{'DetA':>8}{'AssA':>8}"
        f"{'recall':>8}{'precision':>10}{'changes of id':>15}"
    )
    everything: list[Likeness] = []
    for clip in args.clips:
        _, truth = truth_of(clip.with_suffix(".json"))
        steps = [step for step in replayer.play(clip) if isinstance(step, Step)]
        frames = [
            (truth[step.seq], {person.id: person.pose.keypoints for person in step.people if person.visible})
            for step in steps
        ]
        score = scored(frames)
        total["all"] += score
        people = len({name for frame in truth for name in frame})
        alike = likenesses(frames)
        everything += [one.of_clip(clip.stem) for one in alike]
        print(_line(clip.stem, people, len(frames), score, hota(alike)), flush=True)
    if len(args.clips) > 1:
        print(_line("all", 0, 0, total["all"], hota(everything)))


def _line(name: str, people: int, frames: int, score: Score, quality: Hota) -> str:
    return (
        f"{name:<16}{people or '':>8}{frames or '':>8}{score.idf1:>8.3f}"
        f"{quality.hota:>8.3f}{quality.detection:>8.3f}{quality.association:>8.3f}"
        f"{score.located / max(score.truths, 1):>8.3f}{score.located / max(score.found, 1):>10.3f}{score.switches:>15}"
    )


if __name__ == "__main__":
    main()
