"""Where encoded frames go: a file a frame, a file an input, or one stream; COCO's array is one for the whole run."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from edgepose.domain import FrameResult
from edgepose.errors import EdgeposeError
from edgepose.formats.coco import ImageIds, image_entry, person_results
from edgepose.formats.folder import OutputFolder
from edgepose.formats.origin import Origin

Encode = Callable[[FrameResult, Origin], str]


class Writer(Protocol):
    """Takes frame after frame; what was added stays, whatever comes later."""

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write one frame. Raises EdgeposeError when it can't be written."""

    def close(self) -> None:
        """Finish what is open."""


class FilePerFrame:
    """FRAME_STEM + suffix, as OpenPose writes its results."""

    def __init__(self, folder: OutputFolder, encode: Encode, suffix: str) -> None:
        self._folder, self._encode, self._suffix = folder, encode, suffix

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's file."""
        path = self._folder.fresh(f"{origin.frame_stem}{self._suffix}")
        with _explained(path):
            path.write_text(self._encode(result, origin) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Nothing is open."""


class FilePerInput:
    """INPUT_STEM + suffix with a line a frame. Inputs come one after another."""

    def __init__(self, folder: OutputFolder, encode: Encode, suffix: str) -> None:
        self._folder, self._encode, self._suffix = folder, encode, suffix
        self._stem: str | None = None
        self._lines: Lines | None = None

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's line, into a new file where another input begins."""
        if self._lines is None or origin.input_stem != self._stem:
            self.close()
            self._stem = origin.input_stem
            self._lines = Lines(_open(self._folder, f"{self._stem}{self._suffix}"), self._encode, owned=True)
        self._lines.add(result, origin)

    def close(self) -> None:
        """Close the last input's file."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None


class Lines:
    """A line a frame on a stream, each there for the reader at once."""

    def __init__(self, stream: TextIO, encode: Encode, *, owned: bool = False) -> None:
        """owned: whether close() closes the stream."""
        self._stream, self._encode, self._owned = stream, encode, owned

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's line."""
        _write(self._stream, self._encode(result, origin) + "\n", flush=True)

    def close(self) -> None:
        """Close the stream where it is ours."""
        if self._owned:
            _close(self._stream)


class CocoArray:
    """One array of all people of the run, and beside it, in a folder, which picture each image id means."""

    RESULTS, IMAGES = "coco_results.json", "coco_images.json"

    def __init__(self, out: OutputFolder | TextIO, ids: ImageIds) -> None:
        self._ids = ids
        if isinstance(out, OutputFolder):
            self._results = _Array(_open(out, self.RESULTS), owned=True)
            self._images: _Array | None = _Array(_open(out, self.IMAGES), owned=True)
        else:
            self._results, self._images = _Array(out, owned=False), None

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's people."""
        name = origin.source if result.frame.name else origin.frame_stem
        image_id = self._ids.of(name)
        for entry in person_results(result, image_id):
            self._results.add(entry)
        if self._images:
            self._images.add(image_entry(result, image_id, name))

    def close(self) -> None:
        """End the arrays, so that what was found until now can be read."""
        self._results.close()
        if self._images:
            self._images.close()


class _Array:
    """A JSON array, an element a line, written as it grows."""

    def __init__(self, stream: TextIO, *, owned: bool) -> None:
        self._stream, self._owned = stream, owned
        self._before = "["

    def add(self, element: dict[str, object]) -> None:
        _write(self._stream, f"{self._before}\n{json.dumps(element, separators=(',', ':'))}")
        self._before = ","

    def close(self) -> None:
        _write(self._stream, "[]\n" if self._before == "[" else "\n]\n", flush=True)
        if self._owned:
            _close(self._stream)


def _open(folder: OutputFolder, name: str) -> TextIO:
    path = folder.fresh(name)
    with _explained(path):
        return path.open("x", encoding="utf-8")


def _write(stream: TextIO, text: str, *, flush: bool = False) -> None:
    with _explained(_name(stream)):
        stream.write(text)
        if flush:
            stream.flush()


def _close(stream: TextIO) -> None:
    with _explained(_name(stream)):
        stream.close()


def _name(stream: TextIO) -> str:
    return str(getattr(stream, "name", "the output"))


@contextmanager
def _explained(name: Path | str) -> Iterator[None]:
    """A failed write in one sentence; a reader that went away, as `| head` does, is left to the command line."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise EdgeposeError(f"can't write {name}: {exc.strerror}") from exc
