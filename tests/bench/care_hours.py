"""Hours of ordinary life in one stream, and every alert that care gives in them.

    python tests/bench/care_hours.py CACHE labels.csv CLIPS… [--hours 2] [--bed-hours 0.5] [--seed 1] [--floor]

The living room is stitched from clips without a fall, from what others show before somebody falls, and from synthetic
rooms (care_rooms.py: walking, sitting, bending, crouching …), in random order and again with other changes until the
time is full: mirrored, nearer or further, faster or slower, at other frame rates. Each scene ends in a cut, or after a
few seconds of an empty room. Clips in which somebody gets down on the floor on purpose (crawls, does push-ups, lays
the face on it) come in with --floor only. Rooms in which somebody lies down on furniture are streams of their own, with
one camera each and the bed or sofa marked as a zone: those of RESTS, filmed, and a synthetic bedroom, where people lie
down on the bed in one go or after sitting, and get up from it. All run through what `edgepose replay` runs, with the
default settings.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose import scoring
from edgepose.adapters.picture_av import picture_from_rgb
from edgepose.care.events import CareEvent, Phase
from edgepose.care.settings import Care, Tracking
from edgepose.config import Association, Camera, FileSource, Model, Zone
from edgepose.domain import Frame, FrameResult, Pose, Track
from edgepose.replay import Ending, ReplaySettings, followed
from edgepose.skeleton import BODY18_NAMES
from tests.bench.care_cross import fall_starts, quiet_part
from tests.bench.care_rooms import Telling, drawn
from tests.bench.care_variants import arguments
from tests.bench.pose_cache import THUMB, PoseCache
from tests.scenes import other_sides
from tests.skeleton_scenes import BENT, ON_BED, SITTING, STANDING, Flaws, Key, Performer, Scene
from tests.skeleton_scenes import Camera as Eye

KINDS = (
    "sit_down_fast", "get_up_from_bed", "pick_up", "tie_shoes", "do_squats", "kneel_down", "rise_and_sit",
    "bend_while_seated", "reach_up", "walk_about", "out_of_view",
)  # fmt: skip
"""Of care_rooms.py: what is done in a living room every day; who sits on the floor there does so on purpose too."""
ON_FLOOR = frozenset(f"urfd-adl-{number:03}" for number in (30, 31, 32, 33, 34, 35, 38, 39, 40))
RESTS = {
    "filmed bedroom": ((36, 37), Zone(kind="bed", polygon=((0.50, 0.50), (1.0, 0.50), (1.0, 1.0), (0.56, 1.0)))),
    "filmed room with a bed": (
        (10, 11),
        Zone(kind="bed", polygon=((0.66, 0.60), (1.0, 0.60), (1.0, 1.0), (0.80, 1.0))),
    ),
    "filmed room with a sofa": (
        (21, 22, 23),
        Zone(kind="sofa", polygon=((0.33, 0.48), (0.80, 0.48), (0.80, 0.80), (0.33, 0.80))),
    ),
}
"""Of URFD's quiet clips those in which somebody lies down on furniture, by room, with the furniture."""
_EMPTY_S = 4.0
_FRAME = picture_from_rgb(np.zeros((2, 2, 3), np.uint8))
_MIRRORED = other_sides(BODY18_NAMES)


@dataclass(frozen=True)
class Piece:
    """Some seconds of somebody's day."""

    name: str
    results: list[FrameResult]

    @property
    def lasts_s(self) -> float:
        return self.results[-1].frame.t_s - self.results[0].frame.t_s


def pieces_of_clips(labels_file: Path, clips: Sequence[Path], cache: PoseCache) -> list[Piece]:
    """Clips without a fall, and the beginnings of those with one, where it is known when it comes."""
    labels, starts = scoring.read_labels(labels_file), fall_starts(labels_file)
    pieces = []
    for clip in clips:
        if labels[clip.name].fall and clip.name not in starts:
            continue
        fall_s = starts.get(clip.name, np.inf)
        if results := quiet_part(cache.get(clip).results(), fall_s, lambda result: result.frame.t_s):
            pieces.append(Piece(clip.stem, results))
    return pieces


