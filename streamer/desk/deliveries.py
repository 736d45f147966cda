"""Sending what webhooks are to be told: signed, retried for a day, one receiver beside another.

Each webhook has at most one message under way, and all together at most ``AT_ONCE``: one that is
slow, or not there, delays nobody else. When a receiver cannot be had (no connection, no answer in
time, 5xx, 429), everything for it waits; when it refuses a message (any other answer but 2xx), the
others go on. Redirects are not followed, and of the answer only the status is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import aiohttp
from sqlalchemy import delete, func, select, update

from loa.streamer import logs, outgoing
from loa.streamer.core.addresses import AddressRefused, Network, target
from loa.streamer.core.webhooks import TEST, TRY_FOR, pause, signature
from loa.streamer.desk.desk import Desk, Happening
from loa.streamer.desk.webhooks import Outbox
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow

AT_ONCE = 16
TIMEOUT = 10.0
LOOK_AGAIN = 60.0
"""Seconds until the queue is looked at when nothing else is known."""
KEPT = timedelta(days=7).total_seconds()
"""How long what was delivered or given up stays to be looked at."""
CLEAN_EVERY = 3600.0

log = logs.get("webhooks")


@dataclass(slots=True)
class _Silence:
    """A receiver that cannot be had."""

    failures: int
    until: float


class Deliveries:
    """``start`` it on the loop, ``stop`` it at the end; what was under way is sent again later.

    ``allowed``: private networks that may be sent to all the same.
    """

    def __init__(
        self, desk: Desk, allowed: Sequence[Network] = (), *, timeout: float = TIMEOUT
    ) -> None:
        self.allowed = tuple(allowed)
        self._desk = desk
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._outbox = Outbox(desk)
        self._wake = asyncio.Event()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._http: aiohttp.ClientSession | None = None
        self._runner: asyncio.Task[None] | None = None
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._silent: dict[int, _Silence] = {}
        self._cleaned = 0.0
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to write down what happens, and to send it."""
        self.listen()
        self._runner = asyncio.create_task(self._run())

    def listen(self) -> None:
        """Write down what happens, without sending it yet; ``start`` does it."""
        self._desk.outbox = self._outbox
        self._unsubscribe = self._desk.bus.subscribe(self._happened)

    async def stop(self) -> None:
        """Stop sending."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._desk.outbox = None
        tasks = [task for task in (self._runner, *self._sending.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def _happened(self, happening: Happening) -> None:
        if happening.kind in ("webhook.tested", "webhook.changed"):
            # Somebody is looking: try at once.
            self._silent.pop(int(happening.subject.partition("/")[2]), None)
            self._outbox.written = True
        if self._outbox.written:
            self._outbox.written = False
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                wait = await self.begin_due()
            except Exception:
                # A database that is away for a while: what is written down stays there.
                self._desk.counters.add("webhooks.failed_to_look")
                log.exception("webhooks cannot be looked after")
                wait = LOOK_AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def round(self) -> None:
        """Send everything that is due, and return when that is done."""
        await self.begin_due()
        await asyncio.gather(*self._sending.values())

    async def begin_due(self) -> float:
        """Begin to send what is due; return in how many seconds something may be due again."""
        now = self._desk.clock()
        await self._clean(now)
        async with self._desk.store.read() as db:
            rows = await db.execute(
                select(DeliveryRow.webhook_id, func.min(DeliveryRow.next_at))
                .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
                .where(DeliveryRow.state == "waiting", WebhookRow.enabled)
                .group_by(DeliveryRow.webhook_id)
            )
            due: dict[int, float] = {row[0]: row[1] for row in rows}
        for gone in self._silent.keys() - due.keys():
            del self._silent[gone]
        wait = LOOK_AGAIN
        for webhook, at in due.items():
            if webhook in self._sending:
                continue
            silence = self._silent.get(webhook)
            if silence is not None:
                at = max(at, silence.until)
            if at > now:
                wait = min(wait, at - now)
                continue
            task = asyncio.create_task(self._send_all(webhook))
            self._sending[webhook] = task
            task.add_done_callback(partial(self._sent, webhook))
        return wait

    def _sent(self, webhook: int, _: asyncio.Task[None]) -> None:
        self._sending.pop(webhook, None)
        self._wake.set()

    async def _send_all(self, webhook: int) -> None:
        """Send what is due for one webhook, oldest first, until its receiver cannot be had."""
        try:
            while await self._send_next(webhook):
                pass
        except Exception:
            self._desk.counters.add("webhooks.failed_to_look")
            self._be_silent(webhook)
            log.exception("a webhook cannot be looked after", webhook=webhook)

    async def _send_next(self, webhook: int) -> bool:
        now = self._desk.clock()
        async with self._desk.store.read() as db:
            row = await db.get(WebhookRow, webhook)
            delivery = await db.scalar(
                select(DeliveryRow)
                .where(
                    DeliveryRow.webhook_id == webhook,
                    DeliveryRow.state == "waiting",
                    DeliveryRow.next_at <= now,
                )
                .order_by(DeliveryRow.id)
                .limit(1)
            )
        if row is None or not row.enabled or delivery is None:
            return False
        async with self._turns:
            answer, reached = await self._post(row, delivery)
        delivered = answer.isdigit() and answer.startswith("2")
        attempts = delivery.attempts + 1
        state, counted = "waiting", "webhooks.failed"
        if delivered:
            state, counted = "delivered", "webhooks.delivered"
        elif delivery.kind == TEST or now + pause(attempts) >= delivery.created_at + TRY_FOR:
            state, counted = "given_up", "webhooks.given_up"
        self._desk.counters.add(counted)
        async with self._desk.store.write() as db:
            await db.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id == delivery.id, DeliveryRow.state == "waiting")
                .values(
                    state=state, answer=answer, attempts=attempts, tried_at=now,
                    next_at=now + (0.0 if delivered else pause(attempts)),
                )
            )  # fmt: skip
        if reached:
            self._silent.pop(webhook, None)
        else:
            self._be_silent(webhook)
            log.info("a webhook cannot be told", webhook=webhook, why=answer)
        return reached

    def _be_silent(self, webhook: int) -> None:
        silence = self._silent.setdefault(webhook, _Silence(0, 0.0))
        silence.failures += 1
        silence.until = self._desk.clock() + pause(silence.failures)

    async def _post(self, webhook: WebhookRow, delivery: DeliveryRow) -> tuple[str, bool]:
        """Send one message; return what came of it, in a word, and whether somebody was there."""
        body = json.dumps(delivery.body, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Loa",
            "Loa-Signature": signature(webhook.secret, int(self._desk.clock()), body),
        }
        if self._http is None:
            self._http = outgoing.client(self.allowed, self._timeout, what="webhooks go")
        try:
            where = target(webhook.url)
            async with self._http.post(
                where.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (AddressRefused, aiohttp.InvalidURL) as error:
            return str(error), False
        except TimeoutError:
            return "no answer in time", False
        except (aiohttp.ClientError, OSError) as error:
            refused = outgoing.private(error)
            return str(refused or error or type(error).__name__)[:300], False
        return str(status), status < 500 and status != 429

    async def _clean(self, now: float) -> None:
        """Give up what is too old, and forget what is older still."""
        if 0 <= now - self._cleaned < CLEAN_EVERY:
            return
        self._cleaned = now
        async with self._desk.store.write() as db:
            old = await db.execute(
                update(DeliveryRow)
                .where(DeliveryRow.state == "waiting", DeliveryRow.created_at <= now - TRY_FOR)
                .values(state="given_up")
            )
            await db.execute(
                delete(DeliveryRow).where(
                    DeliveryRow.state != "waiting", DeliveryRow.created_at < now - KEPT
                )
            )
        given_up = getattr(old, "rowcount", 0)
        if given_up:
            self._desk.counters.add("webhooks.given_up", given_up)
