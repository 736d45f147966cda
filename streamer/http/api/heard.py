"""Calls about what receivers really played: who heard a bulletin or an emergency, and journals."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from loa.codecs.control.journal import JournalError, read_entry, read_line
from loa.streamer.core.heard import Outcome, Said
from loa.streamer.core.rights import Permission
from loa.streamer.desk import heard
from loa.streamer.desk.errors import FieldProblem, Invalid
from loa.streamer.desk.heard import Heard, OfReceiver, States
from loa.streamer.fleet import journals
from loa.streamer.http.api.paging import Id, Paging
from loa.streamer.http.api.route import Call, Model, Route, area_in_path, area_of
from loa.streamer.http.api.texts import TEXTS, say
from loa.streamer.http.api.times import Time
from loa.streamer.store import proof as kept
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.proof import JournalBatchRow, JournalFindingRow
from loa.streamer.store.tables.receivers import ReceiverRow

DAYS = 30
"""How far back a bulletin is looked for when nothing else is said."""
DAY = 86_400.0
MOST_AUDITED = 50_000
"""Messages of a journal that are checked again; a year of a box is some 10,000."""
_KEY = re.compile(r"[0-9]")
"""A playing's name has numbers, a reason has none."""
BATCHES = 256
"""Ids of lines: that of what they came with, times this, and their place in it."""
OutcomeWord = Literal[
    "whole", "late", "part", "begun", "unmeasured", "pending", "unreported", "not"
]


class HeardQuery(Paging):
    """Receivers by id; ``outcome``: only those with this one."""

    outcome: OutcomeWord | None = None


class SpanQuery(HeardQuery):
    """What began between ``from`` and ``to``, by default in the last 30 days; ``play``: only this
    playing."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    begin: Annotated[Time | None, Field(alias="from")] = None
    end: Annotated[Time | None, Field(alias="to")] = None
    play: Annotated[str, Field(max_length=200)] = ""


class PlayQuery(SpanQuery):
    """One playing, by its name in the as-run log."""

    play: Annotated[str, Field(min_length=1, max_length=200)]


class PlayingOut(Model):
    """One playing. ``ended``: null while it goes on; ``areas``: whose mounts carried it."""

    play: str
    title: str
    began: Time
    ended: Time | None
    areas: int


class Measured(Model):
    """Receivers on which there was some, and none; and where nobody measured."""

    some: int
    none: int
    not_measured: int


class FourStates(Model):
    """Of the receivers that reported. ``device``: taken by the sound device with the amplifier's
    relay on; ``sounded``: measured by a microphone or a current sensor. None follows from another.
    """

    delivered: Measured
    decoded: Measured
    device: Measured
    sounded: Measured


class ReportOut(Model):
    """What a box said of a playing, its stretches together. Counts are ticks of 20 ms; null: not
    measured."""

    play: str
    began: Time | None
    delivered: int | None
    decoded: int | None
    device: int | None
    sounded: int | None
    concealed: int
    missed: int
    volume: int
    late_ms: int
    whole: bool
    interrupted: str
    why_not: str
    origin: str
    cause: str


class HeardBy(Model):
    """What came of it on one receiver: of the best of its ``playings``, of which ``reached`` ones
    sounded. ``why`` is a word, ``why_text`` for people; ``report`` null: none yet."""

    receiver: Id
    name: str
    area: Id
    online: bool
    seen_at: Time | None
    outcome: OutcomeWord
    outcome_text: str
    why: str
    why_text: str
    late_ms: int | None
    playings: int
    reached: int
    report: ReportOut | None


class HeardCounts(Model):
    """Receivers that were to hear it: how many are connected now, were reached (as far as their
    sound devices tell), and by outcome."""

    expected: int
    online: int
    reached: int
    silent_online: int
    whole: int
    late: int
    part: int
    begun: int
    unmeasured: int
    pending: int
    unreported: int
    not_: Annotated[int, Field(alias="not")]

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True
    )


class HeardOut(Model):
    """Who heard it, at ``at``. ``playings``: the newest 100. ``receivers``: a part of them, those
    with the id ``next`` and greater follow (null: none)."""

    at: Time
    playings: tuple[PlayingOut, ...]
    counts: HeardCounts
    states: FourStates
    receivers: tuple[HeardBy, ...]
    next: int | None


class JournalLine(Model):
    """One entry of a box's journal. ``entry`` is what the box wrote; null where this version cannot
    read it. ``line`` is as it was signed."""

    id: Id
    number: int
    kind: str
    at: Time | None
    received_at: Time
    entry: dict[str, Any] | None
    line: str


class FindingOut(Model):
    """Something that is wrong with a journal: missing (numbers ``first`` … ``last``), fork, anew,
    signature, altered or receiver; ``why``: what the box says of it."""

    at: Time
    kind: str
    text: str
    first: int
    last: int
    why: str


class JournalOut(Model):
    """A box's journal, newest first, and the newest of what is wrong with it."""

    items: tuple[JournalLine, ...]
    next: int | None
    findings: tuple[FindingOut, ...]


