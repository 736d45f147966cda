"""Webhooks: who is told what happens, and writing down what they are to be told.

What is to be told is written in the transaction in which it happens (``outbox``), so it is told if
and only if it happened; ``desk/deliveries.py`` sends it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.addresses import AddressRefused, Network, refusal, target
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.webhooks import KIND, TEST, moment, wanted
from loa.streamer.desk.desk import Actor, Desk, Happening
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow

MAX_AN_AREA = 20
MAX_KINDS = 50
MAX_WAITING = 1000
"""Messages that wait for one webhook; beyond that the oldest are given up."""
OVERFLOW = "too many were waiting"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What of a webhook can be set; None: as it is."""

    url: str | None = None
    kinds: tuple[str, ...] | None = None
    enabled: bool | None = None


def check(wishes: Wishes, allowed: Sequence[Network]) -> None:
    """Raise ``Invalid`` with every field that cannot be."""
    problems = []
    if wishes.url is not None:
        try:
            host = target(wishes.url).host
            try:
                why = refusal(host, allowed)
            except ValueError:
                why = None  # a name: its address is judged whenever it is connected to
            if why is not None:
                raise AddressRefused(f"{host} is {why}")
        except AddressRefused as error:
            problems.append(FieldProblem("url", "webhook.url", {"reason": str(error)}))
    for number, kind in enumerate(wishes.kinds or ()):
        if not KIND.fullmatch(kind) or len(kind) > 60:
            problems.append(FieldProblem(f"kinds.{number}", "webhook.kind"))
    if problems:
        raise Invalid(*problems)


def new_secret() -> str:
    """Return a secret to sign with."""
    return secrets.token_urlsafe(32)


async def make(
    desk: Desk, actor: Actor, area: Area, wishes: Wishes, allowed: Sequence[Network] = ()
) -> WebhookRow:
    """Make a webhook on an area; ``url`` must be given. Its secret is in the row."""
    check(wishes, allowed)
    assert wishes.url is not None
    async with desk.work(actor) as work:
        there = await work.db.scalar(
            select(func.count()).select_from(WebhookRow).where(WebhookRow.area_id == area.id)
        )
        if (there or 0) >= MAX_AN_AREA:
            raise Conflict("webhook.too_many", limit=MAX_AN_AREA)
        row = WebhookRow(
            area_id=area.id, url=wishes.url, secret=new_secret(), kinds=list(wishes.kinds or ()),
            enabled=wishes.enabled is not False, created_at=work.now, created_by=actor.who,
        )  # fmt: skip
        work.db.add(row)
        await work.db.flush()
        # An address may have a secret in it: only the host is put on record.
        work.record(
            "webhook.created", area=area.id, subject=f"webhook/{row.id}",
            host=target(wishes.url).host, kinds=row.kinds,
        )  # fmt: skip
    return row


async def change(
    desk: Desk, actor: Actor, id: int, version: int, wishes: Wishes,
    allowed: Sequence[Network] = (),
) -> WebhookRow:  # fmt: skip
    """Change what ``wishes`` name."""
    check(wishes, allowed)
    async with desk.work(actor) as work:
        row = await _get(work.db, id)
        if row.version != version:
            raise Stale(row.version)
        details: dict[str, Any] = {}
        if wishes.url is not None and wishes.url != row.url:
            row.url = wishes.url
            details["host"] = target(wishes.url).host
        if wishes.kinds is not None:
            row.kinds = details["kinds"] = list(wishes.kinds)
        if wishes.enabled is not None:
            row.enabled = details["enabled"] = wishes.enabled
        row.version += 1
        work.record("webhook.changed", area=row.area_id, subject=f"webhook/{id}", **details)
    return row


async def renew_secret(desk: Desk, actor: Actor, id: int) -> WebhookRow:
    """Give it a new secret; what is sent from now on is signed with that."""
    async with desk.work(actor) as work:
        row = await _get(work.db, id)
        row.secret = new_secret()
        row.version += 1
        work.record("webhook.secret_renewed", area=row.area_id, subject=f"webhook/{id}")
    return row


