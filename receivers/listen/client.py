"""Keeps one mount coming: connects, reads, notices what is dead, comes back and resumes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiohttp
from yarl import URL

from loa.receivers.backoff import LATER, Backoff
from loa.receivers.listen.hearing import Hearing
from loa.receivers.listen.stream import StreamError, check_content_type

DEAD_AFTER = 5.0
"""Seconds without a byte, or without a new tick, after which a connection counts as dead."""
RESUME_WITHIN = 10.0
"""Seconds of silence after which the present is worth more than what was missed."""
BURSTS = {"low": 0.2, "thrifty": 0.5}
"""Seconds of the past to begin with: what fills the ring, and the 80 ms a decoder needs."""


class Link(StrEnum):
    """What the connection is doing."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    STOPPED = "stopped"


class FatalError(Exception):
    """There is no use in trying again; the message says why, for people."""


@dataclass(slots=True)
class LinkState:
    """For display: what the connection does, and what went wrong last."""

    link: Link = Link.CONNECTING
    error: str | None = None
    reconnects: int = 0


def checked_url(text: str) -> URL:
    """Return the address of a mount. Raises ``FatalError`` when it cannot be one."""
    try:
        url = URL(text)
    except ValueError as error:
        raise FatalError(f"{text}: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise FatalError(f"{text}: an address begins with http:// or https:// and names a host")
    return url


def tls_with(authority: str | Path) -> ssl.SSLContext:
    """Return TLS that trusts only the certificates of a PEM file. Raises ``FatalError``."""
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise FatalError(f"{authority}: {error.strerror or error}") from error


class Client:
    """Feeds a ``Hearing`` from one URL until it is cancelled.

    ``clock`` is monotonic. The first connection's content decides whether the address is right: if
    it is no Opus stream, ``run`` raises ``FatalError``; later on, that is a reason to come back.
    """

    def __init__(
        self,
        url: str,
        hearing: Hearing,
        cadence: str,
        *,
        backoff: Backoff | None = None,
        clock: Callable[[], float] | None = None,
        dead_after: float = DEAD_AFTER,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = checked_url(url)
        self.state = LinkState()
        self._hearing = hearing
        self._cadence = cadence
        self._backoff = backoff or Backoff()
        self._clock = clock or asyncio.get_running_loop().time
        self._dead_after = dead_after
        self._tls = tls
        self._last_new = -1e9

    async def run(self) -> None:
        """Listen, for ever. Raises ``FatalError``."""
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._dead_after, sock_read=self._dead_after
        )
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
            while True:
                self.state.link = Link.CONNECTING
                at_least = 0.0
                try:
                    at_least = await self._listen(session)
                except StreamError as error:
                    if self._hearing.resume_from() is None:
                        raise FatalError(f"{self.url}: {error}") from error
                    self.state.error = str(error)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    self.state.error = _say(error)
                self.state.link = Link.WAITING
                self.state.reconnects += 1
                wait = self._backoff.failed(self._clock())
                await asyncio.sleep(max(wait, at_least))

    def _request(self) -> URL:
        query = {"cadence": self._cadence, "burst": f"{BURSTS[self._cadence]:g}"}
        tick = self._hearing.resume_from()
        if tick is not None and self._clock() - self._last_new <= RESUME_WITHIN:
            query["from"] = str(tick)
        return self.url.update_query(query)

    async def _listen(self, session: aiohttp.ClientSession) -> float:
        """Listen to one connection until it ends; return the seconds that the server asks us to
        stay away."""
        headers = {"Accept": "audio/ogg", "User-Agent": "loa-receiver"}
        async with session.get(
            self._request(), headers=headers, ssl=True if self._tls is None else self._tls
        ) as response:
            if response.status != 200:
                self.state.error = f"the server answers {response.status} {response.reason or ''}"
                return _retry_after(response)
            check_content_type(response.headers.get("Content-Type", ""))
            self.state.link = Link.CONNECTED
            self._hearing.joined()
            new_at = self._clock()
            while data := await response.content.readany():
                now = self._clock()
                if self._hearing.feed(data, now):
                    new_at = self._last_new = now
                    self.state.error = None
                    self._backoff.succeeded()
                elif now - new_at > self._dead_after:
                    raise TimeoutError("the stream does not go on")
                if self._hearing.ended:
                    self.state.error = "the server ended the stream"
                    return 0.0
            self._hearing.finish()
            self.state.error = "the connection ended"
        return 0.0


def _retry_after(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LATER) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _say(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return str(error) or "nothing came for too long"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.strerror}"  # its own text says "ssl:default"
    return str(error) or type(error).__name__
