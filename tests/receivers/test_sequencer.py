"""What sounds when: changes, outages, emergencies and orders, without a sample of audio."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.frames import SILENT_PACKET, Audio
from loa.receivers.parts import Cause, Origin, Prepared, Wanted
from loa.receivers.runs import LIVE_LAG, WHOLE_LAG, Stretch
from loa.receivers.sequencer import MOST_RUNS, TOO_MUCH, Sequencer, What

HASH = bytes(32)


def packet(tick: int) -> bytes:
    return b"s%d" % tick


def clip(ticks: int, name: str = "b") -> Prepared:
    return Prepared(HASH, tuple(b"%s%d" % (name.encode(), i) for i in range(ticks)))


def live(tick: int, play: str = "live", **fields: object) -> Wanted:
    return Wanted(tick, "live", play=play, stream=True, **fields)  # type: ignore[arg-type]


def bulletin(tick: int, ticks: int, play: str = "b", **fields: object) -> Wanted:
    return Wanted(tick, "bulletin", play=play, audio=HASH, ticks=ticks, **fields)  # type: ignore[arg-type]


def silence(tick: int) -> Wanted:
    return Wanted(tick, "silence")


@dataclass
class Box:
    """A sequencer, and what it gave at each place."""

    sequencer: Sequencer = field(default_factory=Sequencer)
    place: int = 1000
    heard: list[bytes | None] = field(default_factory=list)
    """Packets; None where something was made up, empty in silence."""
    stretches: list[Stretch] = field(default_factory=list)
    sent: int = 0

    def play(self, ticks: int, *, streaming: bool = False) -> list[bytes | None]:
        """Let time pass; with ``streaming`` the server's packets come 10 ticks ahead."""
        begun = len(self.heard)
        for _ in range(ticks):
            if streaming:
                first = max(self.sent, self.place)
                self.comes(first, self.place + 11 - first)
            step = self.sequencer.next(self.place)
            self.heard.append(
                step.packets[0]
                if step.what is What.PACKETS
                else (None if step.what is What.MADE_UP else b"")
            )
            self.place += 1
        self.stretches += self.sequencer.ended
        self.sequencer.ended = []
        return self.heard[begun:]

    def comes(self, first: int, count: int = 1) -> None:
        self.sent = max(self.sent, first + count)
        while count > 0:
            some = min(count, 250)
            packets = tuple(packet(t) for t in range(first, first + some))
            self.sequencer.audio(Audio(first, packets))
            first, count = first + some, count - some


def of_stream(first: int, count: int) -> list[bytes | None]:
    return [packet(t) for t in range(first, first + count)]


def of_clip(first: int, count: int, name: str = "b") -> list[bytes | None]:
    return [b"%s%d" % (name.encode(), i) for i in range(first, first + count)]


def test_a_live_is_played_at_its_ticks_and_written_down() -> None:
    box = Box()
    box.sequencer.want(silence(900))
    box.sequencer.want(live(1010))
    box.comes(1010, 20)
    box.sequencer.want(silence(1030))
    assert box.play(40) == [b""] * 10 + of_stream(1010, 20) + [b""] * 10
    (one,) = box.stretches
    assert (one.first, one.next, one.delivered, one.missed, one.concealed) == (1010, 1030, 20, 0, 0)
    assert one.whole and one.late == 0 and one.origin is Origin.LIVE and not one.interrupted


def test_a_bulletin_comes_from_the_cache_without_a_line() -> None:
    box = Box()
    box.sequencer.want(bulletin(1005, 30, gap=True), clip(30))
    assert box.play(40) == [b""] * 5 + [SILENT_PACKET] + of_clip(1, 29) + [b""] * 5
    assert box.stretches[0].whole and box.stretches[0].origin is Origin.CACHE
    assert box.sequencer.asks is None


def test_a_bulletin_that_is_said_late_is_whole_all_the_same() -> None:
    box = Box()
    box.sequencer.want(bulletin(900, 30), clip(30))
    box.sequencer.want(silence(930))
    assert box.play(40) == of_clip(0, 30) + [b""] * 10
    assert box.stretches[0].late == 100 and box.stretches[0].whole


