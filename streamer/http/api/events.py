"""Being told what changes, as it does: server-sent events (``http/push.py``)."""

from __future__ import annotations

from aiohttp import web

from loa.streamer.core.rights import Permission
from loa.streamer.desk.errors import NotFound
from loa.streamer.http.api.dispatch import HEADERS
from loa.streamer.http.api.route import Call, Model, Route


class EventsQuery(Model):
    """``once``: what stands now, and the end."""

    once: bool = False


async def watch(call: Call) -> web.StreamResponse:
    """Stream what is on air, how receivers are and what happens; docs/pages.md says in what form.

    First `snapshot`, then `change`: `items` (what is on, by number), `areas` (by id: the number of
    the item, 0 for silence; listeners; receivers; of them connected, playing, silent though
    something is on), `levels` (of lives and relays, LUFS over 400 ms, by item), `happened` (`kind`
    of the audit log, `area`, `subject`). Last `ended`.
    """
    push = call.services.push
    if push is None:
        raise NotFound("not_found")
    return await push.serve(call.request, call.actor, call.who, HEADERS, call.query.once)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/events", watch,
        "What is on air and what happens, as it does: server-sent events", Permission.READ,
        query=EventsQuery, answers=("text/event-stream",), tag="on air",
    ),
)  # fmt: skip
