"""The box's journal: nothing is lost, nothing said twice, whatever happens to the disk and line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.journal import (
    Entry,
    Lost,
    Note,
    Opened,
    Played,
    read_entry,
    read_line,
    seal_text,
)
from loa.codecs.control.messages import Journal, Receipt, Sounding
from loa.codecs.control.signing import Purpose
from loa.receivers.journal import chain as journal_chain
from loa.receivers.journal import pacing as module
from loa.receivers.journal import store as journal_store
from loa.receivers.journal.journal import BoxJournal
from support.journal import KEY, START, Box, box, stretch


def entries(of: Box) -> list[Entry]:
    """Everything that is in the files, checked."""
    found = of.journal.newest(100_000)
    numbers = [read_line(text).number for text in found]
    assert numbers == sorted(set(numbers))
    return [read_entry(read_line(text).body) for text in found]


def notes(of: Box) -> list[str]:
    return [e.what for e in entries(of) if isinstance(e, Note)]


def checked(message: Journal, receiver: int = 7) -> list[Entry]:
    """Return what a message says, after checking it as a server does."""
    before, lines = message.before, [read_line(text) for text in message.lines]
    for line in lines:
        assert line.follows(message.chain, before)
        before = line.hash
    seal = seal_text(
        receiver, message.chain, message.before, lines[0].number, lines[-1].number, before
    )
    assert KEY.public.verifies(Purpose.JOURNAL, seal, message.signature)
    return [read_entry(line.body) for line in lines]


def receipt(of: Box, message: Journal) -> None:
    last = read_line(message.lines[-1]).number
    of.journal.take(Receipt(chain=message.chain, journal=last), of.clock.now)


def test_what_is_written_is_there_after_a_restart(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started(software="1.0")
    one.journal.played(stretch(1, device=None, sounded=None))
    one.journal.record("clock_set", by="server", seconds=3.5, odd=object())
    one.journal.stopped("update")
    two = box(tmp_path)
    two.journal.started()
    first, *rest = entries(two)
    assert isinstance(first, Opened) and first.why == "new" and first.receiver == 7
    assert notes(two) == ["started", "clock_set", "stopped", "started"]
    (played,) = [e for e in rest if isinstance(e, Played)]
    assert (played.play, played.device, played.sounded, played.delivered) == (
        "e5#1", None, None, 3000,
    )  # fmt: skip
    assert played.at == START and played.audio == bytes(32)


def test_a_power_cut_is_recognised_and_costs_ten_seconds_at_most(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    for second in range(25):
        one.clock.now = 100.0 + second
        one.journal.playing(stretch(2, device=50 * second, whole=False, interrupted=""))
    two = box(tmp_path)
    two.clock.now = 5.0
    two.journal.started()
    (played,) = [e for e in entries(two) if isinstance(e, Played)]
    assert played.checkpoint and played.interrupted == "power" and not played.whole
    assert played.device is not None and 24 * 50 - played.device <= 10 * 50
    lost = [e for e in entries(two) if isinstance(e, Note) and e.what == "power_lost"]
    assert len(lost) == 1 and lost[0].details["last_known"] == pytest.approx(START + 18)
    # Once only.
    two.journal.stopped()
    three = box(tmp_path)
    three.journal.started()
    assert len([e for e in entries(three) if isinstance(e, Played)]) == 1
    assert notes(three).count("power_lost") == 1


def test_a_stretch_that_was_written_down_is_not_told_again_by_its_checkpoint(
    tmp_path: Path,
) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.journal.playing(stretch(2, device=50))
    before = (tmp_path / "open").read_bytes()
    one.journal.played(stretch(2))
    (tmp_path / "open").write_bytes(before)  # the clearing was not on the disk yet
    two = box(tmp_path)
    two.journal.started()
    assert [e.checkpoint for e in entries(two) if isinstance(e, Played)] == [False]


def test_the_disk_is_not_waited_for_between_a_stretch_and_the_next(tmp_path: Path) -> None:
    one = box(tmp_path, kind=BoxJournal)
    one.journal.started()
    one.journal.playing(stretch(1, device=50))
    one.journal.played(stretch(1))
    assert [e for e in entries(one) if isinstance(e, Played)] == []
    # The power fails before the next poll: what was noted of it is there.
    two = box(tmp_path)
    assert (tmp_path / "open").exists()
    two.journal.started()
    assert [e.checkpoint for e in entries(two) if isinstance(e, Played)] == [True]
    # A note of what comes next is not written over that of what is not written down yet.
    three = box(tmp_path / "three", kind=BoxJournal)
    three.journal.started()
    three.journal.playing(stretch(1, device=50))
    three.journal.played(stretch(1))
    three.journal.playing(stretch(2, device=50))
    assert [e.play for e in entries(three) if isinstance(e, Played)] == ["e5#1"]
    three.journal.played(stretch(2))
    three.journal.record("fault", what="sound card")
    three.journal.played(stretch(3))
    three.run(1)
    assert [getattr(e, "play", "-") for e in entries(three)][2:] == ["e5#1", "e5#2", "-", "e5#3"]
    for number in range(40):
        three.journal.played(stretch(10 + number))
    assert len([e for e in entries(three) if isinstance(e, Played)]) >= 35


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.data())
def test_a_torn_line_is_cut_off_and_its_number_not_used_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    one = box(folder)
    one.journal.started()
    one.journal.played(stretch(1))
    (file,) = folder.glob("*.journal")
    whole = file.read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    cut = data.draw(st.integers(last + 1, len(whole) - 1))
    junk = data.draw(st.sampled_from([b"", bytes(300), b"\xff\n\xfe"]))
    file.write_bytes(whole[:cut] + junk)
    torn = read_line(whole[last:-1].decode()).number
    two = box(folder)
    two.journal.started()
    lost = [e for e in entries(two) if isinstance(e, Lost)]
    assert len(lost) == 1 and lost[0].why == "torn" and lost[0].first == torn
    assert min(read_line(t).number for t in two.journal.newest(3)) > lost[0].last
    two.welcome()
    two.run(1)
    checked(two.line.journals[0])


def test_an_altered_line_is_given_up_and_said_so(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(5):
        one.journal.played(stretch(number))
    (file,) = tmp_path.glob("*.journal")
    file.write_bytes(file.read_bytes().replace(b'"play":"e5#2"', b'"play":"e5#9"'))
    two = box(tmp_path)
    first, lost, *_ = entries(two)
    assert isinstance(first, Opened) and (first.why, first.last) == ("damaged", 7)
    assert isinstance(lost, Lost) and lost.counts == {"lines": 1}
    plays = [e.play for e in entries(two) if isinstance(e, Played)]
    assert plays == ["e5#0", "e5#1", "e5#3", "e5#4"]


@pytest.mark.parametrize("half", [False, True], ids=["gone", "half there"])
def test_a_last_line_that_an_older_file_lost_is_said_so_once(tmp_path: Path, half: bool) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(400):
        one.journal.played(stretch(number))
    one.journal.stopped()
    older = sorted(tmp_path.glob("*.journal"))[0]
    whole = older.read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    gone = read_line(whole[last:-1].decode()).number
    older.write_bytes(whole[: last + 20 * half])
    for _ in range(3):
        one = box(tmp_path)
        one.journal.started()
        one.journal.stopped()
    one = box(tmp_path)
    lost = [e for e in entries(one) if isinstance(e, Lost)]
    assert [(e.why, e.first, e.last) for e in lost] == [("damaged", gone, gone)]
    assert len([e for e in entries(one) if isinstance(e, Played)]) == 399
    assert [e.why for e in entries(one) if isinstance(e, Opened)] == ["new"]


def test_a_removed_line_breaks_the_chain(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(5):
        one.journal.played(stretch(number))
    (file,) = tmp_path.glob("*.journal")
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join(lines[:4] + lines[5:]))
    two = box(tmp_path)
    assert [type(e).__name__ for e in entries(two)][:2] == ["Opened", "Lost"]


def test_another_receivers_journal_is_not_this_ones(tmp_path: Path) -> None:
    one = box(tmp_path, receiver=7)
    one.journal.started()
    one.journal.played(stretch(1))
    one.journal.stopped()
    two = box(tmp_path, receiver=8)
    two.journal.started()
    assert not [e for e in entries(two) if isinstance(e, Played)]
    first, lost, *_ = entries(two)
    assert isinstance(first, Opened) and (first.why, first.receiver) == ("enrolled", 8)
    assert isinstance(lost, Lost) and lost.counts == {"lines": 4}


# --- sending


def test_it_is_sent_and_sent_again_until_it_is_receipted(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.journal.played(stretch(1))
    one.run(100)
    assert not one.line.journals, "there was no session yet"
    one.welcome()
    one.run(30)
    (message,) = one.line.journals
    assert len(checked(message)) == 3
    one.run(31)
    assert len(one.line.journals) == 2 and one.line.journals[1] == message
    receipt(one, message)
    one.run(300)
    assert len(one.line.journals) == 2 and one.journal.waiting == 0
    one.journal.played(stretch(2))
    one.run(2)
    assert [type(e) for e in checked(one.line.journals[-1])] == [Played]


def test_what_the_server_has_already_is_not_sent_after_a_restart(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.welcome()
    one.run(2)
    (message,) = one.line.journals
    two = box(tmp_path)
    two.journal.started()
    two.welcome(Receipt(chain=message.chain, journal=2))
    two.run(2)
    (message,) = two.line.journals
    assert read_line(message.lines[0]).number == 3
    checked(message)


@pytest.mark.parametrize("has", [0, 2], ids=["nothing of this chain", "less than it had"])
def test_a_server_that_was_restored_is_told_again(tmp_path: Path, has: int) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(3):
        one.journal.played(stretch(number))
    one.welcome()
    one.run(1)
    (message,) = one.line.journals
    receipt(one, message)
    assert one.journal.waiting == 0 and len(message.lines) == 5
    one.journal.parted()
    one.welcome(Receipt(chain=message.chain, journal=has) if has else Receipt())
    one.run(1)
    again = one.line.journals[-1]
    assert again is not message and again.lines == message.lines[has:]
    receipt(one, again)
    one.run(61)
    assert one.journal.waiting == 0 and len(one.line.journals) == 2


def test_much_waits_while_something_is_on_air_and_little_does_not(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(100):
        one.journal.played(stretch(number))
    one.welcome()
    for _ in range(100):
        one.journal.playing(stretch(200, device=1))
        one.run(1)
    assert not one.line.journals
    one.journal.played(stretch(200))
    one.run(1)
    assert len(one.line.journals[0].lines) == 103
    receipt(one, one.line.journals[0])
    one.journal.record("fault", what="sound card")
    one.journal.playing(stretch(201, device=1))
    one.run(1)
    assert len(one.line.journals) == 2


def test_even_much_is_sent_during_a_live_without_end_but_slowly(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(100):
        one.journal.played(stretch(number))
    one.welcome()
    for _ in range(round(module.PATIENCE) + 35):
        one.journal.playing(stretch(200, device=1))
        one.run(1)
        if len(one.line.journals) and one.journal._pacing.under_way is not None:
            receipt(one, one.line.journals[-1])
    assert 2 <= len(one.line.journals) <= 4
    assert all(len(m.lines) == module.FEW for m in one.line.journals)


def test_an_emergency_is_said_at_its_beginning_once_a_session(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.welcome()
    sounding = stretch(3, emergency=9, cls=2, device=0)
    one.journal.playing(sounding)
    assert not one.line.soundings, "the sound device has not taken anything yet"
    one.journal.playing(stretch(3, emergency=9, cls=2, device=5, late_ms=40))
    one.journal.playing(stretch(3, emergency=9, cls=2, device=55, late_ms=40))
    assert one.line.soundings == [
        Sounding(emergency=9, play="e5#3", tick=sounding.first_tick, late_ms=40, device=True)
    ]
    one.journal.parted()
    one.welcome()
    one.run(1)
    assert len(one.line.soundings) == 2
    one.journal.played(stretch(3, emergency=9))
    one.welcome()
    one.run(1)
    assert len(one.line.soundings) == 2


def test_a_device_that_cannot_tell_is_not_said_to_have_played(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.welcome()
    one.journal.playing(stretch(3, emergency=9, device=None))
    assert [s.device for s in one.line.soundings] == [None]


def test_a_new_chain_when_the_server_knows_more_or_other_than_the_box(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.journal.played(stretch(1))
    one.welcome()
    one.run(1)
    former = one.line.journals[0].chain
    one.journal.take(Receipt(chain=former, journal=2, anew=True), one.clock.now)
    one.run(61)
    message = one.line.journals[-1]
    assert message.chain != former
    opened, *rest = checked(message)
    assert isinstance(opened, Opened) and (opened.why, opened.former) == ("fork", former)
    assert [e.play for e in rest if isinstance(e, Played)] == ["e5#1"]
    two = box(tmp_path)
    two.journal.started()
    two.welcome(Receipt(chain=message.chain, journal=500))
    two.run(1)
    opened, *rest = checked(two.line.journals[-1])
    assert isinstance(opened, Opened) and opened.why == "behind"
    assert [e.play for e in rest if isinstance(e, Played)] == ["e5#1"]


def plays(of: Box) -> list[str]:
    return [e.play for e in entries(of) if isinstance(e, Played)]


def much(folder: Path) -> Box:
    """A journal of several files."""
    one = box(folder)
    one.journal.started()
    for number in range(600):
        one.journal.played(stretch(number))
    assert len(list(folder.glob("*.journal"))) > 3
    return one


def test_a_new_chain_of_much_is_of_small_files(tmp_path: Path) -> None:
    one = much(tmp_path)
    one.welcome()
    one.run(1)
    chain = one.line.journals[0].chain
    one.journal.take(Receipt(chain=chain, journal=2, anew=True), one.clock.now)
    files = sorted(tmp_path.glob("*.journal"))
    assert len(files) > 3
    assert max(f.stat().st_size for f in files) <= journal_store.SEGMENT
    assert plays(one) == [f"e5#{number}" for number in range(600)]
    one.journal.played(stretch(600))
    two = box(tmp_path)
    assert plays(two) == [f"e5#{number}" for number in range(601)]
    two.welcome()
    two.run(1)
    (opened, *_) = checked(two.line.journals[0])
    assert isinstance(opened, Opened) and opened.why == "fork"


class PowerCut(BaseException):
    """The power fails here."""


@pytest.mark.parametrize("at", range(9))
def test_a_power_cut_while_a_new_chain_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    one = much(tmp_path)
    steps = 0

    def cut_off(name: str) -> None:
        real = getattr(journal_chain, name)

        def step(*given: object, **more: object) -> object:
            nonlocal steps
            steps += 1
            if steps > at:
                raise PowerCut
            return real(*given, **more)

        monkeypatch.setattr(journal_chain, name, step)

    for name in ("write_plainly", "sync", "write_durably"):
        cut_off(name)
    store = one.journal._store
    assert store is not None
    if at < 8:
        with pytest.raises(PowerCut):
            store.begin_anew(Note(what="test"), "fork")
    else:
        # Done, but for removing the files of the former chain.
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
        store.begin_anew(Note(what="test"), "fork")
        assert steps == at
    monkeypatch.undo()
    two = box(tmp_path)
    assert plays(two) == [f"e5#{number}" for number in range(600)]
    (opened,) = [e for e in entries(two) if isinstance(e, Opened) and e.why != "new"] or [None]
    assert (opened is not None) is (at == 8)
    assert not list(tmp_path.glob("*.new"))


def test_a_new_chain_for_which_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = much(tmp_path)
    store = one.journal._store
    assert store is not None
    before = sorted(path.name for path in tmp_path.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal_chain, "write_durably", full)
    with pytest.raises(OSError, match="No space"):
        store.begin_anew(Note(what="test"), "fork")
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    one.journal.played(stretch(600))
    assert plays(box(tmp_path)) == [f"e5#{number}" for number in range(601)]


# --- the disk


def test_files_are_removed_once_the_server_has_them(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    one.welcome()
    for number in range(900):
        one.journal.played(stretch(number))
    assert len(list(tmp_path.glob("*.journal"))) > 3
    for _ in range(40):
        one.run(1)
        if one.journal.waiting:
            receipt(one, one.line.journals[-1])
    assert one.journal.waiting == 0
    assert len(list(tmp_path.glob("*.journal"))) == 1
    told = [e for m in one.line.journals for e in checked(m)]
    assert len([e for e in told if isinstance(e, Played)]) == 900


def test_the_oldest_is_given_up_at_the_quota_and_said_so(tmp_path: Path) -> None:
    one = box(tmp_path, quota=150_000)
    one.journal.started()
    for number in range(900):
        one.journal.played(stretch(number))
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) < 160_000 + journal_store.SEGMENT
    there = [e for e in entries(one) if isinstance(e, Played)]
    lost = [e for e in entries(one) if isinstance(e, Lost)]
    assert all(e.why == "full" for e in lost) and lost
    assert there[-1].play == "e5#899"
    assert lost[-1].counts["played"] > 50
    one.welcome()
    one.run(1)
    checked(one.line.journals[0])


def test_a_full_disk_is_counted_and_told_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = box(tmp_path)
    one.journal.started()
    write = os.write

    def full(file: int, data: bytes) -> int:
        write(file, bytes(data)[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal_store.os, "write", full)
        for number in range(3):
            one.journal.played(stretch(number))
        one.journal.record("fault", what="disk")
    assert one.journal.counters["journal.unwritten"] == 4
    one.run(1)
    lost = entries(one)[-1]
    assert isinstance(lost, Lost) and (lost.why, lost.counts) == ("disk", {"played": 3, "fault": 1})
    two = box(tmp_path)
    assert not [e for e in entries(two) if isinstance(e, Lost) and e.why != "disk"]


def test_a_disk_that_cannot_be_used_at_all_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.write_bytes(b"a file in its place")
    one = box(folder)
    one.journal.started()
    one.journal.played(stretch(1))
    assert one.journal.waiting == 0 and one.journal.counters["journal.unwritten"]
    folder.unlink()
    one.run(31)
    assert [e.counts for e in entries(one) if isinstance(e, Lost)] == [{"started": 1, "played": 1}]


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from support.journal import box, stretch
from loa.codecs.control.journal import read_line
one = box(Path(sys.argv[1]))
one.journal.started()
number = 0
while True:
    number += 1
    one.journal.playing(stretch(number, device=1, whole=False))
    one.journal.played(stretch(number))
    print(read_line(one.journal.newest(1)[0]).text, flush=True)
"""


