"""Dispatching: who asks, for what, may he, and what came of it. The one place for all routes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import ClientPayloadError, web
from pydantic import TypeAdapter

from loa.streamer import logs
from loa.streamer.core.rights import Permission
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import (
    DeskError,
    FieldProblem,
    Forbidden,
    Invalid,
    NotFound,
    SignedOut,
)
from loa.streamer.http.api.reading import check_sound, read_json, read_query, validated
from loa.streamer.http.api.refusing import Failed, Full, NoMethod, refused
from loa.streamer.http.api.route import Access, Call, Route
from loa.streamer.http.api.texts import language_of
from loa.streamer.store.store import NoRoom

if TYPE_CHECKING:
    from loa.streamer.desk.services import Services

PREFIX = "/api/v1"
PARAM = re.compile(r"\{(\w+)(:text)?\}")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Loa",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer that does not say otherwise. (What a handler sends by itself, it dresses.)"""

LITTLE = 4096
"""Answers of up to that many bytes go as they are; a province's tree of areas takes 300 kB."""

LASTING = web.RequestKey("lasting", bool)
"""On a request that is being answered for long: asking who it is from is no use of the session."""

Identify = Callable[[web.Request], Awaitable[Actor | None]]
"""Finds out who asks; None for nobody. Raises ``DeskError`` for what only pretends to be someone
(a token that has expired, a missing CSRF header)."""

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logs.get("api")


class Api:
    """The routes as aiohttp handlers; ``add_routes`` puts them into the application."""

    def __init__(
        self, desk: Desk, services: Services, routes: Iterable[Route], identify: Identify
    ) -> None:
        self._desk = desk
        self._services = services
        self.routes = tuple(routes)
        self._identify = identify
        self._patterns = [(route.method, re.compile(_pattern(route.path))) for route in self.routes]

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every route below ``/api/v1``, and what is said of all other addresses there."""
        for route in self.routes:
            path = PREFIX + PARAM.sub(
                lambda m: "{" + m[1] + ("}" if m[2] else ":[0-9]{1,15}}"), route.path
            )
            router.add_route(route.method, path, self._guarded(self._handler(route), route))
        router.add_route("*", PREFIX + "/{path:.*}", self._guarded(self._nowhere, None))

    def _guarded(self, handler: Handle, route: Route | None) -> Handle:
        """Make answers of what is refused and of what goes wrong."""
        name = "" if route is None else f"{route.method} {route.path}"

        async def handle(request: web.Request) -> web.StreamResponse:
            language = language_of(request.headers.get("Accept-Language", ""))
            try:
                response = await handler(request)
            except DeskError as error:
                response = refused(error, language)
            except web.HTTPException:
                raise
            except (ConnectionError, ClientPayloadError, web.RequestPayloadError):
                self._desk.counters.add("api.hung_up")
                raise
            except NoRoom as error:
                self._desk.counters.add("api.no_room")
                log.error("nothing can be stored", route=name, why=str(error))
                response = refused(Full("no_room"), language)
            except Exception:
                self._desk.counters.add("api.failed")
                log.exception("a call of the API failed", route=name)
                response = refused(Failed("failed"), language)
            if not response.prepared:
                for header, value in HEADERS.items():
                    response.headers.setdefault(header, value)
            return response

        return handle

    def _handler(self, route: Route) -> Handle:
        words = {m[1] for m in PARAM.finditer(route.path) if m[2]}
        adapter = None if route.answer is None else TypeAdapter(route.answer)

        async def handle(request: web.Request) -> web.StreamResponse:
            language = language_of(request.headers.get("Accept-Language", ""))
            actor = await self._who(route, request)
            call = Call(
                request, self._desk, self._services, actor or Actor(None, ""), language,
                {k: v if k in words else int(v) for k, v in request.match_info.items()},
            )  # fmt: skip
            call.who = partial(self._again, request)
            check_sound(call.params)
            if route.query is not None:
                call.query = validated(route.query, read_query(request, route.query))
            elif request.query and not route.raw:
                unknown = list(dict.fromkeys(request.query))
                raise Invalid(*(FieldProblem(key[:100], "field.unknown") for key in unknown[:20]))
            if route.body is not None:
                call.body = validated(route.body, await read_json(request, route.max_body))
            if route.versioned:
                _ = call.version
            await self._check(route, call)
            return _answered(route, adapter, await route.handler(call))

        return handle

    async def _who(self, route: Route, request: web.Request) -> Actor | None:
        try:
            actor = await self._identify(request)
        except DeskError:
            # A stale cookie must not keep anyone from signing in.
            if route.needs is Access.ANYONE:
                return None
            raise
        if actor is None and route.needs is not Access.ANYONE:
            raise SignedOut("signed_out")
        if actor is not None and actor.must_change and isinstance(route.needs, Permission):
            raise Forbidden("password.must_change")
        if route.needs is Access.IN_PERSON and actor is not None and actor.token is not None:
            raise Forbidden("in_person")
        return actor

    async def _again(self, request: web.Request) -> Actor | None:
        request[LASTING] = True
        return await self._identify(request)

    async def _check(self, route: Route, call: Call) -> None:
        if not isinstance(route.needs, Permission):
            return
        rights, tree = call.actor.rights, self._desk.tree
        if route.on is None:
            if not rights.anywhere(route.needs, tree):
                raise Forbidden("forbidden_anywhere")
            return
        call.areas = await route.on(call)
        if not call.areas:
            raise Forbidden("forbidden_anywhere")
        for area in call.areas:
            if not rights.allow(route.needs, area, tree):
                raise Forbidden("forbidden", area=area.name)

    async def _nowhere(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        allowed = sorted({method for method, at in self._patterns if at.fullmatch(path)})
        if allowed:
            raise NoMethod(request.method, allowed)
        raise NotFound("not_found")


def _pattern(path: str) -> str:
    return PARAM.sub(lambda m: "[^/]+" if m[2] else "[0-9]{1,15}", path)


def _answered(route: Route, adapter: TypeAdapter[Any] | None, result: Any) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if adapter is None:
        return web.Response(status=204 if route.status == 200 else route.status)
    response = web.Response(
        body=adapter.dump_json(result, by_alias=True),
        status=route.status,
        content_type="application/json",
        zlib_executor_size=LITTLE,
    )
    # What is read, not what is answered to a change: that may hold a new secret, which a compressed
    # length could betray.
    if route.method == "GET" and response.content_length and response.content_length > LITTLE:
        response.enable_compression()
    version = getattr(result, "version", None)
    if isinstance(version, int):
        response.headers["ETag"] = f'"{version}"'
    return response
