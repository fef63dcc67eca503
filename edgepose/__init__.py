"""Multi-person pose on the edge: a camera frame in, skeletons out over MQTT, no picture ever leaving the device."""

from edgepose.version import __version__

__all__ = ["__version__"]
