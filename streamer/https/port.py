"""The TLS port beside a main port that has none: for receivers, and for browsers of an office."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from aiohttp import web

from loa.streamer import logs
from loa.streamer.counters import Counters
from loa.streamer.https import own_certificate
from loa.streamer.ingest.frontdoor import Door
from loa.streamer.ingest.tls import Certificate

DEFAULT = 8443
LOOK_EVERY = 6 * 3600.0

log = logs.get("https")


class TlsPort:
    """``open`` it, and ``run`` it as a task: its certificate renews itself."""

    def __init__(self, data: Path, counters: Counters, host: str, port: int | None) -> None:
        self._data, self._counters = data, counters
        self._host, self._port = host, port
        self.port = 0

    async def open(self, door: Door, runner: web.AppRunner, *, any_port: bool) -> str:
        """Listen; return the address for boxes. Raises ``OSError``."""
        cert, key = own_certificate.ensure(self._data, time.time())
        # A box resumes nothing: it looks at the certificate each time. Tickets would only cost it
        # half a kilobyte of its data with each connection.
        certificate = Certificate(cert, key, self._counters, tickets=0)
        wanted = self._port if self._port is not None else 0 if any_port else DEFAULT
        try:
            port = await door.open(runner, self._host, wanted, certificate=certificate)
        except OSError as error:
            if self._port is not None:
                raise
            port = await door.open(runner, self._host, 0, certificate=certificate)
            log.error(
                "the receivers' port is taken: another one is used, which boxes do not know",
                wanted=wanted, used=port, why=error.strerror, advice="set [receivers] port",
            )  # fmt: skip
        self.port = port
        host = "127.0.0.1" if self._host in ("0.0.0.0", "::", "") else self._host
        return f"wss://[{host}]:{port}" if ":" in host else f"wss://{host}:{port}"

    async def run(self) -> None:
        """Renew the certificate when its time comes."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await asyncio.to_thread(own_certificate.ensure, self._data, time.time())
            except OSError as error:
                self._counters.add("fleet.certificate_failed")
                log.error("the receivers' certificate cannot be renewed", why=str(error))
