"""Fixtures that many tests share."""

from tests.broker import authority, mosquitto, read, server_certificate, start_mosquitto

__all__ = ["authority", "mosquitto", "read", "server_certificate", "start_mosquitto"]
