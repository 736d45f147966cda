"""Relays: pulls a stream from an Icecast-like HTTP server and writes it into a session.

Our own client fetches, with our own rule about addresses (``core/addresses.py``) applied to every
connection's real address at the moment it is made, so neither a redirect nor a name server that
changes its mind leads to this machine's own network. FFmpeg gets the bytes with a forced format.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urljoin

import aiohttp
import structlog

from loa.streamer import outgoing
from loa.streamer.core.addresses import AddressRefused, Network, Target, target
from loa.streamer.counters import Counters
from loa.streamer.ingest.containers import (
    ACCEPTED,
    PLAYLISTS,
    SNIFF,
    Container,
    base_type,
    container,
    guess,
    looks_like_a_playlist,
)
from loa.streamer.ingest.decoders import Decoders
from loa.streamer.ingest.session import Session

log = structlog.get_logger()

MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_NO_TYPE = frozenset(("", "application/octet-stream", "binary/octet-stream"))
_HEADERS = {"User-Agent": "Loa", "Accept": "audio/*, application/ogg", "Icy-MetaData": "0"}


class RelayError(Exception):
    """The stream cannot be had now; the message says why."""


class RelayRefused(RelayError):
    """It may not or cannot be fetched at all: a private address, a playlist, no audio."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. ``failures``: how many in a row make us change to the other URL."""

    connect: float = 10.0
    silence: float = 10.0
    steady: float = 30.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    failures: int = 2
    look_back: float = 60.0
    proof: float = 5.0


class Turn:
    """Which of two URLs is pulled, and when again. Pure; times are seconds of any clock.

    Two failures in a row change to the other one. A pull that was steady for a while makes up for
    the failures before it. On the alternative the main one is looked at now and then.
    """

    def __init__(self, alternative: bool, pace: Pace) -> None:
        self._has_alternative = alternative
        self._pace = pace
        self._failures = 0
        self._pause = pace.first_pause
        self._tried_other = False
        self.on_main = True

    def failed(self, lasted: float) -> float:
        """Take note of a pull that ended after ``lasted``; return how long to pause, unjittered."""
        if lasted >= self._pace.steady:
            self._failures = 0
            self._pause = self._pace.first_pause
            self._tried_other = False
        self._failures += 1
        if self._has_alternative and self._failures >= self._pace.failures:
            self._failures = 0
            self.on_main = not self.on_main
            if not self._tried_other:
                # The other one has not been asked yet: at once.
                self._tried_other = True
                return 0.0
        pause = self._pause
        self._pause = min(self._pace.longest_pause, self._pause * 2)
        return pause

    def back_to_main(self) -> None:
        """The main URL has been seen to work."""
        self.on_main = True
        self._failures = 0
        self._pause = self._pace.first_pause
        self._tried_other = False


class IcyStripper:
    """Takes ICY metadata out of a stream of a server that sends it though nobody asked."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._audio = interval
        self._text = 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come and return the audio among them."""
        if not self._interval:
            return data
        out = []
        at = 0
        while at < len(data):
            if self._text:
                step = min(self._text, len(data) - at)
                self._text -= step
            elif self._audio:
                step = min(self._audio, len(data) - at)
                out.append(data[at : at + step])
                self._audio -= step
            else:
                self._text = data[at] * 16
                self._audio = self._interval
                step = 1
            at += step
        return b"".join(out)


