"""``loa live``: takes a microphone or files on air over the studio WebSocket, and stays there.

::

    input ─► Opus ─► outbox ─► link ─► server          (messages: codecs/studio.py)
                  (bounded)     └─ comes back by itself, with growing, jittered pauses

A microphone's packets that the link cannot take are dropped, oldest first, and counted: late speech
is worth less than present speech. Files wait instead.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import random
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import numpy as np

from loa.codecs import studio
from loa.codecs.studio import Audio, Closed, End, Hello, Ready, Status, StudioError, Title
from loa.native.opus import OpusEncoder
from loa.streamer.ingest.capture import Input

BITRATE = 64_000
LOSS_PERCENT = 10
KEPT_PACKETS = 10
"""Packets that wait for the link: 200 ms."""
_UNSENT = 4096
_SIOCOUTQNSD = 0x894B
_ANSWER_WITHIN = 8.0
_HEARTBEAT = 4.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0
_DRAIN = 5.0
_LEVEL_FLOOR = -99.0

Tell = Callable[[dict[str, Any]], None]


class LiveError(Exception):
    """It cannot go live, and trying again would not help; the message says why."""


class _Lost(Exception):
    """The link broke; it is tried again."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and as whom to go live. ``url`` is the server's, http(s); ``area`` a path."""

    url: str
    area: str
    secret: str
    user: str = "source"
    name: str = ""
    klass: str = ""
    software: str = "loa live"
    bitrate: int = BITRATE


class Outbox:
    """Packets between the encoder and the link. Live ones push the oldest out when it is full."""

    def __init__(self, live: bool, size: int = KEPT_PACKETS) -> None:
        self._live = live
        self._size = size
        self._packets: deque[tuple[int, int, bytes]] = deque()
        self._changed = asyncio.Condition()
        self._sequence = 0
        self._ended = False
        self.dropped = 0
        """Packets pushed out."""

    async def put(self, packet: bytes, captured_us: int) -> None:
        """Add a packet; what is not live waits for room."""
        async with self._changed:
            while not self._live and len(self._packets) >= self._size:
                await self._changed.wait()
            if len(self._packets) >= self._size:
                self._packets.popleft()
                self.dropped += 1
            self._packets.append((self._sequence, captured_us, packet))
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
            self._changed.notify_all()

    async def end(self) -> None:
        """Say that nothing more comes."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def take(self) -> Audio | None:
        """Wait for packets and return those that follow each other; None at the end."""
        async with self._changed:
            while not self._packets and not self._ended:
                await self._changed.wait()
            if not self._packets:
                return None
            first, captured, packet = self._packets.popleft()
            packets = [packet]
            while (
                self._packets
                and len(packets) < studio.MAX_PACKETS
                and self._packets[0][0] == (first + len(packets)) & 0xFFFFFFFF
            ):
                packets.append(self._packets.popleft()[2])
            self._changed.notify_all()
            return Audio(first, captured, tuple(packets))


class Meter:
    """Peak and mean level since it was last read, in dBFS."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._sum = 0.0
        self._count = 0

    def add(self, pcm: np.typing.NDArray[np.float32]) -> None:
        """Take samples."""
        self._peak = max(self._peak, float(np.max(np.abs(pcm))))
        self._sum += float(np.dot(pcm, pcm))
        self._count += len(pcm)

    def read(self) -> tuple[float, float]:
        """Return (peak, mean) and start anew; -99 is silence."""
        peak = 20 * np.log10(max(self._peak, 1e-5))
        mean = 10 * np.log10(max(self._sum / max(self._count, 1), 1e-10))
        self._peak = self._sum = 0.0
        self._count = 0
        return max(float(peak), _LEVEL_FLOOR), max(float(mean), _LEVEL_FLOOR)


