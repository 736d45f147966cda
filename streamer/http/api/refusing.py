"""What is said when a call is refused: its status, and why, in the language of whoever asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from loa.streamer.desk.errors import (
    Conflict,
    DeskError,
    Forbidden,
    Invalid,
    NotFound,
    SignedOut,
    Stale,
    TooMany,
)
from loa.streamer.http.api.reading import NotJson, TooLarge
from loa.streamer.http.api.route import VersionMissing
from loa.streamer.http.api.texts import say


class NoMethod(DeskError):
    """There is such an address, but it is not for this."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__("method", method=method, allowed=", ".join(allowed))
        self.allowed = allowed


class Failed(DeskError):
    """We broke down."""


class Full(DeskError):
    """The disk is full or broken: nothing can be stored."""


STATUS: Sequence[tuple[type[DeskError], int]] = (
    (Invalid, 422),
    (NotFound, 404),
    (Forbidden, 403),
    (SignedOut, 401),
    (Stale, 412),
    (VersionMissing, 428),
    (Conflict, 409),
    (TooMany, 429),
    (TooLarge, 413),
    (NotJson, 415),
    (NoMethod, 405),
    (Failed, 500),
    (Full, 507),
    (DeskError, 400),
)


def refused(error: DeskError, language: str) -> web.Response:
    """Return the answer to what was refused: ``{"error": {code, message, fields, conflicts}}``."""
    status = error.status or next(s for kind, s in STATUS if isinstance(error, kind))
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
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.values["after"])
    if isinstance(error, SignedOut):
        response.headers["WWW-Authenticate"] = 'Bearer realm="Loa"'
    if isinstance(error, NoMethod):
        response.headers["Allow"] = ", ".join(error.allowed)
    return response


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
