"""Brokers that behave badly, each played by a script, packet by packet."""

import socket
import threading
from collections.abc import Callable

from tests.broker import HOST

ACCEPT_5, ACCEPT_311 = bytes.fromhex("2003000000"), bytes.fromhex("20020000")


class Visitor:
    """A client's connection, from the broker's side."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.version = self.packet()[6 + 2]

    def packet(self) -> bytes:
        """The next packet, with a length byte of 1 put before its content; empty at the end of the connection."""
        kind = self._exactly(1)
        length, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return kind + b"\1" + self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def accept(self) -> None:
        self.sock.sendall(ACCEPT_5 if self.version == 5 else ACCEPT_311)

    def acknowledge_all(self) -> None:
        """Answer every QoS 1 message until the client leaves."""
        while True:
            packet = self.packet()
            if packet[0] >> 4 == 3 and packet[0] & 0x06:
                topic_length = int.from_bytes(packet[2:4], "big")
                self.sock.sendall(b"\x40\x02" + packet[4 + topic_length : 6 + topic_length])


class ScriptedBroker:
    """Does the same with every visitor."""

    def __init__(self, script: Callable[[Visitor], None]) -> None:
        self._script = script
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.versions: list[int] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                visitor = Visitor(sock)
                self.versions.append(visitor.version)
                self._script(visitor)
            except ConnectionError:
                pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def refuse_5_with(answer: bytes) -> Callable[[Visitor], None]:
    def script(visitor: Visitor) -> None:
        if visitor.version == 5:
            visitor.sock.sendall(answer)
        else:
            visitor.accept()
            visitor.acknowledge_all()

    return script


def answer(code: int) -> Callable[[Visitor], None]:
    """A CONNACK with the MQTT 5 reason code."""
    return lambda visitor: visitor.sock.sendall(bytes((0x20, 3, 0, code, 0)))
