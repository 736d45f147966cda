"""Calls about webhooks: who is told what happens, and what he was told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select

from loa.streamer.core.rights import Permission
from loa.streamer.desk import webhooks
from loa.streamer.desk.webhooks import MAX_KINDS, Wishes
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_body, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow

Url = Annotated[str, Field(min_length=1, max_length=2048)]
Kinds = Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=MAX_KINDS)]
State = Literal["waiting", "delivered", "given_up"]


class NewWebhook(Model):
    """Who is to be told. ``kinds``: ``bulletin.`` for all that begin so, ``emergency.called`` for
    just that; empty: everything that happens on the area and below it."""

    area: Id
    url: Url
    kinds: Kinds = ()
    enabled: bool = True


class WebhookChange(Model):
    """What is to be different; what is left out stays."""

    url: Url | None = None
    kinds: Kinds | None = None
    enabled: bool | None = None


class Webhook(Model):
    """Who is told what happens on an area and below it."""

    id: Id
    area: Id
    url: str
    kinds: tuple[str, ...]
    enabled: bool
    created_at: Time
    created_by: str
    version: int


class WebhookWithSecret(Webhook):
    """A webhook with the secret that its messages are signed with: shown this once."""

    secret: str


class Delivery(Model):
    """A message. ``answer``: the status of the last attempt's answer, or why there was none."""

    id: Id
    kind: str
    state: State
    attempts: int
    answer: str
    created_at: Time
    tried_at: Time | None
    next_at: Time | None
    message: dict[str, Any]


class WebhooksQuery(Paging):
    """Only those on one area."""

    area: Id | None = None


class DeliveriesQuery(Paging):
    """Newest first: ``after`` is the id before which the next part begins."""

    state: State | None = None


def _fields(row: WebhookRow) -> dict[str, Any]:
    return {
        "id": row.id, "area": row.area_id, "url": row.url, "kinds": tuple(row.kinds),
        "enabled": row.enabled, "created_at": row.created_at, "created_by": row.created_by,
        "version": row.version,
    }  # fmt: skip


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(**_fields(row))


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        id=row.id, kind=row.kind, state=row.state,  # type: ignore[arg-type]
        attempts=row.attempts, answer=row.answer, created_at=row.created_at,
        tried_at=row.tried_at, next_at=row.next_at if row.state == "waiting" else None,
        message=row.body,
    )  # fmt: skip


def _allowed(call: Call) -> Any:
    return () if call.services.deliveries is None else call.services.deliveries.allowed


async def list_webhooks(call: Call) -> Page[Webhook]:
    """List the webhooks of the areas that one manages."""
    query: WebhooksQuery = call.query
    areas = {a.id for a in call.actor.rights.areas(Permission.SYSTEM, call.desk.tree)}
    if query.area is not None:
        areas &= {query.area}
    async with call.desk.store.read() as db:
        rows = await db.scalars(
            select(WebhookRow)
            .where(WebhookRow.id > query.after, WebhookRow.area_id.in_(areas))
            .order_by(WebhookRow.id)
            .limit(query.limit + 1)
        )
    return page(Page[Webhook], list(rows), query.limit, _webhook, lambda row: row.id)


async def make(call: Call) -> WebhookWithSecret:
    """Make a webhook."""
    body: NewWebhook = call.body
    wishes = Wishes(body.url, body.kinds, body.enabled)
    row = await webhooks.make(
        call.desk, call.actor, call.desk.area(body.area), wishes, _allowed(call)
    )
    return WebhookWithSecret(**_fields(row), secret=row.secret)


async def show(call: Call) -> Webhook:
    """Show one."""
    async with call.desk.store.read() as db:
        row = await db.get(WebhookRow, call.params["webhook"])
    assert row is not None  # whoever asks has a right on its area
    return _webhook(row)


async def change(call: Call) -> Webhook:
    """Change one."""
    body: WebhookChange = call.body
    row = await webhooks.change(
        call.desk, call.actor, call.params["webhook"], call.version,
        Wishes(body.url, body.kinds, body.enabled), _allowed(call),
    )  # fmt: skip
    return _webhook(row)


async def remove(call: Call) -> None:
    """Remove one, and what it was to be told."""
    await webhooks.remove(call.desk, call.actor, call.params["webhook"])


async def renew_secret(call: Call) -> WebhookWithSecret:
    """Give it a new secret."""
    row = await webhooks.renew_secret(call.desk, call.actor, call.params["webhook"])
    return WebhookWithSecret(**_fields(row), secret=row.secret)


async def test(call: Call) -> Delivery:
    """Send it a message that says nothing."""
    return _delivery(await webhooks.test(call.desk, call.actor, call.params["webhook"]))


async def list_deliveries(call: Call) -> Page[Delivery]:
    """List what it was told and is to be told, newest first."""
    query: DeliveriesQuery = call.query
    chosen = select(DeliveryRow).where(DeliveryRow.webhook_id == call.params["webhook"])
    if query.after:
        chosen = chosen.where(DeliveryRow.id < query.after)
    if query.state is not None:
        chosen = chosen.where(DeliveryRow.state == query.state)
    async with call.desk.store.read() as db:
        rows = await db.scalars(chosen.order_by(DeliveryRow.id.desc()).limit(query.limit + 1))
    return page(Page[Delivery], list(rows), query.limit, _delivery, lambda row: row.id)


_ON = area_of(WebhookRow, "webhook", "webhook")
_NEEDS = Permission.SYSTEM
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/webhooks", list_webhooks, "Webhooks of the areas one manages", _NEEDS,
        query=WebhooksQuery, answer=Page[Webhook],
    ),
    Route(
        "POST", "/webhooks", make, "Make a webhook; its secret is shown this once", _NEEDS,
        area_in_body, body=NewWebhook, answer=WebhookWithSecret, status=201,
    ),
    Route(
        "GET", "/webhooks/{webhook}", show, "A webhook", _NEEDS, _ON, answer=Webhook,
    ),
    Route(
        "PATCH", "/webhooks/{webhook}", change, "Change a webhook", _NEEDS, _ON,
        body=WebhookChange, answer=Webhook, versioned=True,
    ),
    Route(
        "DELETE", "/webhooks/{webhook}", remove, "Remove a webhook", _NEEDS, _ON,
    ),
    Route(
        "POST", "/webhooks/{webhook}/secret", renew_secret,
        "Give a webhook a new secret, shown this once", _NEEDS, _ON, answer=WebhookWithSecret,
    ),
    Route(
        "POST", "/webhooks/{webhook}/test", test, "Send a webhook a message that says nothing",
        _NEEDS, _ON, answer=Delivery, status=202,
    ),
    Route(
        "GET", "/webhooks/{webhook}/deliveries", list_deliveries,
        "What a webhook was told and is to be told, newest first", _NEEDS, _ON,
        query=DeliveriesQuery, answer=Page[Delivery],
    ),
)  # fmt: skip
