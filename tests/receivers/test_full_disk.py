"""A whole box on a disk that fills up, with a real door: it sounds, says so, and loses no word that
was confirmed."""

from __future__ import annotations

from pathlib import Path

from loa.codecs.control.journal import Lost, Note, Played, read_entry
from loa.codecs.control.messages import Change
from loa.codecs.control.orders import Volume
from loa.codecs.control.sealed import hash_of
from loa.receivers import boxstatus
from loa.receivers.box import Box
from loa.receivers.enrol import enrol
from loa.receivers.journal.store import JournalStore
from loa.streamer.desk import receiver_orders
from support.boxes import real_opus
from support.disk import SmallDisk, small_disk
from support.link import FleetDoorHere, fleet_door
from support.proof import findings, reports
from support.wholebox import config_below, heard, running, until

TONE = 1500.0
AUDIO = real_opus(1.0, TONE)
HASH = hash_of(AUDIO)


def on_air(there: FleetDoorHere, box: Box, play: str) -> None:
    """The box's mount carries the tone from now on."""
    session = there.fleet.hub.of(box.identity.kept.receiver)
    assert session is not None
    tick = there.fleet.position.now()
    session.send(
        Change(tick=int(tick) + 15, kind="bulletin", play=play, audio=HASH, ticks=50, cls=2)
    )  # fmt: skip


async def sounded(there: FleetDoorHere, box: Box, play: str) -> None:
    on_air(there, box, play)
    await until(f"{play} sounds", lambda: box.horn.state().sounding)
    await until(f"{play} is over", lambda: not box.horn.state().sounding)


async def confirmed(box: Box, play: str) -> int:
    """Wait until the server has the whole journal, this too; return its newest number."""
    await until("it is written", lambda: any(play in line for line in box.journal.newest(9)))
    box.journal._pacing._chance = lambda low, high: low  # not spread over ten seconds
    await until("the journal is receipted", lambda: box.journal.waiting == 0)
    assert box.journal._store is not None
    return box.journal._store.number


def written(home: Path, receiver: int) -> list[Played | Note | Lost]:
    """What stands in the journal's files."""
    store = JournalStore(home / "journal", receiver, Note(what="test"))
    try:
        entries = [read_entry(line.body) for line in store.newest(1000)]
        return [entry for entry in entries if isinstance(entry, Played | Note | Lost)]
    finally:
        store.close()


async def test_a_box_whose_disk_is_full_sounds_and_loses_no_confirmed_word(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with fleet_door(tmp_path) as there:
            await full(there, disk, tmp_path)


async def full(there: FleetDoorHere, disk: SmallDisk, tmp_path: Path) -> None:
    _, code = await there.add()
    state = disk.folder / "state"
    identity = await enrol([there.url], code, state, hardware="test", serial="")
    receiver = identity.kept.receiver
    config = config_below(tmp_path, state)
    async with running(config, identity) as box:
        assert box.cache.put(HASH, AUDIO)
        await until("it is online", lambda: box.link.up)
        await sounded(there, box, "before")
        before = await confirmed(box, "before")

        disk.fill()
        await sounded(there, box, "full")
        assert heard(config, TONE) >= 1.8
        for _ in range(100):  # what is left of the last block is used up, too
            if not box.journal.trouble:
                box.journal.record("filler", why="x" * 100)
        assert box.journal.trouble
        # It says so: on the spot, and to the office.
        status = boxstatus.status_of(box)
        assert "No space left on device" in status.failures[-1]
        await box.vitals.look()
        assert "No space left" in box.vitals.texts["trouble"]
        assert box.vitals.values["storage_free_mb"] == 0 or not disk.real
        # What would have to be kept is not obeyed, and that is told.
        office = there.office
        await receiver_orders.order(office.desk, office.server, [receiver], Volume(percent=40))
        await until("it cannot be obeyed", lambda: there.count("fleet.orders.refused.disk") > 0)
        assert box.horn.volume(0) != 40 and box.link.up and box.failures == []

    # Restarted while there is no room: it is the same box, and sounds.
    async with running(config, identity) as box:
        await until("it is online again", lambda: box.link.up)
        assert box.cache.has(HASH)
        await sounded(there, box, "restarted")
        assert heard(config, TONE) >= 0.9
        assert box.journal.trouble

        disk.room()
        await until("it writes again", lambda: not box.journal.trouble)
        assert boxstatus.status_of(box).failures == ()
        await sounded(there, box, "after")
        assert await confirmed(box, "after") > before
        assert box.failures == []

    told = written(identity.home, receiver)
    plays = [entry.play for entry in told if isinstance(entry, Played)]
    assert {"before", "after"} <= set(plays) and len(plays) == len(set(plays))
    # What had no room is counted.
    lost = [entry for entry in told if isinstance(entry, Lost)]
    assert {entry.why for entry in lost} == {"disk"}
    kept = await reports(there.office.desk)
    assert [report.play for report in kept] == plays
    assert await findings(there.office.desk) == []
