"""Prometheus metrics and /healthz over HTTP, for the machine itself."""

import logging
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from edgepose.errors import EdgeposeError

log = logging.getLogger(__name__)

REQUEST_S = 5.0
"""Somebody who connects and says nothing is shown out after so long."""
MOST_VISITORS = 16


class HealthServer:
    """Serves until close()."""

    def __init__(
        self, address: tuple[str, int], registry: CollectorRegistry, late: Callable[[], tuple[str, ...]]
    ) -> None:
        """`late` names the cameras that hang. Raises EdgeposeError where the port can't be had."""

        class Handler(_Handler):
            metrics = registry
            cameras_late = staticmethod(late)

        try:
            self._server = _Server(address, Handler)
        except (OSError, OverflowError) as exc:
            host, port = address
            reason = getattr(exc, "strerror", None) or str(exc)
            raise EdgeposeError(
                f"http.bind: {host}:{port} can't be listened on ({reason}); is another edgepose running, "
                "or something else on that port?"
            ) from exc
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Let go of the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._room = threading.BoundedSemaphore(MOST_VISITORS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        log.debug("a request over http failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_S
    server_version = "edgepose"
    sys_version = ""
    metrics: CollectorRegistry
    cameras_late: Callable[[], tuple[str, ...]]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, content_type, encode(self.metrics))
        elif path == "/healthz":
            late = self.cameras_late()
            document = {"status": "late" if late else "ok", "late": late}
            self._answer(503 if late else 200, "application/json", msgspec.json.encode(document))
        else:
            self._answer(404, "text/plain", b"/metrics and /healthz are here\n")

    def _answer(self, code: int, content_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Requests are no news."""
