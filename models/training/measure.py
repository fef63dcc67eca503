"""Runs `edgepose eval` on a network and writes what it printed into the sidecar."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .errors import TrainingError
from .sidecar_file import add_metrics

_FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "images")


def measure(model: Path, annotations: Path, images: Path, name: str) -> dict[str, Any]:
    """COCO keypoint figures of `model` on a set called `name`; they are in its sidecar afterwards."""
    command = [
        sys.executable, "-m", "edgepose", "eval", "--json",
        "--model", str(model), "--annotations", str(annotations), "--images", str(images),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TrainingError(f"`edgepose eval` failed on {model}: {done.stderr.strip()}")
    printed = json.loads(done.stdout)
    figures = {key: printed[key] for key in _FIGURES}
    add_metrics(model.with_suffix(".yaml"), {"set": name, **figures})
    return figures


def log_figures(log: Path, step: int, model: Path, figures: dict[str, Any]) -> None:
    """Adds a line to a training log, for `plot`: what the network made of the weights of `step` scored."""
    with log.open("a") as file:
        file.write(json.dumps({"step": step, "model": model.stem, "AP": figures["AP"]}) + "\n")
