"""Frames through the pipeline in order, with the network kept busy: what comes before and after it overlaps with it.

Three threads, each handing values to the next: one fits frames into the network's input (of a live camera the network's
own thread does that, so that it takes the newest frame at the last moment), one runs the network and the association,
and the caller's follows the people and publishes. The runtime lets other threads run while the network does.
"""

from collections.abc import Generator, Iterator

from edgepose.adapters.prefetch import prefetch
from edgepose.domain import Frame, FrameResult
from edgepose.pipeline import Fitted, Pipeline
from edgepose.ports import Source

_AHEAD = 1
"""Values that wait between two threads: enough for either to go on at once, and too few for a backlog."""


def flow(source: Source, pipeline: Pipeline) -> Generator[FrameResult]:
    """A result for each frame of a source. Raises what the source and the pipeline raise, in its place.

    Close the source before this: it ends when the frame at work is done.
    """
    fitted = _fitted(source.frames(), pipeline)
    return prefetch(_looked_at(fitted if source.live else prefetch(fitted, _AHEAD), pipeline), _AHEAD)


def _fitted(frames: Iterator[Frame], pipeline: Pipeline) -> Generator[Fitted]:
    for frame in frames:
        yield pipeline.fit(frame)


def _looked_at(fitted: Generator[Fitted], pipeline: Pipeline) -> Generator[FrameResult]:
    try:
        for each in fitted:
            yield pipeline.look(each)
    finally:
        fitted.close()
