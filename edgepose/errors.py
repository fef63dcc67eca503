"""What can go wrong, and the exit code each one ends a command with."""

from typing import ClassVar


class EdgeposeError(Exception):
    """Base of all errors of edgepose; its text is one sentence that tells the reader what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(EdgeposeError):
    """The command line asks for something that can't be meant."""

    exit_code = 2


class ConfigError(EdgeposeError):
    """The configuration file can't be used (EX_CONFIG of sysexits.h)."""

    exit_code = 78


class SourceError(EdgeposeError):
    """A camera, stream, clip or picture could not be opened or read."""


class SourceEndedEarlyError(SourceError):
    """A file ended before the length that its own header promises."""


class ModelError(EdgeposeError):
    """A network or its sidecar is missing, corrupt, or contradicts the other."""


class PublishError(EdgeposeError):
    """The broker can't be reached or refuses us."""
