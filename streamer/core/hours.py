"""Hours and sessions: when an area may be on air, and what a live session is told of it.

A limit never cuts a voice: who would begin outside it is told before, who comes near its end is
warned, and what goes beyond it is logged. All times are local, as the area's clocks show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from loa.streamer.core.policy import Policy

WARNING = timedelta(minutes=2)
"""How long before a limit the announcer is warned."""
DAY = 1440


class Limit(StrEnum):
    """What stands against being on air."""

    HOURS = "hours"
    SESSIONS = "sessions"
    """The day's sessions have all been held."""
    LENGTH = "length"
    """A session may not be longer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The limit that a session reaches first: ``left`` until then, negative once it is overrun."""

    limit: Limit
    left: timedelta

    @property
    def warn(self) -> bool:
        """Whether it is time to say so."""
        return self.left <= WARNING

    @property
    def overrun(self) -> timedelta:
        """How far the limit is overrun; zero before."""
        return max(timedelta(), -self.left)


def allowed(policy: Policy, local: datetime) -> bool:
    """Say whether the hours allow to be on air; without hours, always."""
    if not policy.hours:
        return True
    minute = local.hour * 60 + local.minute
    return any(
        local.weekday() in hours.weekdays and hours.start <= minute < hours.end
        for hours in policy.hours
    )


def next_opening(policy: Policy, local: datetime) -> datetime | None:
    """Return when it is allowed next: now if it is, None if it never is."""
    if allowed(policy, local):
        return local
    openings = [
        opening
        for ahead in range(8)
        for hours in policy.hours or ()
        if (day := (local + timedelta(days=ahead))).weekday() in hours.weekdays
        and (opening := _at(day, hours.start)) > local
    ]
    return min(openings, default=None)


def closing(policy: Policy, local: datetime) -> datetime | None:
    """Return the end of the hours that are on: None without hours, or if they go on for ever.

    Hours that touch, over midnight too, are one. Outside the hours it is ``local`` itself.
    """
    if not policy.hours:
        return None
    end = local
    # Each step takes what is on at the end so far; a week of them without a pause has no end.
    while allowed(policy, end):
        minute = end.hour * 60 + end.minute
        last = max(
            hours.end
            for hours in policy.hours
            if end.weekday() in hours.weekdays and hours.start <= minute < hours.end
        )
        end = _at(end, last)
        if end - local > timedelta(days=7):
            return None
    return end


def obstacle(policy: Policy, local: datetime, sessions_today: int) -> Limit | None:
    """Return what stands against beginning a session now, None when nothing does."""
    if not allowed(policy, local):
        return Limit.HOURS
    if policy.sessions_a_day and sessions_today >= policy.sessions_a_day:
        return Limit.SESSIONS
    return None


def standing(policy: Policy, began: datetime, local: datetime) -> Standing | None:
    """Return the limit that a session which began at ``began`` reaches first, None without any.

    One that began outside the hours (somebody overrode them) has only its length to keep.
    """
    limits = []
    if allowed(policy, began) and (end := closing(policy, began)) is not None:
        limits.append(Standing(Limit.HOURS, end - local))
    if policy.session_minutes:
        end = began + timedelta(minutes=policy.session_minutes)
        limits.append(Standing(Limit.LENGTH, end - local))
    return min(limits, key=lambda s: s.left, default=None)


def _at(day: datetime, minute: int) -> datetime:
    midnight = datetime.combine(day.date(), time(), day.tzinfo)
    return midnight + timedelta(days=minute // DAY, minutes=minute % DAY)
