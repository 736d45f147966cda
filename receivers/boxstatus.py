"""What a box tells of itself, put together from its parts: status, health, what a test checks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loa.receivers import selftest, status
from loa.receivers.enrol import software
from loa.receivers.selftest import Check, Found
from loa.receivers.status import Status, boot_id
from loa.receivers.timekeeping import Source
from loa.streamer.core.timeline import TICKS_A_SECOND

if TYPE_CHECKING:
    from loa.receivers.box import Box

CLOCKS = {None: "", Source.BATTERY: "battery", Source.NTP: "ntp", Source.SERVER: "server"}
TRUST = {None: 0, Source.BATTERY: 1, Source.NTP: 2, Source.SERVER: 3}


def write(box: Box, ended: str | None = None) -> None:
    """Write the status file. Raises ``OSError``."""
    status.write(box.config.runtime, status_of(box, ended))


def status_of(box: Box, ended: str | None = None) -> Status:
    """Return the status of a box now."""
    now = box.clock()
    horn, kept, down = box.horn.state(), box.identity.kept, box.link.down_since
    current, schedule = box.carriage.current, box.schedule.now
    playing = _playing(box, now)
    sounds = current is not None and horn.sounding
    online = box.vitals.values.get("online_s", 0.0)
    tested = box.self_test.last
    return Status(
        boot=boot_id(), written=now, process=os.getpid(), version=software(), ended=ended,
        unix=box.unix(), started=box.started,
        receiver=kept.receiver, name=box.settings.now.name or kept.name,
        area=box.settings.now.area_name or kept.area, server=kept.server,
        online=box.link.up, line_for=online if down is None else now - down,
        line_why=box.link.why, offline=box.offline.deciding,
        sounding=current.kind if sounds and current else "silence",
        cls=current.cls if current else 0, play=current.play if current else "",
        drill=current.drill if current else False,
        origin=playing.origin if sounds else "", lag_ms=playing.lag_ms,
        buffer_ms=playing.buffer_ms,
        volume=horn.volume, output=horn.output, output_open=horn.open,
        output_trouble=horn.trouble, relay=horn.relay, relay_kind=box.config.relay.kind,
        sounded=box.horn.hears, settings_version=box.settings.now.version,
        sign=box.sign.wanted() if box.sign.there else None,
        clock=CLOCKS[box.day.source],
        schedule_until=None if schedule is None else schedule.until / TICKS_A_SECOND,
        schedule_from=None if schedule is None else schedule.made / TICKS_A_SECOND,
        cache_files=len(box.cache.hashes()), cache_mb=box.cache.size / 1e6,
        cache_missing=box.fetching.waiting[0], journal_waiting=box.journal.waiting,
        tested_at=tested.at, tested=tested.problems,
        memory_mb=round(box.vitals.values.get("memory_mb", 0)),
        values=box.vitals.values, texts=box.vitals.texts, counters=counters(box),
        failures=(*box.failures, *box.link.failures, *filter(None, [box.journal.trouble])),
    )  # fmt: skip


def vitals(box: Box) -> Mapping[str, float | str]:
    """Return what health tells of the box's parts."""
    horn, playing = box.horn.state(), _playing(box, box.clock())
    sequencer = box.carriage.sequencer.counters
    quota = max(1, box.cache.quota)
    found: dict[str, float | str] = {
        "output_trouble": 0 if box.horn.consuming else 1,
        "on_air": int(horn.sounding),
        "buffer_ms": playing.buffer_ms,
        "lag_ms": playing.lag_ms,
        "lost": sequencer.missed,
        "concealed": sequencer.made_up,
        "behind_ms": round(box.carriage.player.seconds_behind() * 1000),
        "line_needs_ms": round(box.carriage.depth.needed * 1000),
        "clock_doubt_ms": clock_doubt(box),
        "clock_trust": TRUST[box.day.source],
        "cache_percent": round(100 * min(1.0, box.cache.size / quota), 1),
        "journal_waiting": box.journal.waiting,
        "volume_percent": horn.volume,
        "trouble": horn.trouble or box.journal.trouble or box.sign.trouble or box.ears.trouble,
        **box.self_test.values,
    }
    if horn.relay is not None and box.config.relay.kind != "none":
        found["relay"] = int(horn.relay)
    return found


