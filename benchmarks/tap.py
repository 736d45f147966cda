"""One listener of a stream in Python, page by page with the time of arrival."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.load import Address

TICK_SAMPLES = 960


@dataclass(frozen=True, slots=True)
class Page:
    """A whole Ogg page as it came, and the ``time.monotonic()`` at which it was whole."""

    data: bytes
    when: float

    @property
    def granule(self) -> int:
        """0 for the two header pages."""
        return int.from_bytes(self.data[6:14], "little")

    @property
    def last_tick(self) -> int:
        return self.granule // TICK_SAMPLES - 1

    @property
    def packets(self) -> list[bytes]:
        at = 27 + self.data[26]
        found, start = [], at
        for lacing in self.data[27 : 27 + self.data[26]]:
            at += lacing
            if lacing < 255:
                found.append(self.data[start:at])
                start = at
        return found


def page_size(data: bytes | bytearray) -> int:
    """Bytes of the page at the front, 0 when it is not whole yet; ``ValueError`` if it is none."""
    if len(data) < 27:
        return 0
    if data[:4] != b"OggS":
        raise ValueError("not an Ogg page")
    head = 27 + data[26]
    whole = head + sum(data[27:head])
    return whole if len(data) >= max(head, whole) else 0


class Tap:
    """A listener; ``pages`` blocks, so give it a thread if something else is to go on."""

    def __init__(self, address: Address, seconds: float = 10.0) -> None:
        self._socket = socket.create_connection((address.host, address.port), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(
            f"GET {address.target} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
            "User-Agent: loa-benchmarks\r\nConnection: close\r\n\r\n".encode()
        )
        self._buffer = bytearray()
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if b" 200" not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"{address.target}: {head.splitlines()[0].decode()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def _more(self) -> None:
        got = self._socket.recv(65536)
        if not got:
            raise ConnectionError("the stream ended")
        self._buffer += got

    def pages(self) -> Iterator[Page]:
        """Give every page, the headers' too; ``ConnectionError`` or ``TimeoutError`` at the end."""
        while True:
            while (size := page_size(self._buffer)) == 0:
                self._more()
            yield Page(bytes(self._buffer[:size]), time.monotonic())
            del self._buffer[:size]


def packet_sizes(address: Address, ticks: int, path: Path) -> float:
    """Write the sizes of so many packets of a stream to a file; return their mean in bytes."""
    sizes: list[int] = []
    with Tap(address) as tap:
        for page in tap.pages():
            if page.granule:
                sizes += [len(packet) for packet in page.packets]
            if len(sizes) >= ticks:
                break
    path.write_text("\n".join(map(str, sizes)))
    return sum(sizes) / len(sizes)
