"""An MQTT broker inside the process, for a demonstration on a machine that has none. It speaks MQTT 3.1.1 only."""

import asyncio
import contextlib
import logging
import threading
from types import TracebackType
from typing import Any, Self

from edgepose.errors import PublishError

START_S = 10.0
STOP_S = 5.0
_REFUSE_VERSION = bytes.fromhex("2003008400")
"""CONNACK of MQTT 5: unsupported protocol version (section 3.2.2.2)."""


class EmbeddedBroker:
    """amqtt on the loopback interface, open to everybody on this machine, in a thread of its own.

    Use as a context manager; nothing it was told outlives it.
    """

    host = "127.0.0.1"

    def __init__(self, port: int = 0) -> None:
        """Listen, on any free port if it is 0. Raises PublishError where the port is taken or amqtt is missing."""
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="edgepose-broker", daemon=True)
        self._thread.start()
        if not self._up.wait(START_S):
            raise PublishError("the embedded broker did not start; use another one with mqtt.host")
        if self._failure is not None:
            raise PublishError(self._why_not(self._failure)) from self._failure

    def close(self) -> None:
        """Stop listening and drop all clients. May be called twice."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _why_not(self, exc: Exception) -> str:
        if isinstance(exc, ImportError):
            return "the embedded broker is not installed: pip install 'edgepose[demo]'"
        if isinstance(exc, OSError):
            return f"port {self.port} of {self.host} can't be had for the embedded broker ({exc.strerror}); use another"
        return f"the embedded broker did not start: {exc}"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as exc:  # told to the constructor's caller, or too late to matter
            self._failure = exc
        finally:
            self._up.set()

    async def _serve(self) -> None:
        for name in ("amqtt", "transitions"):  # they report every state of every client
            logging.getLogger(name).setLevel(logging.CRITICAL)
        from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
        from amqtt.broker import Broker

        class Replayed(StreamReaderAdapter):  # type: ignore[misc]
            """A stream whose first bytes have been read already."""

            def __init__(self, head: bytes, reader: asyncio.StreamReader) -> None:
                super().__init__(reader)
                self._head = head

            async def read(self, n: int = -1) -> bytes:
                head, self._head = (self._head, b"") if n < 0 else (self._head[:n], self._head[n:])
                rest: bytes = await super().read(n if n < 0 else n - len(head)) if n < 0 or n > len(head) else b""
                return head + rest

        async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                head = await _head_of_connect(reader)
                if head.endswith(b"MQTT\x05"):  # amqtt would take it for 3.1.1 and wait for bytes that don't come
                    writer.write(_REFUSE_VERSION)
                    writer.close()
                else:
                    await broker.external_connected(Replayed(head, reader), StreamWriterAdapter(writer), "default")

        broker = Broker(_SETTINGS)
        await broker.start()
        try:
            # We listen ourselves: so the port may be any free one, and a taken one is an OSError and no log of traces.
            server = await asyncio.start_server(welcome, self.host, self.port)
            self.port = server.sockets[0].getsockname()[1]
            self._loop = asyncio.get_running_loop()
            self._up.set()
            await self._stop.wait()
            server.close()
        finally:
            await broker.shutdown()


_SETTINGS: dict[str, Any] = {
    "listeners": {"default": {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


async def _head_of_connect(reader: asyncio.StreamReader) -> bytes:
    """From the packet's type to the protocol's version (MQTT 3.1.1 and 5, sections 2.1 and 3.1.2)."""
    head = await reader.readexactly(2)
    while head[-1] & 0x80 and len(head) < 5:  # the length takes one to four bytes
        head += await reader.readexactly(1)
    return head + await reader.readexactly(7)