def kill_rounds(tmp_path: Path, rounds: int) -> None:
    """SIGKILL a box that writes as fast as it can; all that it said was written must be there."""
    said: list[str] = []
    for round in range(rounds):
        box_of_its_own = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), *sys.path[:6]],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert box_of_its_own.stdout is not None
        for _ in range(20 + 7 * round % 31):
            text = box_of_its_own.stdout.readline()
            assert text, "the box ended by itself"
            said.append(text.rstrip("\n"))
        os.kill(box_of_its_own.pid, signal.SIGKILL)
        said += box_of_its_own.stdout.read().split("\n")[:-1]
        box_of_its_own.stdout.close()
        box_of_its_own.wait()
    last = box(tmp_path)
    last.journal.started()
    there = last.journal.newest(1_000_000)
    assert not set(said) - set(there)
    assert notes(last).count("power_lost") == rounds
    assert notes(last).count("started") == rounds + 1
    last.welcome()
    for _ in range(1000):
        last.run(1)
        if not last.journal.waiting:
            break
        receipt(last, last.line.journals[-1])
    told = [text for message in last.line.journals for text in message.lines]
    assert told == there
    for message in last.line.journals:
        checked(message)


def test_a_box_that_is_killed_while_it_writes_loses_nothing(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 3)


@pytest.mark.slow
def test_a_box_that_is_killed_often_loses_nothing(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 30)
