"""Settings on their way to receivers: whoever has other ones is ordered to take the newest.

What staff change is ordered at once by the desk; here are the rest: areas that were renamed, moved
or given another time zone, boxes that were enrolled anew or lost what they kept, and boxes that
have what this server gave them before it was restored from a backup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import select

from loa.codecs.control.messages import FromBox, Message
from loa.codecs.control.settings import Settings
from loa.streamer import logs
from loa.streamer.desk import receiver_settings
from loa.streamer.desk.desk import Desk, Happening, server_actor
from loa.streamer.desk.receiver_orders import ORDERED
from loa.streamer.fleet.hub import Session
from loa.streamer.fleet.registry import receiver_of
from loa.streamer.store.tables.receivers import ReceiverRow

GATHER = 0.5
"""Seconds in which changes, and boxes that come, are gathered."""
A_TURN = 100
"""Receivers that are looked at in one go; then others have their turn."""
AGAIN = 10.0
"""Seconds after which it is tried again when it failed."""

MOST_VERSION = 1 << 40
"""A box that says it has newer ones than that is not believed."""

DEFAULT = Settings()
FIRST = Settings(version=1)
"""What a receiver has as long as nothing is known of it."""
_ABOUT_ONE = frozenset(
    {"receiver.enrolled", "receiver.moved", "receiver.renamed", "receiver.changed"}
)

log = logs.get("settings")


class SettingsTopic:
    """A topic of the hub without messages; ``load`` before the first session, then ``run``."""

    takes: Sequence[type[Message]] = ()

    def __init__(self, desk: Desk, ordered: Callable[[int], bool] = lambda _: False) -> None:
        self._desk = desk
        self._ordered = ordered
        """Whether a receiver has been ordered to take newer ones already."""
        self._known: dict[int, Settings] = {}
        self.renewed: Callable[[], None] = lambda: None
        """Called when ``of`` may answer otherwise than before."""
        self._behind: set[int] = set()
        self._other: dict[int, tuple[int, str]] = {}
        """Who has settings that we know nothing of: their version and mark."""
        self._changed: set[int] = set()
        self._all = True
        self._reload: set[int] | None = set()
        """Whose settings are to be read again; None: everybody's."""
        self._wake = asyncio.Event()
        self._unsubscribe = desk.bus.subscribe(self._happened)

    async def load(self, receivers: Collection[int] | None = None) -> None:
        """Learn what holds for these receivers, by default for every one."""
        chosen = select(ReceiverRow)
        if receivers is not None:
            chosen = chosen.where(ReceiverRow.id.in_(receivers))
        async with self._desk.store.read() as db:
            rows = list(await db.scalars(chosen))
            said = await receiver_settings.read_said(db)
        known = {} if receivers is None else dict(self._known)
        for count, row in enumerate(rows):
            known[row.id] = receiver_settings.settings_of(self._desk, row, said)
            if count % A_TURN == A_TURN - 1:
                await asyncio.sleep(0)
        self._known = known
        self.renewed()

    def of(self, receiver: int) -> Settings:
        """Return a receiver's newest settings: its box has them, or soon will."""
        return self._known.get(receiver) or DEFAULT

    async def run(self) -> None:
        """Order what is needed; until cancelled."""
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(GATHER)
                self._wake.clear()
                try:
                    await self.catch_up()
                except Exception:
                    log.exception("settings could not be given to receivers")
                    await asyncio.sleep(AGAIN)
                    self._wake.set()
        finally:
            self._unsubscribe()

    async def catch_up(self) -> None:
        """Renew what a change may have touched, and give those that are behind what there is."""
        every, changed, behind, reload = self._all, self._changed, self._behind, self._reload
        self._all, self._changed, self._behind, self._reload = False, set(), set(), set()
        other, self._other = self._other, {}
        try:
            if every or changed or behind or other:
                async with self._desk.work(server_actor(self._desk.tree)) as work:
                    if every:
                        await receiver_settings.renew(self._desk, work)
                    elif changed:
                        await receiver_settings.renew_some(self._desk, work, changed)
                    if behind:
                        await receiver_settings.give(self._desk, work, behind)
                    if other:
                        await receiver_settings.outdo(self._desk, work, other)
            if every or reload is None:
                await self.load()
            elif which := changed | behind | reload | other.keys():
                await self.load(which)
        except BaseException:
            self._all, self._reload = True, None
            self._behind |= behind
            self._other = {**other, **self._other}
            raise

    def _happened(self, happening: Happening) -> None:
        kind, receiver = happening.kind, receiver_of(happening)
        if kind == ORDERED and happening.details.get("do") == "settings":
            if receiver is None:
                self._reload = None
            elif self._reload is not None:
                self._reload.add(receiver)
        elif kind.startswith("area."):
            self._all = True
        elif kind in _ABOUT_ONE and receiver is not None:
            self._changed.add(receiver)
        else:
            return
        self._wake.set()

    # --- the hub's side

    def joined(self, session: Session) -> None:
        """See whether its settings are the newest."""
        known = self._known.get(session.receiver, FIRST)
        version, mark = session.hello.settings, session.hello.mark
        if version > MOST_VERSION:
            self._desk.counters.add("fleet.settings.not_believed")
        elif version > known.version or (version == known.version and mark not in ("", known.mark)):
            self._other[session.receiver] = version, mark
            self._wake.set()
        elif version < known.version and not self._ordered(session.receiver):
            self._behind.add(session.receiver)
            self._wake.set()

    def left(self, session: Session) -> None:
        """Nothing is kept of it."""

    async def take(self, session: Session, message: FromBox) -> None:
        """There are no messages for it."""
