"""Planning a month for 2,000 areas: what it costs to put every queue into its slots.

Each of 2,000 stations has slots of its own at five, eleven and seventeen o'clock (every fifth on
other days, with exceptions), a list of days off, and 45 bulletins in its queue, of 2 to 9 minutes,
among them one that is played every day, some three times a day for a week, some that expire or may
not begin yet. Timed is the CPU of one plan of 31 days from empty caches, as the server makes it:
expanding the rules, cutting windows to hours and limits, packing. A day's plan is what the server
makes whenever something changes at one station; there the rules are remembered.
"""

from __future__ import annotations

import gc
import time
from statistics import median

from benchmarks.rows import Row
from loa.streamer.core import localtime, recurrence
from loa.streamer.core.limits import Limits
from loa.streamer.core.localtime import unix_at
from loa.streamer.core.planner import Item, Plan, plan
from loa.streamer.core.policy import Hours
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.slots import Slot

AREAS, BULLETINS, DAYS = 2000, 45, 31
ZONE = "Asia/Ho_Chi_Minh"
TODAY = 739_880
MINUTE = 3000
BOUND_S, BOUND_DAY_MS = 10, 5
OFF = frozenset({TODAY + 9, TODAY + 10})
LIMITS = Limits((Hours((0, 1, 2, 3, 4, 5, 6), 300, 1200),), 3, 60)
NOW = unix_at(ZONE, TODAY, 4 * 60)


def run(quick: bool) -> list[Row]:
    areas = AREAS // 10 if quick else AREAS
    recurrence.parse.cache_clear()
    recurrence._block.cache_clear()
    localtime._offset.cache_clear()
    queues = [queue(number) for number in range(areas)]
    gc.collect()
    placed = missing = 0
    start = time.thread_time()
    for number, items in enumerate(queues):
        done = month(number, items)
        placed += len(done.planned)
        missing += len(done.unplaced)
    spent = (time.thread_time() - start) * (AREAS / areas)
    days = []
    for number, items in enumerate(queues[:200]):
        start = time.thread_time()
        planned(number, items, 2)
        days.append(1000 * (time.thread_time() - start))
    days.sort()
    note = f"CPU; {BULLETINS} bulletins each, {placed // areas} playings planned an area"
    return [
        Row(f"a month for {AREAS:,} areas", spent, "s", BOUND_S, note=note),
        Row(
            "a day of one area", days[-2], "ms", BOUND_DAY_MS,
            note=f"CPU; slowest but one of {len(days)}; median {median(days):.2f} ms",
        ),
        Row("bulletins that found no place", missing, "", note="of all queues together"),
    ]  # fmt: skip


def month(number: int, items: list[Item]) -> Plan:
    return planned(number, items, DAYS)


def planned(number: int, items: list[Item], days: int) -> Plan:
    windows = [
        window
        for slot in slots(number)
        for window in slot.windows(ZONE, TODAY - 1, TODAY + days, OFF)
    ]
    return plan(windows, items, NOW, ZONE, LIMITS)


def slots(number: int) -> list[Slot]:
    first = TODAY - number % 700
    rule = "FREQ=DAILY"
    if number % 5 == 0:
        rule = f"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA;COUNT={900 + number}"
    exceptions = frozenset({TODAY + number % 31})
    return [
        Slot(3 * number + n + 1, first, hour * 60 + number % 7, minutes, rule,
             exceptions=exceptions, on_holidays=n == 0)
        for n, (hour, minutes) in enumerate(((5, 45), (11, 30), (17, 45)))
    ]  # fmt: skip


def queue(number: int) -> list[Item]:
    found = []
    for n in range(BULLETINS):
        per_day, days = (1, 0) if n == 0 else (3, 7) if n % 9 == 1 else (1, 1 + n % 4)
        found.append(
            Item(
                number * BULLETINS + n + 1, n, "", (2 + (n + number) % 8) * MINUTE,
                BulletinClass.PRIORITY if n == 7 else BulletinClass.ROUTINE, n, per_day, days,
                NOW + (n % 13) * 43_200 if n % 3 == 0 else None,
                NOW + 40 * 86_400 if n % 5 == 0 else None,
            )
        )  # fmt: skip
    return found
