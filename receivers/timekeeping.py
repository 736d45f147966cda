"""What time it is, on a box whose own clock nobody may believe.

The time of day comes from the server's session, else from an NTP client that says it is in step,
and runs on by the monotonic clock from there; the system's clock may be set to whatever anybody
likes. What was known is kept on the disk every few minutes, with the name of the boot: a program
that is started anew in the same boot goes on with it, for the monotonic clock went on too. After a
power cut nobody knows how long it was, so the time is unknown until somebody who is believed says
it, unless the machine has a clock with a battery. While it is unknown, nothing is played.

Nobody signs what NTP says. In a boot in which the server said what time it is, NTP only makes up
for what this machine's oscillator may have drifted since. In any other it is believed within what
server and battery last knew and 400 days after that, and what it says is no bound for anything.

Pure, but for ``Machine`` and the file.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

from loa.receivers.files import write_durably
from loa.streamer.core.timeline import EPOCH

KEEP_EVERY = 240.0
"""Seconds after which what is known is written down."""
LOOK_EVERY = 15.0
MOST_AHEAD = 400 * 86_400.0
"""Neither a battery nor NTP is believed that it is later by more than this than was last known."""
NTP_AGREES = 10.0
"""Seconds by which NTP may differ from what the server said in this boot, and be believed …"""
DRIFT = 100e-6
"""… and this for each second since: 9 s a day, more than the oscillators of such boards are off."""
NTP_BEFORE = 300.0
"""Seconds by which NTP may be before what was last known: the server's clock was not better."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Source(IntEnum):
    """Whom the time is from; the greater is believed before the smaller."""

    BATTERY = 1
    NTP = 2
    SERVER = 3


class Kept(Struct, frozen=True, kw_only=True):
    """What is on the disk: ``unix`` was the time at ``monotonic`` of that boot."""

    boot: Annotated[str, Meta(max_length=100)]
    boots: Annotated[int, Meta(ge=0)]
    unix: float
    monotonic: float
    source: Annotated[int, Meta(ge=1, le=3)]
    said: tuple[float, float] | None = None
    """What the server said last in that boot, and when by ``monotonic``; None: nothing."""
    least: float | None = None
    """What server or battery last knew: it is later than that. None: neither ever said anything."""


class Machine(Protocol):
    """What a box knows of time by itself."""

    boot: str
    """The name of this boot; another one after each start of the machine."""

    def synchronized(self) -> float | None:
        """Return Unix seconds if an NTP client says that the system's clock is right, else None."""

    def battery(self) -> float | None:
        """Return Unix seconds of a clock that ran on without power; None: there is none."""


@dataclass(frozen=True, slots=True)
class _Known:
    unix: float
    monotonic: float
    source: Source

    def at(self, now: float) -> float:
        return self.unix + now - self.monotonic


