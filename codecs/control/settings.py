"""How a box is to behave: what the server decides about it, and the box keeps.

What depends on how the box was built (its sound card, its relay) is in its own configuration.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Percent = Annotated[int, Meta(ge=0, le=100)]
Minute = Annotated[int, Meta(ge=0, le=1440)]


class VolumeRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Between two minutes of the local day (``end`` may be smaller: over midnight), at most this.

    ``cls`` None: for all classes but emergency.
    """

    begin: Minute
    end: Minute
    ceiling: Percent
    cls: Annotated[int, Meta(ge=0, le=2)] | None = None


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbered by ``version``: the box takes a greater one only. ``mark`` tells them from others
    that a server, once restored from a backup, gave the same number; the box repeats it.

    ``volume``: percent by class (routine, priority, emergency). ``delay_ms``: the time behind the
    server's timeline at which every box within earshot plays; None: by cadence (700 ``thrifty``,
    300 ``low``), 0: it is on its own and plays as early as its line allows. ``trim_ms`` is added to
    it, for how far this horn stands from the others. ``cache_mb`` and ``days`` bound what is
    fetched ahead; what can wait is fetched between the minutes ``off_peak``. ``cached_only``: its
    data is nearly used up, nothing but emergencies is streamed or fetched.
    """

    version: Annotated[int, Meta(ge=0)] = 0
    mark: Annotated[str, Meta(max_length=64)] = ""
    area: Annotated[int, Meta(ge=0)] = 0
    area_path: Annotated[str, Meta(max_length=500)] = ""
    area_name: Annotated[str, Meta(max_length=200)] = ""
    name: Annotated[str, Meta(max_length=200)] = ""
    timezone: Annotated[str, Meta(max_length=64)] = "Asia/Ho_Chi_Minh"
    cadence: Literal["low", "thrifty"] = "thrifty"
    delay_ms: Annotated[int, Meta(ge=0, le=5000)] | None = None
    trim_ms: Annotated[int, Meta(ge=-500, le=500)] = 0
    volume: tuple[Percent, Percent, Percent] = (80, 80, 100)
    quiet: Annotated[tuple[VolumeRule, ...], Meta(max_length=20)] = ()
    cache_mb: Annotated[int, Meta(ge=1, le=100_000)] = 500
    days: Annotated[int, Meta(ge=1, le=31)] = 7
    off_peak: tuple[Minute, Minute] = (60, 240)
    cached_only: bool = False
    health_every: Annotated[int, Meta(ge=30, le=86_400)] = 900
    self_test: Annotated[int, Meta(ge=0, lt=10_080)] = 2 * 1440 + 120
    """Minutes from Monday 00:00 local time at which it tests itself, silently, every week."""

    @property
    def delay(self) -> float | None:
        """The delay in seconds, trim included; None: on its own."""
        if self.delay_ms == 0:
            return None
        base = {"low": 300, "thrifty": 700}[self.cadence] if not self.delay_ms else self.delay_ms
        return max(0, base + self.trim_ms) / 1000

    @property
    def ticks_a_message(self) -> int:
        """The cadence in ticks."""
        return 2 if self.cadence == "low" else 10
