"""Texts about SIMs, tariffs, data and dead zones."""

TEXTS: dict[str, tuple[str, str]] = {
    "sim.unknown": ("Không có SIM số {id}.", "There is no SIM {id}."),
    "sim.there": ("SIM có ICCID này đã có.", "There is a SIM with this ICCID already."),
    "sim.twice": (
        "ICCID này xuất hiện hai lần trong danh sách.", "This ICCID stands in the list twice."
    ),
    "sim.retired": (
        "SIM này đã thôi dùng, không lắp được nữa.", "This SIM is retired: it goes nowhere now."
    ),
    "sim.cycle_from": (
        "Gói cước theo ngày cần có ngày bắt đầu của một gói.",
        "A package needs the day on which one began.",
    ),
    "tariff.unknown": (
        "Không có gói cước số {id} dùng được ở địa bàn này.",
        "There is no tariff {id} that holds here.",
    ),
    "tariff.no_name": (
        "Không có gói cước tên {name} dùng được ở địa bàn này.",
        "There is no tariff called {name} that holds here.",
    ),
    "tariff.used": (
        "Còn SIM dùng gói cước này, chẳng hạn {iccid}.",
        "A SIM has this tariff, {iccid} for one.",
    ),
    "area.sims": (
        "Địa bàn còn {count} SIM và không có cấp trên để nhận. Hãy chuyển SIM trước.",
        "The area has {count} SIMs, and there is none above it to take them: move them first.",
    ),
    "report.month": ("Tháng ghi như 2026-09.", "A month is written 2026-09."),
}  # fmt: skip
