"""The director on the engine's virtual clock: what mounts carry, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from loa.native.engine import Clip, Engine, EventKind
from loa.streamer.air.director import Director
from loa.streamer.air.feeds import FeedSession
from loa.streamer.air.tokens import Tokens
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import Content, Policies
from loa.streamer.core.rights import BulletinClass, SourceToken, digest
from loa.streamer.counters import Counters
from loa.streamer.ingest.session import AreaBusy, AreaUnknown, NotAllowed, SourceKind

AREAS = AreaTree(
    [Area("/p", "P", id=1), Area("/p/c", "C", aliases=("/old",), id=2), Area("/p/c/v", "V", id=3)]
)
TOKENS = (
    SourceToken(digest("all"), "/"),
    SourceToken(digest("c"), "/p/c"),
    SourceToken(digest("sos"), "/p", BulletinClass.EMERGENCY),
)
TONE = (0.1 * np.sin(2 * np.pi * 440 * np.arange(960) / 48_000)).astype(np.float32)


class Stage:
    """A director whose time passes in ``run`` only."""

    def __init__(self, *, programmes: int = 2048, kept: int = 6000, **contents: str) -> None:
        self.engine = Engine(1000, virtual=True, max_programmes=programmes, kept_ticks=kept)
        self.counters = Counters()
        self.director = Director(
            self.engine,
            AREAS,
            Tokens(TOKENS),
            {f"/{path.replace('_', '/')}": Content(file=file) for path, file in contents.items()},
            self.counters,
            policies=Policies(hold=250, take_back=150),
        )
        self.carried: dict[int, int] = {}
        self.changes: list[tuple[int, int, int]] = []

    async def settle(self) -> None:
        """Let callbacks run, and the arbiter be asked."""
        for _ in range(3):
            await asyncio.sleep(0)

    async def run(self, ticks: int, each: Callable[[], object] | None = None) -> None:
        """Make ticks; before each, sources write."""
        for _ in range(ticks):
            if each is not None:
                each()
            await self.settle()
            self.engine.advance(1)
            for event in self.engine.events():
                if event.kind is EventKind.CARRIED:
                    self.carried[event.mount] = event.id
                    self.changes.append((event.tick, event.mount, event.id))
                self.director.on_event(event)
            # Timers stand for ticks that are due: ask as they would.
            self.director._refresh()
            await self.settle()

    def kinds(self) -> list[str]:
        return [self.director.on_air(m.number).kind for m in self.director.all()]

    def go_live(self, area: str = "/p/c", token: str = "all") -> FeedSession:
        return self.director.open(
            area, token, kind=SourceKind.STUDIO, name="studio", peer="127.0.0.1"
        )


@pytest.fixture
def clip() -> Clip:
    return Clip(b"\xf8\x01" * 100, np.full(100, 2, np.uint16))


@pytest.fixture
async def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.director.stop()
    stage.engine.close()


async def test_a_live_goes_to_its_mount_and_those_below_and_ends(stage: Stage):
    session = stage.go_live()
    assert stage.kinds() == ["silence"] * 3
    await stage.run(10, lambda: session.write(TONE, True))
    assert stage.kinds() == ["silence", "live", "live"]
    assert stage.carried[1] == stage.carried[2] != 0
    assert stage.carried.get(0, 0) == 0
    session.end()
    await stage.run(20)
    assert stage.kinds() == ["silence"] * 3
    assert stage.carried[1] == 0


async def test_the_first_word_is_carried(stage: Stage):
    session = stage.go_live()
    await stage.run(10, lambda: session.write(TONE, True))
    tick, _, handle = next(c for c in stage.changes if c[2])
    assert stage.engine.programme_stats(handle).start_tick >= tick


async def test_wrong_secret_area_and_right_are_told_apart(stage: Stage):
    with pytest.raises(NotAllowed):
        stage.go_live("/p/c", "wrong")
    with pytest.raises(NotAllowed):
        stage.go_live("/nowhere", "wrong")
    with pytest.raises(AreaUnknown):
        stage.go_live("/nowhere")
    with pytest.raises(NotAllowed):
        stage.go_live("/p", "c")
    assert stage.go_live("/old").feed.area == "/p/c"


async def test_a_second_source_finds_it_busy_and_the_first_does_not_notice(stage: Stage):
    session = stage.go_live()
    await stage.run(10, lambda: session.write(TONE, True))
    with pytest.raises(AreaBusy):
        stage.go_live("/p/c", "c")
    with pytest.raises(AreaBusy):
        stage.go_live("/p/c", "all")
    before = stage.carried[1]
    await stage.run(5, lambda: session.write(TONE, True))
    assert stage.carried[1] == before


async def test_the_same_token_replaces_its_dead_connection(stage: Stage):
    first = stage.go_live()
    told: list[str] = []
    first.on_close = told.append
    await stage.run(10, lambda: first.write(TONE, True))
    first.feed.last_write -= 3.0
    second = stage.go_live()
    assert told == ["replaced"]
    handle = stage.carried[1]
    await stage.run(10, lambda: second.write(TONE, True))
    assert stage.carried[1] == handle, "it goes on in the same programme"
    first.drop("too late to matter")
    await stage.run(1, lambda: second.write(TONE, True))
    assert stage.kinds()[1] == "live"


async def test_a_lost_source_is_held_then_given_up_and_takes_back_when_steady(clip: Clip):
    stage = Stage(p="spot.mp3")
    stage.director.add_clip("spot.mp3", clip)
    await stage.run(5)
    assert stage.kinds() == ["file"] * 3
    session = stage.go_live()
    await stage.run(10, lambda: session.write(TONE, True))
    assert stage.kinds() == ["file", "live", "live"]
    session.drop("gone")
    await stage.run(240)
    assert stage.kinds() == ["file", "live", "live"], "held"
    await stage.run(15)
    assert stage.kinds() == ["file"] * 3, "given up"
    again = stage.go_live()
    await stage.run(100, lambda: again.write(TONE, True))
    assert stage.kinds() == ["file"] * 3, "not yet steady"
    await stage.run(60, lambda: again.write(TONE, True))
    assert stage.kinds() == ["file", "live", "live"], "taken back"
    stage.director.stop()
    stage.engine.close()


async def test_one_that_comes_back_in_time_goes_on(stage: Stage):
    session = stage.go_live()
    await stage.run(10, lambda: session.write(TONE, True))
    handle = stage.carried[1]
    session.drop("gone")
    await stage.run(100)
    session = stage.go_live()
    await stage.run(20, lambda: session.write(TONE, True))
    assert stage.kinds() == ["silence", "live", "live"]
    assert stage.carried[1] == handle
    assert not [c for c in stage.changes if c[1] == 1][1:], "nothing changed in between"


async def test_a_source_that_stalls_is_held_and_given_up_like_one_that_is_lost(clip: Clip):
    stage = Stage(p="spot.mp3")
    stage.director.add_clip("spot.mp3", clip)
    session = stage.go_live()
    await stage.run(20, lambda: session.write(TONE, True))
    await stage.run(50)
    await stage.run(10, lambda: session.write(TONE, True))
    assert stage.kinds() == ["file", "live", "live"], "a second is nothing"
    await stage.run(280)
    assert stage.kinds() == ["file"] * 3
    await stage.run(100, lambda: session.write(TONE, True))
    assert stage.kinds() == ["file"] * 3
    await stage.run(100, lambda: session.write(TONE, True))
    assert stage.kinds() == ["file", "live", "live"]
    stage.director.stop()
    stage.engine.close()


async def test_a_file_goes_round_without_a_gap(clip: Clip):
    stage = Stage(p="spot.mp3")
    stage.director.add_clip("spot.mp3", clip)
    await stage.run(1050)
    starts = [tick for tick, mount, handle in stage.changes if mount == 0 and handle]
    assert len(starts) >= 10
    assert all(b - a == clip.ticks for a, b in pairwise(starts))
    assert [c for c in stage.changes if c[2] == 0] == []
    stage.director.stop()
    stage.engine.close()


async def test_a_file_goes_on_after_the_engine_had_no_room(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("loa.streamer.air.carrier.TRY_AGAIN", 0.0)
    stage = Stage(programmes=6, kept=600, p="spot.mp3")  # a round is kept for six others
    stage.director.add_clip("spot.mp3", clip)
    await stage.run(3000)
    starts = [tick for tick, mount, handle in stage.changes if mount == 0 and handle]
    assert stage.counters.snapshot()["carriage.failed"] > 0
    assert len(starts) > 15
    assert starts[-1] > 3700, "it plays to this day"
    stage.director.stop()
    stage.engine.close()


async def test_what_found_no_room_at_first_is_asked_for_again(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
):
    stage = Stage(programmes=1, p="spot.mp3")
    monkeypatch.setattr("loa.streamer.air.director.TRY_AGAIN", 0.0)
    stage.engine.open_clip(clip, 0)
    stage.director.add_clip("spot.mp3", clip)
    assert stage.kinds() == ["silence"] * 3
    assert stage.director._timer is not None
    stage.director.stop()
    stage.engine.close()


async def test_one_that_replaces_another_and_says_nothing_leaves_no_trace(clip: Clip):
    stage = Stage(p="spot.mp3")
    stage.director.add_clip("spot.mp3", clip)
    session = stage.go_live()
    await stage.run(10, lambda: session.write(TONE, True))
    session.drop("gone")
    other = stage.director.open("/p/c", "all", kind=SourceKind.STREAM, name="", peer="")
    other.drop("no audio")
    # Not through run(), which asks the arbiter by itself.
    await stage.settle()
    assert stage.kinds() == ["file"] * 3
    stage.director.stop()
    stage.engine.close()


async def test_a_relays_address_is_not_shown_to_listeners():
    stage = Stage()
    stage.director.room.use({"/p": Content(relay="http://radio.example/x?key=secret")})
    session = stage.director.open_relay("http://radio.example/x?key=secret")
    await stage.run(60, lambda: session.write(TONE, True))
    assert stage.director.on_air(0).kind == "relay"
    assert stage.director.on_air(0).title == "radio.example"
    stage.director.stop()
    stage.engine.close()


async def test_an_emergency_from_above_goes_before_own_live(stage: Stage):
    own = stage.go_live("/p/c", "c")
    await stage.run(10, lambda: own.write(TONE, True))
    sos = stage.go_live("/p", "sos")

    def both() -> None:
        own.write(TONE, True)
        sos.write(TONE, True)

    await stage.run(10, both)
    assert len({stage.carried[m] for m in range(3)}) == 1
    sos.end()
    await stage.run(20, lambda: own.write(TONE, True))
    assert stage.kinds() == ["silence", "live", "live"], "own live goes on at its present"


async def test_less_than_the_tokens_class_may_be_asked_for_and_not_more(stage: Stage):
    def opened(token: str, klass: str) -> FeedSession:
        return stage.director.open(
            "/p/c", token, kind=SourceKind.STUDIO, name="", peer="", klass=klass
        )

    with pytest.raises(NotAllowed, match="routine at most"):
        opened("c", "priority")
    session = opened("sos", "priority")
    assert session.feed.cls is BulletinClass.PRIORITY
    session.end()
    assert opened("sos", "").feed.cls is BulletinClass.EMERGENCY


async def test_stop_ends_every_session_and_takes_no_new_one(stage: Stage):
    session = stage.go_live()
    told: list[str] = []
    session.on_close = told.append
    await stage.run(5, lambda: session.write(TONE, True))
    stage.director.stop()
    assert told == ["shutdown"]
    assert session.write(TONE, True) == len(TONE), "a late write goes nowhere and harms nobody"
    with pytest.raises(NotAllowed):
        stage.go_live()


async def test_what_a_studio_is_told(stage: Stage):
    session = stage.go_live()
    assert session.report().note == "waiting for sound"
    await stage.run(30, lambda: session.write(TONE, True))
    report = session.report()
    assert report.on_air == ("/p/c", "/p/c/v")
    assert report.peak_dbfs == pytest.approx(-20, abs=0.5)


async def test_a_relay_that_is_gone_is_given_up_with_its_programme_and_comes_back_when_steady():
    url = "http://radio.example/vov.opus"
    stage = Stage(p="spot.mp3")
    stage.director.room.use({"/p": Content(relay=url, file="spot.mp3")})
    stage.director.add_clip("spot.mp3", Clip(b"\xf8\x01" * 100, np.full(100, 2, np.uint16)))
    session = stage.director.open_relay(url)
    await stage.run(80, lambda: session.write(TONE, True))
    assert stage.kinds() == ["relay"] * 3
    first = stage.carried[0]
    session.drop("gone")
    await stage.run(320)
    assert stage.kinds() == ["file"] * 3
    assert not stage.director.sources.relays, "nothing is encoded for a relay that is gone"
    session = stage.director.open_relay(url)
    await stage.run(140, lambda: session.write(TONE, True))
    assert stage.kinds() == ["file"] * 3
    await stage.run(80, lambda: session.write(TONE, True))
    assert stage.kinds() == ["relay"] * 3
    assert stage.carried[0] not in (0, first)
    stage.director.stop()
    stage.engine.close()


async def test_what_dropped_events_would_have_told_is_found_by_looking(stage: Stage):
    session = stage.go_live()
    await stage.run(10, lambda: session.write(TONE, True))
    session.end()
    stage.engine.advance(30)
    stage.engine.events()  # nobody is told
    assert stage.kinds()[1] == "live"
    stage.director.sweep()
    await stage.run(1)
    assert stage.kinds() == ["silence"] * 3
