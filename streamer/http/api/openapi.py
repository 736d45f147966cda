"""OpenAPI 3.1, made of the table of routes and the models that validate."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from importlib.metadata import version as package_version
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from loa.streamer.core.rights import Permission
from loa.streamer.http.api.dispatch import PARAM, PREFIX
from loa.streamer.http.api.identify import COOKIE, CSRF_HEADER, SAFE
from loa.streamer.http.api.route import Access, Call, Route

Mode = Literal["validation", "serialization"]
LONG = re.compile(r"\bloa__\w+")
REFERENCE = "#/components/schemas/{model}"
ABOUT = """\
Whoever calls is somebody who signed in (`POST /sign-in`: a cookie, and `X-CSRF-Token` for whatever
changes something) or a program with a token (`Authorization: Bearer`).

Times are ISO 8601 with an offset; answers are in UTC. Lists that can grow are paged: `?limit=`, and
`?after=` with the `next` of the page before. What people edit has a `version`, given as `ETag` too;
a change says which one it is of (`If-Match: "3"`) and is refused with 412 when somebody else was
quicker. Texts are in Vietnamese or English, by `Accept-Language`.
"""


class FieldError(BaseModel):
    """What is wrong with one field, named by its path in the request (`targets.0`)."""

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """Why a call was refused. ``code`` is for programs, ``message`` for people."""

    code: str
    message: str
    fields: tuple[FieldError, ...] = ()
    """Of 422: each rejected field."""
    conflicts: tuple[dict[str, Any], ...] = ()
    """Of 409: what it collides with."""
    version: int | None = None
    """Of 412: the version that is there now."""


class Error(BaseModel):
    """The answer to every call that is refused."""

    error: Problem


REASONS = {
    400: "The request cannot be read.",
    401: "Sign in first, or the token is not valid.",
    403: "No right to this.",
    404: "There is no such thing.",
    408: "The body broke off.",
    409: "It collides with something, named in `conflicts`.",
    412: "Somebody else has changed it meanwhile.",
    413: "The body is too large.",
    415: "The body is of the wrong kind.",
    422: "Fields are wrong, each named in `fields`.",
    423: "Somebody else is at it.",
    428: "`If-Match` is missing.",
    429: "Too often; `Retry-After` says when to try again.",
    460: "The checksum is another one.",
    500: "Something broke on the server.",
    507: "The disk is full.",
}


def tag_of(route: Route) -> str:
    """Return the topic that a route belongs to."""
    return route.tag or route.handler.__module__.rpartition(".")[2]


def id_of(route: Route) -> str:
    """Return the name of the operation: ``people.sign_in``."""
    return f"{tag_of(route)}.{route.handler.__name__}"


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Describe routes as an OpenAPI 3.1 document."""
    routes = tuple(routes)
    adapters: list[tuple[str, Mode, TypeAdapter[Any]]] = [
        ("error", "serialization", TypeAdapter(Error))
    ]
    for route in routes:
        for part, mode, model in _models(route):
            adapters.append((f"{id_of(route)} {part}", mode, TypeAdapter(model)))
    schemas, definitions = TypeAdapter.json_schemas(adapters, ref_template=REFERENCE)
    schemas, definitions = _short((schemas, definitions))
    by_name = {key: schema for (key, _), schema in schemas.items()}
    components = definitions.get("$defs", {})
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = PARAM.sub(lambda m: "{" + m[1] + "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_name, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Loa", "version": package_version("loa"), "description": ABOUT},
        "servers": [{"url": PREFIX}],
        "tags": [{"name": name} for name in dict.fromkeys(map(tag_of, routes))],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                str(status): {
                    "description": why,
                    "content": {"application/json": {"schema": by_name["error"]}},
                }
                for status, why in REASONS.items()
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token, or a session begun without a cookie.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"Over TLS it is called `__Host-{COOKIE}`.",
                },
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            },
        },
    }


def _topic_and_name(found: re.Match[str]) -> str:
    topic, name = found[0].split("__")[-2:]
    return topic.removesuffix("_models").title().replace("_", "") + name


