"""Falls and daily life in random rooms: cameras, people, speeds, frame rates and flaws of the network drawn by chance.

    python tests/bench/care_rooms.py [--rounds 20] [--seed 1] [--only KIND …]

For each kind: how often a fall was told, and in how many rooms not.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose.care.engine import Care, counted
from edgepose.care.rules import rules_of
from edgepose.care.settings import Care as CareSettings
from edgepose.tracking import Tracker
from tests.skeleton_scenes import (
    BENT,
    FLOOR_SITTING,
    KNEELING,
    ON_BED,
    ON_SIDE,
    PRONE,
    SITTING,
    SQUATTING,
    STANDING,
    SUPINE,
    Camera,
    Flaws,
    Key,
    Performer,
    Posture,
    Scene,
)

Rng = np.random.Generator
SEARCHING = replace(KNEELING, torso=70, thigh=30, hip_m=0.45, upper_arm=80, forearm=80)
PUSHED_UP = replace(PRONE, torso=70, hip_m=0.28, upper_arm=5, forearm=5)
REACHING = replace(STANDING, upper_arm=160, forearm=165)
ON_SOFA = replace(ON_BED, hip_m=0.45)
SLUMPED = replace(FLOOR_SITTING, torso=-35, hip_m=0.13)


@dataclass
class Telling:
    """What somebody does, a key after another."""

    rng: Rng
    keys: list[Key]

    @classmethod
    def begin(cls, rng: Rng, posture: Posture) -> "Telling":
        """Somewhere in the middle of the view."""
        first = Key(0.0, posture, rng.uniform(-0.8, 0.8), rng.uniform(3.0, 5.5), rng.uniform(0, 360))
        return cls(rng, [first])

    def fall(self, posture: Posture, low_s: float, high_s: float, moved_m: float = 0.0) -> "Telling":
        """Come down to a posture ever faster."""
        self.to(posture, low_s, high_s, moved_m)
        self.keys[-1] = replace(self.keys[-1], falling=True)
        return self

    def to(self, posture: Posture, low_s: float, high_s: float, moved_m: float = 0.0) -> "Telling":
        """Take up a posture within some time."""
        last = self.keys[-1]
        ahead = np.deg2rad(last.heading_deg)
        self.keys.append(
            Key(
                last.t_s + self.rng.uniform(low_s, high_s),
                posture,
                last.x_m + moved_m * np.sin(ahead),
                last.z_m - moved_m * np.cos(ahead),
                last.heading_deg,
            )
        )
        return self

    def stay(self, low_s: float, high_s: float) -> "Telling":
        """Remain so."""
        return self.to(self.keys[-1].posture, low_s, high_s)

    def walk(self) -> "Telling":
        """A few steps towards the middle of the view."""
        last = self.keys[-1]
        x, z = self.rng.uniform(-0.7, 0.7), self.rng.uniform(3.2, 5.2)
        course = float(np.rad2deg(np.arctan2(x - last.x_m, last.z_m - z)))
        way_s = max(0.5, float(np.hypot(x - last.x_m, z - last.z_m)) / self.rng.uniform(0.6, 1.2))
        self.keys.append(replace(last, t_s=last.t_s + 0.3, heading_deg=course))
        self.keys.append(Key(self.keys[-1].t_s + way_s, STANDING, x, z, course))
        return self


def up(rng: Rng) -> Telling:
    """Somebody who stands and walks."""
    return Telling.begin(rng, STANDING).stay(0.5, 2).walk().walk()


def seated(rng: Rng) -> Telling:
    return Telling.begin(rng, SITTING).stay(3, 6)


def lying_of(rng: Rng) -> tuple[Posture, float]:
    postures = ((PRONE, 0.5), (SUPINE, -0.5), (ON_SIDE, 0.0))
    return postures[rng.integers(3)]


def fall_flat(rng: Rng) -> Telling:
    lying, moved = lying_of(rng)
    return up(rng).fall(lying, 0.6, 1.3, moved).stay(4, 10)


def fall_standing_still(rng: Rng) -> Telling:
    lying, moved = lying_of(rng)
    return Telling.begin(rng, STANDING).stay(2, 5).fall(lying, 0.6, 1.3, moved).stay(4, 10)


def collapse(rng: Rng) -> Telling:
    lying, moved = (PRONE, 0.5) if rng.random() < 0.5 else (ON_SIDE, 0.1)
    return up(rng).fall(KNEELING, 0.45, 0.8).fall(lying, 0.5, 0.9, moved).stay(5, 10)


def fall_on_seat(rng: Rng) -> Telling:
    return up(rng).fall(FLOOR_SITTING, 0.6, 0.9, -0.3).fall(SUPINE, 0.4, 0.9).stay(5, 10)


def fall_on_seat_and_sit(rng: Rng) -> Telling:
    return up(rng).fall(FLOOR_SITTING, 0.5, 0.8, -0.3).stay(8, 12)


def fall_from_chair(rng: Rng) -> Telling:
    lying, moved = (PRONE, 0.5) if rng.random() < 0.5 else (ON_SIDE, 0.2)
    return seated(rng).fall(lying, 0.6, 1.1, moved).stay(5, 10)


def fall_while_rising(rng: Rng) -> Telling:
    lying, moved = lying_of(rng)
    return seated(rng).to(STANDING, 1.2, 2.0).fall(lying, 0.7, 1.2, moved).stay(5, 10)


def fall_out_of_bed(rng: Rng) -> Telling:
    return Telling.begin(rng, ON_BED).stay(3, 6).fall(ON_SIDE, 0.5, 0.8, 0.0).stay(8, 14)


def slide_from_chair(rng: Rng) -> Telling:
    return seated(rng).to(SLUMPED, 1.5, 3.0, 0.35).to(SUPINE, 1.0, 2.5).stay(12, 16)


def sit_down_fast(rng: Rng) -> Telling:
    return up(rng).to(SITTING, 0.6, 1.2).stay(4, 10)


def lie_on_bed(rng: Rng) -> Telling:
    return up(rng).to(SITTING, 1.0, 2.0).stay(0.3, 3).to(ON_BED, 1.2, 2.5).stay(5, 12)


def flop_on_sofa(rng: Rng) -> Telling:
    return up(rng).to(ON_SOFA, 1.2, 2.0).stay(5, 12)


def get_up_from_bed(rng: Rng) -> Telling:
    return Telling.begin(rng, ON_BED).stay(2, 6).to(SITTING, 1, 2).stay(0.5, 2).to(STANDING, 1, 2).walk()


def get_up_from_floor(rng: Rng) -> Telling:
    return Telling.begin(rng, SUPINE).stay(2, 5).to(FLOOR_SITTING, 1, 2).to(KNEELING, 1, 2).to(STANDING, 1, 2).walk()


def pick_up(rng: Rng) -> Telling:
    return up(rng).to(BENT, 0.7, 1.3).stay(0.1, 1).to(STANDING, 0.7, 1.3).stay(1, 3)


def tie_shoes(rng: Rng) -> Telling:
    return up(rng).to(SQUATTING, 0.7, 1.3).stay(3, 9).to(STANDING, 0.7, 1.5).stay(1, 2)


def squat_down_to_the_end(rng: Rng) -> Telling:
    return up(rng).to(SQUATTING, 0.8, 1.4).stay(2, 6)


def do_squats(rng: Rng) -> Telling:
    told = up(rng)
    for _ in range(5):
        told = told.to(SQUATTING, 0.8, 1.1).to(STANDING, 0.7, 1.1)
    return told.stay(1, 2)


def kneel_down(rng: Rng) -> Telling:
    return up(rng).to(KNEELING, 0.9, 1.8).stay(4, 10)


def search_under_the_sofa(rng: Rng) -> Telling:
    return up(rng).to(KNEELING, 1.0, 2.0).to(SEARCHING, 0.8, 1.5).stay(3, 8).to(KNEELING, 1, 1.5).to(STANDING, 1, 2)


def sit_on_the_floor(rng: Rng) -> Telling:
    return up(rng).to(SQUATTING, 0.9, 1.6).to(FLOOR_SITTING, 0.8, 1.8).stay(4, 10)


def lie_on_the_floor(rng: Rng) -> Telling:
    told = up(rng).to(KNEELING, 1.0, 2.0).to(FLOOR_SITTING, 1.0, 2.0).stay(0.5, 3)
    return told.to(SUPINE, 1.5, 2.5).stay(3, 6)


def push_ups(rng: Rng) -> Telling:
    told = up(rng).to(KNEELING, 1.0, 1.8).to(PUSHED_UP, 1.0, 1.8)
    for _ in range(4):
        told = told.to(PRONE, 0.6, 1.0).to(PUSHED_UP, 0.6, 1.0)
    return told.to(KNEELING, 1, 1.5).to(STANDING, 1, 1.5)


def rise_and_sit(rng: Rng) -> Telling:
    return seated(rng).to(STANDING, 1, 1.6).stay(0.5, 2).to(SITTING, 0.8, 1.5).stay(3, 6)


def bend_while_seated(rng: Rng) -> Telling:
    return seated(rng).to(replace(SITTING, torso=75), 0.7, 1.4).stay(1, 4).to(SITTING, 0.7, 1.4).stay(2, 4)


def reach_up(rng: Rng) -> Telling:
    return up(rng).to(REACHING, 0.5, 1).stay(1, 3).to(STANDING, 0.4, 1).to(BENT, 0.7, 1.2).to(STANDING, 0.7, 1.2)


def jump(rng: Rng) -> Telling:
    told = up(rng)
    for _ in range(4):
        told = told.to(replace(SQUATTING, hip_m=0.6, thigh=70), 0.4, 0.5).to(replace(STANDING, hip_m=1.2), 0.25, 0.3)
        told = told.to(STANDING, 0.25, 0.3)
    return told.stay(1, 2)


def walk_about(rng: Rng) -> Telling:
    return up(rng).walk().walk().walk()


def out_of_view(rng: Rng) -> Telling:
    told = up(rng)
    last = told.keys[-1]
    told.keys.append(Key(last.t_s + 5, STANDING, last.x_m + rng.choice((-5, 5)), last.z_m, 90))
    return told


FALLS: dict[str, Callable[[Rng], Telling]] = {
    function.__name__: function
    for function in (
        fall_flat, fall_standing_still, collapse, fall_on_seat, fall_on_seat_and_sit, fall_from_chair,
        fall_while_rising, fall_out_of_bed, slide_from_chair,
    )
}  # fmt: skip
ORDINARY: dict[str, Callable[[Rng], Telling]] = {
    function.__name__: function
    for function in (
        sit_down_fast, lie_on_bed, flop_on_sofa, get_up_from_bed, get_up_from_floor, pick_up, tie_shoes,
        squat_down_to_the_end, do_squats, kneel_down, search_under_the_sofa, sit_on_the_floor, lie_on_the_floor,
        push_ups, rise_and_sit, bend_while_seated, reach_up, jump, walk_about, out_of_view,
    )
}  # fmt: skip


def room(told: Telling, rng: Rng) -> tuple[Scene, float]:
    """Some room with somebody in it, and its frames a second."""
    height_m = rng.uniform(0.8, 2.8)
    aim = np.rad2deg(np.arctan2(height_m - 0.8, rng.uniform(3.5, 5.0)))
    camera = Camera(height_m, float(aim + rng.uniform(-4, 4)), rng.uniform(55, 95), (640, 480))
    flaws = Flaws(
        noise=rng.uniform(0.006, 0.018),
        drop_keypoint=rng.uniform(0.03, 0.2),
        drop_person=rng.uniform(0.0, 0.12),
        split=rng.uniform(0.0, 0.3),
        ghosts=rng.uniform(0.0, 0.4),
    )
    return Scene([Performer(told.keys, rng.uniform(1.5, 1.88))], camera, flaws), float(
        rng.choice((5, 8, 12, 15, 25, 30))
    )


def drawn(kind: str, seed: int) -> tuple[Scene, float]:
    """The room of a kind and a number."""
    rng = np.random.default_rng([seed, sum(map(ord, kind))])
    return room((FALLS | ORDINARY)[kind](rng), rng)


def alerts(scene: Scene, fps: float, seed: int) -> list[tuple[float, str]]:
    """When and why falls were confirmed."""
    tracker = Tracker("body18")
    care = Care(rules_of(CareSettings(), counted("room"), {}), "body18")
    events, t_s = [], 0.0
    for t_s, poses, _ in scene.frames(fps, seed):
        events += care.update(tracker.update(poses, t_s), t_s, size=scene.camera.size)
    events += care.finish(t_s)
    return [
        (event.t_phase, str(event.evidence.get("reason")))
        for event in events
        if event.kind == "fall" and event.phase == "confirmed"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[*FALLS, *ORDINARY])
    args = parser.parse_args()
    told = {}
    for kind in args.only:
        failures = []
        for place in range(args.rounds):
            seed = 1000 * args.seed + place
            scene, fps = drawn(kind, seed)
            found = alerts(scene, fps, seed)
            if bool(found) is not (kind in FALLS):
                camera = scene.camera
                failures.append(f"{place}@{fps:.0f}fps,{camera.height_m:.1f}m" + (f",{found[0][1]}" if found else ""))
        told[kind] = 1 - len(failures) / args.rounds
        print(
            f"{'fall' if kind in FALLS else 'ordinary':<9}{kind:<24}{told[kind]:.2f}  {'; '.join(failures[:6])}",
            flush=True,
        )
    for name, kinds in (("sensitivity", FALLS), ("specificity", ORDINARY)):
        shares = [told[kind] for kind in kinds if kind in told]
        if shares:
            print(f"{name} {np.mean(shares):.3f}")


if __name__ == "__main__":
    main()
