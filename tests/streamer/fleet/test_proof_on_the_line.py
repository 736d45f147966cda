"""A box's journal over a real connection: kept, receipted, and gone on with in the next session."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from loa.receivers.journal.journal import BoxJournal
from loa.receivers.link import Link
from loa.streamer.store import heard
from support.journal import Hands, stretch
from support.link import FleetDoorHere, fleet_door
from support.proof import findings, reports


def journal_of(there: FleetDoorHere, link: Link, folder: Path) -> BoxJournal:
    kept = link.identity
    journal = BoxJournal(
        folder, kept.kept.receiver, lambda: kept.keys[0], link, Hands(), time.monotonic,
        chance=lambda low, high: low,
    )  # fmt: skip
    link.add(journal)
    return journal


async def told(there: FleetDoorHere, journal: BoxJournal) -> None:
    """Let it tell everything."""
    async with asyncio.timeout(20):
        while journal.waiting:
            journal.poll(time.monotonic())
            await asyncio.sleep(0.02)


async def test_a_journal_is_kept_and_goes_on_in_the_next_session(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        identity = await there.enrol()
        link = await there.link(identity=identity, wait=False)
        journal = journal_of(there, link, tmp_path / "journal")
        journal.started()
        await there.until(lambda: link.up)
        journal.playing(stretch(1, emergency=3, device=5))
        journal.played(stretch(1, emergency=3))
        await told(there, journal)
        assert [r.play for r in await reports(there.office.desk)] == ["e5#1"]
        await there.unlink(link)
        journal.played(stretch(2))
        again = await there.link(identity=identity, wait=False)
        journal.stopped()
        journal = journal_of(there, again, tmp_path / "journal")
        journal.started()
        await there.until(lambda: again.up)
        await told(there, journal)
        assert [r.play for r in await reports(there.office.desk)] == ["e5#1", "e5#2"]
        assert await findings(there.office.desk) == []
        async with there.office.desk.store.read() as db:
            (early,) = await heard.early(db, 3)
        assert (early.play, early.device) == ("e5#1", True)
        await there.unlink(again)
        journal.stopped()
