"""Where a frame came from, in words that a file may carry."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True)
class Origin:
    """The input of a frame, and the names that files made from it get."""

    source: str
    """The path or URL as it was given, without user, password and query."""
    input_stem: str
    """File name without ending for all of the input, unique in a run."""
    frame_stem: str
    """File name without ending for this frame: the picture's own, or CLIP_000000000012."""
    seq: int = 0
    """Number of the frame in its input; 0 for a picture."""
    still: bool = False
    """Whether it is a picture of its own."""


@dataclass
class Stems:
    """Gives each file and stream of a run a stem of its own, so that two `a.jpg` don't write over each other."""

    _given: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def of(self, source: str) -> str:
        """The stem of a path or URL: always the same for the same one; `a`, then `a-2` for another file called `a`."""
        if source not in self._given:
            plain = _stem(source)
            names = (plain if count == 1 else f"{plain}-{count}" for count in range(1, len(self._taken) + 2))
            self._given[source] = next(name for name in names if name not in self._taken)
            self._taken.add(self._given[source])
        return self._given[source]


def without_credentials(source: str) -> str:
    """A URL without user, password and query, where cameras take passwords too; anything else as it is."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _stem(source: str) -> str:
    if "://" in source:
        parts = urlsplit(source)
        name = f"{parts.hostname or ''}_{parts.path.strip('/')}"
    else:
        name = Path(source).resolve().stem
    return re.sub(r"[^\w.-]+", "_", name).strip("_.") or "input"
