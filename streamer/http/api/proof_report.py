"""Calls about proof of play in a period: what receivers were to play, and what they did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import ConfigDict, Field

from loa.streamer.core.areas import Area
from loa.streamer.core.heard import Outcome
from loa.streamer.core.rights import Permission
from loa.streamer.desk import proof_report
from loa.streamer.desk.proof_report import MAX_DAYS, ProofReport, Proven
from loa.streamer.desk.reports import checked
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.reports import CSV, XLSX, AreaNamed, Day
from loa.streamer.http.api.route import Call, Model, Route, area_in_path
from loa.streamer.http.api.sheets import Cell, Head, Sheet, csv_of, xlsx_of
from loa.streamer.http.api.texts import say
from loa.streamer.http.api.times import Time

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Báo cáo minh chứng phát sóng của cụm thu", "Proof of play of receivers"),
    "area": ("Địa bàn", "Area"),
    "period": ("Kỳ báo cáo", "Period"),
    "from_to": ("từ {first} đến {last}", "from {first} to {last}"),
    "made": ("Lập lúc", "Made at"),
    "summary": ("Tổng hợp", "Summary"),
    "what": ("Chỉ tiêu", "Figure"),
    "number": ("Số liệu", "Value"),
    "receivers": ("Số cụm thu", "Receivers"),
    "due": ("Lượt cần phát", "Playings due"),
    "reached": ("Lượt đã phát ra loa", "Played to the device"),
    "sounded": (
        "Lượt đo được tiếng (micrô, cảm biến dòng)",
        "Sound measured (microphone, current sensor)",
    ),
    "not_measured": ("không đo", "not measured"),
    "by_day": ("Theo ngày", "By day"),
    "by_area": ("Theo địa bàn", "By area"),
    "areas_days": ("Địa bàn theo ngày", "Areas by day"),
    "silent": ("Cụm thu không có báo cáo", "Receivers that reported nothing"),
    "day": ("Ngày", "Day"),
    "name": ("Tên", "Name"),
    "path": ("Đường dẫn", "Path"),
    "playings": ("Số mục", "Items"),
    "seen": ("Kết nối lần cuối", "Last seen"),
    "never": ("chưa bao giờ", "never"),
}
OUTCOMES = tuple(Outcome)


class ProofQuery(Model):
    """The local days ``from`` … ``to``, both included, 31 at most; left out: today."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")


