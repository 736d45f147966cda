"""Server-sent events: whoever has a page open is told what changes, as it does.

One look a moment for everybody (``desk/air_book.py``), and one message made for all who may see the
same; without anybody who watches nothing is done. A viewer is given a snapshot and then changes.
What waits for a viewer is bounded: one that takes less than it is told is let go, and begins anew
with a snapshot when it comes back. Rights are looked at again at every heartbeat, and at once when
something about people or areas changed; when a session has ended, so has its stream.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from loa.streamer import logs
from loa.streamer.core.areas import AreaTree
from loa.streamer.core.rights import Permission
from loa.streamer.desk.air_book import NOTHING, AirBook, Item
from loa.streamer.desk.desk import Actor, Desk, Happening
from loa.streamer.desk.errors import DeskError, TooMany
from loa.streamer.http.api.times import iso

EVERY = 0.3
"""Seconds between two messages to a viewer, at least."""
RECEIVERS_EVERY = 4
"""Looks after which receivers are looked at too."""
HEARTBEAT = 15.0
MOST_VIEWERS = 1000
MOST_OF_ONE = 50
"""Of one account: pages that somebody has open."""
MOST_WAITING = 64
"""Messages that wait for a viewer."""
MOST_HAPPENED = 500
"""Of one message."""
LOUDNESS_STEP = 0.3
"""LU by which a level changes before it is told again."""
QUIETEST = -70.0
PRIVATE = ("session.", "token.", "account.", "grant.", "source_token.", "webhook.", "audio.")
"""What happened that is nobody's but those concerned."""
RIGHTS = ("account.", "grant.", "session.", "token.", "area.", "areas.")
"""What happened after which somebody may see something else."""

log = logs.get("push")
Who = Callable[[], Awaitable[Actor | None]]
"""Says who the viewer is now; None: nobody any more."""


@dataclass(slots=True, eq=False)
class Group:
    """Those who may see the same areas. ``above``: these and what they lie in."""

    areas: frozenset[int]
    above: frozenset[int]
    viewers: set[Viewer] = field(default_factory=set)
    made: tuple[int, bytes] = (-1, b"")
    """The newest snapshot, and of which version of the book it is."""


