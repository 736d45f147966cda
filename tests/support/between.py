"""Who may stand between a box and its server: a line that freezes, and a man in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from loa.receivers.wire import context


class Line:
    """Carries bytes both ways; ``frozen`` it takes nothing and says nothing, as a dead line does.

    With certificates it is a man in the middle, who reads everything: ``heard`` of the box.
    """

    def __init__(self, to: str, tls: ssl.SSLContext | None) -> None:
        parts = urlsplit(to)
        assert parts.hostname is not None and parts.port is not None
        self._to = (parts.hostname, parts.port)
        self._tls = tls
        self.frozen = asyncio.Event()
        self.heard = bytearray()
        self.connections = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        theirs = None if self._tls is None else context()
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._to, ssl=theirs)
        except OSError:
            writer.close()
            return
        both = (
            asyncio.create_task(self._carry(reader, up_writer, self.heard)),
            asyncio.create_task(self._carry(up_reader, writer, bytearray())),
        )
        self._tasks.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            self._tasks.difference_update(both)
            for end in (writer, up_writer):
                end.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: bytearray
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                heard += data
                while self.frozen.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)  # nothing is taken any more: what is sent piles up
                writer.write(data)
                await writer.drain()


@contextlib.asynccontextmanager
async def line(to: str, certificate: tuple[Path, Path] | None = None) -> AsyncIterator[Line]:
    """Stand between; ``certificate`` and its key are shown to the box."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    made = Line(to, tls)
    running: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(made.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    made.url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0.02)
