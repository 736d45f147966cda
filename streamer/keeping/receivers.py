"""The doctor on receivers: boxes that are silent, SIMs that are nearly used up, keys, alerts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from sqlalchemy import func, select

from loa.streamer.air.state import StateError
from loa.streamer.config import Config
from loa.streamer.core.billing import WARN
from loa.streamer.core.webhooks import wanted
from loa.streamer.desk import data_usage
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.identity import FILE, ServerIdentity
from loa.streamer.https import own_certificate
from loa.streamer.keeping import machine
from loa.streamer.keeping.findings import Finding, note, some, wrong
from loa.streamer.store.tables.receiver_health import ReceiverHealthRow
from loa.streamer.store.tables.receivers import EnrolmentRow, ReceiverRow
from loa.streamer.store.tables.sims import SimRow
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow

HOUR, DAY = 3600.0, 86_400.0
ONLINE = HOUR
"""A box tells how it is every quarter of an hour or so."""
SILENT = 2 * DAY
"""A power cut of a night is nobody's fault."""
WEEK = 7 * DAY
ALERT = "receiver.offline"
"""What a webhook must want to hear for somebody to be told of boxes that fall silent."""
KEY_LOST = (
    "restore {file} from a backup: all receivers trust the key in it; with a new one each of them "
    "has to be enrolled again"
)


async def boxes(desk: Desk, config: Config, now: float) -> AsyncIterator[Finding]:
    """The boxes are there, and what they need of the server is, too."""
    async with desk.store.read() as db:
        rows = list(
            await db.execute(
                select(
                    ReceiverRow.name, ReceiverRow.state, ReceiverRow.enrolled_at,
                    ReceiverRow.seen_at, ReceiverHealthRow.seen_at,
                )
                .outerjoin(ReceiverHealthRow, ReceiverHealthRow.receiver_id == ReceiverRow.id)
                .order_by(ReceiverRow.id)
            )
        )  # fmt: skip
        codes = (
            select(func.max(EnrolmentRow.expires_at).label("ends"))
            .join(ReceiverRow, ReceiverRow.id == EnrolmentRow.receiver_id)
            .where(ReceiverRow.state == "new")
            .group_by(ReceiverRow.id)
            .subquery()
        )
        late = await db.scalar(select(func.count()).select_from(codes).where(codes.c.ends < now))
    seen = {
        number: (row[0], max(row[2] or 0.0, row[3] or 0.0, row[4] or 0.0))
        for number, row in enumerate(rows)
        if row[1] == "enrolled"
    }
    if late:
        yield note(
            "receivers", f"{late:,} receivers were never enrolled, and their codes have expired",
            "loa receivers code ID makes another; remove those that will not come",
        )  # fmt: skip
    if not seen:
        return
    for finding in (*identity(config.data), *certificate(config, now)):
        yield finding
    silent = [name for name, at in seen.values() if at < now - SILENT]
    online = sum(at >= now - ONLINE for _, at in seen.values())
    counts = f"{len(seen):,} receivers are enrolled, {online:,} were heard of in the last hour"
    if not online:
        yield wrong(
            "receivers", f"{counts}: none",
            "does the server run, and can its port for receivers be reached from outside? "
            "(`loa serve` says which; a firewall, another address)",
        )  # fmt: skip
    elif silent:
        yield note(
            "receivers", f"{counts}, {len(silent):,} not for two days: {some(silent)}",
            "loa receivers health says since when, and what they told last",
        )  # fmt: skip


def identity(data: Path) -> Iterator[Finding]:
    """The key that all boxes trust can be read."""
    file = data / FILE
    if not file.is_file():
        yield wrong("receivers", f"there is no {file}", KEY_LOST.format(file=file))
        return
    try:
        prepared = ServerIdentity.read(file).prepared
    except StateError as error:
        yield wrong("receivers", str(error), KEY_LOST.format(file=file))
        return
    if prepared is not None:
        yield note(
            "receivers", "a new identity is prepared, and not used yet",
            "loa backup …, then loa receivers new-identity again",
        )  # fmt: skip
    if file.stat().st_mode & 0o077:
        yield wrong(
            "receivers", f"others on this machine can read {file}",
            f"chmod 600 {file}; if somebody did: loa receivers new-identity",
        )  # fmt: skip


def certificate(config: Config, now: float) -> Iterator[Finding]:
    """Where boxes have a port of their own, its certificate is there and renews itself."""
    if config.tls.cert is not None:
        return  # theirs is the server's
    folder = config.data / own_certificate.FOLDER
    cert, key = folder / own_certificate.CERT, folder / own_certificate.KEY
    if not (cert.is_file() and key.is_file()):
        yield note(
            "receivers", f"the certificate of the receivers' port is not in {folder}",
            "the next start makes another; boxes do not mind",
        )  # fmt: skip
        return
    if not os.access(key, os.R_OK):
        yield wrong("receivers", f"{key} cannot be read by this user", f"chown it: {key}")
    for finding in machine.certificate(cert, now):
        yield wrong(
            "receivers", finding.what, f"remove it from {folder}, and restart: it is made anew"
        )


async def sims(desk: Desk, now: float) -> AsyncIterator[Finding]:
    """No SIM runs out."""
    async with desk.store.read() as db:
        rows = list(await db.scalars(select(SimRow).where(SimRow.receiver_id.is_not(None))))
        stands = await data_usage.standings(desk, db, rows, now)
    shares = {sim.number or sim.iccid: stands[sim.id].share or 0.0 for sim in rows}
    over = [name for name, share in shares.items() if share >= 1.0]
    near = [name for name, share in shares.items() if WARN <= share < 1.0]
    if over:
        yield wrong(
            "sims", f"the data of {len(over):,} SIMs is used up: {some(over)}",
            "buy more for this cycle: their boxes play what they have, and hear emergencies only "
            "as long as the operator lets them",
        )  # fmt: skip
    if near:
        yield note(
            "sims", f"{len(near):,} SIMs have used more than {WARN:.0%} of their data: "
            f"{some(near)}",
            "loa receivers sims list says until when it has to last",
        )  # fmt: skip


async def alerts(desk: Desk, now: float) -> AsyncIterator[Finding]:
    """Somebody is told when boxes fall silent."""
    async with desk.store.read() as db:
        enrolled = await db.scalar(
            select(func.count()).select_from(ReceiverRow).where(ReceiverRow.state == "enrolled")
        )
        hooks = list(await db.scalars(select(WebhookRow).where(WebhookRow.enabled)))
        told = list(
            await db.execute(
                select(DeliveryRow.webhook_id, DeliveryRow.state, DeliveryRow.attempts)
                .where(DeliveryRow.kind.like("receiver.%"), DeliveryRow.created_at > now - WEEK)
                .order_by(DeliveryRow.id)
            )
        )  # fmt: skip
    if not enrolled:
        return
    able = {hook.id: hook.url for hook in hooks if wanted(ALERT, hook.kinds)}
    if not able:
        yield note(
            "alerts", "nobody is told when receivers fall silent",
            f"loa webhooks add … --kind {ALERT}",
        )  # fmt: skip
    # The newest that was tried says how it is now.
    newest = {id: state for id, state, attempts in told if attempts and id in able}
    failing = [able[id] for id, state in newest.items() if state != "delivered"]
    if failing:
        yield wrong(
            "alerts", f"alerts about receivers do not arrive at {some(failing)}",
            "loa webhooks deliveries ID says what was answered",
        )  # fmt: skip