def test_what_follows_a_late_bulletin_comes_at_its_place() -> None:
    box = Box()
    box.sequencer.want(bulletin(960, 30), clip(30))
    box.sequencer.want(bulletin(990, 20, play="c"), clip(20, "c"))
    box.sequencer.want(silence(1010))
    box.sequencer.want(live(1040))
    box.comes(1040, 40)
    assert box.play(60) == of_clip(0, 30) + of_clip(0, 20, "c") + of_stream(1040, 10)


def test_a_bulletin_that_was_on_before_the_box_is_joined_at_its_present() -> None:
    # Ten minutes long, and in its fifth; the box was switched on 40 ticks ago.
    for first in (1000 - 15_000, 1000 - 500):
        box = Box()
        box.sequencer.since = 960.0
        box.sequencer.want(bulletin(first, 30_000, stream=True))
        assert box.sequencer.resume(box.place) == 1000
        box.sequencer.want(bulletin(first + 30_000, 50, play="c"), clip(50, "c"))
        assert box.play(200, streaming=True) == of_stream(1000, 200)
        assert box.sequencer.asks is None and box.sequencer.current is not None
        stretch = box.sequencer.current.stretch
        assert stretch is not None and stretch.late == 0 and stretch.missed == 1000 - first
    # From the cache it is no other; what comes behind it is whole.
    box = Box()
    box.sequencer.since = 995.0
    box.sequencer.want(bulletin(990, 30), clip(30))
    box.sequencer.want(bulletin(1020, 30, play="c"), clip(30, "c"))
    assert box.play(60) == of_clip(10, 20) + of_clip(0, 30, "c") + [b""] * 10


def test_a_bulletin_that_began_while_the_box_was_on_is_whole() -> None:
    box = Box()
    box.sequencer.since = 960.0
    box.sequencer.want(bulletin(970, 300, stream=True))
    assert box.sequencer.resume(box.place) == 970
    box.comes(970, 40)
    assert box.play(100, streaming=True)[:100] == of_stream(970, 100)
    # So is one that began in an outage, however much of it is over.
    box = Box()
    box.sequencer.since = 960.0
    box.play(WHOLE_LAG - 100)
    box.sequencer.want(bulletin(1010, 300), clip(300))
    assert box.play(310) == of_clip(0, 300) + [b""] * 10
    # A timeline that leaps moves the box's beginning with it.
    box.sequencer.leapt(10_000.0)
    assert box.sequencer.since == 10_960.0


def test_an_outage_in_a_live_ends_at_its_present() -> None:
    box = Box()
    box.sequencer.want(live(1000))
    box.play(100, streaming=True)
    ahead = 10
    out = box.play(2000)
    assert out[:ahead] == of_stream(1100, ahead)
    assert out[ahead : ahead + 5] == [None] * 5 and not any(out[ahead + 5 :])
    # After 40 s nothing of the past is asked for.
    assert box.sequencer.resume(box.place) == box.place
    box.comes(box.place, 10)
    assert box.play(50, streaming=True)[:10] == of_stream(3100, 10)
    box.sequencer.want(silence(box.place))
    box.play(1)
    (one,) = box.stretches
    assert one.missed == 3100 - 1110 and one.concealed == 5


@pytest.mark.parametrize("together", [False, True])
def test_a_short_outage_in_a_live_loses_nothing(together: bool) -> None:
    most = LIVE_LAG
    box = Box()
    box.sequencer.together = together
    box.sequencer.want(live(1000))
    box.play(100, streaming=True)
    box.play(most - 10)
    assert box.sequencer.resume(box.place) == 1110
    box.comes(1110, most)
    out = box.play(100, streaming=True)
    assert out == of_stream(1110, 100)
    box.sequencer.want(silence(box.place + 100))
    box.play(300, streaming=True)
    assert box.stretches[0].missed == 0 and box.stretches[0].concealed == 5


def test_an_outage_in_a_streamed_bulletin_only_delays_it() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 3000, stream=True))
    box.play(500, streaming=True)
    out = box.play(2000)
    assert out[:10] == of_stream(1500, 10) and out[10:15] == [None] * 5 and not any(out[15:])
    assert box.sequencer.resume(box.place) == 1510
    box.comes(1510, box.place + 10 - 1510)
    out = box.play(6000, streaming=True)
    assert out[: 4000 - 1510] == of_stream(1510, 4000 - 1510)
    (one,) = box.stretches
    assert one.whole and one.missed == 0 and one.delivered == 3000 and one.concealed == 5


