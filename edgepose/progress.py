"""A progress bar on standard error for long work, when somebody watches it on a terminal."""

import sys
from types import TracebackType
from typing import Any, Self


class Progress:
    """Counts steps; a bar with rate and remaining time on a terminal, nothing in a pipe or a log."""

    def __init__(self, total: int | None, unit: str, *, enabled: bool | None = None) -> None:
        """total: steps to come, or None where nobody knows. enabled: left out, whether standard error is a terminal."""
        shown = sys.stderr.isatty() if enabled is None else enabled
        self._bar: Any = _bar(total, unit) if shown else None

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        if self._bar is not None:
            self._bar.update(count)

    def say(self, sentence: str) -> None:
        """A line on standard error that doesn't tear the bar."""
        if self._bar is not None:
            self._bar.write(sentence, file=sys.stderr)
        else:
            sys.stderr.write(f"{sentence}\n")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _bar(total: int | None, unit: str) -> Any:
    """A bar of tqdm, which comes with ai-edge-litert; None where it is missing."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, smoothing=0.1)
