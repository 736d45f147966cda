"""A wire between a browser and its server, that can be cut: threads and blocking sockets, for tests
that are plain functions. (``between.Line`` is the same for tests on a loop.)
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Wire:
    """Carries every connection to a port of 127.0.0.1; ``port`` is where to connect instead.

    While it is ``cut`` there is nobody: connections break, and new ones are closed at once.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.connections = 0
        self.tries = 0
        """Connections that came while it was cut."""
        self._is_cut = False
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Wire:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        """Break every connection, and take no more."""
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        with self._lock:
            self._is_cut = False

    def _start(self, what: object, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    self.tries += 1
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                self.connections += 1
                self._ends |= {near, far}
            self._start(self._carry, near, far)
            self._start(self._carry, far, near)

    def _carry(self, source: socket.socket, drain: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                drain.sendall(data)
        with self._lock:
            for end in (source, drain):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            both_over = source not in self._ends or drain not in self._ends
            self._ends -= {source}
        if both_over:
            source.close()
            drain.close()
