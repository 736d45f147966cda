"""What boxes say in their journals, checked and put into the columns of play reports. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loa.codecs.control.journal import Played
from loa.codecs.control.messages import Journal
from loa.codecs.control.signing import PublicKey
from loa.streamer.fleet.journals import Refused, Sealed, check
from loa.streamer.store import proof as kept

EARLIEST, LATEST = 1_500_000_000.0, 7_000_000_000.0
"""Unix seconds that a box may mean; what lies outside is a clock that was never set."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that was checked, with what is to be written of it: its lines, and by number the
    columns of a report."""

    sealed: Sealed
    lines: bytes
    reports: dict[int, dict[str, Any]]


def columns(entry: Played, now: float) -> dict[str, Any]:
    """Return a stretch as columns of ``PlayReportRow``; ``now``: when it came."""
    at = entry.started if entry.started is not None else entry.at
    return {
        "at": at if at is not None and EARLIEST <= at <= LATEST else now,
        "play": entry.play, "kind": entry.kind[:20], "cls": entry.cls,
        "bulletin_id": entry.bulletin or None, "emergency_id": entry.emergency or None,
        "drill": entry.drill, "audio": "" if entry.audio is None else entry.audio.hex(),
        "origin": entry.origin[:20], "cause": entry.cause[:20], "started": entry.started,
        "from_tick": entry.first, "to_tick": entry.ended, "delivered": entry.delivered,
        "decoded": entry.decoded, "device": entry.device, "sounded": entry.sounded,
        "concealed": entry.concealed, "missed": entry.missed, "volume": entry.volume,
        "late_ms": entry.late_ms, "whole": entry.whole, "interrupted": entry.interrupted,
        "why_not": entry.why_not, "checkpoint": entry.checkpoint,
    }  # fmt: skip


def check_all(
    said: Sequence[tuple[int, Journal]], keys: Mapping[int, Sequence[PublicKey]], now: float
) -> list[Ready | str]:
    """Check what receivers sent: of each message what is to be written, or why it is refused."""
    found: list[Ready | str] = []
    for receiver, message in said:
        try:
            sealed = check(receiver, message, keys.get(receiver, ()))
        except Refused as refused:
            found.append(str(refused))
            continue
        reports = {
            told.line.number: {"digest": told.digest, **columns(told.entry, now)}
            for told in sealed.told
            if isinstance(told.entry, Played)
        }
        found.append(Ready(sealed, kept.pack(t.line.text for t in sealed.told), reports))
    return found