def clock_doubt(box: Box) -> float:
    """Return by how much the server's timeline may be wrong here, ms; a minute where unknown."""
    return round(min(60.0, box.timeline.doubt(box.clock())) * 1000, 1)


@dataclass(frozen=True, slots=True)
class _Playing:
    origin: str = ""
    lag_ms: int = 0
    buffer_ms: int = 0


def _playing(box: Box, now: float) -> _Playing:
    """Return where what is on now comes from, how late it is, and what of it waits."""
    player = box.carriage.player
    target = player.target(now)
    with player.lock:
        run = box.carriage.sequencer.current
        if run is None or target is None:
            return _Playing()
        waits = box.carriage.sequencer.buffer.ahead(run.at) if run.streamed else 0
        return _Playing(run.origin.value, round(max(0.0, run.lag(target)) * 20), waits * 20)


def counters(box: Box) -> dict[str, int]:
    """Return everything that was counted, what was dropped above all."""
    player, sequencer = box.carriage.player.counters, box.carriage.sequencer.counters
    horn, timeline = box.horn.state(), box.timeline
    found = {
        "player.decoded": player.decoded, "player.odd": player.odd,
        "player.left_out": player.left_out, "player.put_in": player.put_in,
        "player.failed": player.failed, "sequencer.unasked": sequencer.unasked,
        "sequencer.missed": sequencer.missed, "sequencer.made_up": sequencer.made_up,
        "sequencer.cuts": sequencer.cuts, "sequencer.asked": sequencer.asked,
        "sequencer.refused": sequencer.refused, "carriage.too_late": box.carriage.too_late,
        "carriage.unreadable": box.carriage.unreadable, "orders.refused": box.obeying.refused,
        "horn.blocks": horn.blocks, "horn.failed": horn.failed,
        "horn.underflows": horn.underflows, "horn.reopened": horn.reopened,
        "clock.exchanges": timeline.exchanges, "clock.contradicted": timeline.contradicted,
        "clock.resets": timeline.resets, "data.not_kept": box.data.failed_writes,
    }  # fmt: skip
    for part in (
        box.link, box.journal, box.cache, box.fetching, box.offline, box.schedule, box.day,
        box.sticks, box.vitals,
    ):  # fmt: skip
        found.update(part.counters)
    return found


def checks(box: Box) -> dict[str, Check]:
    """Return what a self-test looks at."""
    given = box.config
    return {
        "output": selftest.output_check(box.horn),
        "relay": selftest.relay_check(box.horn, given.relay.click and given.relay.kind != "none"),
        "volume": selftest.volume_check(lambda: box.settings.now),
        "disk": selftest.disk_check(given.state, given.limits.disk_reserve_mb),
        "programs": selftest.programs_check(
            {"sign": given.sign.command, "relay": given.relay.on, "reboot": given.machine.reboot}
        ),
        "cache": lambda: _check_cache(box),
        "clock": lambda: _check_clock(box),
        "line": lambda: _check_line(box),
    }


async def _check_cache(box: Box) -> Found:
    bad = 0
    there = box.cache.hashes()
    for hash in there:
        bad += not await asyncio.to_thread(box.cache.check, hash)
    if bad:
        box.offline.poke()
        box.fetching.poke()
        return Found(f"{bad} of {len(there)} files were damaged; they will be fetched again")
    return Found(box.fetching.full, f"{len(there)} files")


async def _check_clock(box: Box) -> Found:
    if box.unix() is None:
        return Found("nobody knows what time it is")
    return Found(said=CLOCKS[box.day.source])


async def _check_line(box: Box) -> Found:
    if box.link.up:
        return Found(said="online")
    schedule = box.schedule.now
    unix = box.unix()
    if schedule is None:
        return Found("no connection, and no schedule to play by")
    if unix is None or schedule.until / TICKS_A_SECOND <= unix:
        return Found("no connection, and the schedule is over")
    return Found(said="offline, plays by its schedule")
