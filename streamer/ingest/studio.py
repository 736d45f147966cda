"""Studios go live here: the WebSocket of ``loa live`` and of the page (``codecs/studio.py``).

A program comes with a source's token, a page with its session's cookie; who may go live in person
is for ``Staff`` to say.

Each packet is decoded as it comes, on the loop: 20 ms take some 0.1 ms. What a studio lost (it
drops the oldest when its link is too slow) shows as a gap in the sequence; a short one is filled
from the next packet's FEC and by concealment, a long one is left to the ring.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from loa.codecs import studio
from loa.codecs.studio import (
    BLOCK,
    Audio,
    Closed,
    End,
    Hello,
    Pcm,
    Ping,
    Pong,
    Ready,
    StudioError,
    Title,
)
from loa.native.error import NativeError
from loa.native.opus import FRAME, OpusDecoder
from loa.streamer.core.attempts import Guesses
from loa.streamer.counters import Counters
from loa.streamer.ingest.decoding import NO_ROOM, Samples, Speech
from loa.streamer.ingest.icecast import secret_of
from loa.streamer.ingest.reply import clean
from loa.streamer.ingest.session import (
    Admitted,
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

_PINGS = 8
"""Pings that are answered between two statuses; more are passed over."""

_MOST_LEFT = 64

_WORDS = {
    "revoked": "whoever is live may be so no longer",
    "replaced": "another studio with the same token has taken over",
    "shutdown": "the server is stopping",
}


class Pass(Protocol):
    """What ``Staff`` gives who may go live."""

    @property
    def admitted(self) -> Admitted:
        """For whoever keeps the sources."""


class Staff(Protocol):
    """Knows those who sign in (``streamer/http/studio.py``)."""

    def own_page(self, request: web.Request) -> bool:
        """Say whether a page of this very server asks."""

    async def admit(self, request: web.Request, path: str, hello: Hello, on: bool) -> Pass:
        """Say who may go live there. ``on``: he does already. Raises ``Refused``."""

    async def began(self, given: Pass, session: Session) -> None:
        """Put on record that he went live."""

    async def stands(self, given: Pass) -> bool:
        """Say whether he may still be live."""


class Gaps:
    """Decodes packets by sequence number and fills what is missing. Pure but for libopus."""

    def __init__(self) -> None:
        self._decoder = OpusDecoder(1)
        self._next: int | None = None
        self._told: dict[str, int] = {}
        self.lost = 0
        """Packets that never came."""
        self.recovered = 0
        """Those of them that FEC gave back."""
        self.damaged = 0
        """Packets that libopus refused."""
        self.late = 0
        """Packets that came again, or after their place had been filled."""

    @property
    def next(self) -> int | None:
        """The sequence number that comes next, None before the first."""
        return self._next

    def untold(self) -> list[tuple[str, int]]:
        """Return what was counted since this was asked last, by name; no zeros."""
        counts = {
            "lost": self.lost, "recovered": self.recovered, "damaged": self.damaged,
            "late": self.late,
        }  # fmt: skip
        more = [(name, n) for name in counts if (n := counts[name] - self._told.get(name, 0))]
        self._told = counts
        return more

    def take(self, audio: Audio | Pcm) -> list[Samples]:
        """Return the samples of a message, with what fills the gap before it."""
        return self._take(audio) if isinstance(audio, Audio) else self._take_pcm(audio)

    def _take(self, audio: Audio) -> list[Samples]:
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

    def _take_pcm(self, pcm: Pcm) -> list[Samples]:
        # What is missing is left to the ring.
        out: list[Samples] = []
        for offset, block in enumerate(pcm.blocks):
            sequence = (pcm.sequence + offset) & 0xFFFFFFFF
            missing = 0 if self._next is None else (sequence - self._next) & 0xFFFFFFFF
            if missing >= 1 << 31:
                self.late += 1
                continue
            self._next = (sequence + 1) & 0xFFFFFFFF
            self.lost += missing
            samples = np.frombuffer(block, dtype="<i2", count=BLOCK)
            out.append(samples.astype(np.float32) / np.float32(32768.0))
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

    def __init__(
        self,
        sources: Sources,
        counters: Counters,
        speech: Callable[[], Speech],
        staff: Staff | None = None,
    ) -> None:
        self.sources = sources
        self.staff = staff
        self.counters = counters
        self.speech = speech
        self.attempts = Guesses()
        self.live: set[StudioLink] = set()
        self.left: dict[str, Gaps] = {}
        """Where broadcasts are that lost their connection, by what they are known by."""
        self.closing = False
        self._checking: asyncio.Task[None] | None = None
        self._check_again = False

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
        if secret is None and "Origin" in request.headers and self.staff is not None:
            # A browser: it hears nothing of a refused upgrade, so all else is said after it.
            if not self.staff.own_page(request):
                return self._refused(403, "origin", "this is not for pages of other sites")
        elif secret is None:
            return self._refused(401, "unauthenticated", "a token is needed")
        elif self.attempts.blocked(peer, area, asyncio.get_running_loop().time()):
            return self._refused(429, "limited", "too many wrong passwords; wait a minute")
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT,
            max_msg_size=max(studio.MAX_AUDIO, studio.MAX_PCM, 4 * studio.MAX_TEXT),
            compress=False,
            timeout=1.0,
        )
        if not socket.can_prepare(request).ok:
            return self._refused(400, "upgrade", "this address is a WebSocket")
        await socket.prepare(request)
        link = StudioLink(self, socket, area, secret, peer, request)
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

    def leave(self, live: str, gaps: Gaps) -> None:
        """Keep where a broadcast is that lost its connection, for when it comes back."""
        self.left[live] = gaps
        while len(self.left) > _MOST_LEFT:
            del self.left[next(iter(self.left))]

    def gaps_of(self, live: str) -> Gaps | None:
        """Take over where a broadcast is, from the connection that it had."""
        found = self.left.pop(live, None)
        for link in self.live:
            if link.live == live:
                found = link.gaps
        return found

    def recheck(self) -> None:
        """Something about people or areas changed: end the lives of those who may no longer."""
        self._check_again = True
        if self._checking is None and not self.closing:
            self._checking = asyncio.get_running_loop().create_task(self._check())

    async def _check(self) -> None:
        try:
            while self._check_again:
                self._check_again = False
                for link in list(self.live):
                    await link.check()
        except Exception:
            self.counters.add("studios.check_failed")
            log.exception("whether those on air still may be cannot be found out")
        finally:
            self._checking = None

    async def close(self) -> None:
        """Say goodbye to every studio; they may come back after a restart."""
        self.closing = True
        if self._checking is not None:
            self._checking.cancel()
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
        self,
        door: StudioDoor,
        socket: web.WebSocketResponse,
        area: str,
        secret: str | None,
        peer: str,
        request: web.Request,
    ) -> None:
        self._request = request
        self.live = ""
        self._pass: Pass | None = None
        self._pings = 0
        self._pongs: list[int] = []
        self._door = door
        self._socket = socket
        self._area = area
        self._secret = secret
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._speech = door.speech()
        self.gaps = Gaps()
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
        except Refused as refused:
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
        try:
            session = await self._session_for(hello)
        except AreaUnknown as error:
            raise Refused(Closed("unknown_area", str(error))) from None
        except AreaBusy as error:
            raise Refused(Closed("busy", str(error), True, error.by)) from None
        except NotAllowed as error:
            self._door.attempts.failed(self._peer, self._area, self._loop.time())
            raise Refused(Closed("not_allowed", str(error))) from None
        self._session = session
        session.on_close = self.closed_by_server
        self._heard = self._loop.time()
        if session.returned:
            self.gaps = self._door.gaps_of(session.live) or self.gaps
        self.live = session.live
        ready = Ready(self._area, live=session.live, returned=session.returned, next=self.gaps.next)
        await self._socket.send_str(studio.encode(ready))
        if self._pass is not None and self._door.staff is not None and not session.returned:
            await self._door.staff.began(self._pass, session)

    async def _session_for(self, hello: Hello) -> Session:
        door, name = self._door, clean(hello.name or hello.software, 100).strip()
        if self._secret is not None:
            return door.sources.open(
                self._area,
                self._secret,
                kind=SourceKind.STUDIO,
                name=name,
                peer=self._peer,
                klass=hello.klass,
            )
        assert door.staff is not None
        on = door.sources.knows(hello.key)
        self._pass = await door.staff.admit(self._request, self._area, hello, on)
        return door.sources.open_for(self._pass.admitted, peer=self._peer)

    async def check(self) -> None:
        """End it if whoever is live may be so no longer; what he said until now plays out."""
        staff = self._door.staff
        if self._pass is None or staff is None or await staff.stands(self._pass):
            return
        session = self._session
        self._door.counters.add("studios.revoked")
        self.closed_by_server("revoked")
        if session is not None:
            session.end()

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
            self._audio(studio.parse_sound(message.data))
        elif message.type is WSMsgType.TEXT:
            words = studio.parse(message.data)
            if isinstance(words, End):
                self._closing = Closed("ended", "goodbye")
                return False
            if isinstance(words, Ping) and self._pings < _PINGS:
                self._pings += 1
                self._pongs.append(words.number)
                self._wake.set()
            if isinstance(words, Title) and self._session is not None:
                self._session.title = clean(words.text, _MAX_TITLE).strip()
        return True

    def _audio(self, audio: Audio | Pcm) -> None:
        count = len(audio.packets if isinstance(audio, Audio) else audio.blocks)
        now = self._loop.time()
        # A studio is as fast as time. One that sends four times that is not decoded for long.
        self._tokens = min(_BURST, self._tokens + (now - self._asked) * _FASTEST)
        self._asked = now
        if self._tokens < count:
            self._door.counters.add("studios.too_fast", count)
            return
        self._tokens -= count
        self._heard = now
        blocks = self.gaps.take(audio)
        if blocks and self._session is not None:
            pcm = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
            for part, speech in self._speech.runs(pcm):
                self._session.write(part, speech)

    # --- what it is told

    async def _tell(self) -> None:
        """Send the status now and then; end it when nothing comes or the server wants it."""
        due = self._loop.time() + STATUS_EVERY
        while self._closing is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            if self._closing is None and self._wake.is_set():
                self._wake.clear()
                pongs, self._pongs = self._pongs, []
                for number in pongs:
                    await self._send(studio.encode(Pong(number)))
                continue
            due, self._pings = self._loop.time() + STATUS_EVERY, 0
            if self._closing is None and self._loop.time() - self._heard > SILENT_AFTER:
                self._door.counters.add("studios.failed.silent")
                self._closing = Closed("timed_out", "no audio for 10 seconds", True)
            if self._closing is None and self._session is not None:
                status = replace(self._session.report(), lost=self.gaps.lost)
                await self._send(studio.encode(status))
        # Wakes ``serve``, which waits for a message.
        await self._goodbye()

    async def _send(self, text: str) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.send_str(text)

    def closed_by_server(self, reason: str) -> None:
        """The server ends it: replaced, stopped or shut down."""
        if self._closing is None:
            by = "" if self._session is None else self._session.closed_by
            self._session = None
            word = reason if reason in _WORDS else "stopped"
            self._closing = Closed(word, _WORDS.get(reason, reason), word == "shutdown", by)
            self._wake.set()

    async def _goodbye(self) -> None:
        if self._closing is not None and not self._socket.closed:
            closed, code = self._closing, WSCloseCode.OK
            if closed.reason in ("protocol", "not_allowed", "unknown_area", "signed_out"):
                code = WSCloseCode.POLICY_VIOLATION
            await self._send(studio.encode(closed))
            await self._socket.close(code=code, message=closed.reason.encode())

    def _finish(self, outcome: str | None) -> None:
        session, self._session = self._session, None
        if outcome is not None and self.live:
            self._door.leave(self.live, self.gaps)
        for name, count in self.gaps.untold():
            self._door.counters.add(f"studios.packets.{name}", count)
        if session is None:
            return
        if outcome is None:
            session.end()
        else:
            session.drop(outcome)


class Refused(Exception):
    """The studio may not go live; it is told why."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(closed.text)
        self.closed = closed
