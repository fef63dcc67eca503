"""Synthetic people over time: bodies of known posture, seen by a camera of known height and tilt, as keypoints.

A body is a chain of stiff parts in three dimensions; a performance blends from posture to posture. The camera is a
pinhole, so that people who fall towards it, away from it or across come out as they would. Metres, degrees, seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edgepose.domain import Pose
from edgepose.skeleton import BODY18_NAMES


@dataclass(frozen=True)
class Posture:
    """Angles in the plane of the body: torso from straight up, the rest from straight down, forwards positive."""

    torso: float = 0.0
    thigh: float = 0.0
    shank: float = 0.0
    upper_arm: float = 5.0
    forearm: float = 15.0
    hip_m: float = 0.90
    """Height of the hips above the ground, for a person of 1.7 m."""
    roll: float = 0.0
    """Of the whole body about its heading: 90 lies on its left side."""


STANDING = Posture()
BENT = Posture(torso=95, thigh=-12, shank=5, upper_arm=60, forearm=70, hip_m=0.88)
SITTING = Posture(torso=5, thigh=85, shank=-5, upper_arm=25, forearm=70, hip_m=0.50)
SQUATTING = Posture(torso=40, thigh=115, shank=-35, upper_arm=50, forearm=60, hip_m=0.35)
KNEELING = Posture(torso=10, thigh=5, shank=-95, upper_arm=20, forearm=40, hip_m=0.48)
ON_BED = Posture(torso=-88, thigh=88, shank=88, upper_arm=90, forearm=95, hip_m=0.60)
SUPINE = Posture(torso=-90, thigh=88, shank=90, upper_arm=95, forearm=100, hip_m=0.10)
PRONE = Posture(torso=88, thigh=-88, shank=-90, upper_arm=100, forearm=120, hip_m=0.10)
ON_SIDE = Posture(torso=0, thigh=15, shank=-10, upper_arm=20, forearm=30, hip_m=0.17, roll=88)
FLOOR_SITTING = Posture(torso=-5, thigh=88, shank=88, upper_arm=20, forearm=40, hip_m=0.12)
ARMS_UP = Posture(upper_arm=170, forearm=175)


@dataclass(frozen=True)
class Key:
    """At a time, a posture at a place; in between, both are blended."""

    t_s: float
    posture: Posture
    x_m: float = 0.0
    z_m: float = 4.0
    """Sideways, and away from the camera, on the ground."""
    heading_deg: float = 0.0
    """0 faces the camera, 90 to the picture's right."""
    falling: bool = False
    """It is come to ever faster, as by whatever falls, instead of with a slow start and a slow end."""


