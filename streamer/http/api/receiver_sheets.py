"""Data, coverage and inventory as tables for people, in Vietnamese or English: CSV and XLSX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from loa.streamer.core.areas import Area
from loa.streamer.core.billing import MB
from loa.streamer.desk.coverage import STATES, Coverage, Covered
from loa.streamer.desk.data_report import DataReport
from loa.streamer.desk.inventory import Inventory
from loa.streamer.http.api.sheets import Cell, Sheet, csv_of, xlsx_of

WORDS: dict[str, tuple[str, str]] = {
    "data_title": ("Báo cáo dung lượng và cước SIM", "Report on data and its cost"),
    "coverage_title": ("Báo cáo phủ sóng truyền thanh", "Report on coverage"),
    "inventory_title": ("Danh mục thiết bị và SIM", "Inventory of equipment and SIMs"),
    "area": ("Địa bàn", "Area"),
    "path": ("Đường dẫn", "Path"),
    "made": ("Lập lúc", "Made at"),
    "period": ("Các chu kỳ cước bắt đầu trong kỳ", "Billing cycles that begin in"),
    "from_to": ("từ {first} đến {last}", "from {first} to {last}"),
    "note": (
        "Máy chủ: số liệu có phần ước tính chi phí truyền tải (TLS, TCP, IP)",
        "Server: with an estimate of what TLS, TCP and IP add",
    ),
    "total": ("Tổng cộng", "Total"),
    "what": ("Chỉ tiêu", "Figure"),
    "number_of": ("Số liệu", "Value"),
    "sims": ("SIM", "SIMs"),
    "by_sim": ("Theo SIM và chu kỳ", "By SIM and cycle"),
    "unknown_sims": ("Dung lượng của SIM chưa khai báo", "Data of SIMs that nobody wrote down"),
    "iccid": ("ICCID", "ICCID"),
    "operator": ("Nhà mạng", "Operator"),
    "number": ("Số thuê bao", "Number"),
    "receiver": ("Cụm thu", "Receiver"),
    "receivers": ("Cụm thu", "Receivers"),
    "tariff": ("Gói cước", "Tariff"),
    "first": ("Từ ngày", "From"),
    "last": ("Đến ngày", "To"),
    "modem": ("Modem đếm (MB)", "By the modem (MB)"),
    "server": ("Máy chủ đếm (MB)", "By the server (MB)"),
    "overhead": ("trong đó ước tính (MB)", "of that estimated (MB)"),
    "quota": ("Hạn mức (MB)", "Quota (MB)"),
    "share": ("Đã dùng (%)", "Used (%)"),
    "cost": ("Cước", "Cost"),
    "currency": ("Đơn vị tiền", "Currency"),
    "complete": ("Đã hết chu kỳ", "Cycle over"),
    "yes": ("Có", "Yes"),
    "no": ("Chưa", "No"),
    "summary": ("Tổng hợp", "Summary"),
    "by_area": ("Theo địa bàn", "By area"),
    "communes": ("Số đài cấp xã", "Commune stations"),
    "communes_working": (
        "Đài có cụm thu kết nối trong 7 ngày", "Stations with a receiver connected in 7 days"
    ),
    "villages": ("Số thôn, bản", "Villages"),
    "villages_with_receiver": ("Thôn có cụm thu", "Villages with a receiver"),
    "villages_played": (
        "Thôn có cụm thu đã phát trong 7 ngày", "Villages whose receiver played in 7 days"
    ),
    "villages_dead": ("Thôn trong vùng lõm sóng", "Villages in a dead zone"),
    "horns": ("Số loa", "Horns"),
    "online": ("Trực tuyến", "Online"),
    "ailing": ("Trực tuyến, có sự cố", "Online, ailing"),
    "offline": ("Mất kết nối", "Offline"),
    "new": ("Chưa kích hoạt", "Never enrolled"),
    "revoked": ("Đã thu hồi", "Revoked"),
    "enrolled": ("Đang dùng", "In use"),
    "silent": ("Thôn có cụm thu chưa phát trong 7 ngày", "Villages that have not played in 7 days"),
    "without": ("Thôn chưa có cụm thu", "Villages without a receiver"),
    "dead": ("Thôn trong vùng lõm sóng", "Villages in a dead zone"),
    "id": ("Số", "Id"),
    "name": ("Tên", "Name"),
    "state": ("Tình trạng", "State"),
    "serial": ("Số máy", "Serial number"),
    "hardware": ("Thiết bị", "Hardware"),
    "software": ("Phần mềm", "Software"),
    "installed": ("Ngày lắp đặt", "Installed"),
    "handed_over": ("Ngày bàn giao", "Handed over"),
    "latitude": ("Vĩ độ", "Latitude"),
    "longitude": ("Kinh độ", "Longitude"),
    "notes": ("Ghi chú", "Notes"),
    "stock": ("Trong kho", "In stock"),
    "active": ("Đang dùng", "Active"),
    "suspended": ("Tạm khóa", "Suspended"),
    "retired": ("Thôi dùng", "Retired"),
}  # fmt: skip
_COVERED = (
    "communes", "communes_working", "villages", "villages_with_receiver", "villages_played",
    "villages_dead",
)  # fmt: skip


class _Sheets:
    """What the three have in common: a language and a time zone."""

    def __init__(self, language: str, zone: str) -> None:
        self._index = 1 if language == "en" else 0
        self._zone = ZoneInfo(zone)

    def say(self, word: str) -> str:
        return WORDS[word][self._index]

    def day(self, day: date | str | None) -> str:
        if not day:
            return ""
        found = date.fromisoformat(day) if isinstance(day, str) else day
        return f"{found:%d/%m/%Y}" if self._index == 0 else f"{found:%Y-%m-%d}"

    def day_at(self, unix: float | None) -> str:
        return "" if unix is None else self.day(datetime.fromtimestamp(unix, self._zone).date())

    def head(self, title: str, area: Area, at: float) -> list[tuple[str, ...]]:
        when = datetime.fromtimestamp(at, self._zone)
        return [
            (self.say(title),),
            (self.say("area"), area.name),
            (self.say("made"), f"{when:%H:%M} {self.day(when.date())}"),
        ]

    def sheet(self, title: str, headings: Iterable[str], rows: Iterable[Sequence[Cell]]) -> Sheet:
        return Sheet(self.say(title), [self.say(h) for h in headings], list(rows))


Tables = tuple[list[tuple[str, ...]], list[Sheet]]


def data_tables(report: DataReport, language: str, zone: str) -> Tables:
    """Return the tables of a report on data."""
    s = _Sheets(language, zone)
    days = s.say("from_to").format(first=s.day(report.first), last=s.day(report.last))
    head = [
        *s.head("data_title", report.area, report.at),
        (s.say("period"), days),
        (s.say("note"),),
    ]
    summary: list[tuple[Cell, ...]] = [
        (s.say("sims"), len({line.sim.id for line in report.lines})),
        (s.say("modem"), _mb(report.used.modem)),
        (s.say("server"), _mb(report.used.server)),
        (s.say("overhead"), _mb(report.used.overhead)),
    ]
    summary += [
        (f"{s.say('cost')} ({currency})", round(value, 2))
        for currency, value in sorted(report.costs.items())
    ]
    lines = [
        (
            line.area.name, line.area.path, line.sim.iccid, line.sim.operator, line.sim.number,
            line.receiver.name if line.receiver is not None else "",
            line.tariff.name if line.tariff is not None else "",
            s.day(line.cycle.first), s.day(line.cycle.last), _mb(line.used.modem),
            _mb(line.used.server), _mb(line.used.overhead),
            None if line.quota is None else _mb(line.quota),
            None if not line.quota else round(100 * line.used.most / line.quota, 1),
            line.cost, line.tariff.currency if line.tariff is not None else "",
            s.say("yes" if line.over else "no"),
        )
        for line in report.lines
    ]  # fmt: skip
    headings = (
        "area", "path", "iccid", "operator", "number", "receiver", "tariff", "first", "last",
        "modem", "server", "overhead", "quota", "share", "cost", "currency", "complete",
    )  # fmt: skip
    unknown = [
        (
            u.receiver.area.name if u.receiver.area is not None else "", u.receiver.id,
            u.receiver.name, _mb(u.used.modem), _mb(u.used.server),
        )
        for u in report.unknown
    ]  # fmt: skip
    tables = [
        s.sheet("summary", ("what", "number_of"), summary),
        s.sheet("by_sim", headings, lines),
    ]
    if unknown:
        names = ("area", "id", "receiver", "modem", "server")
        tables.append(s.sheet("unknown_sims", names, unknown))
    return head, tables


def coverage_tables(coverage: Coverage, language: str, zone: str) -> Tables:
    """Return the tables of a report on coverage."""
    s = _Sheets(language, zone)

    def figures(of: Covered) -> list[Cell]:
        found: list[Cell] = [getattr(of, name) for name in _COVERED]
        return [*found, *(of.receivers[state] for state in STATES), of.horns]

    names = (*_COVERED, *STATES, "horns")
    summary = [
        (s.say(name), value) for name, value in zip(names, figures(coverage.total), strict=True)
    ]
    areas = [(of.area.name, of.area.path, *figures(of)) for of in coverage.areas]
    tables = [
        s.sheet("summary", ("what", "number_of"), summary),
        s.sheet("by_area", ("name", "path", *names), areas),
    ]
    for title, some in (
        ("silent", coverage.silent), ("without", coverage.without), ("dead", coverage.dead),
    ):  # fmt: skip
        tables.append(s.sheet(title, ("name", "path"), [(a.name, a.path) for a in some]))
    return s.head("coverage_title", coverage.area, coverage.at), tables


def inventory_tables(inventory: Inventory, language: str, zone: str) -> Tables:
    """Return the tables of an inventory."""
    s = _Sheets(language, zone)
    receivers = []
    for row, area in inventory.receivers:
        sim = inventory.sim_of.get(row.id)
        receivers.append(
            (
                row.id, row.name, area.name, area.path, s.say(row.state), row.horns, row.serial,
                row.hardware, row.software, s.day_at(row.installed_at),
                s.day_at(row.handed_over_at), row.latitude, row.longitude,
                "" if sim is None else sim.iccid, "" if sim is None else sim.number, row.notes,
            )
        )  # fmt: skip
    sims = []
    for card, area in inventory.sims:
        tariff = inventory.tariffs.get(card.tariff_id or 0)
        sims.append(
            (
                card.id, card.iccid, card.operator, card.number, area.name, area.path,
                s.say(card.state), "" if tariff is None else tariff.name,
                inventory.names.get(card.receiver_id or 0, ""), s.day(card.installed_on),
                s.day(card.handed_over_on), card.notes,
            )
        )  # fmt: skip
    tables = [
        s.sheet(
            "receivers",
            ("id", "name", "area", "path", "state", "horns", "serial", "hardware", "software",
             "installed", "handed_over", "latitude", "longitude", "iccid", "number", "notes"),
            receivers,
        ),
        s.sheet(
            "sims",
            ("id", "iccid", "operator", "number", "area", "path", "state", "tariff", "receiver",
             "installed", "handed_over", "notes"),
            sims,
        ),
    ]  # fmt: skip
    return s.head("inventory_title", inventory.area, inventory.at), tables


def as_csv(tables: Tables) -> bytes:
    """Return them as CSV."""
    return csv_of(*tables)


def as_xlsx(tables: Tables) -> bytes:
    """Return them as a workbook."""
    return xlsx_of(*tables)


def _mb(amount: int) -> float:
    return round(amount / MB, 2)
