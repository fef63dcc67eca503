"""Why there is no connection to the broker, in one sentence that says what to do.

Reason codes: MQTT 5 section 3.2.2.2 (CONNACK) and 3.14.2.1 (DISCONNECT); paho gives those of 3.1.1 as the MQTT 5 code
of the same meaning.
"""

import re
import socket
import ssl
from dataclasses import dataclass
from enum import Enum

from edgepose import config


class Kind(Enum):
    """What sort of trouble it is."""

    AWAY = "away"
    """Not reached, or reached and not answering: try again."""
    LOST = "lost"
    """A connection that stood has ended."""
    SILENT = "silent"
    """Closed without an answer to CONNECT: perhaps it doesn't know this version of MQTT."""
    VERSION = "version"
    """It says that it doesn't know this version of MQTT."""
    REFUSED = "refused"
    """It doesn't want us."""
    TLS = "tls"
    """No trust between both ends."""
    SETTINGS = "settings"
    """A file that the configuration names can't be used."""


@dataclass(frozen=True)
class Trouble:
    """One reason."""

    kind: Kind
    text: str
    """A sentence without a full stop."""
    permanent: bool = False
    """True where trying again is of no use until somebody changes something, here or at the broker."""


class Disconnected(Exception):  # noqa: N818  (not always an error)
    """A connection, or the attempt at one, has ended."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


def address(mqtt: config.Mqtt) -> str:
    """What sentences call the broker."""
    return f"broker {mqtt.host}:{mqtt.effective_port}"


_BUSY = (0x88, 0x89, 0x97, 0x9F)  # unavailable, busy, quota exceeded, connection rate exceeded
_CREDENTIALS = (0x86, 0x87)  # bad user name or password, not authorised: brokers say either for a wrong password


def refusal(mqtt: config.Mqtt, client_id: str, code: int, name: str) -> Trouble:
    """What a CONNACK with the MQTT 5 reason `code`, called `name`, means."""
    broker = address(mqtt)
    if code == 0x84:
        return Trouble(
            Kind.VERSION, f"{broker} speaks neither MQTT 5 nor 3.1.1; use a broker that does", permanent=True
        )
    if code in _CREDENTIALS and mqtt.username is None and mqtt.tls is not None and mqtt.tls.cert_file:
        text = f"{broker} refused our certificate or wants a user name; check mqtt.tls.cert_file and mqtt.username"
    elif code in _CREDENTIALS and mqtt.username is None:
        text = f"{broker} wants a user name and password; set mqtt.username and mqtt.password_file"
    elif code in _CREDENTIALS:
        text = f"{broker} refused the user name or password; check mqtt.username and mqtt.password_file"
    elif code == 0x85:
        text = f"{broker} refused the client id {client_id!r}; set one that it allows as mqtt.client_id"
    elif code == 0x8A:
        text = f"{broker} has banned this client; ask whoever runs the broker"
    elif code in _BUSY:
        return Trouble(Kind.REFUSED, f"{broker} refused the connection for now ({name})")
    else:
        text = f"{broker} refused the connection ({name}); see the broker's log"
    return Trouble(Kind.REFUSED, text, permanent=True)


def ended_by_broker(mqtt: config.Mqtt, client_id: str, code: int, name: str) -> Trouble:
    """What a DISCONNECT from the broker means."""
    if code == 0x8E:
        return Trouble(
            Kind.LOST,
            f"{address(mqtt)} gave our place to another client with the id {client_id!r}; "
            "give each device a mqtt.client_id of its own",
        )
    return Trouble(Kind.LOST, f"{address(mqtt)} ended the connection ({name})")


def not_opened(mqtt: config.Mqtt, exc: Exception) -> Trouble:
    """What an exception on the way to a connection means."""
    broker = address(mqtt)
    if mqtt.tls and isinstance(exc, ConnectionResetError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Trouble(Kind.TLS, f"{broker} hung up when TLS began; check that mqtt.port is its port for TLS")
    if isinstance(exc, ssl.SSLError):
        return _tls(mqtt, exc)
    if isinstance(exc, socket.gaierror | UnicodeError):
        return Trouble(Kind.AWAY, f"{broker} can't be found by that name; check mqtt.host and this machine's DNS")
    reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return Trouble(Kind.AWAY, f"{broker} can't be reached ({reason}); is it running, and are mqtt.host and port right?")


_CLOCK = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def _tls(mqtt: config.Mqtt, exc: ssl.SSLError) -> Trouble:
    broker = address(mqtt)
    if not isinstance(exc, ssl.SSLCertVerificationError):
        reason = (exc.reason or str(exc)).replace("_", " ").lower()
        return Trouble(
            Kind.TLS,
            f"{broker} and edgepose can't agree on TLS ({reason}); check mqtt.port and mqtt.tls",
            permanent=True,
        )
    if exc.verify_code in _CLOCK:  # a Raspberry Pi has no battery: this may pass by itself once the clock is set
        return Trouble(
            Kind.TLS,
            f"the certificate of {broker} is not valid at this time ({exc.verify_message}); "
            "check this machine's clock, then the certificate",
        )
    if exc.verify_code in _NAME:
        text = f"the certificate of {broker} is for another name; set mqtt.host to the name that stands in it"
    else:
        ca = mqtt.tls.ca_file if mqtt.tls else "system"
        text = f"mqtt.tls.ca_file ({ca}) doesn't vouch for the certificate of {broker} ({exc.verify_message})"
    return Trouble(Kind.TLS, text, permanent=True)


_SHORT_S = 10.0
_ALERT = re.compile(r"\b(alert [a-z ]+?) *(?:\(|$)")


def broken(mqtt: config.Mqtt, client_id: str, *, lasted_s: float | None, detail: str) -> Trouble:
    """What the end of a connection means, which had lasted so long since its acceptance (None: not accepted).

    `detail` is the last error that paho has seen on it, or empty.
    """
    broker = address(mqtt)
    alert = _ALERT.search(detail)
    if alert is not None:  # the broker's side of TLS has refused us, after our side was content
        text = f"{broker} refused our end of TLS ({alert[1]}); it may want another mqtt.tls.cert_file"
        return Trouble(Kind.TLS, text, permanent=True)
    if lasted_s is None:
        hint = "" if mqtt.tls else "; is that a port for TLS, which needs mqtt.tls?"
        return Trouble(Kind.SILENT, f"{broker} closed the connection without an answer{hint}")
    if lasted_s < _SHORT_S:  # many brokers tell a client that another has its id by closing, and nothing more
        return Trouble(Kind.LOST, f"{broker} accepted us and then closed; has another client the id {client_id!r}?")
    return Trouble(Kind.LOST, f"{broker} closed the connection{f' ({detail})' if detail else ''}")
