"""Files as a source: a video, a still picture, or a folder of pictures; every frame is delivered."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from edgepose.adapters import still_av
from edgepose.adapters.clip_av import clip_shots
from edgepose.adapters.picture_av import Scaler
from edgepose.adapters.prefetch import prefetch
from edgepose.adapters.shot import Shot, unreadable
from edgepose.domain import Frame
from edgepose.errors import SourceError

_AHEAD = 3
"""Frames decoded before they are asked for: enough to hide decoding behind inference; each may hold some MB."""
_STILL_S = 1.0
"""The pictures of a folder are taken to be so many seconds apart."""


class FileSource:
    """Plays a file once, or again and again. Still pictures carry their file's name."""

    live = False

    def __init__(self, path: Path, loop: bool = False, realtime: bool = False) -> None:
        """realtime: wait, so that frames come at the file's own pace, and not as fast as they are taken."""
        self._path = path
        self._loop = loop
        self._realtime = realtime
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        """Every frame in order, stamped when it is handed out; time goes on from round to round of a loop.

        Raises SourceError when there is nothing that can be read, SourceEndedEarlyError when a file is cut off.
        """
        started = time.monotonic()
        with closing(prefetch(self._rounds(), _AHEAD)) as shots:
            for seq, shot in enumerate(shots):
                if self._realtime:
                    self._closed.wait(max(0.0, started + shot.t_s - time.monotonic()))
                if self._closed.is_set():
                    return
                yield Frame(shot.picture, t_s=shot.t_s, mono_ns=time.monotonic_ns(), seq=seq, name=shot.name)

    def close(self) -> None:
        """End frames()."""
        self._closed.set()

    def _rounds(self) -> Generator[Shot]:
        """The shots of one round, or of endless ones."""
        offset_s = 0.0
        while True:
            last_s, step_s = 0.0, _STILL_S
            with closing(file_shots(self._path)) as shots:
                for shot in shots:
                    step_s = shot.t_s - last_s or step_s
                    last_s = shot.t_s
                    yield replace(shot, t_s=offset_s + shot.t_s)
            if not self._loop:
                return
            offset_s += last_s + step_s


def file_shots(path: Path) -> Generator[Shot]:
    """The pictures of a video, of a still picture, or of a folder of those, sorted by name."""
    scaler = Scaler()
    if path.is_dir():
        for place, picture in enumerate(_pictures(path)):
            yield Shot(still_av.read_still(picture, scaler), place * _STILL_S, picture.name)
    elif _is_still(path):
        yield Shot(still_av.read_still(path, scaler), 0.0, path.name)
    else:
        yield from clip_shots(path, scaler)


def _is_still(path: Path) -> bool:
    return path.suffix.lower() in still_av.SUFFIXES


def _pictures(folder: Path) -> list[Path]:
    try:
        pictures = sorted(entry for entry in folder.iterdir() if _is_still(entry) and not entry.name.startswith("."))
    except OSError as exc:
        raise unreadable(folder, exc) from exc
    if not pictures:
        raise SourceError(f"the folder {folder} holds no pictures; they end in .jpg, .png or the like")
    return pictures