class AuditOut(Model):
    """What is kept of a box's journals, checked again: ``lines`` that are as the box signed them,
    and what is not as it was. ``from`` … ``to``: when the first and the last of it came."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True
    )

    messages: int
    lines: int
    begin: Annotated[Time | None, Field(alias="from")]
    end: Annotated[Time | None, Field(alias="to")]
    findings: tuple[FindingOut, ...]


def why_text(why: str, language: str) -> str:
    """Return why something was not heard as people say it; a word of no list as it is."""
    if not why:
        return ""
    code = f"heard.why.{why.replace(' ', '_')}"
    if code in TEXTS:
        return say(code, language, {})
    return say("heard.why.cut", language, {"what": why}) if _KEY.search(why) else why


def _online(call: Call) -> heard.Online:
    fleet = call.services.fleet
    return (lambda _: False) if fleet is None else (lambda id: fleet.hub.of(id) is not None)


def _measured(states: States) -> Measured:
    return Measured(some=states.some, none=states.none, not_measured=states.not_measured)


def _report(said: Said) -> ReportOut:
    return ReportOut(
        play=said.play, began=said.began, delivered=said.delivered, decoded=said.decoded,
        device=said.device, sounded=said.sounded, concealed=said.concealed, missed=said.missed,
        volume=said.volume, late_ms=said.late_ms, whole=said.whole, interrupted=said.interrupted,
        why_not=said.why_not, origin=said.origin, cause=said.cause,
    )  # fmt: skip


def _by(one: OfReceiver, language: str) -> HeardBy:
    verdict = one.verdict
    return HeardBy(
        receiver=one.id, name=one.name, area=one.area, online=one.online, seen_at=one.seen_at,
        outcome=verdict.outcome.value,
        outcome_text=say(f"heard.{verdict.outcome.value}", language, {}), why=verdict.why,
        why_text=why_text(verdict.why, language), late_ms=verdict.late_ms, playings=one.playings,
        reached=one.reached, report=None if one.said is None else _report(one.said),
    )  # fmt: skip


def shown(found: Heard, query: HeardQuery, language: str) -> HeardOut:
    """Return who heard it, as the API says it."""
    outcomes = found.outcomes
    chosen = [
        r for r in found.receivers
        if r.id > query.after and query.outcome in (None, r.verdict.outcome.value)
    ]  # fmt: skip
    some = chosen[: query.limit]
    return HeardOut(
        at=found.made_at,
        playings=tuple(
            PlayingOut(play=p.play, title=p.title, began=p.began, ended=p.ended, areas=p.areas)
            for p in found.playings[:100]
        ),
        counts=HeardCounts.model_validate(
            {
                "expected": len(found.receivers),
                "online": found.online,
                "reached": found.reached,
                "silent_online": sum(
                    r.online and r.verdict.outcome is Outcome.UNREPORTED for r in found.receivers
                ),
                **{outcome.value: outcomes[outcome] for outcome in Outcome},
            }
        ),
        states=FourStates(**{name: _measured(of) for name, of in found.states.items()}),
        receivers=tuple(_by(r, language) for r in some),
        next=some[-1].id if len(chosen) > len(some) and some else None,
    )


def _span(call: Call, query: SpanQuery) -> tuple[float, float]:
    end = call.desk.clock() + 1 if query.end is None else query.end
    begin = end - DAYS * DAY if query.begin is None else query.begin
    if end <= begin:
        raise Invalid(FieldProblem("to", "aired.backwards"))
    return begin, end


async def bulletin_heard(call: Call) -> HeardOut:
    """Say who heard a bulletin."""
    query: SpanQuery = call.query
    begin, end = _span(call, query)
    found = await heard.of_bulletin(
        call.desk, call.params["bulletin"], _online(call), begin, end, query.play
    )
    return shown(found, query, call.language)


async def emergency_heard(call: Call) -> HeardOut:
    """Say who heard an emergency."""
    found = await heard.of_emergency(call.desk, call.params["emergency"], _online(call))
    return shown(found, call.query, call.language)


async def play_heard(call: Call) -> HeardOut:
    """Say who heard one playing, a live too, in an area and below it."""
    query: PlayQuery = call.query
    begin, end = _span(call, query)
    found = await heard.of_play(call.desk, call.areas[0], query.play, _online(call), begin, end)
    return shown(found, query, call.language)


async def journal(call: Call) -> JournalOut:
    """Show what a box wrote down, newest first."""
    query: Paging = call.query
    receiver = call.params["receiver"]
    async with call.desk.store.read() as db:
        rows = await kept.batches_of(db, receiver, query.after // BATCHES, query.limit + 1)
        wrong = await kept.findings_of(db, receiver)
    lines: list[JournalLine] = []
    for row in rows:
        lines += [
            line for line in reversed(_lines(row)) if not query.after or line.id < query.after
        ]
        if len(lines) > query.limit:
            break
    some = lines[: query.limit]
    return JournalOut(
        items=tuple(some), next=some[-1].id if len(lines) > len(some) and some else None,
        findings=tuple(_finding(row, call.language) for row in wrong),
    )  # fmt: skip


def _lines(row: JournalBatchRow) -> list[JournalLine]:
    found = []
    for place, text in enumerate(kept.unpack(bytes(row.lines))):
        try:
            line = read_line(text)
        except JournalError:  # it was altered here; ``check_journal`` says so
            continue
        if line.number < row.fresh:
            continue
        kind, at, entry = "unknown", None, None
        try:
            said = read_entry(line.body)
        except JournalError:
            pass
        else:
            at = said.at
            entry = _plain(line.body)
            kind = str(entry.get("what") or entry.get("k"))
        found.append(
            JournalLine(
                id=row.id * BATCHES + place, number=line.number, kind=kind, at=at,
                received_at=row.received_at, entry=entry, line=text,
            )
        )  # fmt: skip
    return found


def _plain(body: str) -> dict[str, Any]:
    found = json.loads(body)
    return found if isinstance(found, dict) else {}


async def check_journal(call: Call) -> AuditOut:
    """Check what is kept of a box's journals: signatures, and that each line follows."""
    receiver = call.params["receiver"]
    batches: list[journals.Batch] = []
    times: list[float] = []
    after = 0
    async with call.desk.store.read() as db:
        while len(batches) < MOST_AUDITED:
            rows = await kept.batches_with_chains(db, receiver, after, 1000)
            batches += await asyncio.to_thread(_batches, rows)
            times += [row.received_at for row, _ in rows]
            if len(rows) < 1000:
                break
            after = rows[-1][0].id
    good, wrong = await asyncio.to_thread(journals.audit, receiver, batches)
    now = call.desk.clock()
    return AuditOut(
        messages=len(batches), lines=good, begin=min(times, default=None),
        end=max(times, default=None),
        findings=tuple(
            FindingOut(
                at=now, kind=f.kind, text=say(f"journal.{f.kind}", call.language, {}),
                first=f.first, last=f.last, why=f.why,
            )
            for f in wrong[:1000]
        ),
    )  # fmt: skip