class Live:
    """One broadcast from here. ``tell`` is called with what happens (see ``run``)."""

    def __init__(self, settings: Settings, source: Input, tell: Tell) -> None:
        self.settings = settings
        self.meter = Meter()
        self.online = asyncio.Event()
        self._source = source
        self._tell = tell
        self._outbox = Outbox(source.live)
        self._stopping = asyncio.Event()
        self._was_online = False
        self._url = _address(settings)

    @property
    def dropped(self) -> int:
        """Frames and packets that were lost here."""
        return self._outbox.dropped + self._source.dropped

    def stop(self) -> None:
        """Say goodbye as soon as what has been captured is sent."""
        self._stopping.set()

    async def run(self) -> None:
        """Be live until the input ends, ``stop`` is called, or the server ends it.

        Tells ``{"event": "connecting" | "connected" | "lost" | "status" | "closed", …}``. Raises
        ``LiveError`` when it cannot go live, and ``CaptureError`` when the input fails.
        """
        pump = asyncio.create_task(self._pump())
        link = asyncio.create_task(self._links())
        try:
            await asyncio.wait({pump, link}, return_when=asyncio.FIRST_COMPLETED)
            if pump.done() and pump.exception() is None and self.online.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN):
                        await asyncio.shield(link)
            for task in (pump, link):
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            for task in (pump, link):
                task.cancel()
            await asyncio.gather(pump, link, return_exceptions=True)
            await self._source.close()

    # --- from the input to the outbox

    async def _pump(self) -> None:
        encoder = OpusEncoder(self.settings.bitrate, fec=True, loss_percent=LOSS_PERCENT)
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            while not stopped.done():
                if not self._source.live:
                    online = asyncio.create_task(self.online.wait())
                    await asyncio.wait({online, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    online.cancel()
                got = asyncio.create_task(self._source.frame())
                await asyncio.wait({got, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not got.done():
                    got.cancel()
                    break
                frame = got.result()
                if frame is None:
                    break
                pcm, captured = frame
                self.meter.add(pcm)
                await self._outbox.put(encoder.encode(pcm), captured)
        finally:
            stopped.cancel()
            await self._outbox.end()

    # --- the link

    async def _links(self) -> None:
        """Keep a link up, until the server or the input ends it."""
        pause = _FIRST_PAUSE
        connector = aiohttp.TCPConnector(socket_factory=self._make_socket, limit=2)
        async with aiohttp.ClientSession(connector=connector) as http:
            while True:
                self._tell({"event": "connecting", "url": self.settings.url})
                try:
                    closed = await self._link(http)
                except _Lost as error:
                    if not self._was_online:
                        raise LiveError(str(error)) from None
                    reason = str(error)
                else:
                    self._tell({"event": "closed", **_words(closed)})
                    if closed.reason == "ended":
                        return
                    if not closed.again or not self._was_online:
                        raise LiveError(closed.text or closed.reason)
                    reason = closed.text or closed.reason
                if self.online.is_set():
                    self.online.clear()
                    pause = _FIRST_PAUSE
                if self._stopping.is_set():
                    return
                wait = pause * random.uniform(0.5, 1.0)
                pause = min(_LONGEST_PAUSE, pause * 2)
                self._tell({"event": "lost", "reason": reason, "again_in": round(wait, 2)})
                await asyncio.sleep(wait)

    @staticmethod
    def _make_socket(address: Any) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        # A link that acknowledges nothing is given up: seconds matter more than old packets.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 8000)
        return made

    async def _link(self, http: aiohttp.ClientSession) -> Closed:
        """Connect, send and listen until it ends; return the server's last word."""
        pair = f"{self.settings.user}:{self.settings.secret}".encode()
        headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                ws = await http.ws_connect(
                    self._url,
                    headers=headers,
                    heartbeat=_HEARTBEAT,
                    max_msg_size=4 * studio.MAX_TEXT,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refused(error.status) from None
        except aiohttp.ClientConnectorError as error:
            where = f"{error.host}:{error.port}: {error.strerror}"
            raise _Lost(f"the server cannot be reached: {where}") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _Lost(f"the server cannot be reached: {error or 'no answer'}") from None
        async with ws:
            try:
                async with asyncio.timeout(_ANSWER_WITHIN):
                    settings = self.settings
                    await ws.send_str(
                        studio.encode(Hello(settings.name, settings.klass, settings.software))
                    )
                    answer = await self._receive(ws)
                    if isinstance(answer, Closed):
                        return answer
                    if not isinstance(answer, Ready):
                        raise LiveError("the server does not speak as expected")
                self._was_online = True
                self.online.set()
                self._tell({"event": "connected", "area": answer.area})
                return await self._talk(ws)
            except (ConnectionError, TimeoutError, aiohttp.ClientError, StudioError) as error:
                raise _Lost(f"the link broke: {error}") from None

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse) -> Closed:
        sending = asyncio.create_task(self._send(ws))
        try:
            while True:
                message = await self._receive(ws)
                if isinstance(message, Closed):
                    return message
                if isinstance(message, Status):
                    self._tell({"event": "status", **_words(message), "dropped": self.dropped})
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _receive(self, ws: aiohttp.ClientWebSocketResponse) -> Any:
        message = await ws.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return studio.parse(message.data)
        if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.CONTINUATION):
            return None
        raise ConnectionError(ws.exception() or "the server closed it")

    async def _send(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        title = ""
        made = ws.get_extra_info("socket")
        with contextlib.suppress(ConnectionError):
            while True:
                while _unsent(made) > _UNSENT:  # noqa: ASYNC110 - the kernel tells nobody
                    await asyncio.sleep(0.01)
                audio = await self._outbox.take()
                if audio is None:
                    await ws.send_str(studio.encode(End()))
                    return
                if self._source.title != title:
                    title = self._source.title
                    await ws.send_str(studio.encode(Title(title[:200])))
                await ws.send_bytes(studio.encode_audio(audio))


def _unsent(made: Any) -> int:
    """Return the bytes that the kernel holds back because the link is too slow."""
    if made is None or not sys.platform.startswith("linux"):
        return 0
    try:
        raw = fcntl.ioctl(made.fileno(), _SIOCOUTQNSD, bytes(4))
    except (OSError, ValueError):
        return 0
    return int(struct.unpack("i", raw)[0])


def _refused(status: int) -> Exception:
    if status in (401, 403):
        return LiveError("the password is wrong, or not for this area")
    if status == 429:
        return LiveError("too many wrong passwords from here; wait a minute")
    if status == 503:
        return _Lost("the server is stopping or full")
    return LiveError(f"this is no Loa server: it answers {status}")


def _words(message: Status | Closed) -> dict[str, Any]:
    return asdict(message)


def _address(settings: Settings) -> str:
    parts = urlsplit(settings.url if "://" in settings.url else "http://" + settings.url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise LiveError(f"{settings.url} is no address of a server")
    area = quote(settings.area.strip("/"), safe="/")
    if not area:
        raise LiveError("an area is needed, such as /ha-giang/quang-binh/na-khuong")
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return f"{base}/api/v1/live/{area}"
