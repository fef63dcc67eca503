"""Plays inputs through the stages into writers, one after the other, and counts what came of them."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from edgepose import interrupts
from edgepose.domain import Frame, FrameResult
from edgepose.errors import SourceError
from edgepose.formats import Origin, Stems, Writer, without_credentials
from edgepose.inputs import Input
from edgepose.pipeline import Stages
from edgepose.ports import Source
from edgepose.progress import Progress

_TIMES_KEPT = 10_000
"""Of a stream that goes on for days, the median is that of the latest frames."""
Work = tuple[Input, Origin]
"""A picture, and the names of what is made from it."""
Pool = Callable[[Iterable[Work]], Iterable[tuple[Work, FrameResult | SourceError]]]
"""Does pictures at once, in other processes, and gives their results in order."""


class Prediction:
    """One run over all its inputs."""

    def __init__(
        self,
        stages_of: Callable[[Input], Stages],
        writers: Sequence[Writer],
        progress: Progress,
        *,
        only_missing: bool = False,
    ) -> None:
        """stages_of: the stages for an input. only_missing: leave out frames that all writers have from before."""
        self._stages_of, self._writers, self._progress = stages_of, writers, progress
        self._only_missing = only_missing
        self._stems = Stems()
        self._started = time.perf_counter()
        self._network_ms: deque[float] = deque(maxlen=_TIMES_KEPT)
        self.frames = self.people = self.failed = self.skipped = 0

    def play_all(self, inputs: Sequence[Input], open_source: Callable[[Input], Source], pool: Pool | None) -> None:
        """Every input in turn; one that fails is told and counted, and does not keep the others.

        What was read of it before stays written. Pictures go to the pool, where there is one. Raises what stages and
        writers raise.
        """
        for picture, group in groupby(inputs, lambda given: given.picture):
            if picture and pool is not None:
                self._play_pictures(group, pool)
            else:
                for given in group:
                    self._play(given, open_source(given))

    def _play(self, given: Input, source: Source) -> None:
        if given.picture and self._has(self._origin(given, seq=0, still=True)):
            source.close()
            return
        try:
            stages = self._stages_of(given)
            for frame in source.frames():
                interrupts.check()
                self._take(given, frame, stages)
        except SourceError as exc:
            self._fail(exc)
        finally:
            source.close()

    def _play_pictures(self, group: Iterable[Input], pool: Pool) -> None:
        origins = ((given, self._origin(given, seq=0, still=True)) for given in group)
        for (_, origin), result in pool(work for work in origins if not self._has(work[1])):
            if isinstance(result, SourceError):
                self._fail(result)
            else:
                self._write(result, origin)

    def _take(self, given: Input, frame: Frame, stages: Stages) -> None:
        origin = self._origin(given, seq=frame.seq, still=bool(frame.name))
        if not self._has(origin):
            self._write(stages(frame), origin)

    def _write(self, result: FrameResult, origin: Origin) -> None:
        for writer in self._writers:
            writer.add(result, origin)
        self._count(result)
        self._progress.step()

    def _has(self, origin: Origin) -> bool:
        """Whether nothing is left to do for this frame; counts it then."""
        if not self._only_missing or not all(writer.has(origin) for writer in self._writers):
            return False
        self.skipped += 1
        self._progress.step()
        return True

    def _fail(self, reason: SourceError) -> None:
        self.failed += 1
        self._progress.say(f"edgepose: {reason}")

    def _origin(self, given: Input, *, seq: int, still: bool) -> Origin:
        stem = self._stems.of(given.text)
        return Origin(
            source=without_credentials(given.text),
            input_stem=self._stems.of(given.group),
            frame_stem=stem if still else f"{stem}_{seq:012d}",
            seq=seq,
            still=still,
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
        if self.skipped:
            found += f"; {_counted(self.skipped, 'frame')} done before"
        return f"{found}; {_counted(self.failed, 'input')} failed" if self.failed else found


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
