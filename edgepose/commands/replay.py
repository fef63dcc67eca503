"""`edgepose replay`: clips through tracking and care at their own time; what a camera would have told, and how well."""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgepose import scoring
from edgepose.care.settings import Care, Tracking
from edgepose.commands.arguments import add_network_arguments, whole_number
from edgepose.config import Association, Camera, Model
from edgepose.config_yaml import load_config
from edgepose.errors import EdgeposeError, ModelError, UsageError
from edgepose.progress import Progress
from edgepose.replay import Ending, Replayer, ReplaySettings, Step
from edgepose.replay_lines import end_line, event_line, frame_line

CLIPS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".mjpeg"})
"""Endings that make a file of a folder one of its clips."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("clips", nargs="+", metavar="CLIP", help="a video, or a folder of videos")
    parser.add_argument("--format", choices=("jsonl",), default="jsonl", help="JSON lines (the default)")
    parser.add_argument("--tracks", action="store_true", help="also a line a frame, with everybody in it")
    parser.add_argument(
        "--score", type=Path, metavar="labels.csv", help="compare alerts with labels, on standard error"
    )
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw each clip's time line as a PNG")
    parser.add_argument("--config", type=Path, metavar="FILE", help="take zones, mount and thresholds from here")
    parser.add_argument("--camera", metavar="NAME", help="which camera of --config (default: its only one)")
    parser.add_argument(
        "--starts",
        type=datetime.fromisoformat,
        metavar="TIME",
        help="local time of the first frame",
    )
    parser.add_argument(
        "--jobs", type=whole_number(1, 256), metavar="N", help="clips at once (default: as many as there are cores)"
    )
    add_network_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replay everything; 1 where a clip could not be read to its end."""
    clips = find_clips(args.clips)
    labels = scoring.read_labels(args.score) if args.score else {}
    settings = _settings(args)
    outcomes, failed = [], 0
    with Progress(len(clips), "clips") as progress:
        for told in _replayed(clips, settings, args):
            for line in told.lines:
                sys.stdout.write(line + "\n")
            if told.trouble:
                failed += 1
                progress.say(f"edgepose: {told.trouble}")
            outcomes.append(scoring.Outcome(Path(told.clip).name, told.duration_s, tuple(told.falls_s)))
            progress.step()
        if args.score:
            for line in scoring.report(labels, outcomes):
                progress.say(line)
    return 1 if failed else 0


def find_clips(words: Sequence[str]) -> list[Path]:
    """Files as they are named, and the videos of folders by name. Raises UsageError for a folder without any."""
    clips: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix.lower() in CLIPS and file.is_file())
            if not found:
                raise UsageError(f"the folder {path} holds no video ({', '.join(sorted(CLIPS))})")
            clips += found
        else:
            clips.append(path)
    return clips


@dataclass
class _Told:
    """All that one clip gave."""

    clip: str
    lines: list[str] = field(default_factory=list)
    falls_s: list[float] = field(default_factory=list)
    duration_s: float = 0.0
    trouble: str = ""


@dataclass(frozen=True)
class _Job:
    settings: ReplaySettings
    tracks: bool
    plot: Path | None


def _settings(args: argparse.Namespace) -> ReplaySettings:
    jobs = args.jobs or len(os.sched_getaffinity(0))
    threads = args.threads or (1 if jobs > 1 else 0)
    if args.config is None:
        if args.camera:
            raise UsageError("--camera names a camera of a configuration; give that with --config")
        return ReplaySettings(
            Model(name=args.model, threads=threads), Association(), Tracking(), Care(), starts=args.starts
        )
    config = load_config(args.config)
    return ReplaySettings(
        Model(name=config.model.name if args.model == "auto" else args.model, threads=threads),
        config.association,
        getattr(config, "tracking", Tracking()),
        getattr(config, "care", Care()),
        _camera(config.cameras, args.camera, args.config),
        args.starts,
    )


def _camera(cameras: dict[str, Camera], name: str | None, path: Path) -> Camera:
    if name is None and len(cameras) == 1:
        return next(iter(cameras.values()))
    if name not in cameras:
        raise UsageError(f"--camera must name one of the cameras in {path}: {', '.join(cameras)}")
    return cameras[name]


def _replayed(clips: Sequence[Path], settings: ReplaySettings, args: argparse.Namespace) -> Iterator[_Told]:
    """Every clip in order, several at a time in processes of their own."""
    job = _Job(settings, args.tracks, args.plot)
    jobs = min(args.jobs or len(os.sched_getaffinity(0)), len(clips))
    if jobs <= 1:
        _begin(job)
        yield from map(_replay, clips)
        return
    # Spawned, since the network's runtime has threads, which a fork would lose.
    context = multiprocessing.get_context("spawn")
    _check(settings)
    with closing(context.Pool(jobs, _begin, (job,))) as pool:
        yield from pool.imap(_replay, clips)


def _check(settings: ReplaySettings) -> None:
    """A network that can't be loaded is told once, here, and not by workers that die one after another."""
    from edgepose import networks

    networks.load(settings.model.name)


_work: dict[str, Any] = {}
"""What a worker process keeps between clips."""


def _begin(job: _Job) -> None:
    _work["job"] = job
    try:
        _work["replayer"] = Replayer(job.settings)
    except ModelError as exc:
        _work["replayer"] = exc


def _replay(clip: Path) -> _Told:
    job: _Job = _work["job"]
    told = _Told(str(clip))
    if isinstance(_work["replayer"], ModelError):
        told.trouble = str(_work["replayer"])
        return told
    steps: list[Step | Ending] = []
    try:
        for step in _work["replayer"].play(clip):
            steps.append(step)
    except EdgeposeError as exc:
        told.trouble = str(exc)
    _tell(told, _ended(steps), job)
    return told


def _ended(steps: list[Step | Ending]) -> list[Step | Ending]:
    """A clip that broke off ends where it did."""
    if steps and isinstance(steps[-1], Ending):
        return steps
    return [*steps, Ending(steps[-1].t_s if steps else 0.0, len(steps), ())]


def _tell(told: _Told, steps: Iterable[Step | Ending], job: _Job) -> None:
    steps = list(steps)
    for step in steps:
        for event in step.events:
            told.lines.append(json.dumps(event_line(told.clip, event)))
            if event.kind == "fall" and event.phase == "confirmed" and "repeat" not in event.evidence:
                told.falls_s.append(event.t_phase)
        if isinstance(step, Step) and job.tracks:
            told.lines.append(json.dumps(frame_line(told.clip, step)))
        if isinstance(step, Ending):
            told.duration_s = step.t_s
            told.lines.append(json.dumps(end_line(told.clip, step, told.trouble)))
    if job.plot:
        from edgepose.timeline import draw_timeline

        job.plot.mkdir(parents=True, exist_ok=True)
        draw_timeline(steps, job.plot / f"{Path(told.clip).stem}.png", Path(told.clip).name)
