"""Draws a training log: losses and AP over the steps, with the hours above."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import TrainingError

Curve = tuple[list[int], list[float]]
"""(steps, values)"""


@dataclass
class Log:
    """What a log holds, by the name of the number."""

    losses: dict[str, Curve] = field(default_factory=lambda: defaultdict(lambda: ([], [])))
    """every number that is neither a score nor about the run itself"""
    scores: dict[str, Curve] = field(default_factory=lambda: defaultdict(lambda: ([], [])))
    """AP and its kin, with the network's name where the line has one"""
    hours: Curve = field(default_factory=lambda: ([], []))
    """time spent up to a step, from the speed of the steps before it"""


def read_log(path: Path) -> Log:
    """The log of `train` or the like: a JSON object a line with a `step`. TrainingError where it is none.

    After a break the steps since the last checkpoint are run again; what was logged of them before is forgotten.
    """
    lines: dict[tuple[int, Any], dict[str, Any]] = {}
    try:
        for text in path.read_text().splitlines():
            line = json.loads(text)
            lines[int(line["step"]), line.get("model") or ("AP" in line)] = line
    except FileNotFoundError:
        raise TrainingError(f"no log {path}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is not a training log ({error!r})") from error
    if not lines:
        raise TrainingError(f"{path} is empty")
    log = Log()
    for line in sorted(lines.values(), key=lambda each: int(each["step"])):
        _add(log, line)
    return log


def _add(log: Log, line: dict[str, Any]) -> None:
    step = int(line["step"])
    for key, value in line.items():
        if not isinstance(value, int | float) or key in ("step", "steps_per_s", "images", "ms"):
            continue
        is_score = key.startswith(("AP", "AR", "ap"))
        name = f"{key} {line['model']}" if is_score and "model" in line else key
        steps, values = (log.scores if is_score else log.losses)[name]
        steps.append(step)
        values.append(float(value))
    if line.get("steps_per_s"):
        steps, hours = log.hours
        before, spent = (steps[-1], hours[-1]) if steps else (0, 0.0)
        steps.append(step)
        hours.append(spent + (step - before) / float(line["steps_per_s"]) / 3600)


def draw(path: Path, out: Path) -> None:
    """Writes a picture of the log at `path`: losses above, scores below where there are any."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    log = read_log(path)
    panels = [("loss", log.losses)] if log.losses else []
    panels += [("score", log.scores)] if log.scores else []
    figure, axes = pyplot.subplots(
        len(panels), figsize=(8, 1 + 3 * len(panels)), sharex=True, squeeze=False, layout="constrained"
    )
    for axis, (label, curves) in zip(axes[:, 0], panels, strict=True):
        for name, (steps, values) in sorted(curves.items()):
            axis.plot(steps, values, label=name, marker="o" if label == "score" else None, markersize=4)
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        if label == "loss" and all(value > 0 for _, values in curves.values() for value in values):
            axis.set_yscale("log")
    axes[-1, 0].set_xlabel("step")
    if len(log.hours[0]) > 1:
        _hours_above(axes[0, 0], log.hours)
    figure.savefig(out, dpi=120)
    pyplot.close(figure)


def _hours_above(axis: Any, hours: Curve) -> None:
    import numpy as np

    steps, spent = (np.array([0, *column], float) for column in hours)
    above = axis.secondary_xaxis(
        "top",
        functions=(lambda step: np.interp(step, steps, spent), lambda hour: np.interp(hour, spent, steps)),
    )
    above.set_xlabel("hours")
