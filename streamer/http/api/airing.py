"""Calls about what was aired: the as-run log, and what it sounded like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import ConfigDict, Field

from loa.streamer.air.replay import Replay
from loa.streamer.air.stretches import carried_of
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk.errors import FieldProblem, Invalid, NotFound
from loa.streamer.http.api.dispatch import HEADERS
from loa.streamer.http.api.onair import ClassWord
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_path
from loa.streamer.http.api.times import Time, iso
from loa.streamer.store import airing
from loa.streamer.store.tables.airing import AiredRow

LONGEST = 6 * 3600.0
"""Seconds of one recording."""
CHUNK = 64 * 1024
AT_ONCE = 4
"""Recordings that are made at a time."""

_turn = asyncio.Semaphore(AT_ONCE)


class Aired(Model):
    """A stretch of what an area's mount carried: ticks ``from_tick`` … ``to_tick - 1`` of 20 ms.

    ``to``, ``to_tick``: null while it goes on. ``play``: the same for all stretches of one playing,
    ``complete`` in the last of them. ``failure``: why it did not sound as it should have."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Id
    area: Id
    begin: Annotated[Time, Field(alias="from")]
    end: Annotated[Time | None, Field(alias="to")]
    from_tick: int
    to_tick: int | None
    kind: Literal["live", "bulletin", "relay", "file"]
    class_: Annotated[ClassWord, Field(alias="class")]
    title: str
    language: str
    origin: Id | None
    bulletin: Id | None
    entry: Id | None
    emergency: Id | None
    drill: bool
    play: str
    complete: bool
    who: str
    why: str
    failure: str


class Stretch(Model):
    """The time from ``from`` to ``to``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    begin: Annotated[Time, Field(alias="from")]
    end: Annotated[Time, Field(alias="to")]


class AiredQuery(Paging):
    """The time from ``from`` to ``to``, a part of it at a time; left out: the last day, up to
    now."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    begin: Annotated[Time | None, Field(alias="from")] = None
    end: Annotated[Time | None, Field(alias="to")] = None


def _check(begin: float, end: float) -> None:
    if end <= begin:
        raise Invalid(FieldProblem("to", "aired.backwards"))


async def aired(call: Call) -> Page[Aired]:
    """List what an area carried, the earliest first."""
    query: AiredQuery = call.query
    # A second more: what began just now is in it.
    end = call.desk.clock() + 1 if query.end is None else query.end
    begin = end - 86_400 if query.begin is None else query.begin
    _check(begin, end)
    async with call.desk.store.read() as db:
        rows = await airing.stretches(
            db, call.params["area"], begin, end, after=query.after, limit=query.limit + 1
        )
    return page(Page[Aired], rows, query.limit, shown, lambda row: row.id)


def shown(row: AiredRow) -> Aired:
    """Return a stretch as the API says it."""
    return Aired.model_validate(
        {
            "id": row.id, "area": row.area_id, "from": row.from_unix, "to": row.to_unix,
            "from_tick": row.from_tick, "to_tick": row.to_tick, "kind": row.kind,
            "class": BulletinClass(row.cls).name.lower(), "title": row.title,
            "language": row.language, "origin": row.origin_id, "bulletin": row.bulletin_id,
            "entry": row.entry_id, "emergency": row.cue_id, "drill": row.drill, "play": row.play,
            "complete": row.complete, "who": row.who, "why": row.why, "failure": row.failure,
        }
    )  # fmt: skip


async def recording(call: Call) -> web.StreamResponse:
    """Play or download what an area carried, as it went out."""
    query = call.query
    _check(query.begin, query.end)
    if query.end - query.begin > LONGEST:
        raise Invalid(FieldProblem("to", "aired.too_long", {"hours": round(LONGEST / 3600)}))
    if query.begin >= call.desk.clock():
        raise NotFound("aired.future")
    area, air = call.areas[0], call.services.air
    await air.catch_up()
    async with call.desk.store.read() as db:
        rows = await airing.stretches(
            db, area.id, query.begin, query.end, limit=200_000
        )  # fmt: skip
        files = await airing.archives_of(db, {r.archive_id for r in rows if r.archive_id})
    now = air.tick_of(call.desk.clock())
    first, end = _ticks(call, rows, query.begin), min(now, _ticks(call, rows, query.end))
    stretches = carried_of(rows, files, call.desk.data, end)
    title = f"{area.name} {iso(query.begin)}"
    stream = Replay(call.desk.data, call.desk.counters).stream(
        stretches, first, max(end, first + 1), title
    )
    name = f"{area.path.strip('/').replace('/', '-')}-{iso(query.begin)}.opus".replace(":", "")
    response = web.StreamResponse()
    response.content_type = "audio/ogg"
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name)}"
    response.headers.update(HEADERS)
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(call.request)
    async with _turn:
        while chunk := await asyncio.to_thread(_some, stream):
            await response.write(chunk)
    await response.write_eof()
    return response


def _ticks(call: Call, rows: list[AiredRow], unix: float) -> int:
    """Return the tick at a time of day: by the nearest stretch, for clocks drift as months pass."""
    near = min(rows, key=lambda row: abs(row.from_unix - unix), default=None)
    if near is None:
        return call.services.air.tick_of(unix)
    return max(0, near.from_tick + round((unix - near.from_unix) * 50))


def _some(stream: Iterator[bytes]) -> bytes:
    """Return the next pages, in a thread."""
    pages = bytearray()
    for some in stream:
        pages += some
        if len(pages) >= CHUNK:
            break
    return bytes(pages)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/aired", aired, "What was aired", Permission.READ, area_in_path,
        query=AiredQuery, answer=Page[Aired], tag="aired",
    ),
    Route(
        "GET", "/areas/{area}/recording.opus", recording, "Hear what was aired", Permission.READ,
        area_in_path, query=Stretch, answers=("audio/ogg",), tag="aired",
    ),
)  # fmt: skip
