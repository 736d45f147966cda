"""Signing in and out, and the sessions that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.attempts import household
from loa.streamer.core.rights import digest
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import NotFound, SignedOut, TooMany
from loa.streamer.desk.identity import IDLE, LONGEST, SESSION_PREFIX, Identity, named, new_secret
from loa.streamer.store.tables.people import AccountRow, SessionRow

MOST = 50
"""Sessions of one account; beyond, the one unused for longest ends."""
NOBODY = Actor(None, "—")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. ``secret`` is shown this once; ``csrf`` goes with it in a browser."""

    account: AccountRow
    secret: str
    csrf: str
    expires_at: float


async def sign_in(
    desk: Desk, identity: Identity, login: str, password: str, *, peer: str, agent: str
) -> SignedIn:
    """Begin a session for who knows the password. Raises ``SignedOut``, or ``TooMany``.

    A try is counted before the password is looked at, for many may come at once. The answer to an
    unknown login is that to a wrong password, and takes as long.
    """
    login, now = login.lower(), desk.clock()
    tries = ((identity.by_address, household(peer)), (identity.by_login, login))
    if any(attempts.blocked(key, now) for attempts, key in tries):
        desk.counters.add("sign_in.blocked")
        raise TooMany("sign_in.too_often", max(a.wait(key, now) for a, key in tries))
    for attempts, key in tries:
        attempts.failed(key, now)
    async with desk.store.read() as db:
        account = await db.scalar(select(AccountRow).where(AccountRow.login == login))
    known = account is not None and not account.disabled
    kept = account.password if account is not None and known else None
    if not await identity.passwords.check(kept, password) or account is None:
        desk.counters.add("sign_in.failed")
        if not identity.written.blocked("", now):
            identity.written.failed("", now)
            async with desk.work(NOBODY) as work:
                work.record("sign_in.failed", login=login, peer=peer)
        raise SignedOut("sign_in.wrong")
    for attempts, key in tries:
        attempts.forgive(key, now)
    again = None
    if identity.passwords.outdated(account.password):
        again = await identity.passwords.hash(password)
    async with desk.work(Actor(account.id, named(account))) as work:
        row = await work.db.get(AccountRow, account.id)
        # Disabled or given another password while this one was looked at.
        if row is None or row.disabled or row.password != account.password:
            raise SignedOut("sign_in.wrong")
        if again is not None:
            row.password = again
        signed_in = await begin(work, row, peer, agent)
        work.record("sign_in", subject=f"account/{row.id}", peer=peer)
    return signed_in


async def begin(work: Work, account: AccountRow, peer: str, agent: str) -> SignedIn:
    """Begin a session within ``work``; sessions that are over are cleared away."""
    now = work.now
    over = (SessionRow.expires_at <= now) | (SessionRow.seen_at <= now - IDLE)
    await work.db.execute(delete(SessionRow).where(over))
    others = await work.db.scalars(
        select(SessionRow.id)
        .where(SessionRow.account_id == account.id)
        .order_by(SessionRow.seen_at.desc())
        .offset(MOST - 1)
    )
    await work.db.execute(delete(SessionRow).where(SessionRow.id.in_(others.all())))
    secret, csrf = new_secret(SESSION_PREFIX), new_secret("")
    work.db.add(
        SessionRow(
            sha256=digest(secret), account_id=account.id, csrf=csrf, created_at=now, seen_at=now,
            expires_at=now + LONGEST, peer=peer[:100], agent=agent[:300],
        )
    )  # fmt: skip
    return SignedIn(account, secret, csrf, now + LONGEST)


async def standing(db: AsyncSession, account: int, now: float) -> Sequence[SessionRow]:
    """Return an account's sessions that are not over, the newest first."""
    found = await db.scalars(
        select(SessionRow)
        .where(SessionRow.account_id == account)
        .where(SessionRow.expires_at > now, SessionRow.seen_at > now - IDLE)
        .order_by(SessionRow.id.desc())
    )
    return found.all()


async def end(desk: Desk, actor: Actor, session: int) -> None:
    """End one of the actor's own sessions. Raises ``NotFound``."""
    async with desk.work(actor) as work:
        row = await work.db.get(SessionRow, session)
        if row is None or row.account_id != actor.account:
            raise NotFound("session.unknown", id=session)
        await work.db.delete(row)
        work.record("session.ended", subject=f"account/{row.account_id}")


async def end_all(work: Work, account: int, *, but: int | None = None) -> int:
    """End an account's sessions within ``work``; return how many. Put on record by the caller."""
    ended = delete(SessionRow).where(SessionRow.account_id == account)
    if but is not None:
        ended = ended.where(SessionRow.id != but)
    return len((await work.db.scalars(ended.returning(SessionRow.id))).all())
