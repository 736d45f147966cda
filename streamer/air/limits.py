"""Hours and limits of sessions, as far as they concern who speaks now: they never cut a voice.

Two minutes before the allowed time of a live is over, and when it is over, that is logged and put
on record (``air.limit_near``, ``air.overrun``), once each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loa.streamer import logs
from loa.streamer.core.limits import Limits, allowed_until
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.desk import Desk, server_actor

if TYPE_CHECKING:
    from loa.streamer.air.director import Director

NEAR = 120.0
"""Seconds before the end that the announcer is warned."""

log = logs.get("limits")


class LimitWatch:
    """Looks at every live that is on air; see the module."""

    def __init__(self, desk: Desk, director: Director) -> None:
        self._desk = desk
        self._director = director
        self._said: set[tuple[str, str]] = set()

    async def look(self, now: float) -> None:
        """Say what has to be said; call it every few seconds."""
        tree = self._desk.tree
        lives = self._director.sources.lives
        self._said = {(id, what) for id, what in self._said if id in lives}
        for feed in list(lives.values()):
            area = None if feed.area_id is None else tree.get(feed.area_id)
            if area is None or not feed.since_unix or feed.cls is BulletinClass.EMERGENCY:
                continue
            policy = self._desk.policies.effective(area)
            limits, zone = Limits.of(policy), str(policy.timezone)
            until = None if limits.none else allowed_until(limits, zone, feed.since_unix, now)
            if until is None or now < until - NEAR:
                continue
            what = "air.overrun" if now >= until else "air.limit_near"
            if (feed.id, what) in self._said or not self._director.sources.carrying(feed):
                continue
            self._said.add((feed.id, what))
            log.warning(what, area=area.path, name=feed.name, until=until)
            async with self._desk.work(server_actor(tree)) as work:
                work.record(
                    what, area=area.id, subject=f"live/{feed.id}", name=feed.name, until=until
                )
