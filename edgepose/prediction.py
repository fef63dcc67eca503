"""Plays inputs through the stages into writers, one after the other, and counts what came of them."""

import statistics
import time
from collections import deque
from collections.abc import Mapping, Sequence

from edgepose.domain import Frame, FrameResult
from edgepose.errors import SourceError
from edgepose.formats import Origin, Stems, Writer, without_credentials
from edgepose.inputs import Input
from edgepose.pipeline import Stages
from edgepose.ports import Source
from edgepose.progress import Progress

_TIMES_KEPT = 10_000
"""Of a stream that goes on for days, the median is that of the latest frames."""


class Prediction:
    """One run over all its inputs."""

    def __init__(self, stages: Stages, writers: Sequence[Writer], progress: Progress) -> None:
        self._stages, self._writers, self._progress = stages, writers, progress
        self._stems = Stems()
        self._started = time.perf_counter()
        self._network_ms: deque[float] = deque(maxlen=_TIMES_KEPT)
        self.frames = self.people = self.failed = 0

    def play_all(self, sources: Mapping[Input, Source]) -> None:
        """Every input in turn; one that fails is told and counted, and does not keep the others.

        What was read of it before stays written. Raises what stages and writers raise.
        """
        for given, source in sources.items():
            try:
                for frame in source.frames():
                    self._take(given, frame)
            except SourceError as exc:
                self.failed += 1
                self._progress.say(f"edgepose: {exc}")
            finally:
                source.close()

    def _take(self, given: Input, frame: Frame) -> None:
        result = self._stages(frame)
        origin = self._origin(given, frame)
        for writer in self._writers:
            writer.add(result, origin)
        self._count(result)
        self._progress.step()

    def _origin(self, given: Input, frame: Frame) -> Origin:
        stem = self._stems.of(given.text)
        return Origin(
            source=without_credentials(given.text),
            input_stem=self._stems.of(given.group),
            frame_stem=stem if frame.name else f"{stem}_{frame.seq:012d}",
        )

    def _count(self, result: FrameResult) -> None:
        self.frames += 1
        self.people += len(result.tracks)
        self._network_ms.append(result.times.infer + result.times.associate)

    def summary(self) -> str:
        """`64 frames, 93 skeletons in 8.9 s, network and association 28.5 ms (median); 1 input failed`."""
        seconds = time.perf_counter() - self._started
        found = f"{_counted(self.frames, 'frame')}, {_counted(self.people, 'skeleton')} in {seconds:.1f} s"
        if self.frames:
            found += f", network and association {statistics.median(self._network_ms):.1f} ms (median)"
        return f"{found}; {_counted(self.failed, 'input')} failed" if self.failed else found


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