@dataclass(frozen=True)
class Camera:
    """On the wall, looking into the room."""

    height_m: float = 2.0
    tilt_deg: float = 15.0
    """Downwards."""
    fov_deg: float = 60.0
    """Horizontal."""
    size: tuple[int, int] = (640, 480)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(…, 3) metres (right, up, away) to (…, 2) pixels, and which lie in front."""
        tilt = np.deg2rad(self.tilt_deg)
        x, y, z = points[..., 0], points[..., 1] - self.height_m, points[..., 2]
        down = -y * np.cos(tilt) + -z * np.sin(tilt)
        deep = z * np.cos(tilt) - y * np.sin(tilt)
        focal = self.size[0] / 2 / np.tan(np.deg2rad(self.fov_deg) / 2)
        centre = np.array(self.size) / 2
        ahead = deep > 0.2
        depth = np.where(ahead, deep, 1.0)[..., None]
        return focal * np.stack((x, down), -1) / depth + centre, ahead


@dataclass(frozen=True)
class Performer:
    """One person and what they do."""

    keys: Sequence[Key]
    stature_m: float = 1.7
    gait_hz: float = 0.9
    wave: tuple[float, float] = (0.0, 0.0)
    """From and until when the raised arms are waved."""

    @property
    def span_s(self) -> tuple[float, float]:
        return self.keys[0].t_s, self.keys[-1].t_s

    def skeleton(self, t_s: float) -> np.ndarray | None:
        """(18, 3) metres, or None while not there."""
        start, end = self.span_s
        if not start <= t_s <= end:
            return None
        place = min(max(i for i, key in enumerate(self.keys) if key.t_s <= t_s), len(self.keys) - 2)
        a, b = self.keys[place], self.keys[place + 1]
        share = (t_s - a.t_s) / max(b.t_s - a.t_s, 1e-9)
        eased = share * share if b.falling else share * share * (3 - 2 * share)
        angles = {
            name: (1 - eased) * getattr(a.posture, name) + eased * getattr(b.posture, name)
            for name in a.posture.__dataclass_fields__
        }
        x, z, heading = ((1 - share) * np.array(_pose(a)) + share * np.array(_pose(b))).tolist()
        speed = np.hypot(b.x_m - a.x_m, b.z_m - a.z_m) / max(b.t_s - a.t_s, 1e-9)
        swing = 25 * np.sin(2 * np.pi * self.gait_hz * t_s) if speed > 0.2 and abs(angles["torso"]) < 30 else 0.0
        waved = 25 * np.sin(2 * np.pi * 1.2 * t_s) if self.wave[0] <= t_s <= self.wave[1] else 0.0
        return _body(angles, x, z, heading, self.stature_m, swing, waved)


def _pose(key: Key) -> tuple[float, float, float]:
    return key.x_m, key.z_m, key.heading_deg


def _body(angles, x, z, heading_deg, stature, swing, waved):
    heading, roll = np.deg2rad(heading_deg), np.deg2rad(angles["roll"])
    forward = np.array((np.sin(heading), 0.0, -np.cos(heading)))
    left = np.array((np.cos(heading), 0.0, np.sin(heading)))
    up = np.array((0.0, 1.0, 0.0))
    up, left = np.cos(roll) * up + np.sin(roll) * left, np.cos(roll) * left - np.sin(roll) * up

    def along(degrees, sign=-1.0):
        angle = np.deg2rad(degrees)
        return sign * np.cos(angle) * up + np.sin(angle) * forward

    def aside(degrees):
        return -np.cos(np.deg2rad(degrees)) * up

    torso = along(angles["torso"], 1.0)
    facing = np.cos(np.deg2rad(angles["torso"])) * forward - np.sin(np.deg2rad(angles["torso"])) * up
    hip = np.array((x, angles["hip_m"] * stature / 1.7, z))
    neck = hip + 0.288 * stature * torso
    head = neck + 0.10 * stature * torso
    points = {"neck": neck, "nose": head + 0.05 * stature * facing}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = sign * left
        points[f"{side}_eye"] = head + stature * (0.02 * torso + 0.04 * facing + 0.02 * out)
        points[f"{side}_ear"] = head + stature * (0.01 * torso + 0.045 * out)
        shoulder = neck + 0.105 * stature * out
        raised = angles["upper_arm"] > 120
        flap = waved * out * 0.02 if raised else np.zeros(3)
        arm = along(angles["upper_arm"] + (0 if raised else sign * swing * 0.6)) + flap * 0.5
        elbow = shoulder + 0.186 * stature * arm / np.linalg.norm(arm)
        forearm = along(angles["forearm"] + (0 if raised else sign * swing * 0.6)) + flap
        hip_joint = hip + 0.055 * stature * out
        knee = hip_joint + 0.245 * stature * along(angles["thigh"] - sign * swing)
        points[f"{side}_shoulder"], points[f"{side}_elbow"] = shoulder, elbow
        points[f"{side}_wrist"] = elbow + 0.146 * stature * forearm / np.linalg.norm(forearm)
        points[f"{side}_hip"], points[f"{side}_knee"] = hip_joint, knee
        points[f"{side}_ankle"] = knee + 0.246 * stature * along(angles["shank"] - sign * swing * 0.5)
    return np.array([points[name] for name in BODY18_NAMES])


@dataclass(frozen=True)
class Flaws:
    """What a network does to the truth."""

    noise: float = 0.008
    """Standard deviation of keypoints, in statures."""
    drop_keypoint: float = 0.08
    drop_person: float = 0.03
    split: float = 0.0
    """How often a body comes in two parts."""
    ghosts: float = 0.0
    """How many people of three keypoints there are that are none, a frame."""


@dataclass(frozen=True)
class Scene:
    """What a camera sees of some performers."""

    performers: Sequence[Performer]
    camera: Camera = Camera()
    flaws: Flaws = field(default_factory=Flaws)
    hidden: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom in pixels of something that hides what is behind it."""

    def frames(self, fps: float, seed: int, end_s: float | None = None):
        """(time, poses, performer of each pose or -1) a frame."""
        rng = np.random.default_rng(seed)
        end_s = end_s or max(performer.span_s[1] for performer in self.performers)
        for t_s in np.arange(0.0, end_s + 1e-6, 1 / fps):
            poses, owners = [], []
            for number, performer in enumerate(self.performers):
                body = performer.skeleton(float(t_s))
                if body is not None:
                    for pose in self._found(body, performer.stature_m, rng):
                        poses.append(pose)
                        owners.append(number)
            for _ in range(rng.poisson(self.flaws.ghosts)):
                poses.append(_ghost(self.camera.size, rng))
                owners.append(-1)
            order = rng.permutation(len(poses))
            yield float(t_s), [poses[i] for i in order], [owners[i] for i in order]

    def _found(self, body, stature_m, rng):
        xy, ahead = self.camera.project(body)
        if rng.random() < self.flaws.drop_person:
            return
        feet, top = self.camera.project(np.array([body[:, :], body[:, :] + (0, stature_m, 0)]))[0][:, 0]
        scale = float(np.linalg.norm(feet - top))
        xy = xy + rng.normal(0, self.flaws.noise * scale, xy.shape)
        width, height = self.camera.size
        seen = ahead & (xy >= 0).all(1) & (xy[:, 0] < width) & (xy[:, 1] < height)
        if self.hidden:
            left, above, right, below = self.hidden
            seen &= ~((xy[:, 0] > left) & (xy[:, 0] < right) & (xy[:, 1] > above) & (xy[:, 1] < below))
        seen &= rng.random(len(xy)) >= self.flaws.drop_keypoint
        if seen.sum() < 3:
            return
        confidence = np.where(seen, rng.uniform(0.3, 0.9, len(xy)), 0.0)
        rows = np.concatenate((np.where(seen[:, None], xy, 0), confidence[:, None]), 1).astype(np.float32)
        if rng.random() < self.flaws.split:
            lower = np.array([any(word in name for word in ("hip", "knee", "ankle")) for name in BODY18_NAMES])
            parts = [np.where(part[:, None], rows, 0) for part in (lower, ~lower)]
        else:
            parts = [rows]
        for part in parts:
            if (part[:, 2] > 0).sum() >= 3:
                yield Pose(part.astype(np.float32), float(part[:, 2].mean()))


def _ghost(size, rng):
    rows = np.zeros((18, 3), np.float32)
    places = rng.choice(18, 3, replace=False)
    rows[places, :2] = rng.uniform(0, 1, 2) * size + rng.normal(0, 20, (3, 2))
    rows[places, 2] = 0.15
    return Pose(rows, 0.05)


def walk(*points: tuple[float, float, float], heading_deg: float | None = None) -> list[Key]:
    """Keys of a walk through (t_s, x_m, z_m), facing where it goes."""
    keys = []
    for place, (t_s, x, z) in enumerate(points):
        ahead = points[min(place + 1, len(points) - 1)]
        behind = points[min(place, len(points) - 2)]
        course = np.rad2deg(np.arctan2(ahead[1] - behind[1], behind[2] - ahead[2]))
        keys.append(Key(t_s, STANDING, x, z, float(course) if heading_deg is None else heading_deg))
    return keys
