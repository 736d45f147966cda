"""How loud: by class and hour, with ceilings. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from loa.codecs.control.settings import Settings, VolumeRule

EMERGENCY = 2
VIETNAM = timezone(timedelta(hours=7))
"""Where the system has no time zones."""


@lru_cache(maxsize=4)
def zone(name: str) -> tzinfo:
    """Return a time zone; Vietnam's where it is not known here."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return VIETNAM


def minute_of_day(unix: float, timezone: str) -> int:
    """Return the minute of the local day, 0 … 1439."""
    local = datetime.fromtimestamp(unix, UTC).astimezone(zone(timezone))
    return local.hour * 60 + local.minute


def minute_of_week(unix: float, timezone: str) -> int:
    """Return the minute since Monday 00:00 local time."""
    local = datetime.fromtimestamp(unix, UTC).astimezone(zone(timezone))
    return local.weekday() * 1440 + local.hour * 60 + local.minute


def volume(settings: Settings, cls: int, minute: int | None, ordered: int | None = None) -> int:
    """Return the percent at which a class (0 … 2) sounds at a minute of the local day.

    ``ordered`` replaces the settings' volume, but not that of emergencies; the ceilings hold in any
    case. For an emergency these are only the rules that name its class. Where nobody knows the hour
    (None) all ceilings hold: rather too quiet than loud at night.
    """
    percent = settings.volume[cls]
    if ordered is not None and cls != EMERGENCY:
        percent = ordered
    for rule in settings.quiet:
        concerns = cls != EMERGENCY if rule.cls is None else rule.cls == cls
        if concerns and (minute is None or _within(rule, minute)):
            percent = min(percent, rule.ceiling)
    return percent


def _within(rule: VolumeRule, minute: int) -> bool:
    if rule.begin <= rule.end:
        return rule.begin <= minute < rule.end
    return minute >= rule.begin or minute < rule.end


def gain(percent: int) -> float:
    """Return the factor for samples: the square of the fraction, so 50 % is -12 dB."""
    return (percent / 100) ** 2
