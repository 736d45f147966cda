"""Who somebody is: a session or an API token turned into an ``Actor`` with his rights.

What was found out is remembered for a few seconds, and forgotten at once when anything about
people or areas changes; so a call costs no query.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from loa.streamer import logs
from loa.streamer.core.attempts import Attempts
from loa.streamer.core.rights import Grant, Permission, Rights, Role, digest
from loa.streamer.desk.desk import Actor, Desk, Happening
from loa.streamer.desk.errors import Forbidden, SignedOut
from loa.streamer.desk.passwords import Passwords
from loa.streamer.store.tables.people import AccountRow, ApiTokenRow, GrantRow, SessionRow

SESSION_PREFIX = "loas_"
TOKEN_PREFIX = "loa_"
IDLE = 12 * 3600.0
"""A session that was not used for so long (seconds) is over…"""
LONGEST = 7 * 86_400.0
"""…and so is one that began so long ago."""
SEEN_EVERY = 60.0
REMEMBERED = 10.0
SIZE = 4096
_FORGET = ("account.", "grant.", "session.", "token.", "area.")

log = logs.get("identity")


def new_secret(prefix: str) -> str:
    """Return a secret with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


@dataclass(slots=True)
class _Known:
    actor: Actor
    csrf: str
    until: float
    """When it has to be looked up again."""
    expires: float
    seen: float


class Identity:
    """Knows sessions and tokens, and what signing in needs. One for a desk, while that lives."""

    def __init__(self, desk: Desk, passwords: Passwords | None = None) -> None:
        self.passwords = passwords or Passwords()
        self.by_address = Attempts(limit=20, window=60.0)
        self.by_login = Attempts(limit=10, window=300.0)
        self.written = Attempts(limit=60, window=60.0)
        """What of failures goes into the audit log: a flood is only counted."""
        self._desk = desk
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._generation = 0
        desk.bus.subscribe(self._hear)

    def forget(self) -> None:
        """Look everything up again."""
        self._known.clear()
        self._generation += 1

    def _hear(self, happening: Happening) -> None:
        if happening.kind.startswith(_FORGET):
            self.forget()

    async def in_person(
        self, secret: str, csrf: str | None = None, *, used: bool = True
    ) -> Actor | None:
        """Return who has the session with this secret, None when there is none (any more).

        ``csrf``: what the request repeats of the session's word against forgery; None where it
        need not (it changes nothing, or no browser adds the secret by itself). Raises
        ``Forbidden`` when it is wrong. ``used``: it is being used now, and so lasts longer.
        """
        known = await self._look_up(secret, used)
        if known is None or known.actor.token is not None:
            return None
        if csrf is not None and not hmac.compare_digest(csrf.encode(), known.csrf.encode()):
            self._desk.counters.add("api.csrf")
            raise Forbidden("csrf")
        return known.actor

    async def by_bearer(self, secret: str, *, used: bool = True) -> Actor:
        """Return who has the token or session with this secret. Raises ``SignedOut``."""
        known = await self._look_up(secret, used)
        if known is None:
            self._desk.counters.add("api.token_unknown")
            raise SignedOut("token.not_valid")
        return known.actor

    async def _look_up(self, secret: str, used: bool) -> _Known | None:
        if len(secret) > 200 or not secret.isascii() or not secret.startswith("loa"):
            return None
        sha256, now = digest(secret), self._desk.clock()
        known = self._known.get(sha256)
        if known is None or not known.until > now >= known.until - REMEMBERED:
            generation = self._generation
            known = await self._read(sha256, secret.startswith(SESSION_PREFIX), now)
            if known is None:
                return None
            if generation == self._generation:
                self._known[sha256] = known
                if len(self._known) > SIZE:
                    self._known.popitem(last=False)
        in_session = known.actor.session is not None
        if now >= known.expires or (in_session and now >= known.seen + IDLE):
            return None
        if used and now - known.seen >= SEEN_EVERY:
            known.seen = now
            await self._write_seen(known.actor, now)
        return known

    async def _read(self, sha256: str, session: bool, now: float) -> _Known | None:
        row: SessionRow | ApiTokenRow | None
        async with self._desk.store.read() as db:
            if session:
                row = await db.scalar(select(SessionRow).where(SessionRow.sha256 == sha256))
            else:
                row = await db.scalar(select(ApiTokenRow).where(ApiTokenRow.sha256 == sha256))
            if row is None:
                return None
            found = await db.execute(
                select(AccountRow, GrantRow.area_id, GrantRow.role)
                .outerjoin(GrantRow, GrantRow.account_id == AccountRow.id)
                .where(AccountRow.id == row.account_id)
            )
            rows = found.all()
        account: AccountRow = rows[0][0]
        if account.disabled:
            return None
        grants = tuple(Grant(area, Role(role)) for _, area, role in rows if area is not None)
        until = now + REMEMBERED
        if isinstance(row, SessionRow):
            actor = Actor(
                account.id, named(account), Rights(grants),
                session=row.id, must_change=account.must_change,
            )  # fmt: skip
            return _Known(actor, row.csrf, until, row.expires_at, row.seen_at)
        if row.revoked_at is not None:
            return None
        scopes = frozenset(Permission(s) for s in row.scopes if s in set(Permission))
        rights = Rights(grants, scopes, row.area_id)
        actor = Actor(account.id, named(account, row.name), rights, token=row.id)
        return _Known(actor, "", until, row.expires_at, row.used_at or 0.0)

    async def _write_seen(self, actor: Actor, now: float) -> None:
        try:
            async with self._desk.store.write() as db:
                if actor.session is not None:
                    used = update(SessionRow).where(SessionRow.id == actor.session)
                    await db.execute(used.values(seen_at=now))
                else:
                    used = update(ApiTokenRow).where(ApiTokenRow.id == actor.token)
                    await db.execute(used.values(used_at=now))
        except (SQLAlchemyError, OSError) as error:
            # A full disk keeps nobody from reading.
            self._desk.counters.add("identity.write_failed")
            log.warning("when somebody was last here cannot be written", why=str(error))


def named(account: AccountRow, token: str = "") -> str:
    """Return an account as records name it."""
    who = f"{account.name} ({account.login})"
    return (f"{who}, {token}" if token else who)[:200]
