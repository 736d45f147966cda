"""What a fleet heard against what it should have: each record judged, and the sums. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loa.receivers.fleet.judge import (
    Absence,
    Due,
    Leniency,
    Run,
    Verdict,
    behind,
    judge,
    to_come,
)
from loa.receivers.fleet.profile import Expect

TICKS = 50
SETTLING = 3 * TICKS
"""Ticks after a box's first session, and before the end, for which nothing is expected of it."""
BEHIND = 3 * TICKS
MOST_NAMED = 10


@dataclass(slots=True)
class Result:
    """The whole fleet's. ``verdict``: sums in ticks; ``named``: what the worst boxes did."""

    boxes: int = 0
    never_up: int = 0
    sessions: int = 0
    failed: int = 0
    odd: int = 0
    dropped: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    named: list[str] = field(default_factory=list)

    def add(self, record: Mapping[str, Any], verdict: Verdict) -> None:
        """Add one box's."""
        self.boxes += 1
        self.never_up += not record["ups"] and not record["mishaps"]
        self.sessions += len(record["ups"])
        self.failed += record["failed"]
        self.odd += record["odd"]
        self.dropped += record["dropped"]
        self.verdict.add(verdict)
        bad = {
            name: count
            for name, count in (
                ("missed", verdict.missed), ("wrong", verdict.wrong), ("twice", verdict.twice),
                ("odd", record["odd"]), ("failed", record["failed"]),
            ) if count
        }  # fmt: skip
        if (bad or not (record["ups"] or record["mishaps"])) and len(self.named) < MOST_NAMED:
            words = ", ".join(f"{count} {name}" for name, count in bad.items())
            why = "; ".join(record["failures"][:2])
            self.named.append(
                f"{record['number']} ({record['area']}): {words or 'never had a session'}"
                + (f" ({why})" if why else "")
            )

    def problems(self, expect: Expect) -> list[str]:
        """Say what is not as it should be; nothing: all was well."""
        verdict, said = self.verdict, []
        for count, words in (
            (verdict.wrong, "ticks sounded that the mount did not carry then"),
            (verdict.twice, "ticks sounded twice"),
            (self.odd, "ticks sounded other packets than elsewhere"),
            (self.never_up, "boxes never had a session"),
            (self.failed, "mistakes in boxes' own parts"),
        ):
            if count:
                said.append(f"{count} {words}")
        if verdict.missed > expect.missed * verdict.due:
            share = 100 * verdict.missed / verdict.due
            said.append(f"{verdict.missed} ticks were missed without an excuse ({share:.2f} %)")
        late = self.first_late(0.95)
        if late is not None and 1000 * late > expect.hearing_ms:
            said.append(f"first sounds were {1000 * late:.0f} ms late (p95)")
        return said

    def first_late(self, part: float) -> float | None:
        """Return how late (s) first sounds were at most, in this part (0 … 1) of all stretches."""
        return _part(self.verdict.first_late, part)

    def held_late(self, part: float) -> float | None:
        """The same of bulletins that were late after an outage, as they may be."""
        return _part(self.verdict.held_late, part)

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "boxes": self.boxes, "never_up": self.never_up, "sessions": self.sessions,
            "failed": self.failed, "odd": self.odd, "dropped": self.dropped,
            "ticks": self.verdict.as_json(),
            "first_late_ms": _parts(self.first_late),
            "held_late_ms": {"stretches": len(self.verdict.held_late), **_parts(self.held_late)},
            "named": self.named,
        }  # fmt: skip


def judged(
    records: Sequence[Mapping[str, Any]],
    carried: Mapping[str, Sequence[Due]],
    end: float,
    leniency: Leniency | None = None,
) -> Result:
    """Judge all records. ``carried``: what each area's mount carried, by its path; ``end``: until
    when (monotonic) the boxes were there."""
    result = Result()
    anchor = next(((r["tick"], r["at"]) for r in records if r["tick"] is not None), None)
    for record in records:
        verdict = Verdict()
        if record["ups"] and anchor is not None:
            tick, at = anchor

            def place(when: float, tick: float = tick, at: float = at) -> int:
                return round(tick + (when - at) * TICKS)

            first = place(record["ups"][0]) + SETTLING
            last = place(end) - SETTLING - BEHIND
            runs = sounded = [Run(*run) for run in record["runs"]]
            due = [
                Due(max(d.first, first), min(d.end, last), d.kind, d.cls, d.play)
                for d in carried.get(record["area"], ())
                if d.end > first and d.first < last
            ]
            runs = [_within(run, first, last) for run in runs if run.end > first]
            runs = [run for run in runs if run.first < min(run.end, last)]
            gone = [
                Absence(place(m["start"]), place(m["end"]), m["kind"] == "power")
                for m in record["mishaps"]
            ]
            gone += [
                Absence(place(down), place(up), False)
                for down, up in zip(record["downs"], [*record["ups"][1:], end], strict=False)
            ]
            # Until its first session it had no line either.
            gone += [Absence(place(record["on"]), place(record["ups"][0]), False, True)]
            verdict = judge(
                due, runs, gone, leniency, to_come(sounded, gone, place(end), leniency),
                behind(sounded, gone, leniency),
            )  # fmt: skip
        result.add(record, verdict)
    return result


def _part(values: Sequence[float], part: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def _parts(late: Callable[[float], float | None]) -> dict[str, int | None]:
    said = {f"p{round(100 * part)}": late(part) for part in (0.5, 0.95, 1.0)}
    return {name: None if s is None else round(1000 * s) for name, s in said.items()}


def _within(run: Run, first: int, last: int) -> Run:
    return Run(
        max(run.first, first), min(run.end, last), run.play, run.late, run.cached, run.made_up
    )