class ProvenOut(Model):
    """Playings at receivers: how many were due, were taken by the sound device (``reached``), and
    by outcome. ``sounded``: heard by a microphone or a current sensor, of ``sounded_measured``
    where there was one; null: not measured anywhere."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True
    )

    due: int
    reached: int
    sounded: int | None
    sounded_measured: int
    whole: int = 0
    late: int = 0
    part: int = 0
    begun: int = 0
    unmeasured: int = 0
    pending: int = 0
    unreported: int = 0
    not_: Annotated[int, Field(alias="not")] = 0


class DayOut(Model):
    """All areas on one day."""

    day: date
    total: ProvenOut


class AreaPlays(Model):
    """One area on all days, without what is below it."""

    area: AreaNamed
    total: ProvenOut


class AreaDayOut(Model):
    """One area on one day. ``playings``: items that were on its air."""

    area: Id
    day: date
    receivers: int
    playings: int
    total: ProvenOut


class SilentOut(Model):
    """A receiver that reported nothing of what was due."""

    receiver: Id
    name: str
    area: AreaNamed
    seen_at: Time | None
    due: int


class ProofOut(Model):
    """What the receivers of an area and below it were to play, and what their boxes say they did.
    ``rows``: each area on each day; ``silent`` names the first 5000."""

    model_config = ConfigDict(serialize_by_alias=True)

    area: AreaNamed
    first: date = Field(serialization_alias="from", validation_alias="from")
    last: date = Field(serialization_alias="to", validation_alias="to")
    timezone: str
    made_at: Time
    receivers: int
    total: ProvenOut
    by_day: tuple[DayOut, ...]
    by_area: tuple[AreaPlays, ...]
    rows: tuple[AreaDayOut, ...]
    silent: tuple[SilentOut, ...]


def _named(area: Area) -> AreaNamed:
    return AreaNamed(id=area.id, path=area.path, name=area.name)


def _proven(of: Proven) -> ProvenOut:
    return ProvenOut.model_validate(
        {
            "due": of.due, "reached": of.reached, "sounded_measured": of.sounded_measured,
            "sounded": of.sounded if of.sounded_measured else None,
            **{outcome.value: n for outcome, n in of.outcomes.items()},
        }
    )  # fmt: skip


def show(report: ProofReport) -> ProofOut:
    """Return a report as it is answered."""
    return ProofOut.model_validate(
        {
            "area": _named(report.area),
            "from": report.period.first,
            "to": report.period.last,
            "timezone": report.period.timezone,
            "made_at": report.made_at,
            "receivers": report.receivers,
            "total": _proven(report.total),
            "by_day": [DayOut(day=day, total=_proven(of)) for day, of in report.by_day()],
            "by_area": [AreaPlays(area=_named(a), total=_proven(of)) for a, of in report.by_area()],
            "rows": [
                AreaDayOut(
                    area=row.area.id, day=row.day, receivers=row.receivers, playings=row.playings,
                    total=_proven(row.proven),
                )
                for row in report.rows
            ],
            "silent": [
                SilentOut(
                    receiver=s.id, name=s.name, area=_named(s.area), seen_at=s.seen_at, due=s.due
                )
                for s in report.silent
            ],
        }
    )  # fmt: skip


class ProofSheets:
    """A report in one language, as tables."""

    def __init__(self, report: ProofReport, language: str) -> None:
        self._report = report
        self._language = language
        self._index = 1 if language == "en" else 0
        self._zone = ZoneInfo(report.period.timezone)

    def _say(self, word: str) -> str:
        return WORDS[word][self._index]

    def _day(self, day: date) -> str:
        return f"{day:%d/%m/%Y}" if self._index == 0 else f"{day:%Y-%m-%d}"

    def _when(self, unix: float) -> str:
        at = datetime.fromtimestamp(unix, self._zone)
        return f"{at:%H:%M} {self._day(at)}"

    @property
    def _counted(self) -> list[str]:
        words = [say(f"heard.{outcome.value}", self._language, {}) for outcome in OUTCOMES]
        return [self._say("due"), self._say("reached"), *words, self._say("sounded")]

    def _counts(self, of: Proven) -> list[Cell]:
        sounded: Cell = of.sounded if of.sounded_measured else self._say("not_measured")
        return [of.due, of.reached, *(of.outcomes.get(o, 0) for o in OUTCOMES), sounded]

    @property
    def head(self) -> Head:
        """The lines above all tables."""
        period = self._report.period
        days = self._say("from_to").format(
            first=self._day(period.first), last=self._day(period.last)
        )
        return [
            (self._say("title"),),
            (self._say("area"), self._report.area.name),
            (self._say("period"), days),
            (self._say("made"), self._when(self._report.made_at)),
        ]

    @property
    def tables(self) -> list[Sheet]:
        """All tables, in the order in which they are read."""
        report, counted = self._report, self._counted
        place = [self._say("name"), self._say("path")]
        values: list[Cell] = [report.receivers, *self._counts(report.total)]
        named = zip([self._say("receivers"), *counted], values, strict=True)
        return [
            Sheet(self._say("summary"), [self._say("what"), self._say("number")], list(named)),
            Sheet(
                self._say("by_day"), [self._say("day"), *counted],
                [[self._day(day), *self._counts(of)] for day, of in report.by_day()],
            ),
            Sheet(
                self._say("by_area"), [*place, *counted],
                [[a.name, a.path, *self._counts(of)] for a, of in report.by_area()],
            ),
            Sheet(
                self._say("areas_days"),
                [
                    self._say("day"), *place, self._say("receivers"), self._say("playings"),
                    *counted,
                ],
                [
                    [
                        self._day(row.day), row.area.name, row.area.path, row.receivers,
                        row.playings, *self._counts(row.proven),
                    ]
                    for row in report.rows
                ],
            ),
            Sheet(
                self._say("silent"),
                [self._say("name"), self._say("area"), self._say("path"), self._say("due"),
                 self._say("seen")],
                [
                    [
                        s.name, s.area.name, s.area.path, s.due,
                        self._say("never") if s.seen_at is None else self._when(s.seen_at),
                    ]
                    for s in report.silent
                ],
            ),
        ]  # fmt: skip


def as_csv(report: ProofReport, language: str) -> bytes:
    """Return a report as CSV."""
    sheets = ProofSheets(report, language)
    return csv_of(sheets.head, sheets.tables)


def as_xlsx(report: ProofReport, language: str) -> bytes:
    """Return a report as a workbook."""
    sheets = ProofSheets(report, language)
    return xlsx_of(sheets.head, sheets.tables)


async def _report(call: Call) -> ProofReport:
    query: ProofQuery = call.query
    area, first, last = call.areas[0], query.first, query.last
    if first is None and last is None:
        zone = call.desk.policies.effective(area).timezone or "UTC"
        first = last = datetime.fromtimestamp(call.desk.clock(), ZoneInfo(zone)).date()
    first, last = checked(first, last, MAX_DAYS)
    fleet = call.services.fleet
    online = (lambda _: False) if fleet is None else (lambda id: fleet.hub.of(id) is not None)
    return await proof_report.make(call.desk, area, first, last, online)


async def read_proof(call: Call) -> ProofOut:
    """Answer a report as JSON."""
    return await asyncio.to_thread(show, await _report(call))


async def read_csv(call: Call) -> web.Response:
    """Answer a report as CSV."""
    return await _file(call, as_csv, CSV, "csv")


async def read_xlsx(call: Call) -> web.Response:
    """Answer a report as a workbook."""
    return await _file(call, as_xlsx, XLSX, "xlsx")


async def _file(
    call: Call, make: Callable[[ProofReport, str], bytes], media_type: str, ending: str
) -> web.Response:
    report = await _report(call)
    body = await asyncio.to_thread(make, report, call.language)
    place = report.area.path.strip("/").replace("/", "-")
    name = f"{place}-proof-{report.period.first}-{report.period.last}.{ending}"
    return web.Response(
        body=body, content_type=media_type, charset="utf-8" if ending == "csv" else None,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Language": call.language,
            "Cache-Control": "no-store",
        },
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/proof", read_proof,
        "What receivers were to play in a period, and what they played", Permission.READ,
        area_in_path, query=ProofQuery, answer=ProofOut, tag="proof of play",
    ),
    Route(
        "GET", "/areas/{area}/proof.csv", read_csv, "Proof of play as CSV for spreadsheets",
        Permission.READ, area_in_path, query=ProofQuery, answers=(CSV,), tag="proof of play",
    ),
    Route(
        "GET", "/areas/{area}/proof.xlsx", read_xlsx, "Proof of play as a workbook",
        Permission.READ, area_in_path, query=ProofQuery, answers=(XLSX,), tag="proof of play",
    ),
)  # fmt: skip