def _batches(rows: list[tuple[JournalBatchRow, bytes]]) -> list[journals.Batch]:
    return [
        journals.Batch(
            chain, row.first, row.last, row.fresh, bytes(row.before),
            tuple(kept.unpack(bytes(row.lines))), bytes(row.signature), bytes(row.key),
        )
        for row, chain in rows
    ]  # fmt: skip


def _finding(row: JournalFindingRow, language: str) -> FindingOut:
    return FindingOut(
        at=row.at, kind=row.kind, text=say(f"journal.{row.kind}", language, {}), first=row.first,
        last=row.last, why=row.why,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/bulletins/{bulletin}/heard", bulletin_heard,
        "Which receivers played a bulletin, and which did not", Permission.READ,
        area_of(BulletinRow, "bulletin", "bulletin"), query=SpanQuery, answer=HeardOut,
        tag="proof of play",
    ),
    Route(
        "GET", "/emergencies/{emergency}/heard", emergency_heard,
        "Which receivers an emergency reached, and which are silent", Permission.READ,
        area_of(CueRow, "emergency", "emergency"), query=HeardQuery, answer=HeardOut,
        tag="proof of play",
    ),
    Route(
        "GET", "/areas/{area}/heard", play_heard,
        "Which receivers of an area and below it played one item, a live too", Permission.READ,
        area_in_path, query=PlayQuery, answer=HeardOut, tag="proof of play",
    ),
    Route(
        "GET", "/receivers/{receiver}/journal", journal,
        "What a box wrote down of itself, newest first", Permission.READ,
        area_of(ReceiverRow, "receiver", "receiver"), query=Paging, answer=JournalOut,
        tag="proof of play",
    ),
    Route(
        "GET", "/receivers/{receiver}/journal/check", check_journal,
        "Whether what is kept of a box's journals is as the box signed it", Permission.READ,
        area_of(ReceiverRow, "receiver", "receiver"), answer=AuditOut, tag="proof of play",
    ),
)  # fmt: skip
