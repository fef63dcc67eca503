"""`edgepose models`: the networks that are installed, with what their sidecars tell."""

import argparse
import json
from pathlib import Path
from typing import Any

from edgepose import networks
from edgepose.errors import ModelError
from edgepose.sidecar import Sidecar, load_sidecar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names or paths; left out: all that are installed")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Print a line a network; 1 where one of them can't be used."""
    paths = [networks.find(name) for name in args.models] or list(networks.installed())
    rows, broken = [], []
    for path in paths:
        try:
            rows.append(_row(path, load_sidecar(path)))
        except ModelError as exc:
            broken.append(exc)
    if args.json:
        for row in rows:
            print(json.dumps(row))
    else:
        _print_table(rows)
    if broken:
        raise ModelError("\n".join(str(exc) for exc in broken))
    return 0


def _row(path: Path, sidecar: Sidecar) -> dict[str, Any]:
    metric = next(iter(sidecar.metrics), {})
    return {
        "name": sidecar.name,
        "input": f"{sidecar.input.width}x{sidecar.input.height}",
        "kind": f"{sidecar.input.dtype} in, {sidecar.outputs.heatmaps.dtype} out",
        "layout": sidecar.skeleton.layout,
        "AP": metric.get("AP"),
        "on": metric.get("set"),
        "kB": round(path.stat().st_size / 1000),
        "licence": sidecar.licence,
        "auto": sidecar.name == networks.auto_name(),
        "path": str(path),
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    head = ("name", "input", "kind", "layout", "AP", "on", "kB", "licence")
    cells = [head, *(tuple("-" if row[key] is None else str(row[key]) for key in head) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    marks = ["", *("  (auto)" if row["auto"] else "" for row in rows)]
    for row, mark in zip(cells, marks, strict=True):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"{line.rstrip()}{mark}")
