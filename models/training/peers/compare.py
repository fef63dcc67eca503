"""The comparison: each network over an annotated set, then all of them in turns against the clock."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edgepose import resampling
from edgepose.adapters.sources import open_source
from edgepose.config import FileSource
from edgepose.domain import Frame
from edgepose.evaluation import AnnotatedSet, Scores

from .multiplications import multiply_accumulates
from .networks import Peer
from .timing import Times, time_in_turns


@dataclass(frozen=True)
class Row:
    """What is told of a network."""

    name: str
    """networks of one name are a family of several sizes"""
    size: tuple[int, int]
    scores: Scores | None
    """None for a network that finds no people by itself"""
    interval: tuple[float, float] | None
    """where chance may put its AP: 95 %"""
    gmac: float
    megabytes: float
    times: Times


def compare(peers: Sequence[Peer], annotated: AnnotatedSet, images: Path, rounds: int, out: Path) -> list[Row]:
    """Rows in the order of `peers`; what each one found goes into `out` as COCO results, and is taken from there."""
    out.mkdir(parents=True, exist_ok=True)
    found = [_found(peer, annotated, images, out / f"{peer.file.stem}.json") for peer in peers]
    times = time_in_turns(peers, rounds)
    return [_row(peer, annotated, results, each) for peer, results, each in zip(peers, found, times, strict=True)]


def _found(peer: Peer, annotated: AnnotatedSet, images: Path, kept: Path) -> list[dict[str, Any]] | None:
    if not peer.finds_people:
        return None
    if kept.exists() and kept.stat().st_mtime > peer.file.stat().st_mtime:
        results: list[dict[str, Any]] = json.loads(kept.read_text())
        return results
    results = []
    for image in tqdm(annotated.images, desc=peer.name, unit="picture"):
        results += peer.find(_frame(images / image.file_name), image.id)
    kept.write_text(json.dumps(results))
    return results


def _frame(picture: Path) -> Frame:
    source = open_source(FileSource(path=str(picture)), stall_timeout_s=10.0)
    try:
        return next(iter(source.frames()))
    finally:
        source.close()


def _row(peer: Peer, annotated: AnnotatedSet, results: list[dict[str, Any]] | None, times: Times) -> Row:
    interval = None if results is None else resampling.intervals(annotated.evidence(results))[0]
    return Row(
        name=peer.name,
        size=peer.input_size,
        scores=None if results is None else annotated.score(results),
        interval=interval,
        gmac=multiply_accumulates(peer.file) / 1e9,
        megabytes=peer.file.stat().st_size / 1e6,
        times=times,
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    head = "| network | input | AP | 95 % | AP50 | AP75 | APm | APl | AR | GMAC | MB | ms |\n" + "|---" * 12 + "|"
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    scores = ["–"] * 7
    if row.scores is not None and row.interval is not None:
        numbers = {key: f"{value:.3f}" for key, value in asdict(row.scores).items()}
        span = f"{row.interval[0]:.3f} to {row.interval[1]:.3f}"
        scores = [f"**{numbers['AP']}**", span, *(numbers[key] for key in ("AP50", "AP75", "APm", "APl", "AR"))]
    cost = [f"{row.gmac:.2f}", f"{row.megabytes:.1f}", f"{row.times.shortest:.1f}"]
    return f"| {' | '.join([row.name, f'{row.size[0]}×{row.size[1]}', *scores, *cost])} |"


def plot(rows: Sequence[Row], file: Path) -> None:
    """AP over milliseconds; networks of one name are joined."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "edgepose"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 4.5), layout="constrained")
    families: dict[str, list[Row]] = {}
    for row in rows:
        if row.scores is not None:
            families.setdefault(row.name, []).append(row)
    for name, members in families.items():
        members.sort(key=lambda row: row.times.shortest)
        shown = [(row.times.shortest, row.scores.AP) for row in members if row.scores is not None]
        axes.plot(
            *zip(*shown, strict=True), marker="o", label=name, linewidth=2.5 if name.startswith("edgepose") else 1
        )
        for row, place in zip(members, shown, strict=True):
            axes.annotate(f"{row.size[0]}×{row.size[1]}", place, textcoords="offset points", xytext=(5, -9), fontsize=7)
    axes.set_xlabel("network alone, one thread, shortest of the run, ms")
    axes.set_ylabel("COCO keypoint AP")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
