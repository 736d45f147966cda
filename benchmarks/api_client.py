"""Calls an API at a steady rate, as many offices at once would, and says how long each took.

    python -m benchmarks.api_client URL TOKEN RATE    reads {"top", "communes", "bulletins"}, then
    measure SECONDS                                   calls for so long, and prints one line of JSON

The moments of the calls are fixed beforehand (call n at n ÷ RATE seconds), so that a server which
stalls is asked on, and what it makes wait is in the figures.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp

from benchmarks.rows import percentile

CONNECTIONS = 256
"""As many offices: one whose draft is being kept holds up no other."""
SEED = 2026


@dataclass(frozen=True, slots=True)
class Call:
    """One call to be made; ``kind`` names it in the figures."""

    kind: str
    method: str
    path: str
    body: dict[str, Any] | None = None


@dataclass(slots=True)
class Figures:
    """What came of the calls."""

    took: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)


class Office:
    """Thinks up calls: what people look at and do in the hour before the morning's broadcast."""

    def __init__(self, province: dict[str, Any]) -> None:
        self._random = random.Random(SEED)
        self._communes: list[int] = province["communes"]
        self._bulletins: list[int] = province["bulletins"]
        self._number = 0

    def next(self) -> Call:
        """Return the next call: nine in ten read, one writes."""
        chance = self._random
        area = chance.choice(self._communes)
        self._number += 1
        dice = chance.random()
        if dice < 0.25:
            return Call("an area", "GET", f"/areas/{area}")
        if dice < 0.45:
            return Call("bulletins of an area", "GET", f"/bulletins?area={area}&limit=50")
        if dice < 0.60:
            return Call("a bulletin", "GET", f"/bulletins/{chance.choice(self._bulletins)}")
        if dice < 0.75:
            return Call("a queue", "GET", f"/areas/{area}/queue")
        if dice < 0.82:
            day = date.today() + timedelta(days=chance.randrange(3))
            return Call("a day", "GET", f"/areas/{area}/day?date={day.isoformat()}")
        if dice < 0.90:
            begun = datetime.now(UTC) - timedelta(days=chance.randrange(10, 100))
            from_, to = (t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in (begun, begun + timedelta(1)))
            return Call("as-run log", "GET", f"/areas/{area}/aired?from={from_}&to={to}")
        return Call(
            "a new draft",
            "POST",
            "/bulletins",
            {"area": area, "title": f"Bản tin đo tải {self._number}", "language": "vi"},
        )


async def measure(url: str, token: str, rate: float, office: Office, seconds: float) -> Figures:
    """Make calls for so long, each at its time, whatever becomes of the others."""
    figures = Figures()
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "vi"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        begin = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(round(rate * seconds)):
                due = begin + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(_call(session, url, office.next(), due, figures))
    return figures


async def _call(
    session: aiohttp.ClientSession, url: str, call: Call, due: float, figures: Figures
) -> None:
    try:
        async with session.request(
            call.method, f"{url}/api/v1{call.path}", json=call.body
        ) as answer:
            said = await answer.read()
            if answer.status >= 300:
                figures.failed[f"{call.kind}: {answer.status} {said[:200]!r}"] += 1
                return
    except (aiohttp.ClientError, TimeoutError) as error:
        figures.failed[f"{call.kind}: {type(error).__name__}"] += 1
        return
    took = time.monotonic() - due
    figures.took.append(took)
    figures.by_kind.setdefault(call.kind, []).append(took)
    (figures.reads if call.method == "GET" else figures.writes).append(took)


def main() -> None:
    url, token, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
    office = Office(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        seconds = float(line.split()[1])
        figures = asyncio.run(measure(url, token, rate, office, seconds))
        said = {
            "calls": len(figures.took),
            "failed": sum(figures.failed.values()),
            "failures": dict(figures.failed.most_common(5)),
            "read_p99_ms": 1000 * percentile(figures.reads or [float("nan")], 0.99),
            "write_p99_ms": 1000 * percentile(figures.writes or [float("nan")], 0.99),
            "kinds": {k: 1000 * percentile(v, 0.5) for k, v in sorted(figures.by_kind.items())},
        }
        print(json.dumps(said, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
