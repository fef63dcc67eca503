"""How well alerts agree with labels: sensitivity, specificity, precision, false alarms an hour, time to alert."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edgepose.errors import UsageError


@dataclass(frozen=True)
class Label:
    """What a clip shows."""

    clip: str
    """The file's name."""
    source: str
    """Where it is from; parts after a slash (rooms) are told apart as well as together."""
    fall: bool
    impact_s: float | None
    """When the fall is over, seconds, where known."""


@dataclass(frozen=True)
class Outcome:
    """What a replay made of a clip."""

    clip: str
    duration_s: float
    alerts_s: tuple[float, ...]
    """When falls were confirmed."""


@dataclass(frozen=True)
class Score:
    """Counts of one source and what follows from them."""

    source: str
    falls: int
    found: int
    others: int
    quiet: int
    hours: float
    """Of clips without a fall."""
    false_alarms: int
    delays_s: tuple[float, ...]
    """From the impact to the alert."""

    @property
    def sensitivity(self) -> float | None:
        """Share of the falls that were alerted for."""
        return self.found / self.falls if self.falls else None

    @property
    def specificity(self) -> float | None:
        """Share of the other clips without an alert."""
        return self.quiet / self.others if self.others else None

    @property
    def precision(self) -> float | None:
        """Share of the clips with an alert that show a fall."""
        alerted = self.found + self.others - self.quiet
        return self.found / alerted if alerted else None

    @property
    def false_alarms_per_hour(self) -> float | None:
        """In clips without a fall."""
        return self.false_alarms / self.hours if self.hours else None


def read_labels(path: Path) -> dict[str, Label]:
    """By file name, from a CSV with a header. Raises UsageError.

    Columns: file, label (fall, or anything else), and, where known, source, fall_end (a frame's number) and fps.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"the labels in {path} can't be read: {exc}") from exc
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise UsageError(f"{path} needs a header with at least the columns file and label (and source, fall_end, fps)")
    return {row["file"]: _label(row, path) for row in rows}


def _label(row: Mapping[str, str], path: Path) -> Label:
    fall = row["label"].strip().lower() == "fall"
    try:
        impact_s = float(row["fall_end"]) / float(row["fps"]) if fall and row.get("fall_end") else None
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as exc:
        raise UsageError(f"{path}: fall_end and fps of {row['file']} must be numbers") from exc
    return Label(row["file"], row.get("source") or "all", fall, impact_s)


def scores(labels: Mapping[str, Label], outcomes: Sequence[Outcome]) -> list[Score]:
    """A score a source, rooms within one after it, and all together last; clips without a label don't count."""
    known = [(labels[outcome.clip], outcome) for outcome in outcomes if outcome.clip in labels]
    groups: dict[str, list[tuple[Label, Outcome]]] = {}
    for pair in known:
        source = pair[0].source
        for name in dict.fromkeys((source.split("/")[0], source)):
            groups.setdefault(name, []).append(pair)
    table = [_score(name, pairs) for name, pairs in sorted(groups.items())]
    return [*table, _score("all", known)] if len(table) > 1 else table


def _score(source: str, pairs: Sequence[tuple[Label, Outcome]]) -> Score:
    falls = [(label, outcome) for label, outcome in pairs if label.fall]
    others = [outcome for label, outcome in pairs if not label.fall]
    return Score(
        source=source,
        falls=len(falls),
        found=sum(bool(outcome.alerts_s) for _, outcome in falls),
        others=len(others),
        quiet=sum(not outcome.alerts_s for outcome in others),
        hours=sum(outcome.duration_s for outcome in others) / 3600,
        false_alarms=sum(len(outcome.alerts_s) for outcome in others),
        delays_s=tuple(
            max(0.0, outcome.alerts_s[0] - label.impact_s)
            for label, outcome in falls
            if outcome.alerts_s and label.impact_s is not None
        ),
    )


def report(labels: Mapping[str, Label], outcomes: Sequence[Outcome]) -> list[str]:
    """The table, then the falls that were missed and the false alarms, by name."""
    lines = [
        f"{'source':<24}{'falls':>7}{'found':>7}{'sens.':>8}{'others':>8}{'quiet':>7}{'spec.':>8}{'prec.':>8}"
        f"{'false/h':>9}{'to alert, s (median, max)':>27}"
    ]
    lines += [_line(score) for score in scores(labels, outcomes)]
    known = [outcome for outcome in outcomes if outcome.clip in labels]
    missed = [outcome.clip for outcome in known if labels[outcome.clip].fall and not outcome.alerts_s]
    false = [outcome.clip for outcome in known if not labels[outcome.clip].fall and outcome.alerts_s]
    lines.append(f"missed falls: {', '.join(missed) or 'none'}")
    lines.append(f"false alarms: {', '.join(false) or 'none'}")
    unlabelled = len(outcomes) - len(known)
    if unlabelled:
        lines.append(f"{unlabelled} clips have no label and don't count")
    return lines


def _line(score: Score) -> str:
    delays = f"{median(score.delays_s):.1f}, {max(score.delays_s):.1f}" if score.delays_s else "-"
    return (
        f"{score.source:<24}{score.falls:>7}{score.found:>7}{_share(score.sensitivity):>8}{score.others:>8}"
        f"{score.quiet:>7}{_share(score.specificity):>8}{_share(score.precision):>8}"
        f"{_share(score.false_alarms_per_hour):>9}{delays:>27}"
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
