"""Which version of MQTT to speak: 5, and 3.1.1 with a broker that doesn't know it."""

from paho.mqtt.enums import MQTTProtocolVersion

from edgepose.adapters.mqtt_trouble import Kind, Trouble

NAMES = {MQTTProtocolVersion.MQTTv5: "5", MQTTProtocolVersion.MQTTv311: "3.1.1"}


class ProtocolChoice:
    """Starts with 5 and remembers what the broker took."""

    def __init__(self) -> None:
        self.current = MQTTProtocolVersion.MQTTv5

    def reconsider(self, trouble: Trouble) -> bool:
        """Whether to try the other version at once, after a connection that ended with `trouble`.

        Some brokers answer an unknown version with code 0x84 (MQTT 5) or 1 (3.1.1), some just close. A broker that
        refuses 3.1.1 too gets 5 again, after the usual wait.
        """
        if trouble.kind not in (Kind.VERSION, Kind.SILENT):
            return False
        downgrade = self.current is MQTTProtocolVersion.MQTTv5
        self.current = MQTTProtocolVersion.MQTTv311 if downgrade else MQTTProtocolVersion.MQTTv5
        return downgrade
