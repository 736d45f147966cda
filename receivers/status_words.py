"""The status in plain words, Vietnamese and English. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loa.receivers.status import Seen, Status

EN = {
    "forbidden": "{file} may not be read by you: use sudo",
    "not_running": "THE BOX DOES NOT RUN",
    "hangs": "THE BOX DOES NOT ANSWER ({ago} without a sign of life)",
    "ended": "It ended {ago} ago ({when}): {why}",
    "ended_in_order": "in order",
    "ended_suddenly": "It ended about {ago} ago ({when}) without saying why",
    "not_since_boot": "It has not run since this machine was started; it last ran at {when}",
    "never": "It has not run since this machine was started",
    "not_enrolled": "This box is not enrolled: loa receiver enrol SERVER CODE",
    "then": "What follows is how it was then.",
    "box": "Box", "server": "Server", "line": "Line", "sound": "On air", "output": "Output",
    "relay": "Relay", "measured": "Measured", "sign": "Sign", "clock": "Clock",
    "schedule": "Schedule", "cache": "Cache", "journal": "Journal", "test": "Self-test",
    "machine": "Machine", "trouble": "Trouble",
    "online": "online for {ago}", "offline": "OFFLINE for {ago}",
    "by_schedule": "plays by its schedule",
    "silence": "silence", "live": "live", "live_relay": "relay", "file": "file",
    "bulletin": "bulletin", "drill": "DRILL",
    "class0": "routine", "class1": "priority", "class2": "EMERGENCY",
    "from_live": "from the line", "from_cache": "from the cache", "volume": "volume {n} %",
    "late": "{n} s late",
    "open": "{name}", "closed": "{name} LOST: {why}",
    "on": "on", "off": "off", "unknown": "UNKNOWN: it cannot be switched",
    "sounds": "it sounds", "mute": "nothing is heard", "empty": "(empty)",
    "server_time": "the server's", "ntp": "NTP's", "kept": "run on since it was last known",
    "battery": "the machine's battery clock",
    "no_time": "UNKNOWN: nothing is played by schedule until it is known",
    "until": "until {when}, made {made}", "no_schedule": "none yet",
    "over": "OVER since {when}",
    "files": "{n} files, {mb} MB", "missing": "{n} still to be fetched",
    "waiting": "{n} entries wait for the server", "sent": "the server has all of it",
    "well": "all well, {when}", "untested": "not done yet", "failed": "FAILED {when}: {what}",
    "memory": "{n} MB of memory", "up": "runs for {ago}", "degrees": "{n} °C",
    "signal": "signal {n} %", "free": "{n} MB free",
    "seconds": "{n} s", "minutes": "{n} min", "hours": "{n} h {m} min", "days": "{n} days {m} h",
}  # fmt: skip
VI = {
    "forbidden": "Không có quyền đọc {file}: hãy dùng sudo",
    "not_running": "BỘ THU KHÔNG CHẠY",
    "hangs": "BỘ THU KHÔNG TRẢ LỜI ({ago} không có tín hiệu)",
    "ended": "Đã dừng {ago} trước ({when}): {why}",
    "ended_in_order": "dừng bình thường",
    "ended_suddenly": "Đã dừng khoảng {ago} trước ({when}), không rõ lý do",
    "not_since_boot": "Chưa chạy từ khi máy khởi động; lần chạy gần nhất: {when}",
    "never": "Chưa chạy từ khi máy khởi động",
    "not_enrolled": "Bộ thu chưa đăng ký: loa receiver enrol MÁY_CHỦ MÃ",
    "then": "Dưới đây là tình trạng khi đó.",
    "box": "Bộ thu", "server": "Máy chủ", "line": "Kết nối", "sound": "Đang phát",
    "output": "Ngõ ra", "relay": "Rơ-le", "measured": "Đo được", "sign": "Biển LED",
    "clock": "Đồng hồ", "schedule": "Lịch phát", "cache": "Bộ nhớ đệm", "journal": "Nhật ký phát",
    "test": "Tự kiểm tra", "machine": "Máy", "trouble": "Sự cố",
    "online": "trực tuyến {ago}", "offline": "MẤT KẾT NỐI {ago}",
    "by_schedule": "phát theo lịch đã lưu",
    "silence": "im lặng", "live": "phát trực tiếp", "live_relay": "tiếp sóng", "file": "tệp",
    "bulletin": "bản tin", "drill": "DIỄN TẬP",
    "class0": "thông thường", "class1": "ưu tiên", "class2": "KHẨN CẤP",
    "from_live": "từ kết nối", "from_cache": "từ bộ nhớ đệm", "volume": "âm lượng {n} %",
    "late": "trễ {n} giây",
    "open": "{name}", "closed": "MẤT {name}: {why}",
    "on": "bật", "off": "tắt", "unknown": "KHÔNG RÕ: không điều khiển được",
    "sounds": "loa có tiếng", "mute": "không nghe thấy gì", "empty": "(trống)",
    "server_time": "theo máy chủ", "ntp": "theo NTP", "kept": "chạy tiếp từ lần cuối biết giờ",
    "battery": "theo đồng hồ có pin của máy",
    "no_time": "KHÔNG RÕ: chưa phát theo lịch cho đến khi biết giờ",
    "until": "đến {when}, lập lúc {made}", "no_schedule": "chưa có",
    "over": "ĐÃ HẾT từ {when}",
    "files": "{n} tệp, {mb} MB", "missing": "còn phải tải {n}",
    "waiting": "{n} mục chờ gửi máy chủ", "sent": "máy chủ đã nhận đủ",
    "well": "tốt, {when}", "untested": "chưa làm", "failed": "KHÔNG ĐẠT {when}: {what}",
    "memory": "{n} MB bộ nhớ", "up": "đã chạy {ago}", "degrees": "{n} °C",
    "signal": "sóng {n} %", "free": "còn trống {n} MB",
    "seconds": "{n} giây", "minutes": "{n} phút", "hours": "{n} giờ {m} phút",
    "days": "{n} ngày {m} giờ",
}  # fmt: skip
WORDS: Mapping[str, Mapping[str, str]] = {"vi": VI, "en": EN}


def language_of(environment: Mapping[str, str] | None = None) -> str:
    """Return vi or en, as LC_ALL, LC_MESSAGES or LANG wants it."""
    environment = os.environ if environment is None else environment
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if said := environment.get(name, ""):
            return "vi" if said.lower().startswith("vi") else "en"
    return "en"


def lines(seen: Seen | None, language: str, enrolled: bool | None, unix: float) -> Iterator[str]:
    """Give the lines to print. ``enrolled`` None: that cannot be seen; ``unix``: the time now."""
    words = WORDS[language]
    if seen is None or not seen.running:
        yield from _not_running(seen, words, enrolled, unix)
    if seen is None:
        return
    width = max(len(words[key]) for key in ("box", "journal", "test", "cache", "schedule")) + 2
    for key, text in _rows(seen.status, words):
        yield f"{words[key]:<{width}}{text}"


def _not_running(
    seen: Seen | None, words: Mapping[str, str], enrolled: bool | None, unix: float
) -> Iterator[str]:
    if seen is not None and seen.alive and seen.age is not None and not seen.status.ended:
        yield words["hangs"].format(ago=ago(seen.age, words))
    else:
        yield words["not_running"]
    if enrolled is False:
        yield words["not_enrolled"]
    if seen is None:
        yield words["never"]
        return
    status = seen.status
    if seen.age is None:
        yield words["not_since_boot"].format(when=when(status.unix))
    elif status.ended is not None:
        why = status.ended or words["ended_in_order"]
        since = ago(seen.age, words)
        yield words["ended"].format(ago=since, when=when(unix - seen.age), why=why)
    elif not seen.alive:
        since = ago(seen.age, words)
        yield words["ended_suddenly"].format(ago=since, when=when(unix - seen.age))
    yield words["then"]
    yield ""


def _rows(status: Status, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    number = f" (#{status.receiver})" if status.receiver else ""
    yield "box", f"{status.name or '–'}{number}  {status.area}"
    yield "server", status.server
    for_ = ago(status.line_for, words)
    if status.online:
        yield "line", words["online"].format(ago=for_)
    else:
        parts = [words["offline"].format(ago=for_), status.line_why]
        if status.offline:
            parts.append(words["by_schedule"])
        yield "line", ", ".join(part for part in parts if part)
    yield "sound", ", ".join(_sound(status, words))
    if status.output_open:
        yield "output", words["open"].format(name=status.output)
    else:
        yield "output", words["closed"].format(name=status.output, why=status.output_trouble)
    if status.relay_kind != "none":
        known = "unknown" if status.relay is None else "on" if status.relay else "off"
        yield "relay", words[known]
    if status.sounded is not None:
        yield "measured", words["sounds" if status.sounded else "mute"]
    if status.sign is not None:
        yield "sign", status.sign or words["empty"]
    source = words.get(status.clock if status.clock != "server" else "server_time")
    if status.unix is None or source is None:
        yield "clock", words["no_time"]
    else:
        yield "clock", f"{when(status.unix)} ({source})"
    yield "schedule", _schedule(status, words)
    cache = words["files"].format(n=status.cache_files, mb=f"{status.cache_mb:.1f}")
    if status.cache_missing:
        cache += ", " + words["missing"].format(n=status.cache_missing)
    yield "cache", cache
    waits = status.journal_waiting
    yield "journal", words["waiting"].format(n=waits) if waits else words["sent"]
    tested = when(status.tested_at)
    if status.tested:
        what = "; ".join(f"{name}: {why}" for name, why in status.tested.items())
        yield "test", words["failed"].format(when=tested, what=what)
    else:
        done = status.tested_at is not None
        yield "test", words["well"].format(when=tested) if done else words["untested"]
    yield "machine", ", ".join(_machine(status, words))
    for failure in status.failures[-3:]:
        yield "trouble", failure


def _sound(status: Status, words: Mapping[str, str]) -> Iterator[str]:
    kind = status.sounding or "silence"
    yield words["live_relay" if kind == "relay" else kind]
    if kind == "silence":
        return
    if status.drill:
        yield words["drill"]
    yield words[f"class{status.cls}"]
    if status.origin:
        yield words[f"from_{status.origin}"]
    yield words["volume"].format(n=status.volume)
    if status.lag_ms >= 1000:
        yield words["late"].format(n=round(status.lag_ms / 1000))


def _schedule(status: Status, words: Mapping[str, str]) -> str:
    until = status.schedule_until
    if until is None:
        return words["no_schedule"]
    if status.unix is not None and until <= status.unix:
        return words["over"].format(when=when(until))
    return words["until"].format(when=when(until), made=when(status.schedule_from))


def _machine(status: Status, words: Mapping[str, str]) -> Iterator[str]:
    yield status.version
    yield words["up"].format(ago=ago(status.written - status.started, words))
    yield words["memory"].format(n=status.memory_mb)
    for value, key in (
        ("temperature_c", "degrees"), ("signal_percent", "signal"), ("storage_free_mb", "free"),
    ):  # fmt: skip
        if value in status.values:
            yield words[key].format(n=round(status.values[value]))


def ago(seconds: float, words: Mapping[str, str]) -> str:
    """Say a length of time."""
    n = int(seconds)
    if n < 120:
        return words["seconds"].format(n=n)
    if n < 7200:
        return words["minutes"].format(n=n // 60)
    if n < 48 * 3600:
        return words["hours"].format(n=n // 3600, m=n % 3600 // 60)
    return words["days"].format(n=n // 86_400, m=n % 86_400 // 3600)


def when(unix: float | None) -> str:
    """Say a time of day, in the machine's own zone."""
    if unix is None:
        return "?"
    try:
        return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "?"
