"""What the doctor finds, in plain words, each with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

EXAMPLES = 3


class Level(StrEnum):
    """How much it matters."""

    WRONG = "wrong"
    """Something does not work, will soon not, or is not safe: the doctor ends with 1."""
    NOTE = "note"
    """It may be meant so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing: ``topic`` is what it is about in a word, ``todo`` what to do."""

    level: Level
    topic: str
    what: str
    todo: str


def wrong(topic: str, what: str, todo: str) -> Finding:
    """Make a finding that must not stay."""
    return Finding(Level.WRONG, topic, what, todo)


def note(topic: str, what: str, todo: str) -> Finding:
    """Make one that may be meant so."""
    return Finding(Level.NOTE, topic, what, todo)


def some(names: Sequence[str]) -> str:
    """Name a few of many: ``a, b, c and 1,997 more``."""
    said = ", ".join(names[:EXAMPLES])
    more = len(names) - EXAMPLES
    return said if more <= 0 else f"{said} and {more:,} more"
