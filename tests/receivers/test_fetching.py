"""Fetching ahead: what first, how much at a time, what becomes of cuts, damage and full disks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control import messages
from loa.codecs.control.frames import Piece
from loa.codecs.control.messages import Fetch, Gone, Inventory, Recount, Welcome
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.settings import Settings
from loa.codecs.control.signing import Purpose, SigningKey
from loa.receivers.agenda import KeptSchedule, Need, ScheduleRefused
from loa.receivers.cache import Cache
from loa.receivers.fetch_plan import LEAST_PIECE, MOST_PIECE, PieceSize, Rules, choose, within
from loa.receivers.fetching import NO_ANSWER, Fetching
from support.boxes import (
    AREA,
    KEY,
    FakeDay,
    FakeJournal,
    FakeLine,
    Programme,
    clock_time,
    signed,
)

HOUR = 3600.0
NOON = clock_time(0, "12:00")
T = TypeVar("T")


def need(number: int, size: int, hours: float, cls: int = 0) -> Need:
    return Need(bytes([number] * 32), size, NOON + hours * HOUR, cls)


def order(wanted: list[Need], **rules: object) -> list[int]:
    """Return in which order they would be fetched."""
    how = Rules(**{"unix": NOON, "minute": 720, "off_peak": (60, 240), **rules})  # type: ignore[arg-type]
    had: set[bytes] = set()
    found = []
    while (chosen := choose(wanted, had.__contains__, {}, how)) is not None:
        had.add(chosen.hash)
        found.append(chosen.hash[0])
    return found


def test_what_is_due_soon_first_the_smaller_first_the_rest_at_night() -> None:
    wanted = [
        need(1, 900, 20), need(2, 100, 23), need(3, 5000, 0.5), need(4, 700, 3), need(5, 10, 50),
        need(6, 5, 90), need(7, 20, 49), need(8, 9999, 80, cls=2),
    ]  # fmt: skip
    assert order(wanted) == [8, 3, 4, 2, 1]
    assert order(wanted, minute=100) == [8, 3, 4, 2, 1, 5, 7, 6]
    assert order(wanted, cached_only=True) == [8]
    assert order(wanted, busy=True) == [8, 3]


def test_nothing_waits_for_the_night_for_ever() -> None:
    far = need(1, 100, 100)
    rules = Rules(NOON, 720, (60, 240))
    assert choose([far], lambda hash: False, {far.hash: NOON - 25 * HOUR}, rules) is None
    assert choose([far], lambda hash: False, {far.hash: NOON - 27 * HOUR}, rules) == far


@pytest.mark.parametrize(
    ("minute", "span", "inside"),
    [(60, (60, 240), True), (240, (60, 240), False), (1400, (1380, 120), True),
     (119, (1380, 120), True), (120, (1380, 120), False), (5, (0, 0), False)],
)  # fmt: skip
def test_hours_go_over_midnight(minute: int, span: tuple[int, int], inside: bool) -> None:
    assert within(minute, span) == inside


@settings(deadline=None, derandomize=True)
@given(rate=st.floats(1000, 5e6), delay=st.floats(0.02, 0.5), seed=st.integers(0, 1000))
def test_an_emergency_never_waits_much_behind_a_piece(rate: float, delay: float, seed: int) -> None:
    size, rnd = PieceSize(), random.Random(seed)
    for turn in range(60):
        on_line = size.now / rate
        if turn > 10:
            # As the line is now: about a second, or the least there is.
            assert on_line <= 1.0 or size.now <= LEAST_PIECE
        size.took(size.now, delay + on_line * rnd.uniform(0.9, 1.1))
        assert LEAST_PIECE <= size.now <= MOST_PIECE
    if delay < 0.2 and rate > 3e5:
        assert size.now == MOST_PIECE


class Box:
    """Fetching with a server that has what the programme has, step by step."""

    def __init__(self, folder: Path, programme: Programme, quota_mb: int = 100) -> None:
        self.folder = folder
        self.programme = programme
        self.files = dict(programme.files)
        self.now = 1000.0
        self.line = FakeLine()
        self.day = FakeDay(NOON - self.now)
        self.journal = FakeJournal()
        self.settings = Settings(cache_mb=quota_mb)
        self.area = AREA
        self.agenda = signed(programme.schedule())
        self.files[hash_of(self.agenda)] = self.agenda
        self.sent = 0
        self.start()

    def start(self) -> None:
        async def at_once(work: Callable[[], T], /) -> T:
            return work()

        self.cache = Cache(self.folder / "cache", 10**9)
        self.schedule = KeptSchedule(
            self.folder / "schedule", lambda: [KEY.public], lambda: self.area
        )
        self.fetching = Fetching(
            self.folder / "fetching.json", self.line, self.cache, self.schedule, self.day,
            lambda: self.settings, self.journal, monotonic=lambda: self.now, apart=at_once,
        )  # fmt: skip
        self.fetching.welcomed(Welcome(version=1, tick=0.0, unix=NOON))

    def tell(self) -> None:
        message = messages.Agenda(hash=hash_of(self.agenda), size=len(self.agenda))
        self.fetching.take(message, self.now)

    @property
    def asked(self) -> list[Fetch]:
        return [m for m in self.line.sent if isinstance(m, Fetch)]

    async def step(self, wrong: bool = False) -> bool:
        """Have the box ask, and answer it; False when it asks for nothing."""
        before = len(self.asked)
        await self.fetching.ask()
        if len(self.asked) == before:
            return False
        fetch = self.asked[-1]
        self.now += 0.2
        data = self.files.get(fetch.hash)
        if data is None:
            self.fetching.take(Gone(hash=fetch.hash), self.now)
            return True
        data = data[fetch.offset : fetch.offset + fetch.length]
        self.sent += len(data)
        self.fetching.take(Piece(fetch.hash, fetch.offset, bytes(len(data)) if wrong else data),
                           self.now)  # fmt: skip
        piece, at = self.fetching._pieces.get_nowait()
        await self.fetching.took(piece, at)
        return True

    async def all(self, most: int = 500) -> None:
        for _ in range(most):
            if not await self.step():
                return


def three_a_day() -> Programme:
    programme = Programme()
    for number, at in enumerate(("13:00", "17:00", "20:00")):
        programme.play(1, 0, at, 500, "21:00", number=number, real=True)
    programme.play(2, 0, "18:00", 900, "21:00", real=True)
    programme.play(3, 3, "06:00", 300, "07:00", real=True)
    return programme


async def test_schedule_then_audio_each_once_and_the_server_is_told(tmp_path: Path) -> None:
    box = Box(tmp_path, three_a_day())
    box.tell()
    await box.all()
    soon = [box.programme.audios[n].hash for n in (0, 1)]
    assert box.cache.hashes() == set(soon)
    files = sum(len(box.programme.files[h]) for h in soon)
    assert box.sent == len(box.agenda) + files  # what is played three times came once
    told = [m for m in box.line.sent if isinstance(m, Inventory)]
    assert [set(m.add) for m in told] == [{soon[0]}, {soon[1]}]
    assert box.fetching.waiting == (1, box.programme.audios[2].size)
    # At night the rest; nothing that is there comes again.
    box.day.ahead = clock_time(1, "02:00") - box.now
    await box.all()
    assert len(box.cache.hashes()) == 3
    assert box.sent == len(box.agenda) + sum(map(len, box.programme.files.values()))
    box.fetching.take(Recount(), box.now)
    last = box.line.sent[-1]
    assert isinstance(last, Inventory) and last.all and set(last.add) == box.cache.hashes()


@pytest.mark.parametrize("then", ["its settings come", "another session"])
async def test_moved_and_its_schedule_comes_before_its_area(tmp_path: Path, then: str) -> None:
    box = Box(tmp_path, three_a_day())
    box.area = AREA + 1
    box.tell()
    await box.all()
    refused = ("schedule_refused", {"why": "it is for another area"})
    assert box.journal.kinds == [refused] and box.schedule.now is None
    box.tell()
    assert not await box.step(), "it would be no better if it came again"
    box.area = AREA
    if then == "another session":
        box.fetching.parted()
        box.fetching.welcomed(Welcome(version=1, tick=0.0, unix=NOON))
        box.tell()
    else:
        box.fetching.sync()  # which is what the box does when its settings change
    await box.all()
    assert box.schedule.now is not None and len(box.cache.hashes()) == 2


def test_a_schedule_holds_no_more_when_the_box_is_moved(tmp_path: Path) -> None:
    box, told = Box(tmp_path, three_a_day()), []
    assert box.schedule.take(box.agenda)
    box.schedule.subscribe(lambda: told.append(box.schedule.now is not None))
    box.schedule.review()
    assert told == []
    box.area = AREA + 1
    box.schedule.review()
    box.schedule.review()
    assert told == [False]
    box.area = AREA
    box.schedule.review()
    assert told == [False, True]


async def test_cuts_of_line_and_power_lose_nothing_that_came(tmp_path: Path) -> None:
    box = Box(tmp_path, three_a_day())
    box.tell()
    random.seed(3)
    for turn in range(300):
        if not await box.step() and turn > 250:
            break
        if random.random() < 0.3:
            await box.fetching.ask()  # on its way, and never comes
            box.fetching.parted()
            if random.random() < 0.5:
                box.start()
            else:
                box.fetching.welcomed(Welcome(version=1, tick=0.0, unix=NOON))
            box.tell()
    assert len(box.cache.hashes()) == 2
    assert all(box.cache.bytes_of(h) == box.programme.files[h] for h in box.cache.hashes())
    files = sum(len(box.programme.files[h]) for h in box.cache.hashes())
    assert box.sent <= files + 4 * len(box.agenda)


async def test_what_came_wrong_or_was_damaged_is_fetched_again(tmp_path: Path) -> None:
    box = Box(tmp_path, three_a_day())
    box.tell()
    await box.step()
    await box.step(wrong=True)
    await box.all()
    assert box.fetching.counters["fetch.refetched"] == 1 and len(box.cache.hashes()) == 2
    hash = box.programme.audios[0].hash
    file = tmp_path / "cache" / f"{hash.hex()}.opus"
    file.write_bytes(file.read_bytes()[:-1])
    assert box.cache.read(hash) is None
    await box.all()
    assert box.cache.read(hash) is not None


async def test_what_is_gone_is_left_alone_for_a_while(tmp_path: Path) -> None:
    box = Box(tmp_path, three_a_day())
    box.tell()
    await box.step()
    lost = box.programme.audios[0].hash
    data = box.files.pop(lost)
    await box.all()
    assert box.cache.hashes() == {box.programme.audios[1].hash}
    box.files[lost] = data
    asked = len(box.asked)
    await box.all()
    assert len(box.asked) == asked
    box.fetching.sync()
    await box.all()
    assert box.cache.has(lost)


async def test_no_room_is_said_once_and_what_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(tmp_path, three_a_day())
    box.tell()
    await box.step()
    await box.step()
    while not box.cache.hashes():
        await box.step()
    free = 0
    monkeypatch.setattr(Cache, "_free", lambda self: free)
    await box.all()
    assert len(box.cache.hashes()) == 1 and box.fetching.full
    await box.all()
    kinds = [kind for kind, _ in box.journal.kinds]
    assert kinds == ["cache_full"]
    free = 10**9
    box.now += 601
    await box.all()
    await box.all()
    assert len(box.cache.hashes()) == 2 and not box.fetching.full


async def test_an_answer_that_never_comes_is_asked_for_again(tmp_path: Path) -> None:
    box = Box(tmp_path, three_a_day())
    box.tell()
    await box.fetching.ask()
    await box.fetching.ask()
    assert len(box.asked) == 1
    box.now += NO_ANSWER + 1
    await box.fetching.ask()
    assert len(box.asked) == 2 and box.fetching.counters["fetch.late"] == 1
    # What nobody asked for is passed over.
    box.fetching.take(Piece(bytes(32), 0, b"x"), box.now)
    assert box.fetching.counters["fetch.odd"] == 1


def test_a_box_that_does_not_know_its_area_takes_no_stick(tmp_path: Path) -> None:
    area, programme = 0, three_a_day()
    kept = KeptSchedule(tmp_path / "schedule", lambda: [KEY.public], lambda: area)
    stick = signed(programme.schedule(version=9), purpose=Purpose.PACK)
    with pytest.raises(ScheduleRefused, match="does not know"):
        kept.take(stick, Purpose.PACK)
    assert kept.take(signed(programme.schedule(version=5))) and kept.now is not None
    area = AREA
    assert kept.take(stick, Purpose.PACK)
    area = 0
    assert kept.now is None


def test_only_newer_schedules_of_the_server_for_this_area_are_taken(tmp_path: Path) -> None:
    programme = three_a_day()
    keys = [KEY.public]
    area = AREA
    kept = KeptSchedule(tmp_path / "schedule", lambda: keys, lambda: area)
    assert kept.now is None
    assert kept.take(signed(programme.schedule(version=5)))
    assert not kept.take(signed(programme.schedule(version=5)))
    for data, why in (
        (signed(programme.schedule(version=4)), "not newer"),
        (signed(programme.schedule(version=6), SigningKey(bytes([9] * 32))), "nobody"),
        (signed(programme.schedule(version=6, areas=(8, 9))), "another area"),
        (b"LOAS1\nshort", "no signed file"),
        (b"", "no signed file"),
    ):
        with pytest.raises(ScheduleRefused, match=why):
            kept.take(data)
    assert kept.now is not None and kept.now.version == 5
    # A stick's must be newer too; but what the server says by the line goes before a stick.
    stick = signed(programme.schedule(version=9), purpose=Purpose.PACK)
    with pytest.raises(ScheduleRefused, match="nobody"):
        kept.take(stick)
    assert kept.take(stick, Purpose.PACK)
    assert KeptSchedule(tmp_path / "schedule", lambda: keys, lambda: area).now == kept.now
    assert kept.take(signed(programme.schedule(version=5)))
    # At a start the signature is checked, too, and so is the area, at any time.
    again = KeptSchedule(tmp_path / "schedule", lambda: keys, lambda: area)
    assert again.now == kept.now and again.hash == kept.hash
    area = 8
    assert again.now is None
    assert again.take(signed(programme.schedule(version=2, areas=(8,))))
    damaged = bytearray((tmp_path / "schedule").read_bytes())
    damaged[-9] ^= 4
    (tmp_path / "schedule").write_bytes(damaged)
    assert KeptSchedule(tmp_path / "schedule", lambda: keys, lambda: area).now is None
