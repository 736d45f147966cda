"""A week without a network, power cuts, lost lines: what is heard, when, and from which packet."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from loa.codecs.control.agenda import Call, Hour
from loa.codecs.control.messages import Change, Welcome
from loa.receivers import offline
from loa.receivers.agenda import KeptSchedule
from loa.receivers.offline import Offline
from support.boxes import (
    AREA,
    DAY,
    KEY,
    FakeCache,
    FakeDay,
    FakeJournal,
    FakeLine,
    FakeTimeline,
    Heard,
    Programme,
    clock_time,
    signed,
    ticks_at,
)

MINUTE = 60 * 50


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have put back what ``Box.run`` sets; a week's files need not be on the disk, too."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
    monkeypatch.setattr(offline, "LOOK_EVERY", 1.0)


class Box:
    """A box whose monotonic clock is the time of day minus ``boot``, started and cut by hand."""

    def __init__(self, folder: Path, programme: Programme | None = None, **more: object) -> None:
        self.folder = folder
        self.unix = clock_time(0, "00:00")
        self.line = FakeLine(up=False)
        self.cache = FakeCache()
        self.journal = FakeJournal()
        self.heard: list[tuple[str, int, float, float]] = []
        self.boots = 0
        self.drift = 0.0
        self.offline: Offline | None = None
        if programme is not None:
            self.give(programme, **more)

    def give(self, programme: Programme, **more: object) -> None:
        self.kept().take(signed(programme.schedule(**more)))  # type: ignore[arg-type]

    def kept(self) -> KeptSchedule:
        return KeptSchedule(self.folder / "schedule", lambda: [KEY.public], lambda: AREA)

    @property
    def now(self) -> float:
        return self.unix - self.booted

    def start(self, known: bool = True) -> None:
        self.boots += 1
        self.booted = self.unix - 20.0
        self.line.down_since = None
        self.timeline = FakeTimeline()
        self.day = FakeDay(self.booted if known else None)
        self.sounds = Heard()
        self.schedule = self.kept()
        self.offline = Offline(
            self.folder / "played", self.line, self.schedule, self.cache, self.timeline,
            self.day, self.journal, self.sounds, lambda: self.now,
        )  # fmt: skip

    def run(self, until: float) -> None:
        """Let time pass as the loop of ``Offline.run`` would."""
        assert self.offline is not None
        while self.unix < until:
            # Days pass: in a silence look less often than a box does.
            last = self.sounds.wanted[-1:]
            offline.LOOK_EVERY = 5.0 if last and last[0].kind == "bulletin" else 60.0
            again = self.offline.look(self.now)
            self.unix = min(until, self.unix + again + random.random() * 0.01)
            if self.day.ahead is not None:
                self.day.ahead = self.booted + self.drift

    def cut_power(self) -> None:
        self.heard += self.stretches()
        self.offline = None

    def stretches(self) -> list[tuple[str, int, float, float]]:
        if self.timeline.zero is None:
            return []
        return self.sounds.stretches(self.timeline.zero + self.booted, self.unix)

    def all(self) -> list[tuple[str, int, float, float]]:
        return self.heard + self.stretches()


def about(found: list[tuple[str, int, float, float]]) -> list[tuple[str, int, int, int]]:
    """Return stretches in whole seconds of the test's first day."""
    start = clock_time(0, "00:00")
    return [(key, offset, round(a - start), round(b - start)) for key, offset, a, b in found]


