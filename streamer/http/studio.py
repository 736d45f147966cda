"""Staff who go live from a page: the studio WebSocket, opened by a browser with a session.

A browser opens a WebSocket to anyone for any page, and sends our cookie along. Three things keep
other pages out: the cookie is SameSite=Strict, the page's ``Origin`` must be this very host, and
the hello repeats the session's word, which only our own pages can read. No secret is in an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from loa.codecs.studio import Closed, Hello
from loa.streamer import logs
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk import lives
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import DeskError, Invalid, NotFound, SignedOut
from loa.streamer.desk.identity import Identity
from loa.streamer.desk.lives import Outside, Wish
from loa.streamer.http.api.identify import cookie_name, secure
from loa.streamer.http.api.texts import LANGUAGES, say
from loa.streamer.ingest.session import Admitted, Session
from loa.streamer.ingest.studio import Pass, Refused

LEAST_KEY = 16

log = logs.get("studio")


def own_page(request: web.Request) -> bool:
    """Say whether a page of this very server asks (by ``Origin``, which browsers never leave out).

    The scheme may be https where we see none: a proxy before us may have taken it off.
    """
    origin = urlsplit(request.headers.get("Origin", ""))
    schemes = ("https",) if secure(request) else ("https", "http")
    host = request.headers.get("Host", "").lower()
    return origin.scheme in schemes and bool(host) and origin.netloc.lower() == host


@dataclass(frozen=True, slots=True)
class _Pass:
    """See ``Pass``."""

    admitted: Admitted
    actor: Actor
    wish: Wish
    secret: str


class StudioStaff:
    """Implements ``loa.streamer.ingest.studio.Staff``."""

    def __init__(self, desk: Desk, identity: Identity) -> None:
        self._desk = desk
        self._identity = identity

    def own_page(self, request: web.Request) -> bool:
        """Say whether a page of this very server asks."""
        return own_page(request)

    async def admit(self, request: web.Request, path: str, hello: Hello, on: bool) -> Pass:
        """Say who it is that may go live. Raises ``Refused``."""
        secret = request.cookies.get(cookie_name(request), "")
        language = hello.language if hello.language in LANGUAGES else "vi"
        cls = BulletinClass[(hello.klass or "routine").upper()]
        wish = Wish(cls, tuple(dict.fromkeys(hello.targets)), hello.reason)
        try:
            actor = await self._identity.in_person(secret, hello.csrf)
            if actor is None or actor.account is None:
                raise SignedOut("signed_out")
            area = lives.check(self._desk, actor, path, wish, on=on)
        except DeskError as error:
            raise Refused(_closed(error, language)) from None
        if len(hello.key) < LEAST_KEY:
            raise Refused(Closed("protocol", "a key of at least 16 characters is needed"))
        admitted = Admitted(
            area.id, actor.account, actor.who, hello.name or actor.who, hello.key, cls,
            frozenset(wish.targets) or None,
        )  # fmt: skip
        return _Pass(admitted, actor, wish, secret)

    async def began(self, given: Pass, session: Session) -> None:
        """Put on record that he went live. What cannot be written keeps nobody off the air."""
        assert isinstance(given, _Pass)
        area = self._desk.area(given.admitted.area)
        try:
            await lives.began(self._desk, given.actor, area, session.live, given.wish)
        except Exception as error:
            self._desk.counters.add("studios.unrecorded")
            log.error("a live is not on record", who=given.actor.who, why=str(error))

    async def stands(self, given: Pass) -> bool:
        """Say whether he may still be live: signed in, not disabled, with the right to it."""
        assert isinstance(given, _Pass)
        actor = await self._identity.in_person(given.secret)
        area = self._desk.tree.get(given.admitted.area)
        if actor is None or area is None:
            return False
        try:
            lives.permit(self._desk, actor, area, given.admitted.cls)
        except DeskError:
            return False
        return True


def _closed(error: DeskError, language: str) -> Closed:
    text = say(error.code, language, error.values)
    if isinstance(error, Outside):
        return Closed(error.code.rpartition(".")[2], text, final=error.final)
    if isinstance(error, Invalid):
        first = error.fields[0]
        return Closed("not_allowed", say(first.code, language, first.values))
    if isinstance(error, NotFound):
        return Closed("unknown_area", text)
    if isinstance(error, SignedOut) or error.code == "csrf":
        return Closed("signed_out", text)
    return Closed("not_allowed", text)
