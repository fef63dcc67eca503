"""The publisher and a real mosquitto behind TLS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgepose import config
from edgepose.adapters.mqtt_paho import MqttPublisher
from edgepose.adapters.mqtt_trouble import Kind, Trouble
from edgepose.backoff import Backoff
from edgepose.errors import PublishError
from tests.broker import HOST, PATIENCE_S, Authority, Certificate, Mosquitto, Reader, wait_until

pytestmark = pytest.mark.broker

StartMosquitto = Callable[..., Mosquitto]


def attempt(broker: Mosquitto, *, host: str = HOST, port: int = 0, **tls: str) -> Trouble | None:
    """Why a publisher does not connect, or None where it does."""
    mqtt = config.Mqtt(host=host, port=port or broker.tls_port, tls=config.Tls(**tls))
    publisher = MqttPublisher(mqtt, "flat", backoff=Backoff(first_s=0.05, most_s=0.2))
    try:
        publisher.wait_connected(PATIENCE_S)
        reader = Reader(broker.port)
        reader.wait_for("edgepose/flat/status", b"online")
        reader.close()
        return None
    except PublishError:
        return publisher.last_error
    finally:
        publisher.close()


def test_an_own_authority_and_the_right_name_are_trusted(
    start_mosquitto: StartMosquitto, authority: Authority, server_certificate: Certificate
):
    broker = start_mosquitto(tls=server_certificate)
    assert attempt(broker, host="localhost", ca_file=str(authority.ca_file)) is None
    assert attempt(broker, host=HOST, ca_file=str(authority.ca_file)) is None


def test_the_authorities_of_the_system_do_not_vouch_for_ours(
    start_mosquitto: StartMosquitto, server_certificate: Certificate
):
    broker = start_mosquitto(tls=server_certificate)
    trouble = attempt(broker, ca_file="system")
    assert trouble is not None
    assert trouble.kind is Kind.TLS
    assert trouble.permanent
    assert trouble.text.startswith(
        f"mqtt.tls.ca_file (system) doesn't vouch for the certificate of broker {HOST}:{broker.tls_port} ("
    )


def test_the_authorities_of_the_system_are_read(
    start_mosquitto: StartMosquitto,
    authority: Authority,
    server_certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    assert attempt(start_mosquitto(tls=server_certificate), ca_file="system") is None


def test_another_authority_is_not_trusted(
    start_mosquitto: StartMosquitto, server_certificate: Certificate, tmp_path: Path
):
    other = Authority(tmp_path / "other", "another authority")
    trouble = attempt(start_mosquitto(tls=server_certificate), ca_file=str(other.ca_file))
    assert trouble is not None
    assert trouble.permanent
    assert "doesn't vouch for the certificate" in trouble.text


def test_a_certificate_for_another_name_is_not_trusted(start_mosquitto: StartMosquitto, authority: Authority):
    broker = start_mosquitto(tls=authority.issue("broker", "DNS:broker.example"))
    trouble = attempt(broker, host="localhost", ca_file=str(authority.ca_file))
    assert trouble is not None
    assert trouble.permanent
    assert trouble.text == (
        f"the certificate of broker localhost:{broker.tls_port} is for another name; "
        "set mqtt.host to the name that stands in it"
    )


def test_an_expired_certificate_may_be_the_clocks_fault(start_mosquitto: StartMosquitto, authority: Authority):
    broker = start_mosquitto(tls=authority.issue("localhost", "DNS:localhost", days=-1))
    publisher = MqttPublisher(
        config.Mqtt(host="localhost", port=broker.tls_port, tls=config.Tls(ca_file=str(authority.ca_file))), "flat"
    )
    wait_until(lambda: publisher.last_error, "a reason")
    trouble = publisher.last_error
    publisher.close()
    assert trouble is not None
    assert trouble.kind is Kind.TLS
    assert not trouble.permanent
    assert "check this machine's clock" in trouble.text


def test_a_client_certificate_opens_a_broker_that_asks_for_one(
    start_mosquitto: StartMosquitto, authority: Authority, server_certificate: Certificate
):
    broker = start_mosquitto(tls=server_certificate, client_ca=authority.ca_file)
    ours = authority.issue("flat")
    assert attempt(broker, ca_file=str(authority.ca_file), cert_file=str(ours.cert), key_file=str(ours.key)) is None


def test_without_a_client_certificate_the_sentence_says_which_setting(
    start_mosquitto: StartMosquitto, authority: Authority, server_certificate: Certificate
):
    broker = start_mosquitto(tls=server_certificate, client_ca=authority.ca_file)
    trouble = attempt(broker, ca_file=str(authority.ca_file))
    assert trouble is not None
    assert trouble.permanent
    assert "mqtt.tls.cert_file" in trouble.text
    assert "alert" in trouble.text


def test_a_client_certificate_of_another_authority_is_refused(
    start_mosquitto: StartMosquitto, authority: Authority, server_certificate: Certificate, tmp_path: Path
):
    broker = start_mosquitto(tls=server_certificate, client_ca=authority.ca_file)
    foreign = Authority(tmp_path / "foreign", "a foreign authority").issue("flat")
    trouble = attempt(broker, ca_file=str(authority.ca_file), cert_file=str(foreign.cert), key_file=str(foreign.key))
    assert trouble is not None
    assert trouble.kind is Kind.TLS
    assert "mqtt.tls.cert_file" in trouble.text


def test_tls_towards_a_port_without_it_is_said(
    start_mosquitto: StartMosquitto, authority: Authority, server_certificate: Certificate
):
    broker = start_mosquitto(tls=server_certificate)
    mqtt = config.Mqtt(host=HOST, port=broker.port, tls=config.Tls(ca_file=str(authority.ca_file)))
    publisher = MqttPublisher(mqtt, "flat")
    wait_until(lambda: publisher.last_error, "a reason")
    publisher.close()
    assert publisher.last_error is not None
    assert publisher.last_error.text == (
        f"broker {HOST}:{broker.port} hung up when TLS began; check that mqtt.port is its port for TLS"
    )


def test_no_tls_towards_a_port_with_it_is_said(start_mosquitto: StartMosquitto, server_certificate: Certificate):
    broker = start_mosquitto(tls=server_certificate)
    publisher = MqttPublisher(config.Mqtt(host=HOST, port=broker.tls_port), "flat")
    wait_until(lambda: publisher.last_error, "a reason")
    publisher.close()
    assert publisher.last_error is not None
    assert publisher.last_error.text.endswith("is that a port for TLS, which needs mqtt.tls?")
