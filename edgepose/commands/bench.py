"""`edgepose bench`: what a frame costs, stage by stage, and what the pipeline leaves of the network's own speed."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from edgepose import networks
from edgepose.bench import ROUNDS, BenchResult, run_bench
from edgepose.demo_clip import CLIP
from edgepose.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="auto", help="name or path of a network (default: auto)")
    parser.add_argument("--threads", type=int, default=0, help="threads of the network (default: by the cores)")
    parser.add_argument("--clip", type=Path, default=CLIP, help="a video to play (default: the bundled clip)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    network = networks.load(args.model)
    with Progress(ROUNDS, "rounds") as bar:
        result = run_bench(network, args.clip, threads=args.threads, progress=bar.step)
    print(json.dumps({k: _short(v) for k, v in asdict(result).items()}) if args.json else _table(result))
    return 0


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
