"""Where encoded frames go: a file a frame, a file an input, or one stream; COCO's array is one for the whole run."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from edgepose.domain import FrameResult
from edgepose.errors import EdgeposeError
from edgepose.formats.coco import ImageIds, image_entry
from edgepose.formats.folder import OutputFolder
from edgepose.formats.origin import Origin

Encode = Callable[[FrameResult, Origin], str]
Entries = Callable[[FrameResult, int], list[dict[str, Any]]]


class Writer(Protocol):
    """Takes frame after frame; what was added stays, whatever comes later."""

    def has(self, origin: Origin) -> bool:
        """Whether an earlier run has left this frame, whole; for a run that goes on where that one stopped."""

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write one frame. Raises EdgeposeError when it can't be written."""

    def close(self) -> None:
        """Finish what is open."""


class FilePerFrame:
    """FRAME_STEM + suffix, as OpenPose writes its results."""

    def __init__(self, folder: OutputFolder, encode: Encode, suffix: str) -> None:
        self._folder, self._encode, self._suffix = folder, encode, suffix

    def has(self, origin: Origin) -> bool:
        """Whether the frame's file is there."""
        return self._folder.holds(origin.frame_stem + self._suffix)

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's file."""
        text = self._encode(result, origin) + "\n"
        name = origin.frame_stem + self._suffix
        with _explained(self._folder.path / name):
            self._folder.put(name, lambda path: _fill(path, text))

    def close(self) -> None:
        """Nothing is open."""


class FilePerInput:
    """INPUT_STEM + suffix with a line of JSON a frame. Inputs come one after another."""

    def __init__(self, folder: OutputFolder, encode: Encode, suffix: str, *, resume: bool = False) -> None:
        """resume: go on in the files of an earlier run."""
        self._folder, self._encode, self._suffix, self._resume = folder, encode, suffix, resume
        self._stem: str | None = None
        self._lines: Lines | None = None
        self._there: set[tuple[str, int]] = set()

    def has(self, origin: Origin) -> bool:
        """Whether the input's file has the frame's line."""
        self._turn_to(origin)
        return (origin.source, origin.seq) in self._there

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's line, into a new file where another input begins."""
        if self.has(origin):
            return
        if self._lines:
            self._lines.add(result, origin)

    def close(self) -> None:
        """Close the last input's file."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def _turn_to(self, origin: Origin) -> None:
        if self._lines is not None and origin.input_stem == self._stem:
            return
        self.close()
        self._stem = origin.input_stem
        name = f"{self._stem}{self._suffix}"
        before = _whole_lines(self._folder.path / name) if self._resume and self._folder.holds(name) else {}
        self._there = {_place(document) for document in before.values()}
        stream = _open(self._folder, name)
        _write(stream, "".join(f"{line}\n" for line in before), flush=True)
        self._lines = Lines(stream, self._encode, owned=True)


class Lines:
    """A line a frame on a stream, each there for the reader at once."""

    def __init__(self, stream: TextIO, encode: Encode, *, owned: bool = False) -> None:
        """owned: whether close() closes the stream."""
        self._stream, self._encode, self._owned = stream, encode, owned

    def has(self, origin: Origin) -> bool:  # noqa: ARG002
        """A stream keeps nothing."""
        return False

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

    def __init__(self, out: OutputFolder | TextIO, ids: ImageIds, entries: Entries, *, resume: bool = False) -> None:
        """resume: go on in the files of an earlier run."""
        self._ids, self._entries = ids, entries
        self._there: set[str] = set()
        images, results = self._earlier(out.path) if resume and isinstance(out, OutputFolder) else ([], [])
        if isinstance(out, OutputFolder):
            self._results = _Array(_open(out, self.RESULTS), owned=True)
            self._images: _Array | None = _Array(_open(out, self.IMAGES), owned=True)
        else:
            self._results, self._images = _Array(out, owned=False), None
        for entry in results:
            self._results.add(entry)
        for image in images:
            self._note(image)

    def has(self, origin: Origin) -> bool:
        """Whether the frame is among the images."""
        return _coco_name(origin) in self._there

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's people."""
        name = _coco_name(origin)
        if name in self._there:
            return
        image_id = self._ids.of(name)
        for entry in self._entries(result, image_id):
            self._results.add(entry)
        self._results.flush()  # before the image is told of, so that a picture that is told of is whole
        self._note(image_entry(result, image_id, name))

    def close(self) -> None:
        """End the arrays, so that what was found until now can be read."""
        self._results.close()
        if self._images:
            self._images.close()

    def _earlier(self, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Images that were done, and the people in them."""
        images = [line for line in _whole_lines(folder / self.IMAGES).values() if "file_name" in line]
        done = {image["id"] for image in images}
        results = [line for line in _whole_lines(folder / self.RESULTS).values() if line.get("image_id") in done]
        return images, results

    def _note(self, image: dict[str, Any]) -> None:
        if self._images:
            self._images.add(image)
            self._there.add(image["file_name"])
            self._ids.remember(image["file_name"], image["id"])


class _Array:
    """A JSON array, an element a line, written as it grows."""

    def __init__(self, stream: TextIO, *, owned: bool) -> None:
        self._stream, self._owned = stream, owned
        self._before = "["

    def add(self, element: dict[str, Any]) -> None:
        _write(self._stream, f"{self._before}\n{json.dumps(element, separators=(',', ':'))}")
        self._before = ","

    def flush(self) -> None:
        _write(self._stream, "", flush=True)

    def close(self) -> None:
        _write(self._stream, "[]\n" if self._before == "[" else "\n]\n", flush=True)
        if self._owned:
            _close(self._stream)


def _coco_name(origin: Origin) -> str:
    return origin.source if origin.still else origin.frame_stem


def _whole_lines(path: Path) -> dict[str, dict[str, Any]]:
    """The lines of a file that are JSON objects, a comma after them or not; a last one that was cut off is none."""
    whole = {}
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines():
        try:
            document = json.loads(line.rstrip(","))
        except ValueError:
            continue
        if isinstance(document, dict):
            whole[line.rstrip(",")] = document
    return whole


def _place(document: dict[str, Any]) -> tuple[str, int]:
    return str(document.get("file", document.get("source"))), int(document.get("seq", 0))


def _fill(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


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
