"""``loa serve`` as a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from loa.codecs.ogg import OggReader

LOA = [sys.executable, "-c", "from loa.streamer.cli import main; main()"]


def surroundings() -> dict[str, str]:
    """Return the environment without what is there for tests only: it is no setting of Loa's."""
    return {k: v for k, v in os.environ.items() if not k.startswith("LOA_TEST_")}


class ServerProcess:
    """A server on a free port of 127.0.0.1, with its data below ``folder``."""

    def __init__(self, folder: Path, config: str = "", *arguments: str) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        file = folder / "loa.toml"
        file.write_text(config)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*LOA, "serve", "--config", str(file), "--data", str(folder / "data"),
                 "--port", "0", "--json", *arguments],
                stdout=subprocess.PIPE, stderr=log, text=True, env=surroundings(),
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(20)
            self.process.stdout.close()
            raise AssertionError(self.log.read_text())
        self.ready = json.loads(line)
        self.url: str = self.ready["url"]
        self.port = int(self.url.rpartition(":")[2])
        self._connections: list[socket.socket] = []
        self.password: str = self.ready.get("source", {}).get("password", "")

    def connect(self, receive_buffer: int = 0) -> socket.socket:
        """Open a connection; it is closed with the server at the latest.

        ``receive_buffer``: its size in bytes as given to the kernel, 0 for the default.
        """
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", self.port))
        self._connections.append(connection)
        return connection

    def listen(self, path: str = "/xa-mau.opus", query: str = "") -> Listener:
        """Begin to listen."""
        return Listener(self.connect(), path + query)

    def get(self, path: str) -> str:
        """Return the body of an answer with status 200."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """Return a metric's value; 0 while it was never counted."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics"), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def wait_for(self, name: str, least: float, seconds: float = 20.0) -> None:
        """Return when a metric has reached a value; fail after a while."""
        until = time.monotonic() + seconds
        while self.metric(name) < least:
            assert time.monotonic() < until, f"{name} did not reach {least}"
            time.sleep(0.1)

    @property
    def descriptors(self) -> int:
        """Its open descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def memory(self) -> int:
        """Its resident memory in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def hang_up(self) -> None:
        """Close every connection that was opened."""
        for connection in self._connections:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


class Listener:
    """A plain listener on a blocking socket."""

    def __init__(self, connection: socket.socket, target: str) -> None:
        self.socket = connection
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self._rest = b""
        while b"\r\n\r\n" not in self._rest:
            data = connection.recv(4096)
            assert data, self._rest
            self._rest += data
        self.head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])
        self.reader = OggReader()
        self.bytes = b""

    def receive(self) -> bytes:
        """Return what comes next of the stream; nothing at its end."""
        data = self._rest or self.socket.recv(65536)
        self._rest = b""
        return data

    def read(self, size: int) -> bytes:
        """Read at least that much of the stream, less only at its end."""
        while len(self.bytes) < size:
            data = self.receive()
            if not data:
                break
            self.bytes += data
        return self.bytes

    def read_to_end(self) -> bytes:
        """Read until the server closes."""
        return self.read(sys.maxsize)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def granules(stream: bytes) -> list[int]:
    """Return the granules of a stream's pages after the two of the headers."""
    found = []
    at = 0
    while (at := stream.find(b"OggS", at)) >= 0 and at + 27 <= len(stream):
        found.append(int.from_bytes(stream[at + 6 : at + 14], "little"))
        at += 27
    return found[2:]


def put_head(password: str, path: str = "/xa-mau.ogg", content: str = "application/ogg") -> bytes:
    """Return the head of an Icecast client's PUT, without Expect as butt sends it."""
    basic = base64.b64encode(f"source:{password}".encode()).decode()
    return (
        f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\n"
        f"Content-Type: {content}\r\n\r\n"
    ).encode()


@contextlib.contextmanager
def serving(folder: Path, config: str = "", *arguments: str) -> Iterator[ServerProcess]:
    """Run a server for a while; it must end well."""
    server = ServerProcess(folder, config, *arguments)
    try:
        yield server
    finally:
        code = server.stop()
        server.hang_up()
    assert code == 0, server.log.read_text()
