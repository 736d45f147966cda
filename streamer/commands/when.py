"""When a slot is, in plain words: ``daily 05:00 45 min``.

[when] TIME LENGTH. When: ``daily``, ``weekdays``, ``weekends``, ``mon,wed,fri`` (in Vietnamese
``hằng ngày``, ``ngày thường``, ``cuối tuần``, ``t2,t4,t6,cn``), ``monthly 1,15``, ``once
2026-10-01``, or a rule of RFC 5545 (``FREQ=MONTHLY;BYDAY=1MO``). TIME: ``05:00``, ``5h30``. LENGTH:
``45 min``, ``45``, ``1h``, ``1h30``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ENGLISH = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_VIETNAMESE = ("t2", "t3", "t4", "t5", "t6", "t7", "cn")
_RULES = {
    "daily": "FREQ=DAILY",
    "everyday": "FREQ=DAILY",
    "hangngay": "FREQ=DAILY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "ngaythuong": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekends": "FREQ=WEEKLY;BYDAY=SA,SU",
    "cuoituan": "FREQ=WEEKLY;BYDAY=SA,SU",
}
_END = re.compile(
    r"(?P<hour>\d{1,2})(?::|h|g)(?P<minute>\d\d)?"
    r"\s+(?:(?:(?P<hours>\d{1,2})\s*h(?P<rest>\d{1,2})?)|(?P<minutes>\d{1,4})\s*(?:min\w*|m|p\w*)?)$"
)


class NotUnderstood(ValueError):
    """The words are none of those above; the text says which."""


@dataclass(frozen=True, slots=True)
class When:
    """What the words mean: ``first`` is ``2026-01-05T05:00``."""

    first: str
    minutes: int
    rrule: str


def understand(words: str, begins: date) -> When:
    """Read the words; ``begins`` is the first day that counts. Raises ``NotUnderstood``."""
    plain = _plain(words)
    end = _END.search(plain)
    if end is None:
        raise NotUnderstood(f"{words!r} does not end with a time and a length, as in 05:00 45 min")
    hour, minute = int(end["hour"]), int(end["minute"] or 0)
    if hour > 23 or minute > 59:
        raise NotUnderstood(f"{end['hour']}:{minute:02} is no time of day")
    if end["hours"] is not None:
        minutes = 60 * int(end["hours"]) + int(end["rest"] or 0)
    else:
        minutes = int(end["minutes"])
    rule, day = _rule(plain[: end.start()].strip(), begins)
    return When(f"{day.isoformat()}T{hour:02}:{minute:02}", minutes, rule)


def _rule(when: str, begins: date) -> tuple[str, date]:
    if not when:
        return "FREQ=DAILY", begins
    if "freq=" in when:
        return when.upper().replace(" ", "").removeprefix("RRULE:"), begins
    first, _, rest = when.partition(" ")
    if first == "once" or re.fullmatch(r"\d{4}-\d\d-\d\d", when):
        try:
            return "", date.fromisoformat(rest.strip() if first == "once" else when)
        except ValueError:
            raise NotUnderstood(f"{rest!r} is no date such as 2026-10-01") from None
    if first == "monthly" and re.fullmatch(r"-?\d{1,2}(\s*,\s*-?\d{1,2})*", rest.strip()):
        return f"FREQ=MONTHLY;BYMONTHDAY={rest.replace(' ', '')}", begins
    known = _RULES.get(when.replace(" ", ""))
    if known is not None:
        return known, begins
    found = []
    for name in re.split(r"[\s,]+", when):
        for names in (_ENGLISH, _VIETNAMESE):
            match = [n for n, short in enumerate(names) if name[: len(short)] == short]
            if match:
                found.append(match[0])
                break
        else:
            raise NotUnderstood(f"{name!r} is no day: mon, tue … sun, daily, weekdays, weekends")
    return "FREQ=WEEKLY;BYDAY=" + ",".join(DAYS[n] for n in sorted(set(found))), begins


def _plain(words: str) -> str:
    letters = unicodedata.normalize("NFKD", words.replace("đ", "d").replace("Đ", "D"))
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).lower().split())
