"""Reports as tables for people, in Vietnamese or English: CSV, and XLSX with a sheet a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from loa.streamer.core.languages import LANGUAGES
from loa.streamer.desk.report import Report, Totals
from loa.streamer.http.api.sheets import Cell, Sheet, csv_of, xlsx_of

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Báo cáo hoạt động truyền thanh", "Broadcasting report"),
    "area": ("Địa bàn", "Area"),
    "period": ("Kỳ báo cáo", "Period"),
    "from_to": ("từ {first} đến {last}", "from {first} to {last}"),
    "made": ("Lập lúc", "Made at"),
    "summary": ("Tổng hợp", "Summary"),
    "by_class": ("Theo loại bản tin và ngôn ngữ", "By class and language"),
    "by_kind": ("Theo hình thức", "By kind"),
    "by_month": ("Theo tháng", "By month"),
    "areas": ("Theo địa bàn", "By area"),
    "stations": ("Các đài", "Stations"),
    "failures": ("Sự cố phát", "Failures"),
    "missed": ("Không phát đủ", "Not aired as planned"),
    "what": ("Chỉ tiêu", "Figure"),
    "number": ("Số liệu", "Value"),
    "items": ("Số lượt phát", "Items put on air"),
    "minutes": ("Thời lượng phát (phút)", "Minutes put on air"),
    "on_air": ("Tổng giờ trên sóng của các đài", "Hours on air, all stations"),
    "emergencies": ("Lần phát khẩn cấp", "Emergencies"),
    "drills": ("Lần diễn tập", "Drills"),
    "failures_n": ("Số sự cố", "Failures"),
    "missed_n": ("Lượt không phát", "Playings missed"),
    "stations_n": ("Số đài", "Stations"),
    "active_n": ("Số đài có phát", "Stations that put something on air"),
    "above": ("Lượt phát nhận từ cấp trên", "Items that came from above"),
    "above_minutes": (
        "Thời lượng nhận từ cấp trên (phút)",
        "Minutes that came from above",
    ),
    "class": ("Loại", "Class"),
    "language": ("Ngôn ngữ", "Language"),
    "kind": ("Hình thức", "Kind"),
    "month": ("Tháng", "Month"),
    "level": ("Cấp", "Level"),
    "name": ("Tên", "Name"),
    "path": ("Đường dẫn", "Path"),
    "own_items": ("Lượt tự phát", "Items of its own"),
    "has_aired": ("Có phát trong kỳ", "Put something on air"),
    "yes": ("Có", "Yes"),
    "no": ("Không", "No"),
    "when": ("Lúc", "When"),
    "why": ("Lý do", "Why"),
    "bulletin": ("Bản tin", "Bulletin"),
    "planned": ("Số lượt cần phát", "Planned"),
    "aired": ("Đã phát", "Aired"),
    "routine": ("Thông thường", "Routine"),
    "priority": ("Ưu tiên", "Priority"),
    "emergency": ("Khẩn cấp", "Emergency"),
    "drill": ("Diễn tập", "Drill"),
    "unknown": ("Không rõ", "Not known"),
    "live": ("Phát trực tiếp", "Live"),
    "bulletin_kind": ("Bản tin", "Bulletin"),
    "relay": ("Tiếp sóng", "Relay"),
    "file": ("Tệp phát nền", "File"),
}
_CLASSES = ("routine", "priority", "emergency")


class Sheets:
    """A report in one language: ``head`` lines and ``tables``."""

    def __init__(self, report: Report, language: str) -> None:
        self._report = report
        self._index = 1 if language == "en" else 0
        self._zone = ZoneInfo(report.period.timezone)

    def _say(self, word: str) -> str:
        return WORDS[word][self._index]

    def _day(self, day: object) -> str:
        return f"{day:%d/%m/%Y}" if self._index == 0 else f"{day:%Y-%m-%d}"

    def _when(self, unix: float) -> str:
        at = datetime.fromtimestamp(unix, self._zone)
        return f"{at:%H:%M} {self._day(at)}"

    @property
    def head(self) -> list[tuple[str, ...]]:
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
        return [
            self._summary(), self._classes(), self._kinds(), self._months(), self._areas(),
            self._stations(), self._failures(), self._missed(),
        ]  # fmt: skip

    def _sheet(self, title: str, headings: Iterable[str], rows: Iterable[Sequence[Cell]]) -> Sheet:
        return Sheet(self._say(title), [self._say(h) for h in headings], list(rows))

    def _summary(self) -> Sheet:
        report, totals = self._report, self._report.totals
        rows: list[tuple[str, Cell]] = [
            ("items", totals.items),
            ("minutes", _minutes(totals.seconds)),
            ("on_air", _hours(sum(totals.on_air.values()))),
            ("above", report.above),
            ("above_minutes", _minutes(report.above_seconds)),
            ("emergencies", totals.emergencies),
            ("drills", totals.drills),
            ("failures_n", totals.failures),
            ("missed_n", totals.missed),
            ("stations_n", totals.stations),
            ("active_n", totals.active),
        ]
        return self._sheet("summary", ("what", "number"), [(self._say(w), n) for w, n in rows])

    def _classes(self) -> Sheet:
        rows = [
            (
                self._say("drill" if of.drill else _CLASSES[of.cls]), self._language(of.language),
                of.items, _minutes(of.seconds), _hours(of.on_air),
            )
            for of in self._report.by_class
        ]  # fmt: skip
        return self._sheet("by_class", ("class", "language", "items", "minutes", "on_air"), rows)

    def _language(self, tag: str) -> str:
        known = LANGUAGES.get(tag)
        if known is None:
            return tag or self._say("unknown")
        return known.en if self._index else known.vi

    def _kind(self, kind: str) -> str:
        word = "bulletin_kind" if kind == "bulletin" else kind
        return self._say(word) if word in WORDS else kind

    def _kinds(self) -> Sheet:
        rows = [
            (self._kind(of.kind), of.items, _minutes(of.seconds), _hours(of.on_air))
            for of in self._report.by_kind
        ]
        return self._sheet("by_kind", ("kind", "items", "minutes", "on_air"), rows)

    def _totals(self, totals: Totals) -> tuple[Cell, ...]:
        return (
            totals.items, _minutes(totals.seconds), _hours(sum(totals.on_air.values())),
            totals.emergencies, totals.drills, totals.failures, totals.missed,
        )  # fmt: skip

    def _months(self) -> Sheet:
        rows = [(month.name, *self._totals(totals)) for month, totals in self._report.by_month]
        return self._sheet("by_month", ("month", *_TOTALS), rows)

    def _areas(self) -> Sheet:
        rows = [
            (
                of.level, of.area.name, of.area.path, of.totals.stations, of.totals.active,
                of.own_items, *self._totals(of.totals),
            )
            for of in self._report.areas
        ]  # fmt: skip
        headings = ("level", "name", "path", "stations_n", "active_n", "own_items", *_TOTALS)
        return self._sheet("areas", headings, rows)

    def _stations(self) -> Sheet:
        both = ((self._report.active, "yes"), (self._report.silent, "no"))
        rows = [(a.name, a.path, self._say(word)) for areas, word in both for a in areas]
        return self._sheet("stations", ("name", "path", "has_aired"), rows)

    def _failures(self) -> Sheet:
        rows = [
            (self._when(f.at), self._report.names[f.area], self._kind(f.kind), f.title, f.why)
            for f in self._report.failures
        ]
        return self._sheet("failures", ("when", "area", "kind", "bulletin", "why"), rows)

    def _missed(self) -> Sheet:
        rows = [
            (self._report.names[m.area], m.title, m.planned, m.aired, self._when(m.expired))
            for m in self._report.missed
        ]
        return self._sheet("missed", ("area", "bulletin", "planned", "aired", "when"), rows)


_TOTALS = ("items", "minutes", "on_air", "emergencies", "drills", "failures_n", "missed_n")


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 1)


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 2)


def as_csv(report: Report, language: str) -> bytes:
    """Return a report as CSV: its tables one below the other, empty lines between."""
    sheets = Sheets(report, language)
    return csv_of(sheets.head, sheets.tables)


def as_xlsx(report: Report, language: str) -> bytes:
    """Return a report as a workbook, a sheet a table."""
    sheets = Sheets(report, language)
    return xlsx_of(sheets.head, sheets.tables)
