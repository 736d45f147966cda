"""The simulated loudspeaker: what comes is heard in its time, though it is not looked at each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from loa.codecs.control.frames import Audio
from loa.codecs.control.messages import Change, Welcome
from loa.receivers.clock import Clock
from loa.receivers.fleet.playing import Heard, Playing, Reference
from tests.support.boxes import FakeCache, FakeJournal, FakeLine

START = 1000
"""The timeline's tick at monotonic 0."""


class Box:
    """Its part that plays, and its clock, which stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0
        self.heard = Heard()
        self.playing = Playing(
            FakeLine(), Clock(), FakeCache(), FakeJournal(), Reference(), self.heard,  # type: ignore[arg-type]
            lambda: self.now, lambda: self.now, lambda now: now,
        )  # fmt: skip
        self.playing.welcomed(Welcome(version=1, tick=START, unix=0.0, heartbeat=50.0))

    def change(self, tick: int, cls: int, play: str) -> None:
        said = Change(tick=tick, kind="live", cls=cls, play=play, stream=True, emergency=cls // 2)
        self.playing.take(said, self.now)

    def audio(self, tick: int, count: int = 10) -> None:
        packets = tuple(b"%d" % at for at in range(tick, tick + count))
        self.playing.take(Audio(tick, packets), self.now)

    @property
    def place(self) -> int:
        """The place that sounds now, about."""
        target = self.playing._target(self.now)
        assert target is not None
        return int(target)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    box = Box()
    yield box
    box.playing.close()


async def test_what_comes_ahead_of_its_time_is_heard_whole(box: Box) -> None:
    first = box.place + 20
    box.change(first, 0, "live")
    for tick in range(first, first + 200, 10):
        box.audio(tick)
        box.now += 0.2
    box.playing._look()
    box.playing.settle()
    assert [run.play for run in box.heard.runs] == ["live"]
    assert box.heard.runs[0].first == first
    assert box.heard.runs[0].end >= first + 170
    assert (box.heard.late, box.heard.odd) == (0, 0)


async def test_what_comes_too_late_was_not_heard_in_its_time(box: Box) -> None:
    first = box.place + 10
    box.change(first, 0, "live")
    box.audio(first, 20)
    box.now += 1.0
    box.audio(first + 20, 30)
    box.now += 0.04
    box.playing._look()
    box.playing.settle()
    # The run ended when there was nothing more; the rest is another one, and late.
    assert box.heard.runs[0].end == first + 20
    assert len(box.heard.onsets) == 2
    assert box.heard.onsets[1].at >= 1.0


async def test_an_emergency_sounds_as_soon_as_it_comes(box: Box) -> None:
    first = box.place + 1
    box.change(first, 0, "live")
    box.audio(first, 250)
    box.now += 1.0
    called = box.place + 60
    box.change(called, 2, "alarm")
    assert [onset.play for onset in box.heard.onsets] == ["live"]
    box.now += 0.1
    box.audio(called, 1)
    box.now += 0.03
    box.audio(called + 1, 10)
    box.now += 0.03
    box.playing._look()
    assert [onset.play for onset in box.heard.onsets] == ["live", "alarm"]
    assert box.heard.onsets[1].at <= box.now


async def test_for_an_emergency_that_has_still_to_come_nobody_looks_all_the_time(box: Box) -> None:
    box.change(box.place + 20, 2, "alarm")
    target = box.playing._target(box.now)
    for _ in range(3):
        wait = box.playing._until(target, box.now)
        # (The clock asks the server, too.)
        assert wait is None or wait >= 0.2 or box.playing.clock.due(box.now) < box.now + 0.2
    box.playing.sequencer.audio(Audio(box.place + 20, (b"x",)))
    assert (box.playing._until(target, box.now) or 0.0) <= 0.02


async def test_what_comes_when_all_before_it_was_heard_is_looked_at(box: Box) -> None:
    first = box.place + 1
    box.change(first, 0, "live")
    box.audio(first, 10)
    box.now += 0.25
    box.playing._look()
    assert not box.playing._goes_on
    box.audio(first + 10, 10)
    assert box.playing._goes_on
    box.now += 0.25
    box.playing._look()
    box.playing.settle()
    assert [run.first for run in box.heard.runs] == [first]
    assert box.heard.runs[0].end == first + 20
