"""From rows of the as-run log to what replay makes streams of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from loa.streamer.air.replay import Carried, Kept
from loa.streamer.store.tables.airing import AiredRow, ArchiveRow


def carried_of(
    rows: Iterable[AiredRow], files: Iterable[ArchiveRow], data: Path, now: int
) -> list[Carried]:
    """Return the stretches by tick; what still goes on ends at ``now``."""
    kept: dict[int, list[Kept]] = {}
    for file in files:
        entry = Kept(data / "archive" / file.file, file.first_tick, file.ticks)
        kept.setdefault(file.series_id or file.id, []).append(entry)
    return [
        Carried(
            row.from_tick,
            now if row.to_tick is None else row.to_tick,
            row.audio,
            row.skipped,
            row.kind == "file",
            tuple(sorted(kept.get(row.archive_id or 0, ()), key=lambda k: k.first)),
        )
        for row in sorted(rows, key=lambda row: row.from_tick)
    ]
