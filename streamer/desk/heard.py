"""Who heard it: a bulletin, an emergency or one playing, receiver by receiver.

What was due comes from the as-run log, what was played from the boxes' own journals, and who is
there now from the fleet; ``core/heard.py`` puts them together. A handful of queries, however many
receivers there are.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from loa.streamer.core.areas import Area
from loa.streamer.core.heard import (
    REACHED,
    Due,
    Early,
    Outcome,
    Said,
    Verdict,
    best,
    judge,
)
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.emergencies import State, areas_of, state_of
from loa.streamer.desk.errors import NotFound
from loa.streamer.store import heard as stored
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.proof import PlayReportRow
from loa.streamer.store.tables.receivers import ReceiverRow

EARLY_WITHIN = 60.0
"""Seconds in which all boxes that are online say that an emergency sounds (DOMAIN.md)."""
REPORT_WITHIN = 120.0
"""Seconds after its end in which boxes that are online report a playing."""

Online = Callable[[int], bool]
"""Says whether a receiver is connected."""


@dataclass(frozen=True, slots=True)
class Playing:
    """One playing, on all areas together. ``ended``: None while it goes on somewhere."""

    play: str
    title: str
    began: float
    ended: float | None
    areas: int


@dataclass(frozen=True, slots=True)
class OfReceiver:
    """What one receiver heard: its best playing, and how many there were and reached it.

    ``said``: what its box reported of that playing, None as long as it did not.
    """

    id: int
    name: str
    area: int
    online: bool
    seen_at: float | None
    verdict: Verdict
    playings: int
    reached: int
    said: Said | None


@dataclass(frozen=True, slots=True)
class States:
    """On how many receivers something was measured as more than nothing, as nothing, and not
    measured; of those that reported."""

    some: int
    none: int
    not_measured: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Who heard it. ``receivers``: by id. ``online`` of those that were to hear it, now."""

    made_at: float
    playings: tuple[Playing, ...]
    receivers: tuple[OfReceiver, ...]

    @property
    def online(self) -> int:
        """How many of them are connected now."""
        return sum(r.online for r in self.receivers)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many receivers there are of each outcome."""
        return Counter(r.verdict.outcome for r in self.receivers)

    @property
    def reached(self) -> int:
        """How many receivers sounded, as far as their devices tell."""
        return sum(r.verdict.outcome in REACHED for r in self.receivers)

    @property
    def states(self) -> Mapping[str, States]:
        """What was delivered, decoded, played to the device and sounded, each as measured."""
        said = [r.said for r in self.receivers if r.said is not None]
        return {
            "delivered": _states(s.delivered for s in said),
            "decoded": _states(s.decoded for s in said),
            "device": _states(s.device for s in said),
            "sounded": _states(s.sounded for s in said),
        }


def _states(counts: Iterable[int | None]) -> States:
    some = none = unknown = 0
    for count in counts:
        if count is None:
            unknown += 1
        elif count:
            some += 1
        else:
            none += 1
    return States(some, none, unknown)


async def of_emergency(desk: Desk, id: int, online: Online) -> Heard:
    """Return who heard an emergency, any of its repeats."""
    now = desk.clock()
    async with desk.store.read() as db:
        cue = await db.get(CueRow, id)
        if cue is None:
            raise NotFound("emergency.unknown", id=id)
        due = await stored.due(db, [AiredRow.cue_id == id], now)
        said = await stored.said(db, [PlayReportRow.emergency_id == id])
        early = await stored.early(db, id)
        areas = areas_of(desk, cue.targets, cue.excluded) | {d.area for d, _ in due}
        boxes = await _receivers(desk, areas, {s.receiver for s in said})
    waits = state_of(cue, now) is State.WAITING or now < cue.starts_at + EARLY_WITHIN
    return await asyncio.to_thread(
        _put_together, now, due, said, early, boxes, online, EARLY_WITHIN, True, waits
    )


async def of_bulletin(
    desk: Desk, id: int, online: Online, begin: float, end: float, play: str = ""
) -> Heard:
    """Return who heard a bulletin that was aired between two times; ``play``: only that once."""
    async with desk.store.read() as db:
        if await db.get(BulletinRow, id) is None:
            raise NotFound("bulletin.unknown", id=id)
    aired = [AiredRow.bulletin_id == id, AiredRow.from_unix >= begin, AiredRow.from_unix < end]
    told = [PlayReportRow.bulletin_id == id, PlayReportRow.at >= begin, PlayReportRow.at < end]
    if play:
        aired.append(AiredRow.play == play)
        told.append(PlayReportRow.play == play)
    return await _of(desk, aired, told, online, None)


async def of_play(
    desk: Desk, area: Area, play: str, online: Online, begin: float, end: float
) -> Heard:
    """Return who heard one playing in an area and below it: a live too."""
    areas = frozenset(a.id for a in desk.tree.below(area))
    aired = [AiredRow.play == play, AiredRow.from_unix >= begin, AiredRow.from_unix < end]
    told = [PlayReportRow.play == play, PlayReportRow.at >= begin, PlayReportRow.at < end]
    return await _of(desk, aired, told, online, areas)


async def _of(
    desk: Desk,
    aired: Sequence[ColumnElement[bool]],
    told: Sequence[ColumnElement[bool]],
    online: Online,
    within: Collection[int] | None,
) -> Heard:
    now = desk.clock()
    async with desk.store.read() as db:
        due = await stored.due(db, aired, now)
        said = await stored.said(db, told)
        if within is not None:
            due = [(d, title) for d, title in due if d.area in within]
        boxes = await _receivers(desk, {d.area for d, _ in due}, {s.receiver for s in said})
    if within is not None:
        boxes = [box for box in boxes if box.area_id in within]
    return await asyncio.to_thread(
        _put_together, now, due, said, [], boxes, online, REPORT_WITHIN, False, False
    )


async def _receivers(
    desk: Desk, areas: Collection[int], also: Collection[int]
) -> list[ReceiverRow]:
    """Return the enrolled receivers of these areas, and those that reported all the same."""
    async with desk.store.read() as db:
        chosen = select(ReceiverRow).where(ReceiverRow.state.in_(("enrolled", "revoked")))
        rows = await db.scalars(chosen.order_by(ReceiverRow.id))
        return [
            row
            for row in rows
            if (row.area_id in areas and row.state == "enrolled") or row.id in also
        ]


def _put_together(
    now: float,
    due: Sequence[tuple[Due, str]],
    said: Sequence[Said],
    early: Sequence[Early],
    boxes: Sequence[ReceiverRow],
    online: Online,
    patience: float,
    from_start: bool,
    waits: bool,
) -> Heard:
    by_area: defaultdict[int, dict[str, Due]] = defaultdict(dict)
    for one, _ in due:
        by_area[one.area][one.play] = one
    told: defaultdict[int, dict[str, Said]] = defaultdict(dict)
    for report in said:
        told[report.receiver][report.play] = report
    first: defaultdict[int, dict[str, Early]] = defaultdict(dict)
    for word in early:
        first[word.receiver][word.play] = word
    found = []
    for box in boxes:
        here, mine, words = by_area[box.area_id], told[box.id], first[box.id]
        there = online(box.id)
        plays = list(dict.fromkeys((*here, *mine, *words)))
        verdicts = {
            play: judge(
                here.get(play), mine.get(play), words.get(play), online=there, now=now,
                patience=patience, from_start=from_start,
            )
            for play in plays
        }  # fmt: skip
        if verdicts:
            verdict = best(list(verdicts.values()))
            play = next(p for p, v in verdicts.items() if v is verdict)
            said_of = mine.get(play)
        else:
            said_of = None
            if waits and there:
                verdict = Verdict(Outcome.PENDING)
            else:
                verdict = Verdict(Outcome.UNREPORTED, "offline" if waits else "not_aired")
        found.append(
            OfReceiver(
                box.id, box.name, box.area_id, there, box.seen_at, verdict, len(plays),
                sum(v.reached for v in verdicts.values()), said_of,
            )
        )  # fmt: skip
    return Heard(now, _playings(due), tuple(found))


def _playings(due: Sequence[tuple[Due, str]]) -> tuple[Playing, ...]:
    known: dict[str, Playing] = {}
    for one, title in due:
        was = known.get(one.play)
        if was is None:
            known[one.play] = Playing(one.play, title, one.began, one.ended, 1)
            continue
        ended = None if was.ended is None or one.ended is None else max(was.ended, one.ended)
        known[one.play] = Playing(
            one.play, was.title or title, min(was.began, one.began), ended, was.areas + 1
        )
    return tuple(sorted(known.values(), key=lambda p: (-p.began, p.play)))
