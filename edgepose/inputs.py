"""What the words after `edgepose predict` mean: pictures, folders, videos, streams, cameras."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgepose.adapters.still_av import SUFFIXES
from edgepose.config import FileSource, HttpSource, RtspSource, SourceConfig, V4l2Source
from edgepose.errors import UsageError


@dataclass(frozen=True)
class Input:
    """One picture, clip, stream or camera."""

    text: str
    """The path or URL."""
    group: str
    """The folder that it came with, or the same as text: what a file for the whole input is named after."""
    source: SourceConfig

    @property
    def picture(self) -> bool:
        """Whether its name says that it is a still picture."""
        return isinstance(self.source, FileSource) and _is_picture(Path(self.text))


def read_inputs(words: Sequence[str]) -> tuple[Input, ...]:
    """Every input in order, a folder's pictures by name. Raises UsageError for a word that can't be meant."""
    return tuple(found for word in words for found in _meant(word))


def _meant(word: str) -> Iterator[Input]:
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", word)
    if scheme:
        yield Input(word, word, _stream(scheme[1].lower(), word))
    elif re.fullmatch(r"/dev/video\w+", word) or Path(word).is_char_device():
        yield Input(word, word, V4l2Source(device=word))
    elif Path(word).is_dir():
        # A picture each, and not one source for the folder, so that one that can't be read doesn't keep the others.
        pictures = sorted(f for f in Path(word).iterdir() if _is_picture(f) and not f.name.startswith("."))
        if not pictures:
            raise UsageError(f"the folder {word} holds no pictures; they end in .jpg, .png or the like")
        for file in pictures:
            yield Input(str(file), word, FileSource(path=str(file)))
    else:
        yield Input(word, word, FileSource(path=word))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _stream(scheme: str, url: str) -> SourceConfig:
    if scheme in ("rtsp", "rtsps"):
        return RtspSource(url=url)
    if scheme in ("http", "https"):
        return HttpSource(url=url)
    raise UsageError(f"can't read {scheme}:// streams; there are rtsp://, http:// and https://")
