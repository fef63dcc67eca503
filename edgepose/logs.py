"""The daemon's log on standard error, in the form that its reader wants."""

import json
import logging
import os
import sys
import time

from edgepose.config import Logging

# syslog(3) priorities, which the journal reads from a leading <N> (sd-daemon(3)).
_PRIORITY = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


class _JournalFormatter(logging.Formatter):
    """A priority and the message, on every line of it; the journal itself knows when and who."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITY.get(record.levelname, 6)}>"
        return "\n".join(priority + line for line in super().format(record).splitlines() or [""])


class _JsonFormatter(logging.Formatter):
    """An object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class _TextFormatter(logging.Formatter):
    """Local time, level, message."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        return time.strftime("%H:%M:%S", time.localtime(record.created)) + f".{int(record.msecs):03d}"


def leads_to_journal(environment: "os._Environ[str] | dict[str, str]" = os.environ) -> bool:
    """Whether standard error is systemd's journal: $JOURNAL_STREAM holds its device and inode (systemd.exec(5))."""
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def last_word(sentence: str) -> None:
    """Write why the program ends to standard error, where the journal takes it for an error."""
    print(("<3>" if leads_to_journal() else "") + sentence, file=sys.stderr)  # noqa: T201


def start_logging(settings: Logging) -> None:
    """Send the log of all of edgepose to standard error; calling it again changes level and form."""
    formatter: logging.Formatter = {
        "journal": _JournalFormatter("%(message)s"),
        "json": _JsonFormatter(),
        "text": _TextFormatter("%(asctime)s %(levelname)-7s %(message)s"),
    }[settings.format or ("journal" if leads_to_journal() else "text")]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger("edgepose")
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    root.propagate = False
