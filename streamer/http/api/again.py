"""Calls for everybody: what was on an area's air lately, to be heard again.

Only what everybody could hear anyway: bulletins that were aired to their end in the last days and
are still approved. Drills and emergencies are not among them, since an old alarm that is played
again is taken for a new one.
"""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from loa.streamer.core.areas import Area
from loa.streamer.desk.errors import NotFound
from loa.streamer.desk.preparer import audio_file
from loa.streamer.http.api.onair import ClassWord
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Access, Call, Model, Route
from loa.streamer.http.api.times import Time
from loa.streamer.store import airing

DAYS = 7
MOST = 20


class StationQuery(Model):
    """Which one, by its present or a former path."""

    path: Annotated[str, Field(min_length=2, max_length=1000, pattern="^/")]


class Again(Model):
    """A bulletin that can be heard again; ``at`` is when it was last aired."""

    bulletin: Id
    title: str
    class_: Annotated[ClassWord, Field(alias="class")]
    language: str
    at: Time
    seconds: float


class Recent(Model):
    """What an area has aired in the last 7 days, the newest first."""

    name: str
    items: tuple[Again, ...]


def _found(call: Call) -> Area:
    area: Area | None = call.desk.tree.find(call.query.path)
    if area is None:
        raise NotFound("area.no_path", path=call.query.path)
    return area


async def recent(call: Call) -> Recent:
    """List what can be heard again."""
    area = _found(call)
    since = call.desk.clock() - DAYS * 86_400
    async with call.desk.store.read() as db:
        rows = await airing.lately(db, area.id, since, MOST)
    items = [
        {"bulletin": row.id, "title": row.title, "class": ("routine", "priority")[row.cls],
         "language": row.language, "at": at, "seconds": ticks / 50}
        for row, ticks, at in rows
    ]  # fmt: skip
    return Recent.model_validate({"name": area.name, "items": items})


async def hear(call: Call) -> web.StreamResponse:
    """Hear one of them (Ogg Opus), whole or in ranges."""
    id = call.params["bulletin"]
    since = call.desk.clock() - DAYS * 86_400
    async with call.desk.store.read() as db:
        sha256 = await airing.public_audio(db, id, since)
    if sha256 is None:
        raise NotFound("bulletin.unknown", id=id)
    response = web.FileResponse(audio_file(call.desk.data, sha256))
    response.content_type = "audio/ogg"
    return response


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/again", recent, "What can be heard again", Access.ANYONE,
        query=StationQuery, answer=Recent,
    ),
    Route(
        "GET", "/again/{bulletin}", hear, "Hear a bulletin again", Access.ANYONE,
        answers=("audio/ogg",),
    ),
)  # fmt: skip