async def remove(desk: Desk, actor: Actor, id: int) -> None:
    """Remove it, and what it was to be told."""
    async with desk.work(actor) as work:
        row = await _get(work.db, id)
        work.record(
            "webhook.removed", area=row.area_id, subject=f"webhook/{id}", host=target(row.url).host
        )
        await work.db.execute(delete(DeliveryRow).where(DeliveryRow.webhook_id == id))
        await work.db.delete(row)


async def test(desk: Desk, actor: Actor, id: int) -> DeliveryRow:
    """Have it told something that did not happen, so that its receiver can be tried."""
    async with desk.work(actor) as work:
        row = await _get(work.db, id)
        if not row.enabled:
            raise Conflict("webhook.disabled")
        happening = Happening(TEST, work.now, actor.who, row.area_id, f"webhook/{id}", {})
        delivery = _delivery(row, happening, desk.tree.get(row.area_id))
        work.db.add(delivery)
        await work.db.flush()
        work.record("webhook.tested", area=row.area_id, subject=f"webhook/{id}")
    return delivery


async def _get(db: AsyncSession, id: int) -> WebhookRow:
    row = await db.get(WebhookRow, id)
    if row is None:
        raise NotFound("webhook.unknown", id=id)
    return row


def _delivery(webhook: WebhookRow, happening: Happening, area: Area | None) -> DeliveryRow:
    return DeliveryRow(
        webhook_id=webhook.id,
        created_at=happening.at,
        next_at=happening.at,
        kind=happening.kind,
        body={
            "id": secrets.token_hex(16),
            "kind": happening.kind,
            "at": moment(happening.at),
            "who": happening.who,
            "area": None if area is None else {"id": area.id, "path": area.path, "name": area.name},
            "subject": happening.subject,
            "details": happening.details,
        },
    )


class Outbox:
    """Give it to the desk (``desk.outbox``): writes down what webhooks are to be told.

    A webhook is told what happens on its area and below, for which the area must be known: what
    concerns no area (somebody signed in) is told to nobody, nor what is done to webhooks.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.written = False
        """Whether there is something new; whoever sends it sets it back."""

    async def __call__(
        self, db: AsyncSession, tree: AreaTree, happened: Sequence[Happening]
    ) -> None:
        """Write it, within the transaction."""
        webhooks = list(await db.scalars(select(WebhookRow).where(WebhookRow.enabled)))
        if not webhooks:
            return
        told: dict[int, int] = {}
        for happening in happened:
            if happening.kind.startswith("webhook."):
                continue
            # An area that was just removed is known to the tree before.
            area = above = None
            if happening.area is not None:
                area = tree.get(happening.area)
                above = area and tree.lineage(area)
                if area is None and (area := self._desk.tree.get(happening.area)) is not None:
                    above = self._desk.tree.lineage(area)
            ids = {a.id for a in above or ()}
            for webhook in webhooks:
                if webhook.area_id in ids and wanted(happening.kind, webhook.kinds):
                    db.add(_delivery(webhook, happening, area))
                    told[webhook.id] = told.get(webhook.id, 0) + 1
        if told:
            await db.flush()
            await self._bound(db, list(told))
            self.written = True

    async def _bound(self, db: AsyncSession, webhooks: list[int]) -> None:
        waiting = await db.execute(
            select(DeliveryRow.webhook_id, func.count())
            .where(DeliveryRow.webhook_id.in_(webhooks), DeliveryRow.state == "waiting")
            .group_by(DeliveryRow.webhook_id)
            .having(func.count() > MAX_WAITING)
        )
        for webhook, count in waiting.all():
            too_many = (
                select(DeliveryRow.id)
                .where(DeliveryRow.webhook_id == webhook, DeliveryRow.state == "waiting")
                .order_by(DeliveryRow.id)
                .limit(count - MAX_WAITING)
            )
            await db.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id.in_(too_many))
                .values(state="given_up", answer=OVERFLOW)
                .execution_options(synchronize_session=False)
            )
            self._desk.counters.add("webhooks.given_up", count - MAX_WAITING)