def test_an_outage_does_not_touch_a_cached_bulletin() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 3000), clip(3000))
    box.play(500)
    assert box.sequencer.resume(box.place) is None
    # The session is back: the server says again what is on, by the bulletin's start or by now.
    box.sequencer.want(bulletin(1000, 3000), clip(3000))
    assert box.play(100) == of_clip(500, 100)
    box.sequencer.want(bulletin(1600, 3000, offset=600), clip(3000))
    assert box.play(2401)[:-1] == of_clip(600, 2400)
    assert box.stretches[0].whole and box.stretches[0].delivered == 3000


def test_the_server_takes_over_from_the_schedule_without_a_beginning_anew() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 500, cause=Cause.SCHEDULE), clip(500))
    box.play(100)
    box.sequencer.want(bulletin(1007, 500), clip(500))
    assert box.play(400) == of_clip(100, 400)
    # Its end is said again when it is over here already: it does not begin again.
    box.sequencer.want(bulletin(1007, 500), clip(500))
    assert not any(box.play(50))
    assert [one.whole for one in box.stretches] == [True]


def test_a_lost_part_of_a_bulletin_is_asked_for() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 100, stream=True))
    box.comes(1000, 30)
    box.comes(1040, 60)
    box.play(60)
    assert box.sequencer.asks == 1030
    box.comes(1030, 70)
    assert box.play(71)[:-1] == of_stream(1030, 70)
    assert box.stretches[0].whole and box.stretches[0].missed == 0


def test_what_never_comes_is_given_up() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 100, stream=True))
    box.comes(1000, 30)
    box.comes(1040, 60)
    out = box.play(400)
    assert [p for p in out if p] == of_stream(1000, 30) + of_stream(1040, 60)
    assert box.stretches[0].missed == 10


def test_a_small_hole_in_a_live_is_made_up_and_a_large_one_left_out() -> None:
    box = Box()
    box.sequencer.want(live(1000))
    box.comes(1000, 20)
    box.comes(1023, 20)
    box.comes(1060, 20)
    out = box.play(60)
    assert out[:43] == of_stream(1000, 20) + [None] * 3 + of_stream(1023, 20)
    # Behind the large hole it is due later.
    assert not any(out[43:])
    assert box.play(20) == of_stream(1060, 20)


def test_what_the_cache_cannot_give_is_asked_of_the_server() -> None:
    box = Box()
    box.sequencer.want(bulletin(1010, 100), None)
    assert box.sequencer.asks == 1010
    box.comes(1010, 100)
    assert box.play(110)[10:] == of_stream(1010, 100)


def test_an_emergency_cuts_as_soon_as_it_is_there() -> None:
    box = Box()
    box.sequencer.lead = 35
    box.sequencer.want(live(900))
    box.play(10, streaming=True)
    box.sequencer.want(live(1044, play="e", cls=2))
    assert box.play(3) == of_stream(1010, 3), "what is on goes on until there is something"
    box.comes(1044, 10)
    assert box.play(10) == of_stream(1044, 10)
    step = box.sequencer.next(box.place)
    assert step.what is What.MADE_UP


def test_a_late_bulletin_goes_on_after_an_emergency() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 2000, stream=True))
    box.play(500, streaming=True)
    box.play(1000)
    box.comes(1510, box.place + 10 - 1510)
    box.play(100, streaming=True)
    at = 1610
    now = box.place
    box.sequencer.want(live(now + 5, play="e", cls=2))
    box.comes(now + 5, 10)
    out = box.play(300, streaming=True)
    assert out[0] == packet(now + 5)
    server_index = now + 5 - 1000
    ends = now + 305
    box.sequencer.want(bulletin(ends, 2000, play="b", offset=server_index, stream=True))
    for tick in range(ends, ends + 2000 - server_index):
        box.comes(tick)
    out = box.play(200)
    first = next(i for i, p in enumerate(out) if p is not None and p == packet(at))
    assert first <= 150, "within 3 s"
    heard = [p for p in [*out[first:], *box.play(2000)] if p]
    expected = of_stream(at, now + 5 - at) + of_stream(ends, 2000 - server_index)
    assert heard == expected
    bulletins = [one for one in box.stretches if one.wanted.play == "b"]
    assert next(one.interrupted for one in bulletins) == "e"
    assert sum(one.delivered for one in bulletins) == 2000
    assert all(one.missed == 0 for one in bulletins) and bulletins[-1].whole


