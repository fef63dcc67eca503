"""What people said of alerts, right or false, with what each was concluded from: for tuning the rules by it later."""

from collections import deque
from collections.abc import Iterable

import msgspec

from edgepose.alerts import Files
from edgepose.wire_care import EventMessage

FILE = "verdicts.jsonl"
"""One acknowledged event a line, as it went out, oldest first: `by` and `verdict` stand in its evidence."""
MOST = 500
"""Older ones make way."""


class Verdicts:
    """The last verdicts, over restarts as well."""

    def __init__(self, files: Files) -> None:
        """Go on where the last process ended."""
        self._files = files
        self._lines = deque((files.read(FILE) or b"").splitlines(), maxlen=MOST)

    def keep(self, acknowledged: Iterable[EventMessage]) -> None:
        """Write down events that somebody has just acknowledged."""
        fresh = [msgspec.json.encode(event) for event in acknowledged]
        if fresh:
            self._lines.extend(fresh)
            self._files.write(FILE, b"".join(line + b"\n" for line in self._lines))
