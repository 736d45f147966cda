"""Icecast source clients: butt, ffmpeg, Mixxx, darkice, Liquidsoap and the like go live here.

The front door has read the request's head; ``IcecastDoor.source_protocol`` makes the protocol that
takes the connection over. What each client expects is in the comments; the answers stay below 250
bytes, which is all that some clients read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import socket
from typing import Protocol, cast
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import structlog
from aiohttp import web

from loa.streamer.core.attempts import Guesses
from loa.streamer.counters import Counters
from loa.streamer.ingest.body import Body, BodyError, framing
from loa.streamer.ingest.containers import (
    ACCEPTED,
    SHOWN,
    SNIFF,
    Container,
    OggTail,
    base_type,
    container,
)
from loa.streamer.ingest.decoders import Decoders
from loa.streamer.ingest.decoding import NO_ROOM, Decoding
from loa.streamer.ingest.reply import clean, header_block
from loa.streamer.ingest.request import RequestHead
from loa.streamer.ingest.session import (
    AreaBusy,
    AreaUnknown,
    NotAllowed,
    Session,
    SourceKind,
    Sources,
)

log = structlog.get_logger()

SILENT_AFTER = 10.0
"""Seconds without any audio after which a source is taken for dead."""
RECEIVE_BUFFER = 128 * 1024
UNLOGGED = frozenset({"limited", "unauthenticated"})
"""Refusals that anyone can cause as often as they like, and libshout's first question: counted."""
_LINGER = 2.0
_LINGER_BYTES = 1 << 20
_METHODS = "GET, PUT, POST, OPTIONS, SOURCE"
_MAX_NAME = 100
_MAX_TITLE = 200
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso-8859-1": "latin-1",
    "iso8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "windows-1258": "cp1258",
}