def test_a_second_emergency_and_a_late_one() -> None:
    box = Box()
    box.sequencer.want(live(500, play="e1", cls=2))
    box.comes(500, 520)
    out = box.play(10)
    assert out == of_stream(1000, 10), "an emergency is heard at its present, with a gap"
    box.sequencer.want(live(1012, play="e2", cls=2))
    box.comes(1012, 10)
    assert box.play(5) == of_stream(1012, 5)


@pytest.mark.parametrize("lasts", [100, 600])
def test_an_emergency_whose_server_begins_anew_is_heard_on(lasts: int) -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 400, "e", cls=2, stream=True))
    assert box.play(150, streaming=True) == of_stream(1000, 150)
    # Longer than it would have lasted, too: it is not over for a box that did not hear its end.
    box.sent = box.place
    assert [each for each in box.play(lasts) if each] == of_stream(1150, 10)
    # The server knows that 140 packets went out, and goes on with them from now on.
    now = box.place
    box.sequencer.want(bulletin(now, 400, "e", cls=2, stream=True, offset=140))
    heard = [each for each in box.play(400, streaming=True) if each]
    # Twenty of them were heard before; one for whom it was over is given them again.
    assert heard in (of_stream(now, 260), of_stream(now + 20, 240))
    assert box.stretches[-1].whole
    # Now it is over: said again, it is not played again.
    box.sequencer.want(bulletin(box.place, 400, "e", cls=2, stream=True))
    assert box.play(50, streaming=True) == [b""] * 50


def test_stop_is_silence_until_something_else_is_carried() -> None:
    box = Box()
    box.sequencer.want(live(1000))
    box.play(10, streaming=True)
    assert box.sequencer.stop()
    assert not any(box.play(20, streaming=True))
    box.sequencer.want(live(1000))
    assert not any(box.play(20, streaming=True)), "said again, it is still stopped"
    box.sequencer.want(live(box.place, play="another"))
    assert any(box.play(20, streaming=True))
    assert not box.sequencer.stop("nothing of that name")
    assert box.stretches[0].interrupted == "stop"


def test_an_order_is_played_from_its_start_and_the_mount_goes_on() -> None:
    box = Box()
    box.sequencer.want(silence(900))
    box.sequencer.want(bulletin(1010, 20, play="o", cause=Cause.ORDER), clip(20, "o"))
    box.sequencer.want(live(1020))
    out = box.play(40, streaming=True)
    assert out[:30] == [b""] * 10 + of_clip(0, 20, "o")
    # The live lags by what the order took, and catches up.
    assert out[30:] == of_stream(1020, 10)
    box.sequencer.want(bulletin(box.place, 20, play="p", cause=Cause.ORDER), None)
    box.play(1)
    assert box.stretches[-1].why_not == "not in the cache"


def test_an_order_waits_for_what_is_not_less() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 50), clip(50))
    box.play(10)
    box.sequencer.want(bulletin(1010, 20, play="o", cause=Cause.ORDER), clip(20, "o"))
    assert box.play(70) == of_clip(10, 40) + of_clip(0, 20, "o") + [b""] * 10
    box.sequencer.want(bulletin(box.place, 50, play="c"), clip(50, "c"))
    box.play(10)
    box.sequencer.want(bulletin(box.place, 20, play="q", cls=1, cause=Cause.ORDER), clip(20, "q"))
    assert box.play(70) == of_clip(0, 20, "q") + of_clip(10, 40, "c") + [b""] * 10


def test_another_timeline_moves_nothing() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 500), clip(500))
    box.play(100)
    box.sequencer.welcomed()
    box.sequencer.want(live(11_250))
    box.sequencer.leapt(10_000)
    box.place += 10_000
    assert box.play(100) == of_clip(100, 100)
    # What the new session said stands at its own ticks.
    assert box.play(400, streaming=True)[300:] == of_clip(500, 0) + of_stream(11_500, 100)


def test_a_file_that_goes_round_is_played_again_each_time() -> None:
    box = Box()
    for round_ in range(3):
        wanted = Wanted(1000 + 50 * round_, "file", play="loop", audio=HASH, ticks=50)
        box.sequencer.want(wanted, clip(50))
        assert box.play(50) == of_clip(0, 50)