def _short(found: Any) -> Any:
    """Name models that share a name by their topic too: ``QueueEntry``, not the module's path."""
    if isinstance(found, str):
        return LONG.sub(_topic_and_name, found)
    if isinstance(found, dict):
        return {_short(key): _short(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return type(found)(_short(value) for value in found)
    return found


def _models(route: Route) -> Iterable[tuple[str, Mode, Any]]:
    if route.body is not None:
        yield "body", "validation", route.body
    if route.query is not None:
        yield "query", "validation", route.query
    if route.answer is not None:
        yield "answer", "serialization", route.answer


def _operation(route: Route, schemas: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    name = id_of(route)
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": route.summary,
        "tags": [tag_of(route)],
        "parameters": _parameters(route, schemas.get(f"{name} query"), components),
        "responses": _responses(route, schemas.get(f"{name} answer")),
    }
    if isinstance(route.needs, Permission):
        where = "there" if route.on is not None else "anywhere"
        operation["description"] = f"Needs the permission `{route.needs}` {where}."
        operation["x-permission"] = route.needs.value
    elif route.needs is Access.IN_PERSON:
        operation["description"] = "Only for somebody who signed in, not for API tokens."
    if route.needs is Access.ANYONE:
        operation["security"] = []
    else:
        by_cookie: dict[str, list[str]] = {"cookie": []}
        if route.method not in SAFE:
            by_cookie["csrf"] = []
        operation["security"] = [{"bearer": []}, by_cookie]
    if route.body is not None:
        content = {"application/json": {"schema": schemas[f"{name} body"]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif route.raw:
        binary = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {
            "required": True,
            "content": dict.fromkeys(route.takes, binary),
        }
    return operation


def _parameters(
    route: Route, query: dict[str, Any] | None, components: dict[str, Any]
) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for found in PARAM.finditer(route.path):
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}
        if found[2] is None:
            schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999}
        parameters.append({"name": found[1], "in": "path", "required": True, "schema": schema})
    if query is not None:
        if "$ref" in query:
            query = components[query["$ref"].rpartition("/")[2]]
        required = query.get("required", ())
        for name, schema in query.get("properties", {}).items():
            described = {"name": name, "in": "query", "schema": schema}
            if name in required:
                described["required"] = True
            parameters.append(described)
    if route.versioned:
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "description": "The version that is being changed.",
                "schema": {"type": "string", "pattern": '^"[0-9]{1,15}"$', "examples": ['"1"']},
            }
        )
    return parameters


def _responses(route: Route, answer: dict[str, Any] | None) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if answer is not None:
        good: dict[str, Any] = {
            "description": "Done.",
            "content": {"application/json": {"schema": answer}},
        }
        if "version" in _fields_of(route):
            good["headers"] = {
                "ETag": {"description": "The version.", "schema": {"type": "string"}}
            }
        responses[str(route.status)] = good
    elif route.answers:
        binary = {"schema": {"type": "string", "format": "binary"}}
        responses[str(route.status)] = {
            "description": "As it is.",
            "content": {
                kind: binary if kind not in ("application/json", "text/event-stream") else {}
                for kind in route.answers
            },
        }
        responses["206"] = {"description": "A part of it."}
        responses["304"] = {"description": "It has not changed."}
        responses["416"] = {"description": "There is no such part of it."}
    else:
        status = 204 if route.status == 200 else route.status
        responses[str(status)] = {"description": "Done."}
    reasons = {400, 422, 500, *route.refuses}
    if route.needs is not Access.ANYONE:
        reasons |= {401, 403}
    elif route.method not in SAFE:
        reasons.add(401)
    if "{" in route.path or route.on or route.body or route.query:
        reasons.add(404)
    if route.body is not None or route.raw:
        reasons |= {413, 415}
    if route.raw:
        reasons |= {408, 507}
    if route.method not in SAFE:
        reasons |= {409, 429}
    if route.versioned:
        reasons |= {412, 428}
    for reason in sorted(reasons):
        responses[str(reason)] = {"$ref": f"#/components/responses/{reason}"}
    return responses


def _fields_of(route: Route) -> set[str]:
    return set(getattr(route.answer, "model_fields", ()))


@functools.cache
def _encoded() -> bytes:
    # The table knows this module as well.
    from loa.streamer.http.api.table import ROUTES as EVERY

    return json.dumps(document(EVERY), ensure_ascii=False).encode()


async def openapi(call: Call) -> web.StreamResponse:
    """Give the whole document."""
    return web.Response(body=_encoded(), content_type="application/json")


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/openapi.json", openapi, "This document", Access.ANYONE,
        answer=dict[str, Any], tag="about",
    ),
)  # fmt: skip