class DayTime:
    """The time of day (``parts.DayClock``).

    ``server``: the time by the session, None without one (``ServerClock.unix``). ``least``: a time
    that the server said once, 0 where none is known. Nothing here ever fails: a file that
    cannot be read or written is counted, and the time is then known for a shorter while.
    """

    def __init__(
        self,
        path: Path,
        machine: Machine,
        server: Callable[[float], float | None],
        now: float,
        *,
        least: float = 0.0,
    ) -> None:
        self._path = path
        self._machine = machine
        self._server = server
        self.counters: Counter[str] = Counter()
        """clock.ntp_refused, clock.not_kept, clock.damaged."""
        self._known: _Known | None = None
        self._anchor: _Known | None = None
        """What the server said last in this boot, whatever NTP made of it since."""
        self._kept_at = now
        kept = self._read()
        self.boots = 1 if kept is None else kept.boots + (kept.boot != machine.boot)
        self._least = max(least, _least_of(kept))
        """What server or battery last knew before: it is later than that. 0: nothing is known."""
        if kept is not None and kept.boot == machine.boot and kept.monotonic <= now:
            self._known = _Known(kept.unix, kept.monotonic, Source(kept.source))
            if kept.said is not None:
                self._anchor = _Known(*kept.said, Source.SERVER)
        self.look(now)
        self._keep(now)

    def unix(self, now: float) -> float | None:
        """Return Unix seconds at ``now`` (monotonic); None: nobody knows."""
        told = self._server(now)
        if told is not None:
            self._learn(_Known(told, now, Source.SERVER))
        return None if self._known is None else self._known.at(now)

    @property
    def source(self) -> Source | None:
        """Whom it is from; None while it is unknown."""
        return None if self._known is None else self._known.source

    def look(self, now: float) -> None:
        """See what the machine says, and keep what is known; every quarter of a minute."""
        if self.unix(now) is None:
            said = self._machine.battery()
            least = max(EPOCH, self._least)
            if said is not None and least <= said <= least + MOST_AHEAD:
                self._learn(_Known(said, now, Source.BATTERY))
        said = self._machine.synchronized()
        if said is not None:
            self.heard(said, now)
        if not 0 <= now - self._kept_at < KEEP_EVERY:
            self._keep(now)

    def heard(self, unix: float, now: float) -> None:
        """An NTP client, or an NTP server that was asked, says what time it is."""
        anchor = self._anchor
        if anchor is not None:
            # The server's word counts more; NTP only keeps it from drifting away over days.
            if abs(unix - anchor.at(now)) <= NTP_AGREES + DRIFT * (now - anchor.monotonic):
                if self._server(now) is None:
                    self._known = _Known(unix, now, Source.SERVER)
                return
        elif self._may_be(unix):
            self._learn(_Known(unix, now, Source.NTP))
            return
        self.counters["clock.ntp_refused"] += 1

    def _may_be(self, unix: float) -> bool:
        if not self._least:
            return unix >= EPOCH
        return self._least - NTP_BEFORE <= unix <= self._least + MOST_AHEAD

    def close(self, now: float) -> None:
        """Keep what is known; at the end."""
        self._keep(now)

    def _learn(self, known: _Known) -> None:
        first = self._known is None
        if known.source is Source.SERVER:
            first = first or self._anchor is None
            self._anchor = known
        if self._known is None or known.source >= self._known.source:
            self._known = known
            if first:
                self._keep(known.monotonic)

    def _keep(self, now: float) -> None:
        self._kept_at = now
        known, anchor, least = self._known, self._anchor, self._least
        if known is None:
            return
        if anchor is not None:
            least = anchor.at(now)
        elif known.source is Source.BATTERY:
            least = known.at(now)
        kept = Kept(
            boot=self._machine.boot, boots=self.boots, unix=known.at(now), monotonic=now,
            source=known.source, least=least or None,
            said=None if anchor is None else (anchor.unix, anchor.monotonic),
        )  # fmt: skip
        try:
            write_durably(self._path, msgspec.json.encode(kept))
        except OSError:
            self.counters["clock.not_kept"] += 1

    def _read(self) -> Kept | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError):
            self.counters["clock.damaged"] += 1
            return None


def _least_of(kept: Kept | None) -> float:
    if kept is None:
        return 0.0
    return kept.unix if kept.least is None and kept.source != Source.NTP else kept.least or 0.0


# --- the machine


class LinuxMachine:
    """This machine. ``battery``: its clock has one, so what it says at a start may be believed."""

    def __init__(self, battery: bool = False, boot_id: Path = BOOT_ID) -> None:
        self._battery = battery
        try:
            self.boot = boot_id.read_text().strip()
        except OSError:
            # Nothing that was kept is then taken for this boot's.
            self.boot = os.urandom(16).hex()

    def synchronized(self) -> float | None:
        """Ask the kernel, whose clock the NTP client disciplines (adjtimex(2)).

        A clock that somebody sets is not synchronized any more until the client says so again.
        """
        return time.time() if _in_step() else None

    def battery(self) -> float | None:
        """Return the system's clock, if it has a battery."""
        return time.time() if self._battery else None


TIME_ERROR = 5
"""The clock is not synchronized (adjtimex(2))."""
_TIMEX_BYTES = 512
"""More than struct timex has; with modes 0 it is only written to."""


def _in_step() -> bool:
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = int(adjtimex(buffer))
    return 0 <= state < TIME_ERROR
