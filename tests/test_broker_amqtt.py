"""The broker inside the process."""

import socket

import pytest

from edgepose.adapters.broker_amqtt import EmbeddedBroker
from edgepose.errors import PublishError
from tests.broker import HOST


def test_a_port_that_is_taken_is_one_sentence():
    with EmbeddedBroker() as broker, pytest.raises(PublishError) as refused:
        EmbeddedBroker(broker.port)
    assert str(refused.value).startswith(f"port {broker.port} of 127.0.0.1 can't be had for the embedded broker (")


def test_the_embedded_broker_listens_on_loopback_only_and_ends_with_its_block():
    with EmbeddedBroker() as broker:
        socket.create_connection((HOST, broker.port)).close()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", broker.port), timeout=1)
    with pytest.raises(OSError):
        socket.create_connection((HOST, broker.port), timeout=1)


def test_an_mqtt_5_client_is_refused_at_once_by_the_word_of_its_version():
    connect = bytes.fromhex("101000044d5154540502001e000003616263")
    with EmbeddedBroker() as broker, socket.create_connection((HOST, broker.port), timeout=10) as sock:
        sock.sendall(connect)
        assert sock.recv(100) == bytes.fromhex("2003008400")
        assert sock.recv(100) == b""


def test_a_visitor_who_leaves_in_the_middle_of_a_packet_does_no_harm():
    with EmbeddedBroker() as broker:
        for part in (b"", b"\x10", b"\x10\xff\xff\xff\xff\xff", b"\x10\x10\x00\x04MQ", b"GET / HTTP/1.1\r\n\r\n"):
            with socket.create_connection((HOST, broker.port)) as sock:
                sock.sendall(part)
        with socket.create_connection((HOST, broker.port), timeout=10) as sock:
            sock.sendall(bytes.fromhex("100f00044d5154540402001e0003616263"))
            assert sock.recv(100) == bytes.fromhex("20020000")
