"""A box's journal for tests: clocks that stand still, a line that keeps what it was given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loa.codecs.control.messages import Journal, Message, Receipt, Sounding, Welcome
from loa.codecs.control.signing import SigningKey
from loa.receivers.journal.journal import BoxJournal
from loa.receivers.parts import Cause, Origin, Played, Wanted

KEY = SigningKey(bytes(range(32)))
START = 1_790_000_000.0
FIRST = 2_715_000_000


@dataclass
class Kept:
    """A line that keeps what is sent; ``up`` and ``takes`` are what the test says."""

    up: bool = True
    takes: bool = True
    sent: list[Message] = field(default_factory=list)

    @property
    def down_since(self) -> float | None:
        return None if self.up else 0.0

    def send(self, message: Message) -> bool:
        if self.up and self.takes:
            self.sent.append(message)
        return self.up and self.takes

    @property
    def journals(self) -> list[Journal]:
        return [m for m in self.sent if isinstance(m, Journal)]

    @property
    def soundings(self) -> list[Sounding]:
        return [m for m in self.sent if isinstance(m, Sounding)]


@dataclass
class Hands:
    """The box's clocks: monotonic from 100, the time of day from ``START`` (None: not known)."""

    now: float = 100.0
    unix_known: bool = True

    def __call__(self) -> float:
        return self.now

    def unix(self, now: float) -> float | None:
        return START + now - 100.0 if self.unix_known else None


class Prompt(BoxJournal):
    """Writes down what was played at once, and not by the next poll."""

    def played(self, played: Played) -> None:
        super().played(played)
        self.flush()


@dataclass
class Box:
    """A journal with its surroundings."""

    journal: BoxJournal
    line: Kept
    clock: Hands
    folder: Path

    def welcome(self, receipt: Receipt | None = None) -> None:
        """Begin a session, as the server does."""
        self.line.up = True
        self.journal.welcomed(Welcome(version=1, tick=1.0, unix=START))
        self.journal.take(receipt or Receipt(), self.clock.now)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds)):
            self.clock.now += 1.0
            self.journal.poll(self.clock.now)


def box(
    folder: Path,
    receiver: int = 7,
    key: SigningKey = KEY,
    kind: type[BoxJournal] = Prompt,
    **more: Any,
) -> Box:
    """Return a box whose journal is in ``folder``; nothing is spread, or written down later."""
    line, clock = Kept(), Hands()
    journal = kind(
        folder, receiver, lambda: key, line, clock, clock, chance=lambda low, high: low, **more
    )
    return Box(journal, line, clock, folder)


PLAYED = Played(
    wanted=Wanted(
        FIRST, "bulletin", play="e5#1", audio=bytes(32), ticks=3000, bulletin=3,
        cause=Cause.SERVER,
    ),
    origin=Origin.CACHE, started=START, first_tick=FIRST, ended_tick=FIRST + 3000, delivered=3000,
    decoded=3000, device=3000, sounded=None, concealed=0, missed=0, volume=80, late_ms=12,
    whole=True,
)  # fmt: skip


def stretch(number: int = 0, **more: Any) -> Played:
    """Return a stretch; of another play for each number."""
    wanted = replace(PLAYED.wanted, play=f"e5#{number}", tick=FIRST + 5000 * number)
    for name in ("emergency", "drill", "cls", "play", "bulletin", "kind"):
        if name in more:
            wanted = replace(wanted, **{name: more.pop(name)})
    first = FIRST + 5000 * number
    told = {"first_tick": first, "ended_tick": first + 3000, **more}
    return replace(PLAYED, wanted=wanted, **told)
