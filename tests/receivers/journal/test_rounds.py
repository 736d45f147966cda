"""Rounds of a file that goes on and on are one entry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from loa.codecs.control.journal import Played as Entry
from loa.codecs.control.journal import read_entry, read_line
from loa.receivers.journal.rounds import LONGEST, Rounds
from loa.receivers.parts import Played
from support.journal import FIRST, Box, box, stretch

TICKS = 3000


def turn(number: int, **more: object) -> Played:
    at = FIRST + TICKS * number
    told = {"kind": "file", "play": "", "first_tick": at, "ended_tick": at + TICKS, **more}
    return stretch(0, **told)


def test_rounds_are_one_until_something_else_comes() -> None:
    rounds = Rounds()
    for number in range(10):
        assert rounds.add(turn(number), 60.0 * number) == []
    other = stretch(40)
    together, last = rounds.add(other, 600.0)
    assert last is other and (together.first_tick, together.ended_tick) == (FIRST, FIRST + 30_000)
    assert (together.device, together.delivered, together.whole) == (30_000, 30_000, True)
    assert not rounds.going


def test_what_interrupts_them_is_said() -> None:
    rounds = Rounds()
    rounds.add(turn(0), 0.0)
    cut = turn(1, whole=False, interrupted="cue/1#0", device=700, ended_tick=FIRST + 3700)
    (together,) = rounds.add(cut, 60.0)
    assert (together.device, together.interrupted, together.whole) == (3700, "cue/1#0", False)


def test_what_is_no_further_round_stands_by_itself() -> None:
    other = replace(turn(1), wanted=replace(turn(1).wanted, audio=bytes(31) + b"x"))
    for following in (turn(3), turn(1, volume=10), turn(1, why_not="too late"), other):
        rounds = Rounds()
        rounds.add(turn(0), 0.0)
        assert rounds.add(following, 60.0)[0] == turn(0)
    assert Rounds().add(turn(0, whole=False, interrupted="stop"), 0.0)
    assert Rounds().add(turn(0, kind="relay"), 0.0)


def test_nothing_is_measured_of_the_whole_when_a_part_was_not() -> None:
    rounds = Rounds()
    rounds.add(turn(0), 0.0)
    rounds.add(turn(1, device=None), 60.0)
    (together,) = rounds.due(60.0, everything=True)
    assert together.device is None and together.delivered == 6000


def test_they_are_written_down_now_and_then() -> None:
    rounds = Rounds()
    rounds.add(turn(0), 0.0)
    assert rounds.due(LONGEST - 1) == []
    assert rounds.due(LONGEST) == [turn(0)] and rounds.due(LONGEST) == []


def played(of: Box) -> list[Entry]:
    found = [read_entry(read_line(text).body) for text in of.journal.newest(1000)]
    return [entry for entry in found if isinstance(entry, Entry)]


def test_a_power_cut_loses_no_round(tmp_path: Path) -> None:
    one = box(tmp_path)
    one.journal.started()
    for number in range(5):
        one.journal.playing(turn(number, device=0, ended_tick=FIRST + TICKS * number))
        one.run(60)
        one.journal.playing(turn(number, device=2900))
        one.journal.played(turn(number))
    assert played(one) == []
    two = box(tmp_path)
    two.journal.started()
    (told,) = played(two)
    assert told.checkpoint and told.interrupted == "power"
    assert told.device == 4 * TICKS + 2900 and told.first == FIRST
    two.journal.played(turn(9))
    two.journal.stopped()
    assert [e.first for e in played(box(tmp_path))] == [FIRST, FIRST + 9 * TICKS]