def test_what_was_before_the_box_joined_was_not_lost_by_the_line() -> None:
    for wanted, audio in (
        (Wanted(-2000, "file", play="f", audio=HASH, ticks=9000), clip(9000)),
        (live(-2000), None),
    ):
        box = Box()
        box.sequencer.want(wanted, audio)
        box.play(300, streaming=audio is None)
        assert len([heard for heard in box.heard if heard]) > 250
        assert box.sequencer.counters.missed == 0
    # What does not come afterwards was.
    box.play(500)
    box.sent = box.place
    box.play(100, streaming=True)
    assert box.sequencer.counters.missed > 400


def test_an_order_that_is_stopped_leaves_the_mount_alone() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 100), clip(100))
    box.play(10)
    box.sequencer.want(bulletin(1010, 500, play="o", cls=1, cause=Cause.ORDER), clip(500, "o"))
    assert box.play(20) == of_clip(0, 20, "o")
    assert box.sequencer.stop("o")
    assert box.play(90) == of_clip(10, 90)


def test_what_became_of_orders_is_told() -> None:
    box = Box()
    box.sequencer.want(silence(900))

    def ordered(play: str, cls: int = 0, ticks: int = 20) -> None:
        wanted = bulletin(box.place + 5, ticks, play=play, cls=cls, cause=Cause.ORDER)
        box.sequencer.want(wanted, clip(ticks, play))

    def told() -> list[tuple[str, str]]:
        over, box.sequencer.orders_over = box.sequencer.orders_over, []
        return [(wanted.play, why) for wanted, why in over]

    ordered("whole", ticks=40)
    box.play(20)
    assert told() == [], "it is not over as long as it sounds"
    # What goes before it puts it off, and makes no end of it.
    ordered("more", cls=1)
    box.play(30)
    assert told() == [("more", "")]
    box.play(20)
    assert told() == [("whole", "")]
    ordered("early")
    box.sequencer.stop("early")
    ordered("cut")
    box.play(15)
    box.sequencer.stop()
    assert told() == [("early", "stop"), ("cut", "stop")]
    # What was heard or stopped is not to be heard again, and nothing waits for it.
    ordered("whole")
    ordered("cut")
    assert told() == [("whole", "it was played before"), ("cut", "stop")]
    box.sequencer.want(live(box.place))
    assert all(box.play(20, streaming=True))
    for n in range(MOST_RUNS + 1):
        ordered(f"many {n}")
    assert told() == [(f"many {MOST_RUNS}", TOO_MUCH)]


def test_a_change_that_is_taken_back() -> None:
    box = Box()
    box.sequencer.want(silence(900))
    box.sequencer.want(live(1020, play="x"))
    box.sequencer.want(bulletin(1010, 20), clip(20))
    out = box.play(40)
    assert out == [b""] * 10 + of_clip(0, 20) + [b""] * 10


def test_a_change_that_does_not_come_lets_all_go_on() -> None:
    box = Box()
    box.sequencer.want(live(1000))
    box.sequencer.want(bulletin(1020, 50), clip(50))
    box.play(10, streaming=True)
    box.sequencer.want(live(1020))
    assert box.play(40, streaming=True) == of_stream(1010, 40)
    box.sequencer.want(silence(1060))
    box.play(20, streaming=True)
    assert [(one.delivered, one.whole) for one in box.stretches] == [(60, True)]


def test_what_is_told_again_at_a_session_changes_nothing() -> None:
    box = Box()
    past = [bulletin(1000, 95, play="a", stream=True), silence(1040)]
    on = [live(1060, play="e", cls=2), bulletin(1090, 100, play="c")]
    for one in (*past, *on):
        box.sequencer.want(one, clip(100, "c") if one.play == "c" else None)
    box.play(70, streaming=True)
    for one in (*past, *on):
        box.sequencer.want(one, clip(100, "c") if one.play == "c" else None)
    out = box.play(120, streaming=True)
    # The emergency came ten ticks ahead of its place, and sounded at once.
    assert out == of_stream(1080, 10) + [b""] * 10 + of_clip(0, 100, "c")
    box.sequencer.want(silence(1190))
    box.play(2)
    assert [(one.wanted.play, one.delivered) for one in box.stretches] == [
        ("a", 40), ("e", 30), ("c", 100),
    ]  # fmt: skip


