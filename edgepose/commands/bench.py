"""`edgepose bench`: what a frame costs, stage by stage, and what the pipeline leaves of the network's own speed."""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from edgepose import networks
from edgepose.bench import ROUNDS, BenchResult, run_bench
from edgepose.bench_wholebody import ROUNDS as WHOLEBODY_ROUNDS
from edgepose.bench_wholebody import WholeBodyResult
from edgepose.bench_wholebody import run_bench as run_wholebody
from edgepose.demo_clip import CLIP
from edgepose.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="auto", help="name or path of a network (default: auto)")
    parser.add_argument(
        *("--threads", "-t"),
        type=_threads,
        default=(0,),
        metavar="N or N-M",
        help="threads of the network (default: by the cores); 1-4 compares them, each on one core more than it has",
    )
    parser.add_argument("--clip", type=Path, default=CLIP, help="a video to play (default: the bundled clip)")
    parser.add_argument(
        "--wholebody", action="store_true", help="what hands, face and feet of one person cost beside their body"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    network = networks.load(args.model)
    if args.wholebody:
        return _wholebody(network, args)
    results = []
    with Progress(ROUNDS * len(args.threads), "rounds") as bar:
        for threads in args.threads:
            with _cores(threads + 1 if len(args.threads) > 1 else 0):
                results.append(run_bench(network, args.clip, threads=threads, progress=bar.step))
    objects = [{k: _short(v) for k, v in asdict(result).items()} for result in results]
    if args.json:
        print(json.dumps(objects[0] if len(objects) == 1 else objects))
    else:
        print(_table(results[0]) if len(results) == 1 else _comparison(results))
    return 0


def _wholebody(network: networks.Network, args: argparse.Namespace) -> int:
    with Progress(WHOLEBODY_ROUNDS, "rounds") as bar:
        told = run_wholebody(network, args.clip, threads=args.threads[0], rounds=WHOLEBODY_ROUNDS, progress=bar.step)
    print(json.dumps({k: _short(v) for k, v in asdict(told).items()}) if args.json else _parts_table(told))
    return 0


def _parts_table(r: WholeBodyResult) -> str:
    parts = [("body alone", r.body_ms), ("hands", r.hands_ms), ("face", r.face_ms), ("feet", r.feet_ms)]
    return "\n".join(
        [
            f"{r.model}, {r.threads} thread(s), one person, {r.keypoints} keypoints",
            *(f"  {name:<12}{ms:8.3f} ms" for name, ms in parts),
            f"  together    {r.all_ms:8.3f} ms   {r.ratio:.2f} times the body alone",
        ]
    )


def _threads(text: str) -> tuple[int, ...]:
    """`2` or `1-4`."""
    first, dash, last = text.partition("-")
    try:
        numbers = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads, such as 2 or 1-4") from None
    if not numbers or not 0 <= numbers[0] <= numbers[-1] <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 64 threads")
    return tuple(numbers)


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """While it lasts, the process keeps to so many cores, where the machine has them; 0: to all."""
    allowed = os.sched_getaffinity(0)
    if count:
        os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _comparison(results: list[BenchResult]) -> str:
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"{results[0].model}, {cores} cores, {results[0].people_per_frame:.1f} people a frame",
        "threads   network alone     pipeline   of the network   capture to publish p95",
    ]
    lines += [
        f"{r.threads:7}{r.invoke_ms:13.2f} ms{r.pipeline_fps:9.1f}/s{r.ratio:17.3f}{r.latency_p95_ms:22.1f} ms"
        + ("   more threads than cores" if r.threads > cores else "")
        for r in results
    ]
    return "\n".join(lines)


def _short(value: float | str) -> float | str:
    return round(value, 4) if isinstance(value, float) else value


def _table(r: BenchResult) -> str:
    stages = [
        ("network alone", r.invoke_ms),
        ("preprocess", r.preprocess_ms),
        ("infer", r.infer_ms),
        ("associate", r.associate_ms),
        ("tracking, care", r.follow_ms),
        ("encode", r.encode_ms),
    ]
    return "\n".join(
        [
            f"{r.model}, {r.threads} thread(s), {r.people_per_frame:.1f} people a frame",
            *(f"  {name:<15}{ms:8.3f} ms" for name, ms in stages),
            f"  network alone  {r.invoke_fps:8.1f} frames/s",
            f"  pipeline       {r.pipeline_fps:8.1f} frames/s   {r.ratio:.3f} of the network alone",
            f"  capture to publish at {1e3 / r.frame_ms:.0f} frames/s: p50 {r.latency_p50_ms:.1f} ms, "
            f"p95 {r.latency_p95_ms:.1f} ms ({r.latency_p95_ms / r.frame_ms:.2f} frame times)",
            f"  resident memory{r.rss_mb:8.1f} MB",
        ]
    )
