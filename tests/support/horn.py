"""A horn's surroundings for tests: a sound that is said beforehand, a device the test calls for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from loa.receivers.outputs import BLOCK, BLOCK_S, Output, OutputError, Read
from loa.receivers.parts import Played, Samples
from loa.receivers.relay import RelayError


@dataclass
class Said:
    """A sound at full scale between ``start`` and ``end``; foretold ``ahead`` seconds."""

    start: float = float("inf")
    end: float = float("inf")
    ahead: float = 1.0
    cls: int = 0
    broken: bool = False

    def read_into(self, out: Samples, at: float) -> bool:
        if self.broken:
            raise ValueError("broken")
        sounds = self.start <= at < self.end
        out.fill(1.0 if sounds else 0.0)
        return sounds

    def begins(self, at: float) -> float | None:
        return self.start if at < self.end and self.start - at <= self.ahead else None


@dataclass
class Clock:
    """A monotonic clock that the test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class HandDevice:
    """A device whose calls the test makes: ``take`` is its thread."""

    clock: Clock
    name: str = "hand"
    trouble: str | None = None
    underflows: int = 0
    refuses: str | None = None
    read: Read | None = None
    taken: list[Samples] = field(default_factory=list)
    opened: int = 0
    closed: int = 0

    def open(self, read: Read) -> None:
        if self.refuses is not None:
            raise OutputError(self.refuses)
        self.opened += 1
        self.trouble = None
        self.read = read

    def close(self) -> None:
        self.closed += 1
        self.read = None

    def take(self, blocks: int = 1) -> None:
        """Take blocks, one every 20 ms of the test's clock."""
        for _ in range(blocks):
            assert self.read is not None, "it is not open"
            out = np.empty(BLOCK, np.float32)
            self.read(out, self.clock.now)
            self.taken.append(out)
            self.clock.now += BLOCK_S


@dataclass
class HandRelay:
    """A relay that remembers when it was switched; ``fails``: it cannot be."""

    clock: Clock
    name: str = "hand"
    fails: str | None = None
    on: bool | None = None
    switched: list[tuple[float, bool]] = field(default_factory=list)
    closed: bool = False

    async def switch(self, on: bool) -> None:
        if self.fails is not None:
            raise RelayError(self.fails)
        self.on = on
        self.switched.append((self.clock.now, on))

    def close(self) -> None:
        self.closed = True


@dataclass
class KeptJournal:
    """A journal in memory. ``full``: its disk is."""

    entries: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    stretches: list[Played] = field(default_factory=list)
    full: bool = False

    def record(self, kind: str, /, **details: object) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.entries.append((kind, details))

    def playing(self, played: Played) -> None:
        """It goes on."""

    def played(self, played: Played) -> None:
        self.stretches.append(played)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.entries]


def is_output(device: HandDevice) -> Output:
    """Say to the type checker that it is one."""
    return device