def piece_of_scene(name: str, scene: Scene, fps: float, seed: int) -> Piece:
    """A synthetic one, with a small picture of its own, so that it is another scene than the one before."""
    thumb = np.random.default_rng(seed).integers(40, 200, THUMB[::-1]).astype(np.uint8)
    results = []
    for seq, (t_s, poses, _) in enumerate(scene.frames(fps, seed)):
        tracks = tuple(Track(place, pose) for place, pose in enumerate(poses, start=1))
        results.append(FrameResult(Frame(_FRAME, t_s, 0, seq), scene.camera.size, tracks, "body18", glance=thumb))
    return Piece(name, results)


def changed(piece: Piece, rng: np.random.Generator, *, moved: bool = True) -> Piece:
    """As another camera would have seen it (where it may be moved), and somebody quicker or slower done it."""
    mirrored, scale = (rng.random() < 0.5, float(rng.uniform(0.75, 1.15))) if moved else (False, 1.0)
    pace, step_s = float(rng.uniform(0.85, 1.2)), float(rng.choice((0.0, 1 / 15, 1 / 10, 1 / 8)))
    results, due_s = [], -np.inf
    for result in piece.results:
        t_s = result.frame.t_s / pace
        if t_s < due_s - 1e-3:
            continue
        due_s = max(due_s + step_s, t_s)
        tracks = tuple(
            Track(track.id, Pose(_moved(track.pose.keypoints, result.size, mirrored, scale), track.pose.score))
            for track in result.tracks
        )
        glance = result.glance[:, ::-1] if mirrored and result.glance is not None else result.glance
        results.append(replace(result, frame=replace(result.frame, t_s=t_s), tracks=tracks, glance=glance))
    return Piece(piece.name, results)


def _moved(keypoints: np.ndarray, size: tuple[int, int], mirrored: bool, scale: float) -> np.ndarray:
    """About the middle of the picture; what comes to lie outside is not seen."""
    rows = keypoints[_MIRRORED].copy() if mirrored else keypoints.copy()
    if mirrored:
        rows[:, 0] = size[0] - 1 - rows[:, 0]
    middle = np.array(size) / 2
    rows[:, :2] = middle + scale * (rows[:, :2] - middle)
    outside = (rows[:, :2] < 0).any(axis=1) | (rows[:, :2] >= size).any(axis=1)
    rows[outside | (keypoints[:, 2] == 0 if not mirrored else keypoints[_MIRRORED, 2] == 0)] = 0.0
    return rows


@dataclass
class Stream:
    """Pieces one after another; remembers which came when."""

    draw: Callable[[], Piece]
    lasts_s: float
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self.begun: list[tuple[float, str]] = []

    def results(self) -> Iterator[FrameResult]:
        """A frame after another, until the time is full."""
        t_s, seq = 0.0, 0
        while t_s < self.lasts_s:
            piece = self.draw()
            self.begun.append((t_s, piece.name))
            start_s = piece.results[0].frame.t_s
            for result in piece.results:
                now_s = t_s + result.frame.t_s - start_s
                yield replace(result, frame=Frame(_FRAME, now_s, 0, seq))
                seq += 1
            t_s += piece.lasts_s + 0.1
            if self.rng.random() < 0.5:
                for empty_s in np.arange(0.0, _EMPTY_S, 0.1):
                    yield replace(piece.results[-1], frame=Frame(_FRAME, t_s + float(empty_s), 0, seq), tracks=())
                    seq += 1
                t_s += _EMPTY_S

    def piece_at(self, t_s: float) -> str:
        """Which piece was on, or has just ended: what its end makes certain is told in the first frame after it."""
        return [name for start_s, name in self.begun if start_s < t_s - 1e-6][-1]


def living_room(pieces: Sequence[Piece], seed: int) -> Callable[[], Piece]:
    """Draws clips and synthetic rooms in turn."""
    rng = np.random.default_rng([seed, 1])
    deck: list[int] = []
    count = 0

    def draw() -> Piece:
        nonlocal count, deck
        count += 1
        if count % 2:
            deck = deck or rng.permutation(len(pieces)).tolist()
            return changed(pieces[deck.pop()], rng)
        kind = str(rng.choice(KINDS))
        scene, fps = drawn(kind, 10_000 * seed + count)
        return piece_of_scene(f"{kind} {10_000 * seed + count}", scene, fps, 10_000 * seed + count)

    return draw


def resting(pieces: Sequence[Piece], seed: int) -> Callable[[], Piece]:
    """Draws somebody who lies down on furniture, at other paces and frame rates."""
    rng = np.random.default_rng([seed, 4])
    return lambda: changed(pieces[rng.integers(len(pieces))], rng, moved=False)


