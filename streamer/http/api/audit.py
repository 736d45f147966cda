"""Calls about the audit log. It is read, never changed."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from loa.streamer.core.rights import Permission
from loa.streamer.desk import audit
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.audit import AuditRow


class AuditQuery(Paging):
    """``area``: there or below; ``action``: one (``grant.given``), or all of a kind
    (``grant.*``). The newest entries come first."""

    area: Id | None = None
    account: Id | None = None
    action: Annotated[str, Field(pattern=r"^[a-z_.]+(\.\*)?$", max_length=60)] | None = None
    since: Time | None = None
    until: Time | None = None


class AuditEntry(Model):
    """Who did what, where. ``hash`` seals the entry and, with ``previous``, all before it."""

    id: Id
    at: Time
    account: Id | None
    who: str
    action: str
    area: Id | None
    path: str | None
    subject: str
    details: dict[str, Any]
    previous: str
    hash: str


async def read_log(call: Call) -> Page[AuditEntry]:
    """Read the log."""
    asked: AuditQuery = call.query
    tree = call.desk.tree
    wanted = audit.Filter(
        area=call.desk.area(asked.area) if asked.area is not None else None,
        account=asked.account, action=asked.action, since=asked.since, until=asked.until,
    )  # fmt: skip
    rows = await audit.entries(call.desk, call.actor, wanted, after=asked.after, limit=asked.limit)

    def show(row: AuditRow) -> AuditEntry:
        area = tree.get(row.area_id) if row.area_id is not None else None
        return AuditEntry(
            id=row.id, at=row.at, account=row.account_id, who=row.who, action=row.action,
            area=row.area_id, path=area.path if area is not None else None, subject=row.subject,
            details=json.loads(row.details), previous=row.previous, hash=row.hash,
        )  # fmt: skip

    return page(Page[AuditEntry], rows, asked.limit, show, lambda row: row.id)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/audit", read_log, "Read the audit log", Permission.AUDIT,
        query=AuditQuery, answer=Page[AuditEntry],
    ),
)  # fmt: skip
