"""Playings that were ordered: each is over when it was heard, not when it was put in a queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from loa.receivers.obeying import CannotDo, Later
from loa.receivers.parts import Played, Wanted

MOST_AHEAD = 24 * 3600.0 + 600.0
"""Seconds before its time that something may be ordered to be played; the server keeps to a day."""
PUT_OFF = 3600.0
"""Seconds by which other things may put off the end of what is played by order."""
NOT_TAKEN = "the sound device took nothing of it"


@dataclass(slots=True, eq=False)
class _Playing:
    wanted: Wanted
    end: asyncio.Future[str]
    device: int | None = None
    """Ticks that the device took, as far as anybody can tell."""


class Ordered:
    """Those that are not over. ``begin`` one before it is wanted; tell what was ``played``, and
    when it is ``over``."""

    def __init__(self) -> None:
        self._playings: list[_Playing] = []

    def begin(self, wanted: Wanted) -> asyncio.Future[str]:
        """Return what is done once it is over: why it was not heard to its end, or nothing."""
        end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._playings = [each for each in self._playings if not each.end.done()]
        self._playings.append(_Playing(wanted, end))
        return end

    def played(self, played: Played) -> None:
        """A stretch of something was played."""
        for each in self._playings:
            if each.wanted is played.wanted and played.device is not None:
                each.device = (each.device or 0) + played.device

    def over(self, wanted: Wanted, why: str) -> None:
        """It is over. ``why``: what kept it from its own end, if anything did."""
        for each in self._playings:
            if each.wanted is wanted and not each.end.done():
                each.end.set_result(why or (NOT_TAKEN if each.device == 0 else ""))


def heard(end: asyncio.Future[str], within: float) -> Later:
    """Return what becomes of an order to play; ``within``: seconds that it takes undisturbed."""

    async def over() -> str:
        if why := await end:
            raise CannotDo("it was stopped" if why == "stop" else why)
        return ""

    return Later(over(), within + PUT_OFF)
