"""What outlives a session, and with a folder the process: waiting events, standing alerts, verdicts, switches."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from edgepose.alerts import Alerts, Files, NoFiles
from edgepose.event_queue import DiskReports
from edgepose.outbox import MemoryReports, Reports
from edgepose.state_folder import StateFolder
from edgepose.switches import Switches
from edgepose.verdicts import Verdicts
from edgepose.wire_care import EventMessage


@dataclass(frozen=True)
class Lasting:
    """Made once a process, handed from session to session."""

    reports: Reports
    alerts: Alerts
    switches: Switches
    verdicts: Verdicts
    folder: StateFolder | None = None
    """None where nothing outlives the process."""

    @property
    def files(self) -> Files:
        """For whatever else has to last."""
        return self.folder or self._no_files

    _no_files = NoFiles()

    @classmethod
    def in_memory(cls) -> Self:
        """Lasts as long as the process."""
        return cls(MemoryReports(), Alerts(NoFiles()), Switches(NoFiles()), Verdicts(NoFiles()))

    @classmethod
    def in_folder(cls, path: Path) -> Self:
        """Lasts. Raises EdgeposeError where another process uses the folder; one that can't be written is logged."""
        folder = StateFolder(path)
        reports = DiskReports(path / "events.queue", time.monotonic())
        alerts = Alerts(folder)
        alerts.catch_up(_events(reports))
        return cls(reports, alerts, Switches(folder), Verdicts(folder), folder)

    @property
    def durable(self) -> bool:
        """Whether waiting events would survive a power cut now."""
        return isinstance(self.reports, DiskReports) and self.reports.durable

    @property
    def unsaved(self) -> int:
        """How often the disk took nothing."""
        queue = self.reports.unsaved if isinstance(self.reports, DiskReports) else 0
        return queue + (self.folder.unsaved if self.folder else 0)

    def close(self) -> None:
        """Let go of the folder."""
        if isinstance(self.reports, DiskReports):
            self.reports.close()
        if self.folder is not None:
            self.folder.close()


def _events(reports: Reports) -> Iterator[EventMessage]:
    """The events that wait, in order."""
    number = -1
    while (report := reports.after(number)) is not None:
        number = report.number
        if report.message.topic.endswith("/event"):
            with suppress(msgspec.DecodeError):  # of another version
                yield msgspec.json.decode(report.message.payload, type=EventMessage)
