"""What players and scripts open: what there is to hear, playlists, and Icecast's status."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec
from aiohttp import web

from loa.streamer.air.listeners import CADENCES
from loa.streamer.air.mounts import MountInfo, Mounts
from loa.streamer.http.shared import Body, Shared
from loa.streamer.ingest.frontdoor import STREAM_EXTENSION

NO_STORE = {"Cache-Control": "no-cache, no-store"}
MOST_NAMED = 100
"""Stations that can be asked for by name in one call; of more the first."""
FRESH_S = 1.0
"""For as long as this, what all stations carry is answered to all from one look."""
OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*"}

_HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


_LINK = b'"listenurl":"'
"""Nothing else looks like it: within a string the quotes would be escaped."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Audience(Protocol):
    """What is needed of ``streamer/air/listeners.py``."""

    def on(self, mount: int) -> int:
        """Return the listeners that a mount has now."""


@dataclass(frozen=True, slots=True)
class Playlist:
    """A kind of playlist: its extension, media type and how one entry is written."""

    extension: str
    media_type: str
    write: Callable[[str, str], str]


def m3u(name: str, url: str) -> str:
    """Return an extended M3U with one endless entry."""
    return f"#EXTM3U\n#EXTINF:-1,{name}\n{url}\n"


def pls(name: str, url: str) -> str:
    """Return a PLS with one endless entry."""
    return f"[playlist]\nNumberOfEntries=1\nFile1={url}\nTitle1={name}\nLength1=-1\nVersion=2\n"


def xspf(name: str, url: str) -> str:
    """Return an XSPF playlist with one entry."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>'
        f"<location>{escape(url)}</location><title>{escape(name)}</title>"
        "</track></trackList></playlist>\n"
    )


PLAYLISTS = (
    Playlist("m3u", "audio/x-mpegurl", m3u),
    Playlist("pls", "audio/x-scpls", pls),
    Playlist("xspf", "application/xspf+xml", xspf),
)


def base_url(request: web.Request) -> str:
    """Return how the client reached us: ``http://host:port``.

    The Host field comes from outside and goes into what we answer, so it is used only if it looks
    like a host; else the address of the connection is.
    """
    host = request.headers.get("Host", "")
    if not _HOST.fullmatch(host):
        assert request.transport is not None
        name, port = request.transport.get_extra_info("sockname")[:2]
        host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return f"{request.scheme}://{host}"


def stream_path(mount: MountInfo) -> str:
    """Return the percent-encoded path of a mount's stream."""
    return quote(mount.path) + STREAM_EXTENSION


