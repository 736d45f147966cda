"""Tokens: for programs, to act as their owner within limits; for sources, to go live on an area.

Both are shown once, when they are made; their SHA-256 is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import BulletinClass, Permission, digest
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound
from loa.streamer.desk.identity import TOKEN_PREFIX, new_secret
from loa.streamer.store.tables.people import ApiTokenRow, SourceTokenRow

DAY = 86_400.0
USUAL = 90 * DAY
LONGEST = 731 * DAY
MOST = 100
"""Tokens of one account that are good at once."""
SOURCE_PREFIX = "loasrc_"


async def tokens_of(desk: Desk, account: int) -> Sequence[ApiTokenRow]:
    """Return an account's tokens, those that are over too, the newest first."""
    async with desk.store.read() as db:
        found = await db.scalars(
            select(ApiTokenRow)
            .where(ApiTokenRow.account_id == account)
            .order_by(ApiTokenRow.id.desc())
            .limit(1000)
        )
        return found.all()


async def make(
    desk: Desk,
    actor: Actor,
    *,
    name: str,
    scopes: Sequence[Permission],
    area: int | None,
    expires_at: float | None,
) -> tuple[ApiTokenRow, str]:
    """Make a token of one's own; return it with its secret."""
    if area is not None:
        desk.area(area)
    secret = new_secret(TOKEN_PREFIX)
    async with desk.work(actor) as work:
        good = await work.db.scalar(
            select(func.count())
            .select_from(ApiTokenRow)
            .where(ApiTokenRow.account_id == actor.account, ApiTokenRow.revoked_at.is_(None))
            .where(ApiTokenRow.expires_at > work.now)
        )
        if (good or 0) >= MOST:
            raise Conflict("token.too_many", limit=MOST)
        row = ApiTokenRow(
            sha256=digest(secret), account_id=actor.account, name=name,
            scopes=sorted({scope.value for scope in scopes}), area_id=area, created_at=work.now,
            expires_at=_expiry(expires_at, work.now) or work.now + USUAL,
        )  # fmt: skip
        work.db.add(row)
        await work.db.flush()
        work.record(
            "token.made", area=area, subject=f"token/{row.id}", name=name, scopes=row.scopes
        )
    return row, secret


async def revoke(desk: Desk, actor: Actor, account: int, token: int) -> None:
    """Make a token of an account good for nothing. One that is so already stays as it is."""
    async with desk.work(actor) as work:
        row = await work.db.get(ApiTokenRow, token)
        if row is None or row.account_id != account:
            raise NotFound("token.unknown", id=token)
        if row.revoked_at is None:
            row.revoked_at = work.now
            work.record("token.revoked", area=row.area_id, subject=f"token/{row.id}", name=row.name)


async def source_tokens(
    desk: Desk, areas: Sequence[Area] | None, *, after: int, limit: int
) -> Sequence[SourceTokenRow]:
    """Return source tokens on ``areas`` (None: on any), by id; one more than ``limit``."""
    query = select(SourceTokenRow).where(SourceTokenRow.id > after).order_by(SourceTokenRow.id)
    if areas is not None:
        query = query.where(SourceTokenRow.area_id.in_([area.id for area in areas]))
    async with desk.store.read() as db:
        return (await db.scalars(query.limit(limit + 1))).all()


async def make_source_token(
    desk: Desk,
    actor: Actor,
    *,
    area: Area,
    name: str,
    cls: BulletinClass,
    targets: Sequence[int] | None,
    expires_at: float | None,
) -> tuple[SourceTokenRow, str]:
    """Make a token with which a source goes live on an area, for targets at or below it.

    The actor must have the right to go live there; for emergencies, to call them.
    """
    tree = desk.tree
    needed = [Permission.LIVE]
    if cls is BulletinClass.EMERGENCY:
        needed.append(Permission.EMERGENCY)
    for permission in needed:
        if not actor.rights.allow(permission, area, tree):
            raise Forbidden("grant.beyond", permission=permission.value, area=area.name)
    problems = []
    for at, target in enumerate(targets or ()):
        found = tree.get(target)
        if found is None:
            problems.append(FieldProblem(f"targets.{at}", "area.unknown", {"area": target}))
        elif area not in tree.lineage(found):
            problems.append(
                FieldProblem(
                    f"targets.{at}",
                    "source_token.target_outside",
                    {"target": found.name, "area": area.name},
                )
            )
    if problems:
        raise Invalid(*problems)
    secret = new_secret(SOURCE_PREFIX)
    async with desk.work(actor) as work:
        row = SourceTokenRow(
            sha256=digest(secret), area_id=area.id, name=name, cls=int(cls),
            targets=None if targets is None else sorted(set(targets)), created_at=work.now,
            created_by=actor.who, expires_at=_expiry(expires_at, work.now),
        )  # fmt: skip
        work.db.add(row)
        await work.db.flush()
        work.record(
            "source_token.made", area=area.id, subject=f"source_token/{row.id}",
            name=name, cls=cls.name.lower(),
        )  # fmt: skip
    return row, secret


async def revoke_source_token(desk: Desk, actor: Actor, token: int) -> None:
    """Make a source token good for nothing. One that is so already stays as it is."""
    async with desk.work(actor) as work:
        row = await work.db.get(SourceTokenRow, token)
        if row is None:
            raise NotFound("source_token.unknown", id=token)
        if row.revoked_at is None:
            row.revoked_at = work.now
            work.record(
                "source_token.revoked", area=row.area_id, subject=f"source_token/{row.id}",
                name=row.name,
            )  # fmt: skip


def _expiry(expires_at: float | None, now: float) -> float | None:
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise Invalid(FieldProblem("expires_at", "token.expiry"))
    return expires_at