class Fetcher:
    """An HTTP client that goes only where relays may go. Close it at the end."""

    def __init__(self, allowed: Sequence[Network] = (), pace: Pace | None = None) -> None:
        pace = pace or Pace()
        self._http = outgoing.client(
            allowed,
            aiohttp.ClientTimeout(total=None, connect=pace.connect, sock_read=pace.silence),
            what="relays connect",
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    @contextlib.asynccontextmanager
    async def get(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a stream, redirects followed; raises ``RelayError`` or ``RelayRefused``."""
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MAX_REDIRECTS + 1):
                where = self._checked(url)
                try:
                    response = await stack.enter_async_context(
                        self._http.get(where.url, headers=_HEADERS, allow_redirects=False)
                    )
                except aiohttp.InvalidURL as error:
                    raise RelayRefused(f"not a URL that is fetched: {error}") from None
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    private = outgoing.private(error)
                    if private is not None:
                        raise RelayRefused(str(private)) from None
                    raise RelayError(f"{where.host}: {error or 'no answer'}") from None
                if response.status not in _REDIRECTS:
                    break
                location = response.headers.get("Location", "")
                response.close()
                url = urljoin(where.url, location)
            else:
                raise RelayRefused("too many redirects")
            if response.status != 200:
                raise RelayError(f"{where.host} answers {response.status}")
            yield response

    def _checked(self, url: str) -> Target:
        try:
            return target(url)
        except AddressRefused as error:
            raise RelayRefused(str(error)) from None


def kind_of(content_type: str, start: bytes) -> Container:
    """Say what a stream is; raises ``RelayRefused`` when it is none that is relayed."""
    kind = base_type(content_type)
    if kind in PLAYLISTS or looks_like_a_playlist(start):
        raise RelayRefused("this is a playlist or a page; the stream's own address is needed")
    if kind in ACCEPTED:
        return container(kind, start)
    found = guess(start)
    if found is not None and (kind in _NO_TYPE or kind.startswith(("audio/", "video/"))):
        return found
    raise RelayRefused(f"{kind or 'it'} is no audio that is relayed")


class Relay:
    """One relay with its alternative; ``run`` it as a task, cancel that at the end.

    ``open_session`` is called for every connection that has audio.
    """

    def __init__(
        self,
        url: str,
        alternative: str | None,
        open_session: Callable[[], Session],
        fetcher: Fetcher,
        decoders: Decoders,
        counters: Counters,
        pace: Pace | None = None,
    ) -> None:
        self._url = url
        self._alternative = alternative
        self._open_session = open_session
        self._fetcher = fetcher
        self._decoders = decoders
        self._counters = counters
        self._pace = pace or Pace()
        self._turn = Turn(alternative is not None, self._pace)
        self._log = log.bind(relay=url)
        self.state = "starting"
        """What it is doing, in words, for whoever looks."""

    async def run(self) -> None:
        """Pull until cancelled; every failure is told, counted and tried again."""
        loop = asyncio.get_running_loop()
        while True:
            main = self._turn.on_main
            url = self._url if main or self._alternative is None else self._alternative
            began = loop.time()
            look = None if main else loop.create_task(self._look_at_main())
            pull = loop.create_task(self._pull(url))
            try:
                done, _ = await asyncio.wait(
                    {pull} if look is None else {pull, look}, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                for task in (pull, look):
                    if task is not None:
                        task.cancel()
                await asyncio.gather(*(t for t in (pull, look) if t), return_exceptions=True)
            if look is not None and look in done and pull not in done:
                self._log.info("relay goes back to its main address")
                self._turn.back_to_main()
                continue
            error = None if pull.cancelled() else pull.exception()
            if error is not None and not isinstance(error, RelayError):
                self._counters.add("relays.errors")
                self._log.error("relay failed unexpectedly", exc_info=error)
            reason = str(error or "the stream ended")
            refused = isinstance(error, RelayRefused)
            self._counters.add("relays.refused" if refused else "relays.failed")
            pause = self._turn.failed(loop.time() - began)
            if refused:
                # It will not get better soon; but an operator may change what is there.
                pause = max(pause, self._pace.longest_pause if self._alternative is None else 0.0)
            pause *= random.uniform(0.5, 1.0)
            self.state = f"{url}: {reason}; again in {pause:.0f} s"
            self._log.warning("relay failed", url=url, reason=reason, again_in=round(pause, 1))
            await asyncio.sleep(pause)

    async def _look_at_main(self) -> None:
        """Return once the main URL gives audio for a while; looked at now and then."""
        while True:
            await asyncio.sleep(self._pace.look_back * random.uniform(0.8, 1.2))
            try:
                async with self._fetcher.get(self._url) as response:
                    start = await _beginning(response)
                    kind_of(response.headers.get("Content-Type", ""), start)
                    async with asyncio.timeout(self._pace.proof):
                        async for _ in response.content.iter_any():
                            pass
            except TimeoutError:
                return  # it went on and on, which is what a stream does
            except (RelayError, aiohttp.ClientError, OSError):
                continue

    async def _pull(self, url: str) -> None:
        """Pull one connection until it fails, and always raise why."""
        self.state = f"{url}: connecting"
        async with self._fetcher.get(url) as response:
            try:
                await _Pull(self, response).run()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                reason = "no audio any more" if isinstance(error, TimeoutError) else str(error)
                raise RelayError(reason or "the connection was lost") from None

    def begin(self, url: str) -> Session:
        """Open the session for a connection that has audio."""
        self._counters.add("relays.connected")
        self._log.info("relay connected", url=url)
        self.state = f"{url}: relaying"
        return self._open_session()

    @property
    def pace(self) -> Pace:
        """Its times."""
        return self._pace

    @property
    def decoders(self) -> Decoders:
        """What decodes."""
        return self._decoders


class Relays:
    """All relays that are pulled: ``start`` those of the configuration on the loop, ``want`` others
    as slots come and go, ``close`` them at the end.
    """

    def __init__(
        self,
        alternatives: Mapping[str, str | None],
        open_session: Callable[[str], Session],
        decoders: Decoders,
        counters: Counters,
        allowed: Sequence[Network] = (),
    ) -> None:
        self._standing = alternatives
        self._open_session = open_session
        self._decoders = decoders
        self._counters = counters
        self._allowed = allowed
        self._fetcher: Fetcher | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False
        self.relays: dict[str, Relay] = {}
        """By URL; ``Relay.state`` says how each is doing."""

    def start(self) -> None:
        """Start pulling those of the configuration."""
        self.want({})

    def want(self, alternatives: Mapping[str, str | None]) -> None:
        """Pull these (with their alternative URLs) and those of the configuration, and no others.

        What is pulled already goes on.
        """
        if self._closed:
            return
        wanted = {**alternatives, **self._standing}
        for url in [url for url in self._tasks if url not in wanted]:
            task = self._tasks.pop(url)
            del self.relays[url]
            task.cancel()
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        for url, alternative in wanted.items():
            if url in self._tasks:
                continue
            if self._fetcher is None:
                self._fetcher = Fetcher(self._allowed)
            relay = Relay(
                url, alternative, partial(self._open_session, url), self._fetcher,
                self._decoders, self._counters,
            )  # fmt: skip
            self.relays[url] = relay
            self._tasks[url] = asyncio.create_task(relay.run())

    async def close(self) -> None:
        """Stop all of them, and wait until their decoders have ended."""
        self._closed = True
        tasks = [*self._tasks.values(), *self._leaving]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._decoders.join()
        if self._fetcher is not None:
            await self._fetcher.close()


class _Pull:
    """One connection's way into one session."""

    def __init__(self, relay: Relay, response: aiohttp.ClientResponse) -> None:
        self._relay = relay
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._space = asyncio.Event()
        self._over: asyncio.Future[str | None] = self._loop.create_future()
        self._closed = False

    async def run(self) -> None:
        response = self._response
        start = await _beginning(response)
        kind = kind_of(response.headers.get("Content-Type", ""), start)
        session = self._relay.begin(str(response.url))
        session.on_close = self._closed_by_server
        decoding = self._relay.decoders.start(kind, session, self._space.set, self._tell)
        reason = "the relay was stopped"
        try:
            feeding = self._loop.create_task(self._feed(decoding, start))
            watching = self._loop.create_task(self._watch(decoding))
            waited: set[asyncio.Future[Any]] = {feeding, watching, self._over}
            try:
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                feeding.cancel()
                watching.cancel()
                await asyncio.gather(feeding, watching, return_exceptions=True)
            reason = self._reason(feeding, watching)
            raise RelayError(reason)
        finally:
            decoding.abort()
            session.on_close = None
            if not self._closed:
                session.drop(reason)

    def _reason(self, feeding: asyncio.Task[None], watching: asyncio.Task[None]) -> str:
        if self._over.done():
            return self._over.result() or "the stream ended"
        for task in (watching, feeding):
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                late = isinstance(error, TimeoutError) or not str(error)
                return "no audio any more" if late else str(error)
        return "the stream ended"

    def _closed_by_server(self, reason: str) -> None:
        self._closed = True
        self._tell(reason)

    def _tell(self, reason: str | None) -> None:
        """The decoder is done, or the server wants the session no more."""
        if not self._over.done():
            self._over.set_result(reason)

    async def _feed(self, decoding: Any, start: bytes) -> None:
        interval = self._response.headers.get("icy-metaint", "0")
        icy = IcyStripper(int(interval) if interval.isdigit() and len(interval) < 8 else 0)
        data = start
        while True:
            audio = icy.feed(data)
            self._space.clear()
            if audio and not decoding.feed(audio):
                await self._space.wait()
            data = await self._response.content.readany()
            if not data:
                break
        decoding.finish()
        await self._over

    async def _watch(self, decoding: Any) -> None:
        """Raise when the stream goes on, but without audio."""
        before = -1
        silent = 0.0
        while silent < self._relay.pace.silence:
            await asyncio.sleep(self._relay.pace.silence / 5)
            silent += self._relay.pace.silence / 5
            if decoding.accepted != before or decoding.waiting:
                silent = 0.0
            before = decoding.accepted
        raise RelayError("it gives no audio")


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes, enough to tell what they are."""
    start = b""
    while len(start) < SNIFF:
        data = await response.content.readany()
        if not data:
            raise RelayError("the stream ended at once")
        start += data
    return start
