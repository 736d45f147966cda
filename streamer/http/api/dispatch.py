"""Dispatching: who asks, for what, may he, and what came of it. The one place for all routes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from loa.streamer import logs
from loa.streamer.core.rights import Permission
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import (
    Conflict,
    DeskError,
    FieldProblem,
    Forbidden,
    Invalid,
    NotFound,
    SignedOut,
    Stale,
    TooMany,
)
from loa.streamer.http.api.route import Access, Call, Route, VersionMissing
from loa.streamer.http.api.texts import language_of, say
from loa.streamer.http.api.times import REQUEST

if TYPE_CHECKING:
    from loa.streamer.desk.services import Services

PREFIX = "/api/v1"
MAX_BODY = 8 * 1024 * 1024
_PARAM = re.compile(r"\{(\w+)(:text)?\}")

Identify = Callable[[web.Request], Awaitable[Actor | None]]
"""Finds out who asks; None for nobody. Raises ``DeskError`` for what only pretends to be someone
(a token that has expired, a missing CSRF header)."""

log = logs.get("api")


STATUS: Sequence[tuple[type[DeskError], int]] = (
    (Invalid, 422),
    (NotFound, 404),
    (Forbidden, 403),
    (SignedOut, 401),
    (Stale, 412),
    (VersionMissing, 428),
    (Conflict, 409),
    (TooMany, 429),
)


class Api:
    """The routes as aiohttp handlers; ``add_routes`` puts them into the application."""

    def __init__(
        self, desk: Desk, services: Services, routes: Iterable[Route], identify: Identify
    ) -> None:
        self._desk = desk
        self._services = services
        self.routes = tuple(routes)
        self._identify = identify

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every route below ``/api/v1``."""
        for route in self.routes:
            path = PREFIX + _PARAM.sub(
                lambda m: "{" + m[1] + (r"}" if m[2] else r":\d{1,15}}"), route.path
            )
            router.add_route(route.method, path, self._handler(route))

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        words = {m[1] for m in _PARAM.finditer(route.path) if m[2]}
        adapter = None if route.answer is None else TypeAdapter(route.answer)

        async def handle(request: web.Request) -> web.StreamResponse:
            language = language_of(request.headers.get("Accept-Language", ""))
            try:
                actor = await self._who(route, request)
                call = Call(
                    request, self._desk, self._services, actor or Actor(None, ""), language,
                    {k: v if k in words else int(v) for k, v in request.match_info.items()},
                )  # fmt: skip
                if route.query is not None:
                    call.query = _validated(route.query, _flat(request, route.query), language)
                if route.body is not None:
                    call.body = _validated(route.body, await _json(request), language)
                if route.versioned:
                    _ = call.version
                await self._check(route, call)
                return _answered(route, adapter, await route.handler(call))
            except DeskError as error:
                return refused(error, language)
            except web.HTTPException:
                raise
            except Exception:
                self._desk.counters.add("api.failed")
                log.exception("a call of the API failed", route=f"{route.method} {route.path}")
                return refused(DeskError("failed"), language)

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
        if route.needs is Access.IN_PERSON and actor is not None and actor.token is not None:
            raise Forbidden("in_person")
        return actor

    async def _check(self, route: Route, call: Call) -> None:
        if not isinstance(route.needs, Permission):
            return
        rights, tree = call.actor.rights, self._desk.tree
        if route.on is None:
            if not rights.areas(route.needs, tree):
                raise Forbidden("forbidden_anywhere")
            return
        call.areas = await route.on(call)
        for area in call.areas:
            if not rights.allow(route.needs, area, tree):
                raise Forbidden("forbidden", area=area.name)


def refused(error: DeskError, language: str) -> web.Response:
    """Return the answer to what was refused: ``{"error": {code, message, fields, conflicts}}``."""
    status = next((s for kind, s in STATUS if isinstance(error, kind)), 500)
    if type(error) is DeskError and error.code != "failed":
        status = 400
    body: dict[str, Any] = {
        "code": error.code, "message": say(error.code, language, error.values),
    }  # fmt: skip
    if isinstance(error, Invalid):
        body["fields"] = [
            {"field": f.field, "code": f.code, "message": say(f.code, language, f.values)}
            for f in error.fields
        ]
    if isinstance(error, Conflict):
        body["conflicts"] = error.others
    if isinstance(error, Stale):
        body["version"] = error.version
    response = web.json_response({"error": body}, status=status, dumps=_dumps)
    response.headers["Content-Language"] = language
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(round(error.after))
    return response


def _answered(route: Route, adapter: TypeAdapter[Any] | None, result: Any) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if adapter is None:
        return web.Response(status=204 if route.status == 200 else route.status)
    response = web.Response(
        body=adapter.dump_json(result), status=route.status, content_type="application/json"
    )
    response.headers["Cache-Control"] = "no-store"
    version = getattr(result, "version", None)
    if isinstance(version, int):
        response.headers["ETag"] = f'"{version}"'
    return response


async def _json(request: web.Request) -> Any:
    if (request.content_length or 0) > MAX_BODY:
        raise DeskError("too_large")
    data = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        data += chunk
        if len(data) > MAX_BODY:
            raise DeskError("too_large")
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise DeskError("not_json") from None


def _flat(request: web.Request, model: type[BaseModel]) -> dict[str, Any]:
    """Return the query: a list for a field that is given several times or is one."""
    query: dict[str, Any] = {}
    for key in request.query:
        values = request.query.getall(key)
        field = model.model_fields.get(key)
        many = field is not None and "tuple" in str(field.annotation)
        query[key] = values if many or len(values) > 1 else values[0]
    return query


def _validated(model: type[BaseModel], value: Any, language: str) -> BaseModel:
    try:
        return model.model_validate(value, context=REQUEST)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise Invalid(*(_problem(p) for p in problems)) from None


_LIMITS = {
    "string_too_long": ("field.too_long", "max_length"),
    "string_too_short": ("field.too_short", "min_length"),
    "too_long": ("field.too_large", "max_length"),
    "too_short": ("field.too_small", "min_length"),
    "greater_than_equal": ("field.too_small", "ge"),
    "greater_than": ("field.too_small", "gt"),
    "less_than_equal": ("field.too_large", "le"),
    "less_than": ("field.too_large", "lt"),
}


def _problem(problem: Any) -> FieldProblem:
    place = ".".join(str(part) for part in problem["loc"])
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return FieldProblem(place, "field.missing")
    if kind == "extra_forbidden":
        return FieldProblem(place, "field.unknown")
    if kind in _LIMITS:
        code, key = _LIMITS[kind]
        return FieldProblem(place, code, {"limit": context.get(key)})
    if kind in ("enum", "literal_error"):
        return FieldProblem(place, "field.choice", {"expected": context.get("expected", "")})
    if kind == "string_pattern_mismatch":
        return FieldProblem(place, "field.pattern")
    if kind == "value_error":
        # A validator of ours names a code, and has words for it.
        reason = str(context.get("error", ""))
        return FieldProblem(
            place, reason if " " not in reason else "field.invalid", {"reason": reason}
        )
    if kind.endswith(("_type", "_parsing", "_from_float")):
        return FieldProblem(place, "field.type", {"expected": kind.partition("_")[0]})
    return FieldProblem(place, "field.invalid", {"reason": problem["msg"]})


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
