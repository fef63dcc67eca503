"""Poses of clips, kept in a folder, so that the rules can be tried again in seconds; with pictures changed on the way.

    python tests/bench/pose_cache.py FOLDER CLIP… [--change mirrored …] [--model NAME] [--every 2]

Each change stands for another camera or room: see CHANGES. What is there already is not made again.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgepose import networks
from edgepose.adapters.picture_av import picture_from_rgb
from edgepose.adapters.sources import open_source
from edgepose.config import FileSource, Model
from edgepose.domain import Frame, FrameResult, Pose, Track
from edgepose.progress import Progress

THUMB = (32, 24)
"""Width and height of the small grey picture that is kept of each frame."""


def _rotated(degrees: float) -> Callable[[np.ndarray], np.ndarray]:
    """About the middle, nearest pixel, grey corners: a camera that hangs askew."""

    def change(rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        angle = np.deg2rad(degrees)
        y, x = np.mgrid[:height, :width] - np.array([height / 2, width / 2])[:, None, None]
        from_x = np.rint(np.cos(angle) * x - np.sin(angle) * y + width / 2).astype(int)
        from_y = np.rint(np.sin(angle) * x + np.cos(angle) * y + height / 2).astype(int)
        inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
        out = np.full_like(rgb, 114)
        out[inside] = rgb[from_y[inside], from_x[inside]]
        return out

    return change


def _far(rgb: np.ndarray) -> np.ndarray:
    """People two thirds as large: the picture in the middle of a grey one."""
    height, width = rgb.shape[:2]
    out = np.full((height * 3 // 2, width * 3 // 2, 3), 114, np.uint8)
    out[height // 4 : height // 4 + height, width // 4 : width // 4 + width] = rgb
    return out


def _near(rgb: np.ndarray) -> np.ndarray:
    """The middle four fifths: people at the edge are cut off."""
    height, width = rgb.shape[:2]
    return np.ascontiguousarray(rgb[height // 10 : height - height // 10, width // 10 : width - width // 10])


def _dark(rgb: np.ndarray) -> np.ndarray:
    """A dim evening: a fifth of the light, and the noise of a small sensor."""
    noise = np.random.default_rng(int(rgb.sum()) % 2**32).normal(0, 4, rgb.shape)
    return np.clip(rgb * 0.2 + noise + 4, 0, 255).astype(np.uint8)


def _blurred(rgb: np.ndarray) -> np.ndarray:
    """Out of focus: a box of five pixels, as wide as a hand of somebody across the room."""
    wide = np.pad(rgb.astype(np.uint16), ((2, 2), (2, 2), (0, 0)), mode="edge")
    height, width = rgb.shape[:2]
    rows = sum(wide[k : k + height] for k in range(5))
    return (sum(rows[:, k : k + width] for k in range(5)) // 25).astype(np.uint8)


def _coarse(rgb: np.ndarray) -> np.ndarray:
    """A quarter of the pixels."""
    height, width = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
    return rgb[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)).astype(np.uint8)


def _squeezed(rgb: np.ndarray) -> np.ndarray:
    """Shown a fifth narrower, as an encoder with the wrong shape of pixels does."""
    width = rgb.shape[1]
    return np.ascontiguousarray(rgb[:, np.linspace(0, width - 1, width * 4 // 5).astype(int)])


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored": lambda rgb: np.ascontiguousarray(rgb[:, ::-1]),
    "turned_left": _rotated(-8),
    "turned_right": _rotated(8),
    "far": _far,
    "near": _near,
    "dark": _dark,
    "blurred": _blurred,
    "coarse": _coarse,
    "squeezed": _squeezed,
}


@dataclass(frozen=True)
class Seen:
    """All that the rules need of a clip."""

    times_s: np.ndarray
    """(F,) seconds"""
    counts: np.ndarray
    """(F,) people in each frame"""
    keypoints: np.ndarray
    """(N, K, 3) of all people, frame after frame, pixels"""
    scores: np.ndarray
    """(N,)"""
    thumbs: np.ndarray
    """(F, 24, 32) uint8 grey"""
    size: tuple[int, int]
    """Width and height, pixels."""

    def results(self) -> Iterator[FrameResult]:
        """As the pipeline would give them."""
        ends = np.cumsum(self.counts)
        for seq, (t_s, count, end) in enumerate(zip(self.times_s, self.counts, ends, strict=True)):
            tracks = tuple(
                Track(place, Pose(self.keypoints[k].copy(), float(self.scores[k])))
                for place, k in enumerate(range(end - count, end), start=1)
            )
            frame = Frame(picture_from_rgb(np.zeros((2, 2, 3), np.uint8)), float(t_s), 0, seq)
            yield FrameResult(frame=frame, size=self.size, tracks=tracks, layout="body18", glance=self.thumbs[seq])


class PoseCache:
    """Makes and keeps them. A network is told by its contents, so that a new one begins afresh."""

    def __init__(self, folder: Path, model: str = "auto", every: int = 1) -> None:
        self._folder = folder
        self._network = networks.load(model)
        digest = hashlib.sha256(self._network.path.read_bytes()).hexdigest()[:8]
        self._stem = f"{self._network.path.stem}-{digest}"
        self._every = every
        self._pipeline = None

    def path(self, clip: Path, change: str = "") -> Path:
        """Where it is kept."""
        variant = f"{change or 'plain'}-{self._every}"
        return self._folder / self._stem / variant / f"{clip.stem}.npz"

    def get(self, clip: Path, change: str = "") -> Seen:
        """The poses of a clip; made where they are missing."""
        path = self.path(clip, change)
        if not path.is_file():
            self._make(clip, change, path)
        with np.load(path) as file:
            parts = {name: file[name] for name in file.files}
        size = tuple(int(side) for side in parts.pop("size"))
        return Seen(**parts, size=size)

    def _make(self, clip: Path, change: str, path: Path) -> None:
        if self._pipeline is None:
            self._pipeline = networks.build_pipeline(self._network, Model(threads=1))
        times, counts, keypoints, scores, thumbs, size = [], [], [], [], [], (0, 0)
        source = open_source(FileSource(path=str(clip)), stall_timeout_s=60)
        for frame in source.frames():
            if frame.seq % self._every:
                continue
            if change:
                pixels = CHANGES[change](np.asarray(frame.picture.rgb(frame.picture.width, frame.picture.height)))
                frame = replace(frame, picture=picture_from_rgb(pixels))  # noqa: PLW2901
            result = self._pipeline(frame)
            size = result.size
            times.append(frame.t_s)
            counts.append(len(result.tracks))
            keypoints += [track.pose.keypoints for track in result.tracks]
            scores += [track.pose.score for track in result.tracks]
            thumbs.append(frame.picture.rgb(*THUMB).mean(axis=2).astype(np.uint8))
        source.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(
            part,
            times_s=np.array(times),
            counts=np.array(counts, int),
            keypoints=np.array(keypoints, np.float32).reshape(len(scores), -1, 3),
            scores=np.array(scores, np.float32),
            thumbs=np.array(thumbs),
            size=np.array(size),
        )
        part.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--change", choices=CHANGES, nargs="*", default=[""])
    parser.add_argument("--model", default="auto")
    parser.add_argument("--every", type=int, default=1)
    args = parser.parse_args()
    cache = PoseCache(args.folder, args.model, args.every)
    with Progress(len(args.clips) * len(args.change), "clips") as progress:
        for change in args.change:
            for clip in args.clips:
                cache.get(clip, change)
                progress.step()


if __name__ == "__main__":
    main()
