"""A stick of bulletins: what its files are called, in which order, and the list that is printed.

Players read FAT32 and sort by name, so names are plain ASCII and begin with a number. Pure.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loa.streamer.core.areas import slug

MOST_WORDS = 40
MANIFEST = "manifest.loa"
FOLDER = "loa"
"""Beside the MP3 files: what a box reads."""
LIST_TEXT, LIST_HTML = "danh-sach.txt", "danh-sach.html"
CLASSES = ("thông thường", "ưu tiên", "khẩn cấp")
_DAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật")


@dataclass(frozen=True, slots=True)
class Item:
    """A bulletin on a stick; ``times``: when it is to be played, in local time."""

    title: str
    language: str
    cls: int
    seconds: float
    times: tuple[datetime, ...]


def file_names(titles: Sequence[str]) -> list[str]:
    """Return the names of MP3 files in their order: ``01-phong-chong-lu.mp3``."""
    width = max(2, len(str(len(titles))))
    return [
        f"{number:0{width}}-{_word(title) or 'ban-tin'}.mp3"
        for number, title in enumerate(titles, 1)
    ]


def _word(title: str) -> str:
    word = slug(title)
    if len(word) > MOST_WORDS:
        word = word[:MOST_WORDS].rpartition("-")[0] or word[:MOST_WORDS]
    return word


def length(seconds: float) -> str:
    """Return a length as people read it: ``3:05``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def list_text(area: str, made: datetime, items: Sequence[Item], names: Sequence[str]) -> str:
    """Return the list as plain text, in Vietnamese."""
    lines = [f"DANH SÁCH BẢN TIN - {area}", f"Lập lúc {_moment(made)}", ""]
    for item, name in zip(items, names, strict=True):
        lines.append(f"{name}")
        lines.append(f"   {item.title} ({CLASSES[item.cls]}, {length(item.seconds)})")
        lines += [f"   {day}: {times}" for day, times in _by_day(item.times)]
        lines.append("")
    if not items:
        lines.append("Không có bản tin nào trong thời gian này.")
    return "\r\n".join(lines).rstrip() + "\r\n"


def list_html(area: str, made: datetime, items: Sequence[Item], names: Sequence[str]) -> str:
    """Return the list as a page that prints well."""
    rows = []
    for number, (item, name) in enumerate(zip(items, names, strict=True), 1):
        times = "<br>".join(
            f"{html.escape(day)}: {html.escape(at)}" for day, at in _by_day(item.times)
        )
        cells = (
            str(number), f"<b>{html.escape(item.title)}</b><br><small>{html.escape(name)}</small>",
            CLASSES[item.cls], length(item.seconds), times,
        )  # fmt: skip
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    if not rows:
        rows.append('<tr><td colspan="5">Không có bản tin nào trong thời gian này.</td></tr>')
    head = "".join(
        f"<th>{word}</th>" for word in ("STT", "Bản tin", "Loại", "Thời lượng", "Giờ phát")
    )
    title = f"Danh sách bản tin – {html.escape(area)}"
    return f"""<!doctype html>
<html lang="vi"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 12pt/1.4 "Times New Roman", serif; margin: 2cm }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border: 1px solid #444; padding: 4px 8px; text-align: left; vertical-align: top }}
tr {{ break-inside: avoid }}
</style>
<h1>{title}</h1>
<p>Lập lúc {html.escape(_moment(made))}</p>
<table><thead><tr>{head}</tr></thead><tbody>
{chr(10).join(rows)}
</tbody></table>
</html>
"""


def _moment(at: datetime) -> str:
    return f"{at:%H:%M} {at:%d/%m/%Y}"


def _by_day(times: Sequence[datetime]) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for moment in sorted(times):
        day = f"{_DAYS[moment.weekday()]} {moment:%d/%m}"
        found.setdefault(day, []).append(f"{moment:%H:%M}")
    return [(day, ", ".join(dict.fromkeys(times))) for day, times in found.items()]
