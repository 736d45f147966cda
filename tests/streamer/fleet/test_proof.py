"""Journals at the server: kept once, receipted then, and nothing goes missing unnoticed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from loa.codecs.control.journal import read_line, seal_text
from loa.codecs.control.messages import Receipt, Sounding
from loa.codecs.control.signing import Purpose
from loa.streamer.fleet import proof as module
from loa.streamer.fleet.journals import Batch, Finding, audit
from loa.streamer.store import proof as kept
from loa.streamer.store.store import NoRoom, Store
from support.desk import desk_with_sample
from support.journal import START, stretch
from support.proof import Reporting, add_receiver, box_of, findings, key_of, reports


async def test_what_a_box_says_is_kept_as_it_says_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area("/ha-giang/quang-binh").id
        one = await add_receiver(office.desk, area)
        of = box_of(tmp_path, one)
        of.journal.started()
        of.journal.played(stretch(1))
        of.journal.played(stretch(2, device=None, sounded=None, whole=False, interrupted="stop"))
        of.journal.played(
            stretch(3, emergency=4, delivered=0, decoded=0, device=0, started=None, whole=False,
                    why_not="no_data")
        )  # fmt: skip
        server = await Reporting.start(office.desk)
        assert await server.exchange(of, one, area) == 1
        first, second, third = await reports(office.desk)
        assert (first.play, first.receiver_id, first.area_id) == ("e5#1", one, area)
        assert (first.delivered, first.decoded, first.device, first.sounded) == (
            3000, 3000, 3000, None,
        )  # fmt: skip
        assert first.started == first.at == START and first.whole and first.audio == "00" * 32
        assert (second.device, second.sounded, second.interrupted) == (None, None, "stop")
        assert (third.device, third.started, third.why_not) == (0, None, "no_data")
        assert third.emergency_id == 4 and third.at == START
        assert await findings(office.desk) == []
        # Nothing more is sent, in this run of the server or the next one.
        assert await server.exchange(of, one, area) == 0
        again = await Reporting.start(office.desk)
        assert await again.exchange(of, one, area) == 0


async def test_a_message_that_comes_twice_is_kept_once(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1))
        of.welcome()
        of.run(1)
        (message,) = of.line.journals
        server = await Reporting.start(office.desk)
        session, wire = server.connect(one)
        await server.hub.take(session, message)
        await server.hub.take(session, message)
        await server.proof.keep()
        await server.say(session, message)
        assert wire.sent == [Receipt(), *[Receipt(chain=message.chain, journal=2)] * 3]
        assert len(await reports(office.desk)) == 1 and await findings(office.desk) == []
        async with office.desk.store.read() as db:
            batches = await kept.batches_of(db, one, 0, 10)
        assert [kept.unpack(bytes(b.lines)) for b in batches] == [list(message.lines)]


async def test_killed_between_commit_and_receipt(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1))
        server = await Reporting.start(office.desk)
        session, wire = server.connect(one)
        of.welcome(Receipt())
        of.run(1)
        await server.say(session, of.line.journals[0])
        wire.sent.clear()  # the receipts never left
        of.journal.parted()
        of.journal.played(stretch(2))
        again = await Reporting.start(office.desk)
        await again.exchange(of, one)
        assert [r.play for r in await reports(office.desk)] == ["e5#1", "e5#2"]
        assert await findings(office.desk) == []


async def test_nothing_is_receipted_that_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1))
        of.welcome()
        of.run(1)
        server = await Reporting.start(office.desk)
        session, wire = server.connect(one)

        def full(store: Store) -> object:
            raise NoRoom("the database cannot be written: disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "write", full)
            await server.say(session, of.line.journals[0])
        assert wire.sent == [Receipt()]
        assert office.desk.counters.snapshot()["proof.write_failed"] == 1
        of.run(60)
        await server.say(session, of.line.journals[1])
        assert len(await reports(office.desk)) == 1


async def test_lines_of_another_box_are_refused(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one, other = [await add_receiver(office.desk, 1) for _ in range(2)]
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1))
        of.welcome()
        of.run(1)
        (message,) = of.line.journals
        server = await Reporting.start(office.desk)
        session, wire = server.connect(other)
        await server.say(session, message)
        # Signed anew by the box that says them, they are still another one's.
        lines = [read_line(text) for text in message.lines]
        seal = seal_text(
            other, message.chain, message.before, 1, lines[-1].number, lines[-1].hash
        )  # fmt: skip
        forged = msgspec.structs.replace(
            message, signature=key_of(other).sign(Purpose.JOURNAL, seal)
        )
        await server.say(session, forged)
        assert wire.sent == [Receipt()] and await reports(office.desk) == []
        kinds = [kind for _, kind, *_ in await findings(office.desk)]
        assert kinds == ["signature", "receiver"]


async def test_an_altered_and_a_left_out_line_are_noticed(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        for number in range(4):
            of.journal.played(stretch(number))
        of.welcome()
        of.run(1)
        (message,) = of.line.journals
        server = await Reporting.start(office.desk)
        session, wire = server.connect(one)
        altered = [text.replace("e5#2", "e5#9") for text in message.lines]
        left_out = [*message.lines[:2], *message.lines[3:]]
        short = message.lines[:-1]
        for lines in (altered, left_out, short, message.lines[1:], ["1 {} x"]):
            await server.say(session, msgspec.structs.replace(message, lines=tuple(lines)))
        assert wire.sent == [Receipt()] and await reports(office.desk) == []
        kinds = [kind for _, kind, *_ in await findings(office.desk)]
        assert kinds == ["altered", "altered", "signature", "altered", "altered"]
        await server.say(session, message)
        assert len(await reports(office.desk)) == 4


async def test_what_is_missing_is_found_and_the_rest_taken(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one, quota=1)
        server = await Reporting.start(office.desk)
        of.journal.started()
        await server.exchange(of, one)
        for number in range(700):
            of.journal.played(stretch(number))
        await server.exchange(of, one)
        there = await reports(office.desk)
        assert there[-1].play == "e5#699" and 100 < len(there) < 700
        found = await findings(office.desk)
        assert {(kind, why) for _, kind, _, _, why in found} == {("missing", "full")}
        missing = sum(last - first + 1 for _, _, first, last, _ in found)
        # The numbers that are missing are the plays that are, and what the box said of dropping.
        assert 0 <= missing - (700 - len(there)) < 8


async def test_a_fork_begins_another_chain_and_loses_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        server = await Reporting.start(office.desk)
        of.journal.played(stretch(1))
        await server.exchange(of, one)
        (file,) = (tmp_path / f"box-{one}").glob("*.journal")
        image = file.read_bytes()
        of.journal.played(stretch(2))
        await server.exchange(of, one)
        # The card is put back as it was: what was said since is not on it.
        file.write_bytes(image)
        clone = box_of(tmp_path, one)
        clone.journal.played(stretch(3))
        await server.exchange(clone, one)
        clone.journal.played(stretch(4))
        await server.exchange(clone, one)
        plays = [r.play for r in await reports(office.desk)]
        assert plays == ["e5#1", "e5#2", "e5#3", "e5#4"]
        kinds = [kind for _, kind, *_ in await findings(office.desk)]
        assert kinds == ["fork", "anew"]
        # And behind: the server knows numbers that the card does not.
        for file in (tmp_path / f"box-{one}").glob("*.journal"):
            file.unlink()
        new = box_of(tmp_path, one)
        new.journal.played(stretch(5))
        await server.exchange(new, one)
        assert (await reports(office.desk))[-1].play == "e5#5"
        assert (await findings(office.desk))[-1][1:] == ("anew", 1, 0, "new")


async def test_what_is_carried_into_a_new_chain_is_not_counted_twice(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        server = await Reporting.start(office.desk)
        for number in range(4):
            of.journal.played(stretch(number))
        await server.exchange(of, one)
        (file,) = (tmp_path / f"box-{one}").glob("*.journal")
        file.write_bytes(file.read_bytes().replace(b'"play":"e5#2"', b'"play":"e5#9"'))
        damaged = box_of(tmp_path, one)
        damaged.journal.played(stretch(4))
        await server.exchange(damaged, one)
        assert sorted(r.play for r in await reports(office.desk)) == [
            "e5#0", "e5#1", "e5#2", "e5#3", "e5#4",
        ]  # fmt: skip
        assert [f[1:] for f in await findings(office.desk)] == [("anew", 1, 0, "damaged")]


async def test_a_torn_line_is_told_with_its_number(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        server = await Reporting.start(office.desk)
        of.journal.played(stretch(1))
        await server.exchange(of, one)
        of.journal.played(stretch(2))
        (file,) = (tmp_path / f"box-{one}").glob("*.journal")
        file.write_bytes(file.read_bytes()[:-9])
        torn = box_of(tmp_path, one)
        torn.journal.started()
        await server.exchange(torn, one)
        assert [f[1:] for f in await findings(office.desk)] == [("missing", 3, 3, "torn")]


async def test_many_boxes_are_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk_with_sample(tmp_path) as office:
        server = await Reporting.start(office.desk)
        said = []
        for _ in range(30):
            id = await add_receiver(office.desk, 1)
            of = box_of(tmp_path, id)
            of.journal.played(stretch(1))
            of.welcome()
            of.run(1)
            said.append((server.connect(id), of.line.journals[0]))
        writes = 0
        write = Store.write

        def counted(store: Store) -> object:
            nonlocal writes
            writes += 1
            return write(store)

        monkeypatch.setattr(Store, "write", counted)
        task = asyncio.create_task(server.proof.run())
        for (session, _), message in said:
            await server.hub.take(session, message)
        for _ in range(200):
            if all(len(wire.sent) == 2 for (_, wire), _ in said):
                break
            await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert len(await reports(office.desk)) == 30 and writes <= 2


async def test_a_box_that_talks_too_much_is_not_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SOUNDINGS", 5)
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1))
        of.welcome()
        of.run(1)
        (message,) = of.line.journals
        server = await Reporting.start(office.desk)
        session, wire = server.connect(one)
        for _ in range(50):
            await server.hub.take(session, message)
        await server.proof.keep()
        counts = office.desk.counters.snapshot()
        assert len(wire.sent) == 1 + module.MOST_OF_ONE
        assert counts["proof.too_fast"] == 50 - module.MOST_OF_ONE
        bad = msgspec.structs.replace(message, signature=bytes(64))
        for _ in range(module.MOST_FINDINGS + 5):
            await server.say(session, bad)
        assert len(await findings(office.desk)) == module.MOST_FINDINGS
        said = Sounding(emergency=1, play="x", tick=5)
        for _ in range(module.MOST_SOUNDINGS + 5):
            await server.say(session, said)
        assert office.desk.counters.snapshot()["proof.too_many_soundings"] == 5


async def test_what_is_old_is_removed(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1))
        server = await Reporting.start(office.desk)
        await server.exchange(of, one)
        office.clock.now += 300 * 86_400
        await server.proof.sweep()
        assert len(await reports(office.desk)) == 1
        of.journal.played(stretch(2))
        await server.exchange(of, one)
        office.clock.now += 100 * 86_400
        await server.proof.sweep()
        assert [r.play for r in await reports(office.desk)] == ["e5#2"]
        # The chain goes on where it was.
        of.journal.played(stretch(3))
        await server.exchange(of, one)
        assert await findings(office.desk) == []


async def test_what_is_kept_can_be_checked_again(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_receiver(office.desk, 1)
        of = box_of(tmp_path, one)
        server = await Reporting.start(office.desk)
        for number in range(3):
            of.journal.played(stretch(number))
            await server.exchange(of, one)
        async with office.desk.store.read() as db:
            rows = await kept.batches_with_chains(db, one, 0, 10)
        batches = [
            Batch(
                chain, row.first, row.last, row.fresh, row.before,
                tuple(kept.unpack(row.lines)), row.signature, row.key,
            )
            for row, chain in rows
        ]  # fmt: skip
        assert audit(one, batches) == (4, [])
        assert audit(one, batches[1:]) == (2, [])
        assert audit(one, [batches[0], batches[2]]) == (3, [Finding("missing", 3, 3)])
        altered = replace(batches[1], lines=(batches[1].lines[0].replace("e5#1", "e5#9"),))
        good, wrong = audit(one, [batches[0], altered, batches[2]])
        assert good == 3 and wrong[0] == Finding("altered", 3, 3)
        forged = replace(batches[1], signature=bytes(64))
        assert audit(one, [forged]) == (0, [Finding("signature", 3, 3)])
        assert audit(one + 1, batches[:1])[1] == [Finding("signature", 1, 2)]
