"""The parts of a box, as they see each other; ``box.py`` puts them together.

Everything belongs to the box's loop, but for ``Sound.read_into``, which the output's own thread
calls. Monotonic seconds are ``time.monotonic()`` of the box, ``unix`` is the time of day, ``tick``
a place on the server's timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import FromServer, Message, Welcome

Samples = npt.NDArray[np.float32]


class Line(Protocol):
    """The connection to the server."""

    @property
    def up(self) -> bool:
        """Whether there is a session."""

    @property
    def down_since(self) -> float | None:
        """Since when (monotonic) there is none; None while there is one."""

    def send(self, message: Message) -> bool:
        """Send a message; False when there is no session or too much waits already."""


class Part(Protocol):
    """Whoever deals with messages of the server. ``takes``: which."""

    takes: Sequence[type[Message | Audio | Piece]]

    def welcomed(self, welcome: Welcome) -> None:
        """A session began."""

    def parted(self) -> None:
        """It ended."""

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Deal with a message that arrived at ``now`` (monotonic)."""


class ServerClock(Protocol):
    """The server's timeline by timed exchanges (``timekeeping``)."""

    def tick(self, now: float) -> float | None:
        """Return the place on the timeline at ``now`` (monotonic); None while it is unknown."""

    def when(self, tick: float) -> float | None:
        """Return the monotonic time at which a tick is or was complete."""

    def unix(self, now: float) -> float | None:
        """Return the server's time of day, as this session tells it; None without a session."""


class DayClock(Protocol):
    """The time of day that may be trusted: the server's, NTP's, or the last known, run on."""

    def unix(self, now: float) -> float | None:
        """Return Unix seconds at ``now`` (monotonic); None: nobody knows, nothing is played."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Prepared audio in the cache: one packet a tick. ``hash``: SHA-256 of its file."""

    hash: bytes
    packets: Sequence[bytes]


class Cache(Protocol):
    """What was fetched ahead."""

    def has(self, hash: bytes) -> bool:
        """Whether it is there, whole and checked; cheap."""

    def read(self, hash: bytes) -> Prepared | None:
        """Read it, checking its hash; None (and it is thrown away) when it is not what it was."""


class Origin(StrEnum):
    """Where what was played came from."""

    LIVE = "live"
    """The connection."""
    CACHE = "cache"


class Cause(StrEnum):
    """Why it was on."""

    SERVER = "server"
    """The server's carriage."""
    SCHEDULE = "schedule"
    """The last signed schedule, without a connection."""
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be heard from ``tick`` on, as the sequencer takes it from whoever decides.

    The fields are those of ``messages.Change``; ``cause`` says who decided.
    """

    tick: int
    kind: str
    cls: int = 0
    play: str = ""
    audio: bytes | None = None
    offset: int = 0
    ticks: int = 0
    stream: bool = False
    gap: bool = False
    bulletin: int = 0
    emergency: int = 0
    drill: bool = False
    sign: str = ""
    cause: Cause = Cause.SERVER


@dataclass(frozen=True, slots=True)
class Played:
    """One stretch of what this box played, for the journal. Counts are ticks.

    ``delivered``: came by the connection or lay in the cache. ``decoded``: were decoded without
    being made up. ``device``: were taken by the sound device while the relay was on; None where
    there is no device that could tell. ``sounded``: measured by a microphone or a current sensor;
    None: not measured. ``concealed``: made up for what was missing. ``missed``: were due and never
    sounded. ``volume`` in percent. ``late_ms``: how much later than due it began. ``whole``: it
    went to its end. ``interrupted``: by what (a play, or ``stop``, ``power``, ``device``).
    ``why_not``: why something that was due did not sound at all.
    """

    wanted: Wanted
    origin: Origin
    started: float | None
    """Unix seconds by the most trusted clock; None: unknown."""
    first_tick: int
    ended_tick: int
    delivered: int
    decoded: int
    device: int | None
    sounded: int | None
    concealed: int
    missed: int
    volume: int
    late_ms: int
    whole: bool
    interrupted: str = ""
    why_not: str = ""


class Journal(Protocol):
    """The box's own record."""

    def record(self, kind: str, /, **details: object) -> None:
        """Write an entry of any kind, durably before this returns."""

    def playing(self, played: Played) -> None:
        """Note what is known so far of a stretch that goes on, in case the power fails.

        To be called at its first sound and then about once a second: what is written, and how
        often, is the journal's to decide. The beginning of an emergency is told the server at once.
        """

    def played(self, played: Played) -> None:
        """Write down a stretch that is over."""


class Sound(Protocol):
    """What gives samples to the horn. Called from the output's own thread; nothing here waits."""

    @property
    def cls(self) -> int:
        """The class (0 … 2) of what ``read_into`` gave last, or of what ``begins`` announces."""

    def read_into(self, out: Samples, at: float) -> bool:
        """Fill ``out`` (float32, shape ``(960,)``) with what is to sound at ``at`` (monotonic).

        Returns whether anything sounds: without it for a while the relay is switched off.
        """

    def begins(self, at: float) -> float | None:
        """Return when (monotonic) something will sound next, as far as it is known already.

        At ``at`` or before while something sounds; None when nothing is known. By this the relay is
        switched on ahead, so that the amplifier's warming up eats no first words.
        """


class Horn(Protocol):
    """What the horn tells the player; any thread may ask. Counts only grow, and the block that
    ``read_into`` is just being asked for is not in them yet."""

    @property
    def consumed(self) -> int | None:
        """Blocks that the device took while the relay was on; None: no device that could tell."""

    @property
    def sounded(self) -> int | None:
        """Blocks during which a microphone or sensor measured sound; None: not measured."""

    def volume(self, cls: int) -> int:
        """Percent, as a class would sound now."""
