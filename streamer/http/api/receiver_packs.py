"""Calls for a stick: what an area plays in the next days, as MP3 and for a box."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import Field

from loa.streamer.core.rights import Permission
from loa.streamer.core.stick import file_names
from loa.streamer.desk.errors import NotFound
from loa.streamer.fleet.packs import Packs
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Call, Model, Route, area_in_path
from loa.streamer.http.api.times import Time

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Days(Model):
    """How many days ahead."""

    days: Annotated[int, Field(ge=1, le=31)] = 7


class PackFile(Model):
    """A bulletin: ``name`` of its MP3, ``audio`` what it is fetched by, when it is played."""

    name: str
    audio: str
    bulletin: Id
    title: str
    language: str
    cls: int
    seconds: float
    size: int
    times: tuple[Time, ...]


class PackOut(Model):
    """``manifest`` (base 64) is signed, and goes on the stick as it is: boxes there read it."""

    area: Id
    area_name: str
    timezone: str
    made: Time
    until: Time
    files: tuple[PackFile, ...]
    manifest: str


def _packs(call: Call) -> Packs:
    if call.services.fleet is None:
        raise NotFound("receiver.no_door")
    return call.services.fleet.packs


async def show(call: Call) -> PackOut:
    """Show what goes on a stick for an area."""
    area = call.areas[0]
    pack = await _packs(call).make(area, call.query.days)
    names = file_names([item.title for item in pack.items])
    return PackOut(
        area=area.id, area_name=area.name, timezone=pack.schedule.timezone,
        made=pack.schedule.made / 50, until=pack.schedule.until / 50,
        files=tuple(
            PackFile(
                name=name, audio=item.audio, bulletin=item.bulletin, title=item.title,
                language=item.language, cls=item.cls, seconds=item.seconds, size=item.size,
                times=item.times,
            )
            for name, item in zip(names, pack.items, strict=True)
        ),
        manifest=base64.b64encode(pack.manifest).decode(),
    )  # fmt: skip


def _audio(call: Call) -> str:
    sha256 = str(call.params["audio"])
    if not _SHA256.fullmatch(sha256):
        raise NotFound("pack.no_audio")
    return sha256


async def mp3(call: Call) -> web.StreamResponse:
    """Give a bulletin of the area's as MP3; it is made when it is asked for first."""
    path = await _packs(call).mp3(call.areas[0], _audio(call))
    return _file(path, "audio/mpeg")


async def opus(call: Call) -> web.StreamResponse:
    """Give a bulletin of the area's as boxes have it."""
    path = await _packs(call).opus(call.areas[0], _audio(call))
    return _file(path, "audio/ogg")


def _file(path: Path, media_type: str) -> web.FileResponse:
    response = web.FileResponse(path)
    response.content_type = media_type
    return response


_PATH = "/areas/{area}/pack"

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", _PATH, show, "What goes on a stick for an area", Permission.READ, on=area_in_path,
        query=Days, answer=PackOut, tag="packs",
    ),
    Route(
        "GET", _PATH + "/mp3/{audio:text}", mp3, "A bulletin of a stick, as MP3", Permission.READ,
        on=area_in_path, answers=("audio/mpeg",), tag="packs",
    ),
    Route(
        "GET", _PATH + "/opus/{audio:text}", opus, "A bulletin of a stick, for a box",
        Permission.READ, on=area_in_path, answers=("audio/ogg",), tag="packs",
    ),
)  # fmt: skip
