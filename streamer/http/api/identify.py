"""Who a request comes from: what it brings, given to ``desk.identity``; and the session's cookie.

A browser sends the cookie by itself, so with it a request that changes something must repeat the
session's word in ``X-CSRF-Token``. Programs send ``Authorization: Bearer`` and need no word.
"""

from __future__ import annotations

from aiohttp import web

from loa.streamer.desk.desk import Actor
from loa.streamer.desk.errors import SignedOut
from loa.streamer.desk.identity import LONGEST, Identity
from loa.streamer.http.api.dispatch import LASTING, Identify

COOKIE = "loa_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def identify(identity: Identity) -> Identify:
    """Make what ``Api`` asks."""

    async def find(request: web.Request) -> Actor | None:
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            scheme, _, secret = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise SignedOut("token.not_valid")
            return await identity.by_bearer(secret.strip(), used=not request.get(LASTING))
        secret = request.cookies.get(cookie_name(request), "")
        if not secret:
            return None
        csrf = None if request.method in SAFE else request.headers.get(CSRF_HEADER, "")
        return await identity.in_person(secret, csrf, used=not request.get(LASTING))

    return find


def secure(request: web.Request) -> bool:
    """Say whether the request came over TLS, to us or to the proxy before us."""
    peer = getattr(request.protocol, "peer", None)
    return bool(request.secure or getattr(peer, "secure", False))


def cookie_name(request: web.Request) -> str:
    """Return the cookie's name; over TLS browsers see to it that nobody else sets it."""
    return f"__Host-{COOKIE}" if secure(request) else COOKIE


def give_cookie(request: web.Request, response: web.Response, secret: str) -> None:
    """Let the browser keep a session."""
    response.set_cookie(
        cookie_name(request), secret, max_age=int(LONGEST), path="/",
        secure=secure(request), httponly=True, samesite="Strict",
    )  # fmt: skip


def take_cookie(request: web.Request, response: web.Response) -> None:
    """Let the browser forget it."""
    response.set_cookie(
        cookie_name(request), "", max_age=0, path="/",
        secure=secure(request), httponly=True, samesite="Strict",
    )  # fmt: skip