def week(days: int = 7) -> tuple[Programme, list[str]]:
    """Three slots a day with two or three items each; the same bulletins come again and again."""
    programme, keys = Programme(), []
    for day in range(days):
        for slot, (at, until) in enumerate([("05:00", "05:30"), ("11:00", "11:15"),
                                            ("17:00", "17:45")]):  # fmt: skip
            begin = clock_time(day, at) - clock_time(day, "00:00")
            for item in range(2 + (slot == 2)):
                ticks = (4 + item) * MINUTE
                minutes = int(begin // 60)
                at_text = f"{minutes // 60:02}:{minutes % 60:02}"
                keys.append(
                    programme.play(1 + slot * 10 + item, day, at_text, ticks, until, number=day)
                )
                begin += ticks / 50
    return programme, keys


def test_seven_days_without_a_network(tmp_path: Path) -> None:
    programme, keys = week()
    box = Box(tmp_path, programme)
    box.start()
    box.run(clock_time(7, "00:00"))
    heard = box.all()
    assert [key for key, *_ in heard] == keys
    planned = {t.key: t for t in programme.turns[AREA]}
    for key, offset, begin, end in heard:
        turn = planned[key]
        assert offset == 0
        assert abs(begin - turn.start / 50) < 0.05
        assert abs(end - begin - programme.audios[turn.audio].ticks / 50) < 0.05
    assert box.journal.stretches == []


def test_seven_days_with_a_power_cut_every_day(tmp_path: Path) -> None:
    """The clock has a battery; the power goes at another moment of each day, inside items too."""
    programme, keys = week()
    box = Box(tmp_path, programme)
    random.seed(4)
    planned = {t.key: t for t in programme.turns[AREA]}
    box.start()
    dark: list[tuple[float, float]] = []
    for day in range(7):
        for at in sorted([*random.sample(range(5 * 3600, 18 * 3600, 20), 3), 5 * 3600 + 333]):
            moment = clock_time(day, "00:00") + at
            if moment <= box.unix:
                continue
            box.run(moment)
            box.cut_power()
            box.unix += random.choice([15.0, 90.0, 1200.0])
            dark.append((moment, box.unix + 11))
            box.start()
    box.run(clock_time(7, "00:00"))
    heard = box.all()
    packets: dict[str, int] = {}
    for key, offset, begin, end in heard:
        turn = planned[key]
        ticks = programme.audios[turn.audio].ticks
        # Never at a wrong hour: in its slot from its time on, and over with it.
        assert begin >= turn.start / 50 - 0.05
        assert turn.last is not None and end <= (turn.last + ticks) / 50 + 1
        # It goes on where it was, as far as that was written down, and is not begun twice.
        before = packets.get(key, 0)
        assert offset <= before and before - offset <= 11 * 50
        assert (offset == 0) == (key not in packets) or before < 11 * 50
        packets[key] = offset + round((end - begin) * 50)
    order = list(dict.fromkeys(key for key, *_ in heard))
    assert order == [key for key in keys if key in packets]
    for key in keys:
        turn = planned[key]
        ticks = programme.audios[turn.audio].ticks
        begin, end = turn.start / 50, (turn.start + ticks) / 50
        if not any(a < end and begin < b for a, b in dark):
            assert packets[key] >= ticks - 2, key


def test_nothing_is_played_while_nobody_knows_the_time(tmp_path: Path) -> None:
    programme, _ = week()
    box = Box(tmp_path, programme)
    box.unix = clock_time(2, "04:59")
    box.start(known=False)
    box.run(clock_time(2, "05:10"))
    assert box.all() == [] and box.offline is not None and box.offline.timeless
    assert box.offline.status(box.now) == "timeless"
    # Somebody who is believed says what time it is: what is still in its slot is played.
    box.day.ahead = box.booted
    box.run(clock_time(2, "06:00"))
    assert [(k, o) for k, o, *_ in about(box.all())] == [("entry/1/2", 0), ("entry/2/2", 0)]


def test_a_line_that_is_lost_inside_an_item_changes_nothing(tmp_path: Path) -> None:
    programme, _ = week()
    box = Box(tmp_path, programme)
    box.unix = clock_time(0, "04:58")
    box.start()
    box.timeline.zero = -1234.0 / 50
    assert box.offline is not None
    box.line.mend()
    box.offline.welcomed(Welcome(version=1, tick=0.0, unix=box.unix))
    first = round((clock_time(0, "05:00") - box.booted) * 50) + 1234
    turn = programme.turns[AREA][0]
    box.run(clock_time(0, "04:59:58"))
    box.offline.take(
        Change(
            tick=first, kind="bulletin", play=turn.key, audio=programme.audios[0].hash,
            ticks=4 * MINUTE, bulletin=1,
        ),
        box.now,
    )  # fmt: skip
    box.run(clock_time(0, "05:01"))
    assert box.sounds.wanted == []  # the server decides
    box.line.cut(box.now)
    box.run(clock_time(0, "05:01:09"))
    assert box.sounds.wanted == []
    box.run(clock_time(0, "05:12"))
    wanted = box.sounds.wanted
    assert [w.play for w in wanted if w.kind == "bulletin"] == [turn.key, "entry/2/0"]
    assert wanted[0].tick - wanted[0].offset == first  # to the packet where the server had it
    assert wanted[1].tick == first + 4 * MINUTE and wanted[1].offset == 0


def test_what_was_over_before_the_box_was_switched_on_is_not_played_later(tmp_path: Path) -> None:
    programme, _ = week()
    box = Box(tmp_path, programme)
    box.unix = clock_time(0, "05:04:30")
    box.start()
    box.timeline.zero = -1234.0 / 50
    assert box.offline is not None
    box.line.mend()
    box.offline.welcomed(Welcome(version=1, tick=0.0, unix=box.unix))
    turn = programme.turns[AREA][1]
    first = round((clock_time(0, "05:04") - box.booted) * 50) + 1234
    audio = next(a for a in programme.audios if a.ticks == 5 * MINUTE)
    box.offline.take(
        Change(
            tick=first, kind="bulletin", play=turn.key, audio=audio.hash, ticks=5 * MINUTE,
            bulletin=2,
        ),
        box.now,
    )  # fmt: skip
    box.run(clock_time(0, "05:06"))
    box.line.cut(box.now)
    box.run(clock_time(0, "05:29"))
    # The first of this slot would fit in behind it.
    assert [w.play for w in box.sounds.wanted if w.kind == "bulletin"] == [turn.key]
    box.run(clock_time(0, "11:03"))
    assert box.sounds.wanted[-1].play == programme.turns[AREA][2].key


def test_what_an_emergency_cut_is_resumed_and_what_staff_ended_stays_ended(tmp_path: Path) -> None:
    programme = Programme()
    one = programme.play(1, 0, "05:00", 5 * MINUTE, "05:30")
    two = programme.play(2, 0, "05:05", 5 * MINUTE, "05:30")
    for ended in (False, True):
        folder = tmp_path / str(ended)
        folder.mkdir()
        box = Box(folder, programme)
        box.unix = clock_time(0, "04:59")
        box.start()
        assert box.offline is not None
        box.timeline.zero = 0.0
        box.line.mend()
        start = round((clock_time(0, "05:00") - box.booted) * 50)
        audio = programme.audios[0].hash
        change = Change(tick=start, kind="bulletin", play=one, audio=audio, ticks=5 * MINUTE)
        box.offline.take(change, box.now)
        if ended:
            box.offline.take(Change(tick=start + 1000, kind="silence"), box.now)
        else:
            box.offline.take(
                Change(
                    tick=start + 1000, kind="bulletin", play="cue/9#0", audio=bytes(32),
                    ticks=2000, emergency=9, cls=2,
                ),
                box.now,
            )  # fmt: skip
        box.run(clock_time(0, "05:00:30"))
        box.line.cut(box.now)
        box.run(clock_time(0, "05:20"))
        found = [(w.play, w.offset) for w in box.sounds.wanted if w.kind == "bulletin"]
        if ended:
            assert found == [(two, 0)]
        else:
            # The emergency is heard to its end, then the item goes on where it was cut.
            assert found[0][0] == "cue/9#0" and found[0][1] > 0
            assert found[1:] == [(one, 1000), (two, 0)]


def test_repeats_that_stand_in_the_schedule_are_heard_and_no_others(tmp_path: Path) -> None:
    programme = Programme()
    programme.calls.append(
        Call(
            id=5, audio=programme.audio(50, MINUTE), bulletin=50, start=ticks_at(0, "06:00"),
            expires=ticks_at(0, "08:10"), every=30 * MINUTE, repeat_until=ticks_at(0, "07:40"),
        )
    )  # fmt: skip
    item = programme.play(1, 0, "07:29:30", 5 * MINUTE, "07:45")
    box = Box(tmp_path, programme)
    box.unix = clock_time(0, "06:20")
    box.start()
    box.run(clock_time(0, "09:00"))
    assert about(box.all()) == [
        ("cue/5#0", 0, 6 * 3600 + 1210, 6 * 3600 + 1270),  # it was never heard: at once
        ("cue/5#1", 0, 6 * 3600 + 1800, 6 * 3600 + 1860),
        ("cue/5#2", 0, 7 * 3600, 7 * 3600 + 60),
        (item, 0, 7 * 3600 + 1770, 7 * 3600 + 1800),
        ("cue/5#3", 0, 7 * 3600 + 1800, 7 * 3600 + 1860),
        (item, 1500, 7 * 3600 + 1860, 7 * 3600 + 2130),
    ]
    assert all(w.cls == 2 and w.emergency == 5 for w in box.sounds.wanted if w.play[:3] == "cue")


def test_priority_items_keep_to_the_hours(tmp_path: Path) -> None:
    programme = Programme()
    programme.open = tuple((ticks_at(d, "05:00"), ticks_at(d, "21:00")) for d in range(3))
    urgent = programme.play(3, 0, "00:00", 10 * MINUTE, cls=1)
    box = Box(tmp_path, programme)
    box.unix = clock_time(0, "20:55")  # too late to end within the hours
    box.start()
    box.run(clock_time(1, "06:00"))
    assert about(box.all()) == [(urgent, 0, 86_400 + 5 * 3600, 86_400 + 5 * 3600 + 600)]


def test_a_slot_of_the_level_above_carries_what_that_one_plays(tmp_path: Path) -> None:
    programme = Programme()
    above = programme.play(1, 0, "06:00", 10 * MINUTE, "06:30", station=3)
    own = programme.play(2, 0, "06:30", MINUTE, "06:40")
    programme.hours[AREA] = [
        Hour(slot=1, start=ticks_at(0, "06:00"), end=ticks_at(0, "06:30"), content="upper"),
        Hour(slot=2, start=ticks_at(0, "07:00"), end=ticks_at(0, "07:30"), content="relay"),
    ]
    box = Box(tmp_path, programme, stations=(AREA, 3))
    box.unix = clock_time(0, "06:04")
    box.start()
    box.run(clock_time(0, "08:00"))
    heard = about(box.all())
    # It joins at its present, as it would with the server; relays are silence.
    assert [(k, a, b) for k, _, a, b in heard] == [
        (above, 6 * 3600 + 250, 6 * 3600 + 600), (own, 6 * 3600 + 1800, 6 * 3600 + 1860)
    ]  # fmt: skip
    assert abs(heard[0][1] - 250 * 50) < 60


def test_what_was_not_fetched_is_passed_over_and_put_on_record(tmp_path: Path) -> None:
    programme = Programme()
    missing = programme.play(1, 0, "05:00", 5 * MINUTE, "05:30")
    there = programme.play(2, 0, "05:05", 5 * MINUTE, "05:30")
    box = Box(tmp_path, programme)
    lacking = programme.audios[0].hash
    box.cache.there = lambda hash: hash != lacking
    box.unix = clock_time(0, "04:59")
    box.start()
    box.run(clock_time(0, "06:00"))
    assert [key for key, *_ in box.all()] == [there]
    assert [(p.wanted.play, p.why_not) for p in box.journal.stretches] == [(missing, "not_fetched")]


def test_it_waits_ten_seconds_and_hands_back_to_the_server(tmp_path: Path) -> None:
    programme, _ = week()
    box = Box(tmp_path, programme)
    box.unix = clock_time(0, "05:00:30")
    box.start()
    assert box.offline is not None
    box.run(clock_time(0, "05:00:39"))
    assert box.sounds.wanted == []
    box.run(clock_time(0, "05:02"))
    assert [w.play for w in box.sounds.wanted] == ["entry/1/0"]
    box.line.mend()
    box.offline.welcomed(Welcome(version=1, tick=0.0, unix=box.unix))
    box.run(clock_time(0, "06:00"))
    assert len(box.sounds.wanted) == 1 and not box.offline.deciding
    kinds = [kind for kind, _ in box.journal.kinds]
    assert kinds == ["offline", "online"]


@pytest.mark.parametrize("years", [-1, 1])
def test_a_timeline_that_turns_out_to_be_another_one(tmp_path: Path, years: int) -> None:
    """After a power cut the box supposes a timeline; the server's is far from it."""
    programme, _ = week()
    box = Box(tmp_path, programme)
    box.unix = clock_time(0, "05:00:30")
    box.start()
    assert box.offline is not None
    box.run(clock_time(0, "05:02"))
    first = box.sounds.wanted[0]
    box.line.mend()
    box.offline.welcomed(Welcome(version=1, tick=0.0, unix=box.unix))
    assert box.timeline.zero is not None
    box.timeline.zero += years * 365 * DAY
    box.run(clock_time(0, "05:02:05"))
    box.line.cut(box.now)
    box.run(clock_time(0, "05:30"))
    wanted = [w for w in box.sounds.wanted if w.kind == "bulletin"]
    assert [w.play for w in wanted] == ["entry/1/0", "entry/1/0", "entry/2/0"]
    leap = -years * 365 * DAY * 50
    assert abs((wanted[1].tick - wanted[1].offset) - (first.tick - first.offset) - leap) <= 2