def test_a_bulletin_that_arrives_meanwhile_goes_on_from_the_cache() -> None:
    box = Box()
    box.sequencer.want(bulletin(1000, 50, stream=True))
    box.play(10, streaming=True)
    box.sequencer.want(bulletin(1000, 50), clip(50))
    assert box.play(50) == of_clip(10, 40) + [b""] * 10
    assert [(one.delivered, one.whole) for one in box.stretches] == [(50, True)]


def test_a_box_whose_data_is_used_up_asks_for_nothing_but_emergencies() -> None:
    box = Box()
    box.sequencer.thrift = True
    box.sequencer.want(bulletin(1000, 50))
    assert not any(box.play(60))
    assert box.sequencer.asks is None and box.sequencer.resume(box.place) is None
    box.sequencer.want(bulletin(box.place, 50, play="e", cls=2))
    assert box.sequencer.asks == 1060


wanted = st.one_of(
    st.builds(silence, st.integers(900, 1500)),
    st.builds(live, st.integers(900, 1500), st.sampled_from("abc"), cls=st.integers(0, 2)),
    st.builds(
        bulletin, st.integers(900, 1500), st.integers(1, 300), st.sampled_from("def"),
        offset=st.integers(0, 50), stream=st.booleans(), gap=st.booleans(),
        cls=st.integers(0, 2), cause=st.sampled_from(Cause),
    ),
)  # fmt: skip
steps = st.lists(
    st.one_of(
        st.tuples(st.just("want"), wanted, st.booleans()),
        st.tuples(st.just("audio"), st.integers(900, 1700), st.integers(1, 250)),
        st.tuples(st.just("play"), st.integers(1, 200), st.booleans()),
        st.tuples(st.just("stop"), st.sampled_from(["", "a", "d"]), st.just(0)),
        st.tuples(st.just("leap"), st.integers(-500, 500), st.just(0)),
    ),
    max_size=25,
)


@given(steps)
@settings(deadline=None, derandomize=True, max_examples=120)
def test_whatever_is_wanted(done: list[tuple[str, object, object]]) -> None:
    """Invariant: it goes on; nothing sounds twice within a stretch; the sums are right; by the step
    and all at once the same is delivered."""
    fine, coarse = Box(), Box()
    for kind, value, more in done:
        for box in (fine, coarse):
            if kind == "want":
                assert isinstance(value, Wanted)
                cached = value.audio is not None and bool(more)
                box.sequencer.want(value, clip(value.ticks) if cached else None)
            elif kind == "audio":
                assert isinstance(value, int) and isinstance(more, int)
                box.comes(value, more)
            elif kind == "stop":
                box.sequencer.stop(str(value))
            elif kind == "leap":
                assert isinstance(value, int)
                box.sequencer.leapt(value)
                box.place += value
            elif box is fine:
                assert isinstance(value, int)
                box.play(value)
            else:
                assert isinstance(value, int)
                box.sequencer.advance(box.place + value - 1)
                box.place += value
    for box in (fine, coarse):
        box.stretches += box.sequencer.ended
        for one in box.stretches:
            assert one.delivered >= 0 and one.missed >= 0 and one.concealed >= 0
            assert not (one.whole and one.interrupted)
            if one.why_not:
                assert one.delivered == 0
        assert len(box.sequencer.buffer) <= 7000


def test_when_there_is_something_to_do_if_nothing_comes() -> None:
    sequencer = Sequencer()
    sequencer.lead = 35
    assert (sequencer.wakes(1000), sequencer.urgent) == (None, False)
    sequencer.want(live(1060, play="e", cls=2))
    assert sequencer.urgent
    assert sequencer.begins(1000) == 1000, "an amplifier is switched on for it"
    assert sequencer.wakes(1000) == 1060, "it cannot sound before it comes"
    sequencer.audio(Audio(1060, (b"x",)))
    assert sequencer.wakes(1000) == 1000
    # One that lies in the cache sounds at its place, without the delay.
    sequencer = Sequencer()
    sequencer.lead = 35
    sequencer.want(bulletin(1060, 100, cls=2), clip(100))
    assert sequencer.wakes(1000) == 1025
    assert sequencer.wakes(1040) == 1040
