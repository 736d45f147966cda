"""Hours and session limits: when an area may be on air, and what of its windows may be used. Pure.

Windows with less than five minutes between them are one session, whatever fills them. So that a
plan does not depend on what is in the queue, a window that is there counts as used: of a day's
sessions the first ``sessions_a_day`` are kept, each for ``session_minutes`` from its beginning. A
limit never cuts what is on air: it only keeps things from being planned beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from loa.streamer.core.localtime import local_day, unix_at
from loa.streamer.core.policy import Hours, Policy
from loa.streamer.core.windows import Window

PAUSE = 300
"""Seconds of silence that end a session."""
DAY = 86_400.0

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds in an area; the default is no limit. 0: none."""

    hours: tuple[Hours, ...] = ()
    sessions_a_day: int = 0
    session_minutes: int = 0

    @classmethod
    def of(cls, policy: Policy) -> Limits:
        """Return the limits of an effective policy."""
        return cls(policy.hours or (), policy.sessions_a_day or 0, policy.session_minutes or 0)

    @property
    def none(self) -> bool:
        """Whether there is no limit at all."""
        return not (self.hours or self.sessions_a_day or self.session_minutes)


def open_spans(hours: Sequence[Hours], zone: str, start: float, end: float) -> list[Span]:
    """Return when broadcasting is allowed between two moments, in order; all of it without hours.

    Hours that touch, at midnight for example, are one.
    """
    if not hours:
        return [(start, end)]
    found: list[Span] = []
    for day in range(local_day(zone, start), local_day(zone, end) + 1):
        weekday = (day - 1) % 7
        for hour in sorted(
            (h for h in hours if weekday in h.weekdays), key=lambda h: (h.start, h.end)
        ):
            low = max(start, unix_at(zone, day, hour.start))
            high = min(end, unix_at(zone, day, hour.end))
            if high <= low:
                continue
            if found and low <= found[-1][1]:
                found[-1] = (found[-1][0], max(high, found[-1][1]))
            else:
                found.append((low, high))
    return found


def is_open(hours: Sequence[Hours], zone: str, at: float) -> bool:
    """Return whether broadcasting is allowed at a moment; without hours, always."""
    return any(low == at for low, _ in open_spans(hours, zone, at, at + 1))


def allowed_until(limits: Limits, zone: str, since: float, now: float) -> float | None:
    """Return when a live that began at ``since`` has used up its time; None: never.

    Outside the hours that is when the hours ended, or when it began.
    """
    ends = []
    if limits.session_minutes:
        ends.append(since + 60 * limits.session_minutes)
    if limits.hours:
        spans = open_spans(limits.hours, zone, since - DAY, now + DAY)
        ends.append(next((high for low, high in spans if low <= since < high), since))
    return min(ends, default=None)


def usable(windows: Sequence[Window], limits: Limits, zone: str) -> list[Window]:
    """Return what of the windows (whole days of them) may be used, by start.

    One that reaches into the next, as where clocks are changed, ends where that begins.
    """
    ordered = sorted(windows, key=lambda w: (w.start, w.end, w.slot))
    apart = [
        window if window.end <= after.start else replace(window, end=after.start)
        for window, after in pairwise(ordered)
    ] + ordered[-1:]
    if limits.none or not apart:
        return [window for window in apart if window.start < window.end]
    if limits.hours:
        spans = open_spans(limits.hours, zone, apart[0].start, apart[-1].end)
        apart = _within(apart, spans)
    if limits.sessions_a_day or limits.session_minutes:
        apart = _sessions(apart, limits, zone)
    return [window for window in apart if window.start < window.end]


def _within(windows: Sequence[Window], spans: Sequence[Span]) -> list[Window]:
    found = []
    first = 0
    for window in windows:
        while first < len(spans) and spans[first][1] <= window.start:
            first += 1
        for low, high in spans[first:]:
            if low >= window.end:
                break
            if low <= window.start and window.end <= high:
                found.append(window)
            else:
                start, end = max(window.start, low), min(window.end, high)
                found.append(replace(window, start=start, end=end))
    return found


def _sessions(windows: Sequence[Window], limits: Limits, zone: str) -> list[Window]:
    found = []
    day, sessions = 0, 0
    began, ended = 0.0, float("-inf")
    most = limits.session_minutes * 60 or float("inf")
    for window in windows:
        if window.start - ended >= PAUSE:
            began = window.start
            today = local_day(zone, began)
            sessions = sessions + 1 if today == day else 1
            day = today
        ended = window.end
        if limits.sessions_a_day and sessions > limits.sessions_a_day:
            continue
        end = min(window.end, began + most)
        if end > window.start:
            found.append(window if end == window.end else replace(window, end=end))
    return found
