"""A route of the API: everything about one call in one place, its rights included.

The table of routes is what the server dispatches by, what OpenAPI is made of, and what the test of
rights walks. A handler is called only when whoever asks has the permission on every area that
``on`` names.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import Permission
from loa.streamer.desk.areas import past_area
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import DeskError, Forbidden, NotFound

if TYPE_CHECKING:
    from loa.streamer.desk.services import Services


MAX_BODY = 1024 * 1024
"""Bytes of JSON that a call takes, if it does not say otherwise."""
_VERSION = re.compile(r'"([0-9]{1,15})"|([0-9]{1,15})')


class Model(BaseModel):
    """The base of what comes in and goes out: unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )


class Access(Enum):
    """What is needed where no permission is."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    IN_PERSON = "signed in in person"
    """Signed in with a password, not by an API token: one's own password, sessions and tokens."""


async def _nobody() -> Actor | None:
    return None


@dataclass(slots=True)
class Call:
    """One request, checked as far as that goes before its handler."""

    request: web.Request
    desk: Desk
    services: Services
    actor: Actor
    language: str
    params: dict[str, Any] = field(default_factory=dict)
    """What stands in the path, by name: ints, but for parameters that are declared as text."""
    body: Any = None
    query: Any = None
    areas: Sequence[Area] = ()
    """What ``on`` found."""
    who: Callable[[], Awaitable[Actor | None]] = _nobody
    """Says who asks as things stand now, for calls that last; it does not prolong a session."""

    def require(self, permission: Permission, area: Area) -> None:
        """Raise ``Forbidden`` unless ``permission`` is given on ``area``, too."""
        if not self.actor.rights.allow(permission, area, self.desk.tree):
            raise Forbidden("forbidden", area=area.name)

    @property
    def version(self) -> int:
        """The version that is being changed (``If-Match``). Raises ``DeskError`` without one."""
        tag = self.request.headers.get("If-Match", "").strip()
        if not tag:
            raise VersionMissing("version_missing")
        found = _VERSION.fullmatch(tag)
        if found is None:
            raise DeskError("version_invalid")
        return int(found[1] or found[2])


class VersionMissing(DeskError):
    """A change that does not say of what."""


Handler = Callable[[Call], Awaitable[Any]]


class Where(Protocol):
    """Finds the areas on which the permission is needed. Raises ``DeskError``."""

    async def __call__(self, call: Call) -> Sequence[Area]:
        """Return them; at least one."""


async def area_in_path(call: Call) -> Sequence[Area]:
    """``/…/{area}/…``: the area with that id."""
    return [call.desk.area(call.params["area"])]


async def area_in_body(call: Call) -> Sequence[Area]:
    """The field ``area`` of the body."""
    return [call.desk.area(call.body.area)]


def area_of(table: Any, param: str, what: str) -> Where:
    """The area of the row whose id stands in the path: its column ``area_id``.

    For an area that is no more, what stands in its place.
    """

    async def find(call: Call) -> Sequence[Area]:
        async with call.desk.store.read() as db:
            row = await db.get(table, call.params[param])
        if row is None:
            raise NotFound(f"{what}.unknown", id=call.params[param])
        area = call.desk.tree.get(row.area_id)
        if area is None:
            try:
                _, area = await past_area(call.desk, row.area_id)
            except NotFound:
                raise NotFound(f"{what}.unknown", id=call.params[param]) from None
        return [area]

    return find


@dataclass(frozen=True, slots=True)
class Route:
    """One call. ``path`` is below ``/api/v1``; ``{name}`` are ids, ``{name:text}`` words.

    ``on`` None: with a permission, it is enough to have it anywhere (lists show what one may see).
    ``body``, ``query``, ``answer``: models; ``answer`` None: nothing, or what ``answers`` says in
    media types where the handler makes the response by itself. ``raw``: the handler reads the body,
    which is one of the media types that ``takes`` names. ``tag`` groups it in the documentation; by
    default the topic's name. ``max_body``: bytes of JSON that are taken.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    needs: Permission | Access
    on: Where | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: Any = None
    answers: tuple[str, ...] = ()
    status: int = 200
    raw: bool = False
    takes: tuple[str, ...] = ("application/octet-stream",)
    max_body: int = MAX_BODY
    refuses: tuple[int, ...] = ()
    """Statuses of refusals beside those that every such call may have."""
    tag: str = ""
    versioned: bool = False
    """Changes something that has a version: needs ``If-Match``."""