class Pages:
    """The routes of those who listen.

    ``started`` is the server's start in seconds of the epoch, ``bitrate`` the streams' in bit/s.
    What lists all stations is made once a second at most, whoever asks.
    """

    def __init__(
        self,
        mounts: Mounts,
        audience: Audience,
        version: str,
        started: float,
        bitrate: int = 24_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bitrate = bitrate
        self._mounts = mounts
        self._audience = audience
        self._version = version
        self._started = started
        self._all = Shared(self._list_all, FRESH_S, clock)
        self._sources = Shared(self._all_sources, FRESH_S, clock)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the routes; before the catch-all."""
        router.add_get("/api/v1/mounts", self.mounts)
        router.add_get("/status-json.xsl", self.status)
        for playlist in PLAYLISTS:
            router.add_get(f"/{{area:.+}}.{playlist.extension}", self._playlist(playlist))

    async def mounts(self, request: web.Request) -> web.Response:
        """``/api/v1/mounts``: what there is to hear and what is on air, in the order to show it;
        ``?path=/area`` (again for each) for some alone, without those that there are not.

        All of them come with an ETag, which says nothing of the numbers of listeners: whoever has
        seen the same programmes on the same stations need not fetch the list again.
        """
        if wanted := request.query.getall("path", ()):
            found = (self._mounts.find(path) for path in wanted[:MOST_NAMED])
            body = _listed([self._entry(mount) for mount in found if mount is not None])
            return Body(body).answer(request, {**NO_STORE, **OPEN_TO_ALL})
        return (await self._all()).answer(request, {"Cache-Control": "no-cache", **OPEN_TO_ALL})

    async def _list_all(self) -> Body:
        entries = [self._entry(mount) for mount in self._mounts.all()]
        plain = _listed(entries)
        for entry in entries:
            entry["listeners"] = None
        # Thousands of stations look alike: a phone gets a tenth of the bytes.
        return await asyncio.to_thread(Body.of, plain, _listed(entries))

    def _entry(self, mount: MountInfo) -> dict[str, object]:
        on_air = self._mounts.on_air(mount.number)
        return {
            "path": mount.path,
            "name": mount.name,
            "description": mount.description,
            "stream": stream_path(mount),
            "listeners": self._audience.on(mount.number),
            "on_air": {
                "kind": on_air.kind,
                "title": on_air.title,
                "since": on_air.since or None,
            },
        }

    # --- for players and scripts

    async def status(self, request: web.Request) -> web.Response:
        """``/status-json.xsl`` as Icecast has it; ``?mount=/path`` for one alone.

        ``source`` is an object for one mount and a list for several: clients rely on both.
        """
        base, wanted = base_url(request), request.query.get("mount")
        if wanted is None:
            sources = await self._sources()
        else:
            mount = self._mounts.find(wanted.removesuffix(STREAM_EXTENSION))
            sources = () if mount is None else (self._source(mount),)
        source: object = sources[0] if len(sources) == 1 else sources
        icestats = {
            "host": re.sub(r":[0-9]+$", "", base.partition("://")[2]),
            "server_id": f"Loa {self._version}",
            "server_start_iso8601": self._start_time(),
            **({"source": source} if sources else {}),
        }
        body = msgspec.json.encode({"icestats": icestats}).replace(_LINK, _LINK + base.encode())
        return Body(body).answer(request, {**NO_STORE, **OPEN_TO_ALL})

    async def _all_sources(self) -> tuple[msgspec.Raw, ...]:
        return tuple(self._source(mount) for mount in self._mounts.all())

    def _source(self, mount: MountInfo) -> msgspec.Raw:
        """What Icecast says of a mount, but for the name of this server in its link: that is what
        whoever asks calls it."""
        return msgspec.Raw(
            msgspec.json.encode(
                {
                    "listeners": self._audience.on(mount.number),
                    "listenurl": stream_path(mount),
                    "server_name": mount.name,
                    "server_description": mount.description,
                    "server_type": "application/ogg",
                    "subtype": "Opus",
                    "audio_bitrate": self._bitrate,
                    "audio_channels": 1,
                    "audio_samplerate": 48_000,
                    "stream_start_iso8601": self._start_time(),
                    "title": self._mounts.on_air(mount.number).title,
                    "dummy": None,
                }
            )
        )

    def _start_time(self) -> str:
        return datetime.fromtimestamp(self._started, UTC).strftime("%Y-%m-%dT%H:%M:%S%z")

    def _playlist(self, playlist: Playlist) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            mount = self._mounts.find("/" + request.match_info["area"])
            if mount is None:
                raise web.HTTPNotFound(text="no such station; they are listed at /listen\n")
            url = base_url(request) + stream_path(mount)
            if (cadence := request.query.get("cadence")) in CADENCES:
                url += f"?cadence={cadence}"
            name = mount.name.replace("\n", " ").replace("\r", " ")
            return web.Response(
                body=playlist.write(name, url).encode(),
                content_type=playlist.media_type,
                charset="utf-8",
                headers={
                    **NO_STORE,
                    **OPEN_TO_ALL,
                    "Content-Disposition": f'inline; filename="loa.{playlist.extension}"',
                },
            )

        return handle


def _listed(entries: list[dict[str, object]]) -> bytes:
    return msgspec.json.encode({"mounts": entries})
