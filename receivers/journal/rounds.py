"""Rounds of a file that goes round all day: one entry of the journal a quarter of an hour.

What follows right behind another round of the same file, neither of them interrupted, is added to
it. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from loa.receivers.parts import Played

LONGEST = 900.0
"""Seconds after which rounds are written down, though they go on."""
BESIDE = 50
"""Ticks that one round may begin after the other's end."""


class Rounds:
    """See the module. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._kept: Played | None = None
        self._since = 0.0

    @property
    def going(self) -> bool:
        """Whether there are rounds that were not given back yet."""
        return self._kept is not None

    def add(self, played: Played, now: float) -> list[Played]:
        """Take a stretch that is over; return what is to be written down, in order."""
        kept = self._kept
        if kept is not None and _goes_on(kept, played):
            both = _together(kept, played)
            self._kept = None if played.interrupted else both
            return [both] if played.interrupted else []
        done = [] if kept is None else [kept]
        self._kept = None
        if not _goes_round(played):
            return [*done, played]
        self._kept, self._since = played, now
        return done

    def due(self, now: float, everything: bool = False) -> list[Played]:
        """Return the rounds that have gone on for long enough."""
        if self._kept is None or not (everything or now - self._since >= LONGEST):
            return []
        done, self._kept = [self._kept], None
        return done

    def with_this(self, played: Played) -> Played:
        """Return a stretch that goes on, together with the rounds before it."""
        kept = self._kept
        return _together(kept, played) if kept is not None and _goes_on(kept, played) else played


def _goes_round(played: Played) -> bool:
    return played.wanted.kind == "file" and played.whole and not played.interrupted


def _goes_on(kept: Played, played: Played) -> bool:
    one, other = kept.wanted, played.wanted
    return (
        other.kind == "file"
        and not played.why_not
        and (one.audio, one.play, kept.origin) == (other.audio, other.play, played.origin)
        and (one.cause, kept.volume) == (other.cause, played.volume)
        and 0 <= played.first_tick - kept.ended_tick <= BESIDE
    )


def _together(kept: Played, played: Played) -> Played:
    return replace(
        kept, ended_tick=played.ended_tick, delivered=kept.delivered + played.delivered,
        decoded=kept.decoded + played.decoded, device=_sum(kept.device, played.device),
        sounded=_sum(kept.sounded, played.sounded), concealed=kept.concealed + played.concealed,
        missed=kept.missed + played.missed, whole=played.whole, interrupted=played.interrupted,
    )  # fmt: skip


def _sum(one: int | None, other: int | None) -> int | None:
    # What was measured of a part says nothing of the whole.
    return None if one is None or other is None else one + other