class Refusal(Exception):
    """A request that is answered with ``status`` and ``text``, and counted as ``count``."""

    def __init__(self, status: int, text: str, count: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.count = count


class Peer(Protocol):
    """Who is at the other end, as the front door knows it."""

    @property
    def host(self) -> str:
        """The client's address."""

    @property
    def secure(self) -> bool:
        """The connection is TLS."""


def secret_of(authorization: str | None) -> str | None:
    """Return the password or token of an Authorization field, None when there is none to read.

    Basic (any user name: Icecast's clients say ``source``) and Bearer are understood.
    """
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(value.strip(), validate=True)
        text = raw.decode("utf-8")
    except binascii.Error:
        return None
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    _, colon, password = text.partition(":")
    return password if colon and password else None


def mount_path(path: str) -> str:
    """Return the area path of a mount: ``/a/b.ogg`` is ``/a/b``."""
    folder, slash, name = path.rstrip("/").rpartition("/")
    return folder + slash + name.partition(".")[0]


class IcecastDoor:
    """What all source connections share. Belongs to the loop.

    ``close`` ends all of them and waits for their threads.
    """

    def __init__(self, sources: Sources, counters: Counters, decoders: Decoders) -> None:
        self.sources = sources
        self.counters = counters
        self.decoders = decoders
        self.attempts = Guesses()
        self.live: set[IcecastSource] = set()
        self.connections: set[IcecastSource] = set()
        self._closing = False

    def source_protocol(self, head: RequestHead, peer: Peer) -> asyncio.Protocol:
        """Return the protocol for a source's connection."""
        return IcecastSource(self, head, peer)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add what source clients ask for beside their stream."""
        router.add_get("/admin/metadata", self.metadata)
        # libshout asks for this to see whether the server speaks TLS; any answer will do.
        router.add_get("/admin/!POKE", self.poke)

    def find(self, area: str, secret: str) -> IcecastSource | None:
        """Return the source that is live on ``area`` with this very token."""
        for source in self.live:
            if source.area == area and hmac.compare_digest(source.secret.encode(), secret.encode()):
                return source
        return None

    def check_attempts(self, peer: str, area: str, now: float) -> None:
        """Raise ``Refusal`` when this address has guessed too often."""
        if self.attempts.blocked(peer, area, now):
            raise Refusal(429, "too many wrong passwords; wait a minute", "limited")

    async def poke(self, request: web.Request) -> web.Response:
        """Answer libshout's question whether anybody is here."""
        return web.Response(status=404, headers={"Allow": _METHODS})

    async def metadata(self, request: web.Request) -> web.Response:
        """Take a title: ``?mode=updinfo&mount=/x&song=…[&charset=]``."""
        try:
            self._update(request)
        except Refusal as refusal:
            self.counters.add(f"titles.refused.{refusal.count}")
            headers = {"WWW-Authenticate": 'Basic realm="Loa"'} if refusal.status == 401 else None
            return web.Response(
                status=refusal.status, headers=headers, text=_answer(refusal.text, 0),
                content_type="text/xml",
            )  # fmt: skip
        self.counters.add("titles")
        return web.Response(text=_answer("Metadata update successful", 1), content_type="text/xml")

    def _update(self, request: web.Request) -> None:
        arguments = _arguments(request.rel_url.raw_query_string)
        if arguments.get("mode") != "updinfo":
            raise Refusal(400, "only mode=updinfo is understood", "form")
        area = mount_path(arguments.get("mount", ""))
        title = arguments.get("song")
        if title is None:
            parts = (arguments.get("artist"), arguments.get("title"))
            title = " - ".join(part for part in parts if part)
        peer = request.remote or ""
        now = asyncio.get_running_loop().time()
        self.check_attempts(peer, area, now)
        secret = secret_of(request.headers.get("Authorization"))
        if secret is None:
            raise Refusal(401, "a user and password are needed", "unauthenticated")
        source = self.find(area, secret)
        if source is None:
            self.attempts.failed(peer, area, now)
            raise Refusal(401, "no source with this password is live there", "credentials")
        source.set_title(title)

    async def close(self) -> None:
        """End all sources, and wait until their threads have ended."""
        self._closing = True
        for source in list(self.live):
            source.stop("the server is stopping")
        await self.decoders.join()
        # Those that are still reading their last answer have had their time.
        for source in list(self.connections):
            source.abort()
        await asyncio.sleep(0)

    @property
    def closing(self) -> bool:
        """No new source is taken."""
        return self._closing


class IcecastSource(asyncio.Protocol):
    """One source's connection, from its request's head to its last byte."""

    def __init__(self, door: IcecastDoor, head: RequestHead, peer: Peer) -> None:
        self._door = door
        self._head = head
        self._peer = peer.host
        self._secure = peer.secure
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._body: Body | None = None
        self._session: Session | None = None
        self._decoding: Decoding | None = None
        self._start = b""
        self._tail = OggTail()
        self._expects = False
        self._answered = False
        self._clean = False
        self._over = False
        self._discarding: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._progress = (0, 0.0)
        self._titled = False
        self.area = mount_path(head.path)
        self.secret = ""
        self._log = log.bind(area=self.area, peer=peer.host)

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not of asyncio's class.
        self._transport = cast(asyncio.Transport, transport)
        self._door.connections.add(self)
        try:
            self._open()
        except Refusal as refusal:
            self._refuse(refusal)
            return
        self._door.live.add(self)
        # A source that sends ahead of time shall wait itself, not minutes of it in our kernel.
        made = transport.get_extra_info("socket")
        if made is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._progress = (0, self._loop.time())
        self._timer = self._loop.call_later(SILENT_AFTER, self._look)
        if self._expects:
            # ffmpeg, libshout: the body follows this, and the last word comes after the body.
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            # butt sends nothing before it has read a 200.
            self._answer(200, "")

    def data_received(self, data: bytes) -> None:
        if self._discarding is not None:
            self._discarding -= len(data)
            if self._discarding < 0:
                self._close()
            return
        if self._body is None or self._clean or self._over:
            return
        try:
            audio = self._body.feed(data)
        except BodyError as error:
            self._fail(f"the body is framed wrongly: {error}", "framing")
            return
        if audio:
            self._take(audio)
        if self._body.finished and not self._over:
            self._clean = True
            self._end_of_body()

    def eof_received(self) -> bool:
        self._end_of_body()
        # Half open: what the source has sent is still decoded, and a last answer goes out.
        return self._transport is not None and not self._secure

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._door.connections.discard(self)
        if self._discarding is not None:
            self._cancel_timer()
        elif not self._over:
            self._end_of_body()

    # --- the head

    def _open(self) -> None:
        head = self._head
        headers = head.headers
        expected = (headers.get("expect") or "").strip().lower()
        self._expects = expected == "100-continue" and head.version >= (1, 1)
        if self._door.closing:
            raise Refusal(503, "the server is stopping", "stopping")
        if head.method not in ("PUT", "SOURCE"):
            raise Refusal(405, "a source uses PUT or SOURCE", "method")
        secret = secret_of(headers.get("authorization"))
        if secret is None:
            # libshout asks like this first, with no body, to see which methods there are.
            raise Refusal(401, "a source needs a user and password", "unauthenticated")
        now = self._loop.time()
        self._door.check_attempts(self._peer, self.area, now)
        try:
            self._body = framing(headers.get("transfer-encoding"), headers.get("content-length"))
        except BodyError as error:
            raise Refusal(400, str(error), "framing") from None
        kind = self._content_type()
        name = headers.get("ice-name") or headers.get("icy-name") or headers.get("user-agent")
        self.secret = secret
        try:
            self._session = self._door.sources.open(
                self.area,
                secret,
                kind=SourceKind.OPUS if ACCEPTED[kind] is Container.OGG else SourceKind.STREAM,
                name=clean(name or "", _MAX_NAME).strip(),
                peer=self._peer,
            )
        except AreaUnknown as error:
            raise Refusal(404, str(error) or "there is no such area", "area_unknown") from None
        except AreaBusy as error:
            raise Refusal(403, str(error) or "another source is live here", "busy") from None
        except NotAllowed as error:
            self._door.attempts.failed(self._peer, self.area, now)
            raise Refusal(401, str(error) or "wrong password", "credentials") from None
        self._session.on_close = self._closed_by_server

    def _content_type(self) -> str:
        given = self._head.headers.get("content-type")
        if given is None:
            if self._head.method == "PUT":
                raise Refusal(400, "a PUT needs a Content-Type", "no_type")
            given = "audio/mpeg"  # what SOURCE meant before clients said it
        kind = base_type(given)
        if kind not in ACCEPTED:
            raise Refusal(415, "this type is not accepted; these are: " + ", ".join(SHOWN), "type")
        return kind

    # --- audio

    def _take(self, audio: bytes) -> None:
        self._tail.feed(audio)
        if self._decoding is None:
            # The first bytes tell the container for certain; the Content-Type is often wrong.
            self._start += audio
            if len(self._start) < SNIFF:
                return
            audio, self._start = self._start, b""
            self._decode(audio)
        self._feed(audio)

    def _decode(self, start: bytes) -> None:
        assert self._session is not None
        found = container(self._content_type(), start)
        self._session.settle(SourceKind.OPUS if found is Container.OGG_OPUS else SourceKind.STREAM)
        self._decoding = self._door.decoders.start(found, self._session, self._on_space, self._done)

    def _feed(self, audio: bytes) -> None:
        assert self._decoding is not None
        if not self._decoding.feed(audio) and self._transport is not None:
            self._transport.pause_reading()

    def _on_space(self) -> None:
        if self._transport is not None and not self._over:
            self._transport.resume_reading()

    def _end_of_body(self) -> None:
        """No more audio comes: what there is plays out, then the session ends or is held."""
        if self._over or self._session is None:
            return
        if self._transport is not None:
            self._answer(200, "")
            self._close()
        if self._decoding is None:
            if not self._start:
                self._done(None)
                return
            self._decode(self._start)
            self._feed(self._start)
            self._start = b""
        if self._decoding is not None and not self._over:
            self._decoding.finish()

    def _done(self, error: str | None) -> None:
        """Everything has been decoded and written, or cannot be."""
        if error is not None and error.startswith(NO_ROOM):
            self._fail(error, "full", 503)
            return
        if error is not None:
            self._fail(f"this is not the audio that was announced: {error}", "decode")
            return
        ended = self._clean or self._tail.ended
        self._finish(None if ended else "the connection was lost")

    def _look(self) -> None:
        """Look now and then whether audio still comes."""
        self._timer = None
        decoding = self._decoding
        now = self._loop.time()
        accepted = decoding.accepted if decoding is not None else 0
        if accepted != self._progress[0] or (decoding is not None and decoding.waiting):
            self._progress = (accepted, now)
        if decoding is not None and decoding.title:
            self._stream_title(decoding.title)
        left = self._progress[1] + SILENT_AFTER - now
        if left <= 0:
            self._fail("no audio for 10 seconds", "silent")
        else:
            self._timer = self._loop.call_later(min(left, 1.0), self._look)

    def set_title(self, title: str) -> None:
        """Take a title that was sent beside the stream; it goes before the stream's own."""
        self._titled = True
        if self._session is not None:
            self._session.title = clean(title, _MAX_TITLE).strip()

    def _stream_title(self, title: str) -> None:
        if not self._titled and self._session is not None:
            self._session.title = clean(title, _MAX_TITLE).strip()

    # --- the end

    def stop(self, reason: str) -> None:
        """End it from here: the server is stopping."""
        if not self._over:
            self._finish(reason)
            self._answer(503, reason)
            self._close()

    def abort(self) -> None:
        """Close the connection without another word."""
        if self._transport is not None:
            self._transport.abort()

    def _closed_by_server(self, reason: str) -> None:
        self._session = None
        self._finish(reason)
        self._close()

    def _fail(self, text: str, count: str, status: int = 400) -> None:
        """Something is wrong with what the source sent: tell it, and let the air layer hold."""
        self._door.counters.add(f"sources.failed.{count}")
        self._finish(text)
        self._refuse(Refusal(status, text, ""))

    def _finish(self, reason: str | None) -> None:
        """Give the session back: ended when there is no reason, else dropped with it."""
        if self._over:
            return
        self._over = True
        self._door.live.discard(self)
        self._cancel_timer()
        if self._decoding is not None:
            self._decoding.abort()
        session, self._session = self._session, None
        if session is not None and reason is None:
            session.end()
        elif session is not None:
            session.drop(reason or "")

    def _refuse(self, refusal: Refusal) -> None:
        """Answer, then read on a little: closing over unread bytes would lose the answer."""
        if refusal.count:
            self._door.counters.add(f"sources.refused.{refusal.count}")
            if refusal.count not in UNLOGGED:
                self._log.info("source refused", status=refusal.status, reason=refusal.text)
        self._over = True
        if self._transport is None:
            return
        self._answer(refusal.status, refusal.text)
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
            self._discarding = _LINGER_BYTES
            self._transport.resume_reading()
            self._timer = self._loop.call_later(_LINGER, self._close)
        else:
            self._close()

    def _answer(self, status: int, text: str) -> None:
        if self._answered or self._transport is None:
            return
        self._answered = True
        fields = [("Server", "Loa")]
        if status == 401:
            fields.append(("WWW-Authenticate", 'Basic realm="Loa"'))
        if status in (401, 405):
            fields.append(("Allow", _METHODS))
        if status == 429:
            fields.append(("Retry-After", "60"))
        body = f"{text}\n".encode() if text else b""
        if body:
            fields.append(("Content-Type", "text/plain; charset=utf-8"))
        if body or self._expects:
            fields.append(("Content-Length", str(len(body))))
        fields.append(("Connection", "close"))
        self._transport.write(header_block(status, fields, self._head.version) + body)

    def _close(self) -> None:
        self._cancel_timer()
        if self._transport is not None:
            self._transport.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _answer(text: str, done: int) -> str:
    return (
        '<?xml version="1.0"?>\n<iceresponse><message>'
        f"{escape(text)}</message><return>{done}</return></iceresponse>\n"
    )


def _arguments(query: str) -> dict[str, str]:
    """Read a query whose charset is one of its own arguments; UTF-8 or Latin-1 when it is none."""
    try:
        raw = dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=20))
    except ValueError:
        raise Refusal(400, "the part after the question mark cannot be read", "form") from None
    charset = _CHARSETS.get(raw.get("charset", "").lower() or "utf-8")
    if charset is None:
        raise Refusal(400, "this charset is not known here", "form")
    return {name: _decoded(value.encode("latin-1"), charset) for name, value in raw.items()}


def _decoded(value: bytes, charset: str) -> str:
    try:
        return value.decode(charset)
    except UnicodeDecodeError:
        return value.decode("latin-1")
