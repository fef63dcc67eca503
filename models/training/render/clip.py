"""Renders the demo clip: clip.mp4 and its ground truth truth.json.

    python models/training/render/clip.py --out edgepose/demo_clip

No real person is in it: bodies are Anny's, everything else is drawn here. About a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import picture
import pose as posing
import scene
import story
import truth
from motion import RATE_HZ
from numpy.typing import NDArray
from tqdm import tqdm

WIDTH, HEIGHT, FPS = 640, 480, 15


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clip.mp4 and truth.json")
    parser.add_argument("--seed", type=int, default=7, help="of noise, cloth folds and lamp places")
    parser.add_argument("--crf", type=int, default=25, help="x264 quality: lower is better and larger")
    parser.add_argument("--every", type=int, default=1, help="render each n-th frame only: a quick look")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    render(args.out, args.seed, args.crf, args.every)


def render(out: Path, seed: int, crf: int, every: int) -> None:
    """Writes clip.mp4 and truth.json into `out`."""
    actors = story.actors(seed)
    print("lighting the empty room …")
    studio = picture.Studio(scene.camera((WIDTH, HEIGHT)), seed)
    film(out / "clip.mp4", out / "truth.json", actors, studio, seed=seed, fps=FPS, crf=crf, every=every)


def film(
    video: Path, labels: Path, actors: Sequence[story.Actor], studio: picture.Studio, *,
    seed: int, fps: int, crf: int, every: int = 1,
) -> None:  # fmt: skip
    """Writes what the studio's camera sees of the actors until the last has left, and the ground truth."""
    assert RATE_HZ % fps == 0
    camera = studio.camera
    rng = np.random.default_rng(seed)
    count = int(max(a.leaves_s for a in actors) * fps)
    seen = []
    with Encoder(video, crf, (camera.width, camera.height), fps) as encoder:
        for k in tqdm(range(0, count, every), unit="frame", desc=video.stem):
            t_s = k / fps
            cast = [(n, a, p) for n, a in enumerate(actors) if (p := a.pose(t_s)) is not None]
            placed = [(a.dressed, posing.transforms(a.dressed.body, p)) for _, a, p in cast]
            shot = studio.shot(placed)
            encoder.add(picture.developed(shot.linear, rng))
            people: list[dict[str, Any]] = []
            for who, ((n, actor, _), (dressed, matrices)) in enumerate(zip(cast, placed, strict=True)):
                points = truth.observed(camera, dressed.body, matrices, who, shot.owner, shot.depth_m)
                if points is not None:
                    people.append({"id": n + 1, "action": actor.action(t_s), "kp": points})
            seen.append(people)
    labels.write_text(truth.written(truth.document(camera, fps, actors, seen)), encoding="utf-8")


class Encoder:
    """An H.264 file, a picture at a time."""

    def __init__(self, path: Path, crf: int, size: tuple[int, int], fps: int) -> None:
        """`size` is (width, height) in pixels."""
        self._file = av.open(str(path), "w", options={"movflags": "+faststart"})
        self._stream = self._file.add_stream("libx264", rate=fps)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = Fraction(1, fps)
        # a key frame every eight seconds: each costs as much as three seconds of the rest
        self._stream.options = {"crf": str(crf), "preset": "slow", "g": str(8 * fps), "profile": "main"}

    def __enter__(self) -> Encoder:
        return self

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Appends an (H, W, 3) uint8 RGB picture."""
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        self._file.mux(self._stream.encode(frame))

    def __exit__(self, *_: object) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


if __name__ == "__main__":
    main()
