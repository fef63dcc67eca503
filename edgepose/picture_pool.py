"""Pictures done at once, a process a core: each has its own network, and the results come back in order."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from edgepose.adapters.sources import open_source
from edgepose.domain import ByteArray, FrameResult
from edgepose.errors import EdgeposeError, SourceError
from edgepose.formats import Origin, Writer
from edgepose.inputs import Input
from edgepose.pipeline import Stages
from edgepose.prediction import Work

_AHEAD = 4
"""Pictures given to each process beyond the one at work, so that none waits for the slowest."""
Equip = Callable[[Any], tuple[Stages, Sequence[Writer]]]
"""A module's function that builds, from settings that can be sent, a process's stages and the writers that want to see
the picture itself."""


@dataclass(frozen=True)
class Size:
    """What is left of a picture in a result from another process."""

    width: int
    height: int

    def rgb(self, width: int, height: int) -> ByteArray:  # noqa: ARG002
        """There are no pixels any more."""
        raise EdgeposeError("the pixels of this picture stayed in the process that read it")


class PicturePool:
    """Processes that live until close()."""

    def __init__(self, processes: int, equip: Equip, settings: object) -> None:
        """Nothing is started before the first picture."""
        self._processes = processes
        self._executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start, (equip, settings))

    def __call__(self, works: Iterable[Work]) -> Iterator[tuple[Work, FrameResult | SourceError]]:
        """Results in the order of the pictures. Raises EdgeposeError where a process fails."""
        waiting: deque[tuple[Work, Future[FrameResult | SourceError]]] = deque()
        for work in works:
            waiting.append((work, self._executor.submit(_one, *work)))
            if len(waiting) > self._processes * (_AHEAD + 1):
                yield self._oldest(waiting)
        while waiting:
            yield self._oldest(waiting)

    def close(self) -> None:
        """End the processes, after the pictures they have at hand."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _oldest(
        self, waiting: deque[tuple[Work, Future[FrameResult | SourceError]]]
    ) -> tuple[Work, FrameResult | SourceError]:
        work, future = waiting.popleft()
        try:
            return work, future.result()
        except BrokenProcessPool as exc:
            raise EdgeposeError(
                f"a process died near {work[0].text}, perhaps for lack of memory; try fewer of them with --jobs"
            ) from exc


_equipped: tuple[Stages, Sequence[Writer]] | None = None
_trouble: EdgeposeError | None = None


def _start(equip: Equip, settings: object) -> None:
    """What a process does first. A failure is kept for its first picture, which can tell of it."""
    global _equipped, _trouble  # noqa: PLW0603
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides
    try:
        _equipped = equip(settings)
    except EdgeposeError as exc:
        _trouble = exc


def _one(given: Input, origin: Origin) -> FrameResult | SourceError:
    if _equipped is None:
        raise _trouble or EdgeposeError("a process started without its network")
    stages, writers = _equipped
    source = open_source(given.source, stall_timeout_s=10.0)
    try:
        frame = next(source.frames())
        result = stages(frame)
        for writer in writers:
            writer.add(result, origin)
    except SourceError as exc:
        return exc
    finally:
        source.close()
    picture = frame.picture
    return replace(result, frame=replace(frame, picture=Size(picture.width, picture.height)), maps=None)
