"""A network between two programs that can be cut, go deaf or turn slow, on loopback."""

import contextlib
import socket
import threading
import time

from tests.broker import HOST


class Relay:
    """Passes connections on to a port, while it is told to."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._open = threading.Event()
        self._hearing = threading.Event()
        self._open.set()
        self._hearing.set()
        self.slow_s = 0.0
        """What each piece of data is held back for."""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        self._open.clear()
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Be a good network again."""
        self.slow_s = 0.0
        self._hearing.set()
        self._open.set()

    def deafen(self) -> None:
        """Keep all connections and pass nothing on, as a router does that has lost its other side."""
        self._hearing.clear()

    def close(self) -> None:
        self.cut()
        self._hearing.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if not self._open.is_set():
                    raise ConnectionRefusedError
                target = socket.create_connection((HOST, self._target), timeout=5)
            except OSError:
                client.close()
                continue
            target.settimeout(None)
            with self._lock:
                self._pairs.append((client, target))
            for here, there in ((client, target), (target, client)):
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := here.recv(65536):
                self._hearing.wait()
                if self.slow_s:
                    time.sleep(self.slow_s)
                there.sendall(data)
        for end in (here, there):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._pairs = [pair for pair in self._pairs if here not in pair]
        here.close()