EYE = Eye(height_m=2.2, tilt_deg=20, fov_deg=75, size=(640, 480))
BED_AT = (1.2, 4.2)
BED = Zone(kind="bed", polygon=((0.52, 0.38), (0.95, 0.38), (0.95, 0.78), (0.52, 0.78)))


def bedroom(seed: int) -> Callable[[], Piece]:
    """Draws somebody who goes to bed, rests, and gets up again; they walk about and pick things up in between."""
    rng = np.random.default_rng([seed, 2])
    count = 0

    def draw() -> Piece:
        nonlocal count
        count += 1
        x, z = BED_AT
        told = Telling(rng, [Key(0.0, STANDING, -1.2, 4.5, 60.0)]).stay(1, 3)
        told.keys.append(replace(told.keys[-1], t_s=told.keys[-1].t_s + rng.uniform(2, 4), x_m=x, z_m=z))
        if rng.random() < 0.3:
            told = told.to(BENT, 0.7, 1.3).stay(0.3, 1).to(STANDING, 0.7, 1.3)
        if rng.random() < 0.7:
            told = told.to(SITTING, 0.7, 1.6).stay(0.3, 4)
        told = told.to(ON_BED, 0.9, 2.5).stay(20, 60).to(SITTING, 1, 2.5).stay(0.5, 3).to(STANDING, 1, 2)
        told.keys.append(Key(told.keys[-1].t_s + rng.uniform(2.5, 4), STANDING, -1.5, 4.5, -80.0))
        flaws = Flaws(noise=0.012, drop_keypoint=0.12, drop_person=0.08, split=0.2, ghosts=0.2)
        scene = Scene([Performer(told.keys, rng.uniform(1.5, 1.85))], EYE, flaws)
        piece = piece_of_scene("bedroom", scene, float(rng.choice((8, 10, 15))), 10_000 * seed + count)
        return Piece("bedroom", [replace(result, glance=None) for result in piece.results])

    return draw


def _of_clips(pieces: Sequence[Piece], numbers: Sequence[int]) -> list[Piece]:
    names = {f"urfd-adl-{number:03}" for number in numbers}
    return [piece for piece in pieces if piece.name in names]


def alerts(name: str, stream: Stream, zones: dict[str, Zone]) -> tuple[float, list[CareEvent]]:
    """How long a stream was, seconds, and what was confirmed in it."""
    camera = Camera(source=FileSource(path=""), zones=zones)
    settings = ReplaySettings(Model(), Association(), Tracking(), Care(), camera)
    found, end_s = [], 0.0
    for step in followed(name, stream.results(), settings, "body18"):
        found += [event for event in step.events if event.phase is Phase.CONFIRMED]
        end_s = step.t_s if isinstance(step, Ending) else end_s
    return end_s, found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--bed-hours", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--floor", action="store_true", help="with clips of people who get down on the floor")
    args = parser.parse_args()
    pieces = pieces_of_clips(args.labels, args.clips, PoseCache(args.cache, args.model))
    rests = {name: _of_clips(pieces, numbers) for name, (numbers, _) in RESTS.items()}
    on_furniture = {piece.name for lying in rests.values() for piece in lying}
    left_out = on_furniture if args.floor else on_furniture | ON_FLOOR
    pieces = [piece for piece in pieces if piece.name not in left_out]
    print(f"{len(pieces)} pieces of clips, {sum(piece.lasts_s for piece in pieces) / 60:.1f} minutes; seed {args.seed}")
    rooms = {
        "living room": (living_room(pieces, args.seed), args.hours, {}),
        "synthetic bedroom": (bedroom(args.seed), args.bed_hours, {"bed": BED}),
    }
    for name, (_, zone) in RESTS.items():
        rooms[name] = resting(rests[name], args.seed), args.bed_hours / 2, {zone.kind: zone}
    for name, (draw, hours, zones) in rooms.items():
        stream = Stream(draw, hours * 3600, np.random.default_rng([args.seed, 3]))
        end_s, found = alerts(name, stream, zones)
        kinds = Counter(event.kind for event in found)
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no alert"
        print(f"{name}: {end_s / 3600:.2f} h, {len(stream.begun)} scenes, {told}", flush=True)
        for event in found:
            print(
                f"    {event.t_phase:8.1f} s {event.kind} in {stream.piece_at(event.t_phase)}: {dict(event.evidence)}"
            )


if __name__ == "__main__":
    main()
