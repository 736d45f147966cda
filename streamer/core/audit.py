"""The hash chain of the audit log: each entry seals the one before it.

An entry's hash is the SHA-256 of a canonical JSON list of the previous entry's hash and everything
the entry says. Who changes, drops or inserts one has to make every later hash anew, and the newest
hash is kept apart as well, so that the end cannot be cut off unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

FIRST = "0" * 64
"""What stands for the entry before the first one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. ``at``: Unix seconds; ``details``: JSON text, kept as it is."""

    at: float
    account: int | None
    who: str
    action: str
    area: int | None
    subject: str
    details: str


def seal(entry: Entry, previous: str) -> str:
    """Return the hash of an entry that follows the one with the hash ``previous``."""
    words = [
        previous, entry.at, entry.account, entry.who, entry.action, entry.area, entry.subject,
        entry.details,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()
