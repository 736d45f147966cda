"""What simulated receivers have to bear: lines, clocks, outages and power cuts, from a TOML file.

Every key is described in ``deploy/profiles/3g.toml``. What a single receiver bears is drawn from
it by ``fate``, the same for the same seed and number.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from loa.receivers.config import Section
from loa.receivers.reading import ConfigError, Reader

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(ge=0, le=1e9)]
Range = tuple[Positive, Positive]


def _backwards(**ranges: tuple[float, float]) -> list[str]:
    return [f"{name}: the first is to be the smaller" for name, (a, b) in ranges.items() if a > b]


class Line(Section, frozen=True, kw_only=True):
    """What a receiver's TCP connection shows of its line: nothing is lost, but all comes later."""

    delay_ms: Range = (0.0, 0.0)
    jitter_ms: Positive = 0.0
    loss: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    burst: Annotated[float, Meta(ge=1, le=100)] = 2.0
    rate_kbit: Positive = 0.0

    def mistakes(self) -> list[str]:
        return _backwards(delay_ms=self.delay_ms)


class Clock(Section, frozen=True, kw_only=True):
    """The boxes' own clocks."""

    wrong: Share = 0.0
    wrong_seconds: Range = (0.0, 0.0)
    drift_ppm: Annotated[float, Meta(ge=0, le=200)] = 0.0

    def mistakes(self) -> list[str]:
        return _backwards(wrong_seconds=self.wrong_seconds)


class Mishaps(Section, frozen=True, kw_only=True):
    """Outages, or power cuts, that happen to each receiver by itself. ``every_seconds``: in the
    mean; 0: never."""

    every_seconds: Positive = 0.0
    seconds: Range = (10.0, 60.0)

    def mistakes(self) -> list[str]:
        if 0 < self.every_seconds < 5:
            return ["every_seconds: at least 5, or 0 for never"]
        return _backwards(seconds=self.seconds)


class Event(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One that happens to many at a time: ``at`` seconds after the start."""

    kind: Literal["outage", "power", "clock"]
    at: Positive
    share: Share = 1.0
    seconds: Positive = 30.0
    spread_seconds: Positive = 0.0


class Expect(Section, frozen=True, kw_only=True):
    """How far what was heard may differ from what was carried, before the fleet ends with 1."""

    missed: Share = 0.0
    hearing_ms: Positive = 10_000.0
    """The 95th percentile of how much later than due a stretch's first sound may be."""


class Profile(Section, frozen=True, kw_only=True):
    """A whole file."""

    seed: Annotated[int, Meta(ge=0)] = 1
    line: Line = Line()
    clock: Clock = Clock()
    outages: Mishaps = Mishaps()
    power: Mishaps = Mishaps()
    event: tuple[Event, ...] = ()
    expect: Expect = Expect()


def load(file: Path | None) -> Profile:
    """Read a profile; without one everything is as good as can be. Raises ``ConfigError``."""
    if file is None:
        return Profile()
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ConfigError([f"{file} is not TOML: {error}"]) from None
    return Reader(str(file), file.parent).read(Profile, given)