@dataclass(slots=True, eq=False)
class Viewer:
    """An open page."""

    account: int | None
    request: web.Request | None = None
    group: Group | None = None
    waiting: deque[bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    stale: bool = False
    """What it may see is to be looked at again."""
    over: str = ""

    @property
    def left(self) -> bool:
        """Whether its connection is gone, though nothing was written since."""
        if self.request is None:
            return False
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def give(self, message: bytes) -> bool:
        """Have a message sent; False when too many wait already."""
        if len(self.waiting) >= MOST_WAITING:
            return False
        self.waiting.append(message)
        self.wake.set()
        return True


class Push:
    """See the module. ``close`` ends all streams."""

    def __init__(self, desk: Desk, book: AirBook) -> None:
        self._desk = desk
        self._book = book
        self._groups: dict[frozenset[int], Group] = {}
        self._viewers: set[Viewer] = set()
        self._happened: list[Happening] = []
        self._missed = False
        self._levels: dict[int, float] = {}
        self._looks = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._unsubscribe = desk.bus.subscribe(self._hear)

    def __len__(self) -> int:
        return len(self._viewers)

    async def close(self) -> None:
        """End every stream; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        for viewer in self._viewers:
            self._end(viewer, "stopping")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- a viewer

    async def serve(
        self, request: web.Request, actor: Actor, who: Who, headers: Mapping[str, str], once: bool
    ) -> web.StreamResponse:
        """Answer a viewer until he goes or may no longer look; ``once``: a snapshot and the end.

        Raises ``TooMany``.
        """
        for gone in [v for v in self._viewers if v.left]:
            self._end(gone, "left")
            self._viewers.discard(gone)
        of_one = sum(v.account == actor.account for v in self._viewers)
        if len(self._viewers) >= MOST_VIEWERS or (actor.account and of_one >= MOST_OF_ONE):
            self._desk.counters.add("push.full")
            raise TooMany("events.full", 30)
        response = web.StreamResponse(
            headers={
                **headers, "Content-Type": "text/event-stream", "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )  # fmt: skip
        viewer = Viewer(actor.account, request)
        self._viewers.add(viewer)
        try:
            self._place(viewer, actor)
            await response.prepare(request)
            await response.write(b"retry: 2000\n\n")
            await self._stream(viewer, response, who, once)
            await response.write_eof()
        except ConnectionError:
            self._desk.counters.add("push.left")
        finally:
            self._viewers.discard(viewer)
            self._leave(viewer)
        return response

    async def _stream(
        self, viewer: Viewer, response: web.StreamResponse, who: Who, once: bool
    ) -> None:
        heard = time.monotonic()
        while not viewer.over:
            if viewer.stale and not await self._again(viewer, who):
                break
            if viewer.waiting:
                data = b"".join(viewer.waiting)
                viewer.waiting.clear()
                await response.write(data)
                if once:
                    return
            viewer.wake.clear()
            if viewer.waiting or viewer.over or viewer.stale:
                continue
            left = heard + HEARTBEAT - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await viewer.wake.wait()
            except TimeoutError:
                heard, viewer.stale = time.monotonic(), True
                await response.write(b": .\n\n")
        await response.write(_event("ended", {"why": viewer.over}))

    async def _again(self, viewer: Viewer, who: Who) -> bool:
        """Look again at what a viewer may see; False: nothing any more."""
        viewer.stale = False
        try:
            actor = await who()
        except DeskError:
            actor = None
        if actor is None or actor.must_change:
            viewer.over = viewer.over or "signed_out"
            return False
        if not viewer.over:
            self._place(viewer, actor)
        return True

    def _place(self, viewer: Viewer, actor: Actor) -> None:
        """Put a viewer where he belongs; when that is elsewhere than before, he begins anew."""
        tree = self._desk.tree
        areas = frozenset(a.id for a in actor.rights.areas(Permission.READ, tree))
        if viewer.group is not None and viewer.group.areas == areas:
            return
        self._leave(viewer)
        group = self._groups.get(areas)
        if group is None:
            group = self._groups[areas] = Group(areas, _above(tree, areas))
        if self._task is None and not self._closed:
            self._levels = {}
            self._book.look(self._desk.clock())
            self._task = asyncio.get_running_loop().create_task(self._run())
        viewer.group = group
        viewer.waiting.clear()
        viewer.give(self._snapshot(group))
        # Levels that do not change are told once: who comes later has not heard of them.
        if message := self._message(group, self._desk.clock(), (), self._levels, (), False):
            viewer.give(message)
        group.viewers.add(viewer)

    def _leave(self, viewer: Viewer) -> None:
        group, viewer.group = viewer.group, None
        if group is not None:
            group.viewers.discard(viewer)
            if not group.viewers:
                self._groups.pop(group.areas, None)

    def _end(self, viewer: Viewer, why: str) -> None:
        viewer.over = viewer.over or why
        viewer.wake.set()

    # --- what is told

    def _hear(self, happening: Happening) -> None:
        if not self._viewers:
            return
        if happening.kind.startswith(RIGHTS):
            for viewer in self._viewers:
                viewer.stale = True
                viewer.wake.set()
        if happening.kind.startswith(PRIVATE):
            return
        if len(self._happened) < MOST_HAPPENED:
            self._happened.append(happening)
        else:
            self._missed = True
            self._desk.counters.add("push.missed")

    async def _run(self) -> None:
        while self._groups:
            await asyncio.sleep(EVERY)
            try:
                self._tell()
            except Exception:
                self._desk.counters.add("push.failed")
                log.exception("those who watch could not be told what changed")
        self._task = None

    def _tell(self) -> None:
        self._looks += 1
        now = self._desk.clock()
        changed = self._book.look(now, receivers=self._looks % RECEIVERS_EVERY == 0)
        levels = self._louder()
        happened, self._happened = self._happened, []
        missed, self._missed = self._missed, False
        if not (changed or levels or happened or missed):
            return
        for group in list(self._groups.values()):
            message = self._message(group, now, changed, levels, happened, missed)
            if message is not None:
                for viewer in list(group.viewers):
                    if not viewer.give(message):
                        self._desk.counters.add("push.slow")
                        self._end(viewer, "slow")

    def _louder(self) -> dict[int, float]:
        """Return the levels that changed since they were told."""
        now = {n: _level(lufs) for n, lufs in self._book.levels().items()}
        before, self._levels = self._levels, {}
        told = {}
        for item, level in now.items():
            was = before.get(item)
            if was is None or abs(level - was) >= LOUDNESS_STEP:
                told[item] = was = level
            self._levels[item] = was
        return told

    def _message(
        self, group: Group, now: float, changed: Iterable[int], levels: Mapping[int, float],
        happened: Iterable[Happening], missed: bool,
    ) -> bytes | None:  # fmt: skip
        said: dict[str, Any] = {}
        rows = {id: self._book.rows.get(id, NOTHING) for id in changed if id in group.areas}
        if rows:
            said["items"] = self._items(row.item for row in rows.values())
            said["areas"] = rows
        if levels:
            seen = {self._book.rows[id].item for id in group.areas if id in self._book.rows}
            if mine := {item: level for item, level in levels.items() if item in seen}:
                said["levels"] = mine
        if told := [
            {"kind": h.kind, "area": h.area, "subject": h.subject}
            for h in happened
            if _concerns(h, group)
        ]:
            said["happened"] = told
        if missed:
            said["missed"] = True
        return _event("change", {"at": now, **said}) if said else None

    def _snapshot(self, group: Group) -> bytes:
        book = self._book
        if group.made[0] != book.version:
            rows = {id: row for id, row in book.rows.items() if id in group.areas}
            items = self._items(row.item for row in rows.values())
            said = {"at": self._desk.clock(), "items": items, "areas": rows}
            group.made = (book.version, _event("snapshot", said))
        return group.made[1]

    def _items(self, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
        return {n: self._shown(self._book.items[n]) for n in set(numbers) if n}

    def _shown(self, item: Item) -> dict[str, Any]:
        origin = None if item.origin is None else self._desk.tree.get(item.origin)
        return {
            "kind": item.kind, "title": item.title, "class": item.cls.name.lower(),
            "since": _time(item.since), "until": _time(item.until), "why": item.why,
            "origin": item.origin, "origin_name": "" if origin is None else origin.name,
            "live": item.live, "bulletin": item.bulletin, "entry": item.entry,
            "emergency": item.emergency, "drill": item.drill, "began": _time(item.began),
        }  # fmt: skip


def _above(tree: AreaTree, areas: frozenset[int]) -> frozenset[int]:
    found = set(areas)
    for id in areas:
        area = tree.get(id)
        parent = None if area is None or area.parent is None else tree.find(area.parent)
        if area is not None and parent is not None and parent.id not in areas:
            found.update(a.id for a in tree.lineage(area))
    return frozenset(found)


def _concerns(happening: Happening, group: Group) -> bool:
    """Whether a group is told: what happened to areas that they see; emergencies from above; and
    that the tree is another one."""
    if happening.kind.startswith(("area.", "areas.")):
        return True
    if happening.area is None:
        return False
    return happening.area in (
        group.above if happening.kind.startswith("emergency.") else group.areas
    )


def _level(lufs: float) -> float:
    return round(max(QUIETEST, lufs), 1) if math.isfinite(lufs) else QUIETEST


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


def _event(name: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
