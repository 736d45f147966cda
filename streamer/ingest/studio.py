"""Studios go live here: the WebSocket of ``loa live`` (messages: ``codecs/studio.py``).

Each packet is decoded as it comes, on the loop: 20 ms take some 0.1 ms. What a studio lost (it
drops the oldest when its link is too slow) shows as a gap in the sequence; a short one is filled
from the next packet's FEC and by concealment, a long one is left to the ring.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from loa.codecs import studio
from loa.codecs.studio import Audio, Closed, End, Hello, Ready, StudioError, Title
from loa.native.error import NativeError
from loa.native.opus import FRAME, OpusDecoder
from loa.streamer.core.attempts import Guesses
from loa.streamer.counters import Counters
from loa.streamer.ingest.decoding import NO_ROOM, Samples, Speech
from loa.streamer.ingest.icecast import secret_of
from loa.streamer.ingest.reply import clean
from loa.streamer.ingest.session import (
    AreaBusy,
    AreaUnknown,
    NotAllowed,
    Session,
    SourceKind,
    Sources,
)

log = structlog.get_logger()

ROUTE = "/api/v1/live/{area:.+}"
HELLO_WITHIN = 5.0
SILENT_AFTER = 10.0
HEARTBEAT = 10.0
STATUS_EVERY = 0.5
MAX_FILLED = 5
"""Packets (20 ms each) that a gap is filled with at most."""
_MAX_TITLE = 200
_FASTEST = 200.0
_BURST = 250.0

_WORDS = {
    "replaced": "another studio with the same token has taken over",
    "shutdown": "the server is stopping",
}


class Gaps:
    """Decodes packets by sequence number and fills what is missing. Pure but for libopus."""

    def __init__(self) -> None:
        self._decoder = OpusDecoder(1)
        self._next: int | None = None
        self.lost = 0
        """Packets that never came."""
        self.recovered = 0
        """Those of them that FEC gave back."""
        self.damaged = 0
        """Packets that libopus refused."""
        self.late = 0
        """Packets that came again, or after their place had been filled."""

    def take(self, audio: Audio) -> list[Samples]:
        """Return the samples of a message, with what fills the gap before it."""
        out: list[Samples] = []
        for offset, packet in enumerate(audio.packets):
            sequence = (audio.sequence + offset) & 0xFFFFFFFF
            missing = 0 if self._next is None else (sequence - self._next) & 0xFFFFFFFF
            if missing >= 1 << 31:
                self.late += 1
                continue
            self._next = (sequence + 1) & 0xFFFFFFFF
            if missing:
                self.lost += missing
                if missing <= MAX_FILLED:
                    out += self._fill(missing, packet)
            try:
                out.append(self._decoder.decode(packet))
            except NativeError:
                self.damaged += 1
                out.append(self._decoder.conceal(FRAME))
        return out

    def _fill(self, missing: int, packet: bytes) -> list[Samples]:
        out = [self._decoder.conceal(FRAME) for _ in range(missing - 1)]
        try:
            out.append(self._decoder.fec(packet, FRAME))
            self.recovered += 1
        except NativeError:
            out.append(self._decoder.conceal(FRAME))
        return out


class StudioDoor:
    """The studios' WebSocket. Belongs to the loop; ``close`` ends all sessions."""

    def __init__(self, sources: Sources, counters: Counters, speech: Callable[[], Speech]) -> None:
        self.sources = sources
        self.counters = counters
        self.speech = speech
        self.attempts = Guesses()
        self.live: set[StudioLink] = set()
        self.closing = False

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the WebSocket's address."""
        router.add_get(ROUTE, self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one studio, from its upgrade to its goodbye."""
        area = "/" + request.match_info["area"].strip("/")
        peer = request.remote or ""
        secret = secret_of(request.headers.get("Authorization"))
        if self.closing:
            return self._refused(503, "shutdown", "the server is stopping")
        if secret is None:
            return self._refused(401, "unauthenticated", "a token is needed")
        if self.attempts.blocked(peer, area, asyncio.get_running_loop().time()):
            return self._refused(429, "limited", "too many wrong passwords; wait a minute")
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT,
            max_msg_size=max(studio.MAX_AUDIO, 4 * studio.MAX_TEXT),
            compress=False,
            timeout=1.0,
        )
        if not socket.can_prepare(request).ok:
            return self._refused(400, "upgrade", "this address is a WebSocket")
        await socket.prepare(request)
        link = StudioLink(self, socket, area, secret, peer)
        self.live.add(link)
        try:
            await link.serve()
        finally:
            self.live.discard(link)
        return socket

    def _refused(self, status: int, count: str, text: str) -> web.Response:
        self.counters.add(f"studios.refused.{count}")
        headers = {"WWW-Authenticate": 'Basic realm="Loa"'} if status == 401 else None
        return web.json_response({"error": count, "text": text}, status=status, headers=headers)

    async def close(self) -> None:
        """Say goodbye to every studio; they may come back after a restart."""
        self.closing = True
        links = list(self.live)
        for link in links:
            link.closed_by_server("shutdown")
        for link in links:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3.0):
                    await link.over.wait()


class StudioLink:
    """One studio's connection."""

    def __init__(
        self, door: StudioDoor, socket: web.WebSocketResponse, area: str, secret: str, peer: str
    ) -> None:
        self._door = door
        self._socket = socket
        self._area = area
        self._secret = secret
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._speech = door.speech()
        self._gaps = Gaps()
        self._tokens = _BURST
        self._heard = self._asked = self._loop.time()
        self._closing: Closed | None = None
        self._wake = asyncio.Event()
        self.over = asyncio.Event()
        self._log = log.bind(area=area, peer=peer)

    async def serve(self) -> None:
        """Run the connection until it ends; gives the session back in every case."""
        side: asyncio.Task[None] | None = None
        outcome: str | None = "the connection was lost"
        try:
            await self._open()
            side = self._loop.create_task(self._tell())
            async for message in self._socket:
                if self._closing is not None or not self._take(message):
                    break
            if self._closing is not None:
                outcome = None if self._closing.reason == "ended" else self._closing.text
        except StudioError as error:
            self._door.counters.add("studios.failed.protocol")
            outcome = f"it sent something wrong: {error}"
            self._closing = Closed("protocol", str(error))
        except NativeError as error:
            # The engine's tables are full: not the studio's fault, and it may pass.
            self._door.counters.add("studios.failed.full")
            outcome = f"{NO_ROOM} ({error})"
            self._closing = Closed("full", NO_ROOM, True)
        except _Refused as refused:
            self._closing = refused.closed
            self._door.counters.add(f"studios.refused.{refused.closed.reason}")
            self._log.info("studio refused", reason=refused.closed.text)
        finally:
            self._finish(outcome)
            try:
                await self._part(side)
            finally:
                self.over.set()

    async def _part(self, side: asyncio.Task[None] | None) -> None:
        """Say goodbye if there is something to say; one task alone may do so."""
        if side is None:
            await self._goodbye()
            return
        if self._closing is None:
            side.cancel()
        self._wake.set()
        await asyncio.gather(side, return_exceptions=True)

    # --- the beginning

    async def _open(self) -> None:
        hello = await self._hello()
        name = clean(hello.name or hello.software, 100).strip()
        try:
            self._session = self._door.sources.open(
                self._area,
                self._secret,
                kind=SourceKind.STUDIO,
                name=name,
                peer=self._peer,
                klass=hello.klass,
            )
        except AreaUnknown as error:
            raise _Refused("unknown_area", str(error)) from None
        except AreaBusy as error:
            raise _Refused("busy", str(error), again=True) from None
        except NotAllowed as error:
            self._door.attempts.failed(self._peer, self._area, self._loop.time())
            raise _Refused("not_allowed", str(error)) from None
        self._session.on_close = self.closed_by_server
        self._heard = self._loop.time()
        await self._socket.send_str(studio.encode(Ready(self._area)))

    async def _hello(self) -> Hello:
        try:
            message = await self._socket.receive(HELLO_WITHIN)
        except TimeoutError:
            raise StudioError("no hello came") from None
        if message.type is not WSMsgType.TEXT:
            raise StudioError("the first message has to be a hello")
        hello = studio.parse(message.data)
        if not isinstance(hello, Hello):
            raise StudioError("the first message has to be a hello")
        if hello.version != studio.VERSION:
            raise StudioError(f"version {hello.version} is not spoken here, but {studio.VERSION}")
        return hello

    # --- what it sends

    def _take(self, message: WSMessage) -> bool:
        """Take a message; False when it was the last one."""
        if message.type is WSMsgType.BINARY:
            self._audio(studio.parse_audio(message.data))
        elif message.type is WSMsgType.TEXT:
            words = studio.parse(message.data)
            if isinstance(words, End):
                self._closing = Closed("ended", "goodbye")
                return False
            if isinstance(words, Title) and self._session is not None:
                self._session.title = clean(words.text, _MAX_TITLE).strip()
        return True

    def _audio(self, audio: Audio) -> None:
        now = self._loop.time()
        # A studio is as fast as time. One that sends four times that is not decoded for long.
        self._tokens = min(_BURST, self._tokens + (now - self._asked) * _FASTEST)
        self._asked = now
        if self._tokens < len(audio.packets):
            self._door.counters.add("studios.too_fast", len(audio.packets))
            return
        self._tokens -= len(audio.packets)
        self._heard = now
        blocks = self._gaps.take(audio)
        if blocks and self._session is not None:
            pcm = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
            for part, speech in self._speech.runs(pcm):
                self._session.write(part, speech)

    # --- what it is told

    async def _tell(self) -> None:
        """Send the status now and then; end it when nothing comes or the server wants it."""
        while self._closing is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_EVERY):
                    await self._wake.wait()
            if self._closing is None and self._loop.time() - self._heard > SILENT_AFTER:
                self._door.counters.add("studios.failed.silent")
                self._closing = Closed("timed_out", "no audio for 10 seconds", True)
            if self._closing is None and self._session is not None:
                status = replace(self._session.report(), lost=self._gaps.lost)
                await self._send(studio.encode(status))
        # Wakes ``serve``, which waits for a message.
        await self._goodbye()

    async def _send(self, text: str) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.send_str(text)

    def closed_by_server(self, reason: str) -> None:
        """The server ends it: replaced, stopped or shut down."""
        if self._closing is None:
            self._session = None
            word = reason if reason in _WORDS else "stopped"
            self._closing = Closed(word, _WORDS.get(reason, reason), word == "shutdown")
            self._wake.set()

    async def _goodbye(self) -> None:
        if self._closing is not None and not self._socket.closed:
            closed, code = self._closing, WSCloseCode.OK
            if closed.reason in ("protocol", "not_allowed", "unknown_area"):
                code = WSCloseCode.POLICY_VIOLATION
            await self._send(studio.encode(closed))
            await self._socket.close(code=code, message=closed.reason.encode())

    def _finish(self, outcome: str | None) -> None:
        session, self._session = self._session, None
        for name, count in (
            ("lost", self._gaps.lost),
            ("damaged", self._gaps.damaged),
            ("late", self._gaps.late),
        ):
            if count:
                self._door.counters.add(f"studios.packets.{name}", count)
        if session is None:
            return
        if outcome is None:
            session.end()
        else:
            session.drop(outcome)


class _Refused(Exception):
    """The studio may not go live; it is told why."""

    def __init__(self, reason: str, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.closed = Closed(reason, text, again)
