"""Whatever happens, each listener's stream is valid: the prefix once, then pages with nothing twice
and nothing missing, and in them what a plain model says that the mount carried.
"""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from threading import Thread

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loa.native.engine import (
    TICK_SAMPLES,
    ChainConfig,
    Engine,
    EventKind,
    Leave,
    LiveProgramme,
)
from loa.native.error import NativeError
from loa.native.ring import RingConfig
from support.timeline import (
    EOS,
    NEVER,
    SILENCE,
    Mount,
    Page,
    Programme,
    Stream,
    clip_programme,
    tagged_clip,
)

START = 155_000_000_003
KEPT = 100
MARGIN = 128
STUCK = 30 * 50
"""After so many ticks without a byte taken, a listener is gone whatever its policy."""
MOUNTS = 3
CLIP_TICKS = (1, 7, 40, 400)
CLIPS = [tagged_clip(number, ticks) for number, ticks in enumerate(CLIP_TICKS)]
EFULL = -3
EGONE = -4


@dataclass(slots=True)
class Listener:
    """A connection, and what is known of how it joined."""

    id: int
    stream: Stream
    mount: int
    cadence: int
    from_tick: int
    burst: int
    joined: int
    """The tick after which it was admitted."""
    drop: bool
    reads: bool = True
    paused: int = 0
    longest_pause: int = 0
    closed: bool = False
    phase: int | None = None
    expected: int | None = None
    """The next tick that it must get."""
    skips: int = 0
    pages: list[Page] = field(default_factory=list)
    finished: bool = False


@dataclass(slots=True)
class Live:
    handle: int
    programme: LiveProgramme
    model: Programme


class Station:
    """An engine on a virtual clock beside the model of it; every page is checked as it comes."""

    def __init__(self) -> None:
        self.engine = Engine(
            START,
            virtual=True,
            phase_listeners=1,
            fanouts=2,
            max_mounts=MOUNTS,
            max_programmes=64,
            kept_ticks=KEPT,
        )
        self.mounts = [Mount() for _ in range(MOUNTS)]
        for number in range(MOUNTS):
            assert self.engine.open_mount() == number
        self.tick = START - 1
        self.programmes: dict[int, Programme] = {}
        self.lives: list[Live] = []
        self.cuts: list[Programme] = []
        self.listeners: list[Listener] = []
        self.asked: dict[int, int] = {}
        self.refused = 0
        self.gone = 0
        self.heard: dict[tuple[int, int], bytes] = {}
        """Packets of live programmes, which nobody can compute: all must hear the same."""
        self.pages: dict[tuple[object, ...], bytes] = {}
        self.left: dict[int, tuple[Leave, int]] = {}

    # --- what is done to it

    def open_clip(self, number: int, start: int, offset: int, count: int) -> None:
        length = CLIP_TICKS[number]
        offset = min(offset, length - 1)
        count = min(count, length - offset)
        start += self.tick
        handle = self.engine.open_clip(CLIPS[number], start, offset, count)
        self.programmes[handle] = clip_programme(number, length, start, offset, count)

    def open_live(self, start: int) -> None:
        programme = self.engine.open_live(
            ChainConfig(complexity=0, level=False), RingConfig(depth_ms=20), self.tick + start
        )
        # Until it says that it started, it is silence.
        model = Programme(NEVER, NEVER, NEVER, NEVER, None)
        self.asked[programme.handle] = self.tick + start
        self.programmes[programme.handle] = model
        self.lives.append(Live(programme.handle, programme, model))

    def write(self, which: int, ticks: int) -> None:
        if self.lives:
            tone = np.sin(np.arange(ticks * TICK_SAMPLES, dtype=np.float32) / 20) / 4
            self.lives[which % len(self.lives)].programme.write(tone.astype(np.float32), True)

    def finish(self, which: int) -> None:
        if self.lives:
            self.lives[which % len(self.lives)].programme.finish()

    def release(self, which: int) -> None:
        if self.lives:
            self.lives.pop(which % len(self.lives)).programme.close()

    def cut(self, which: int) -> None:
        if not self.programmes:
            return
        handle, programme = self._pick(which)
        try:
            self.engine.cut(handle)
        except NativeError as error:
            self._is_gone(error, handle, programme)
            return
        if programme.packet is not None:
            self.cuts.append(programme)

    def carry(self, which: int, mounts: list[int], delay: int) -> None:
        handle, programme = self._pick(which) if which else (0, None)
        asked = self.tick + delay
        try:
            tick = self.engine.carry(mounts, handle, asked)
        except NativeError as error:
            assert programme is not None
            self._is_gone(error, handle, programme)
            return
        assert tick == max(asked, self.tick + 1)
        for mount in mounts:
            self.refused += not self.mounts[mount].plan(tick, programme)

    def _pick(self, which: int) -> tuple[int, Programme]:
        if not self.programmes:
            self.open_clip(which % len(CLIPS), which % 9, which % 3, 400)
        handles = list(self.programmes)
        handle = handles[which % len(handles)]
        return handle, self.programmes[handle]

    def _is_gone(self, error: NativeError, handle: int, programme: Programme) -> None:
        assert error.code == EGONE
        assert programme.end < self.tick - KEPT - MARGIN
        for mount in self.mounts:
            kept = range(max(START, self.tick - KEPT), self.tick + 1)
            assert not any(mount.sounds[tick] is programme for tick in kept)
        del self.programmes[handle]
        self.gone += 1

    def join(
        self,
        mount: int,
        cadence: int,
        back: int | None,
        burst: int,
        buffer: int | None,
        drop: bool,
        max_lag: int,
    ) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        if buffer is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        from_tick = -1 if back is None else self.tick + 1 - back
        prefix = f"prefix of listener {len(self.listeners)}\r\n\r\n".encode()
        number = self.engine.join(
            mount, ours.detach(), prefix,
            cadence=cadence, burst_ticks=burst, max_lag_ticks=max_lag, drop=drop,
            from_tick=from_tick,
        )  # fmt: skip
        self.listeners.append(
            Listener(
                number,
                Stream(theirs, prefix),
                mount,
                cadence,
                from_tick,
                burst,
                self.tick + 1,
                drop,
            )
        )

    def leave(self, which: int) -> None:
        if self.listeners:
            listener = self.listeners[which % len(self.listeners)]
            if not listener.closed:
                self._check(listener)
            listener.closed = True
            listener.stream.close()

    def pause(self, which: int) -> None:
        if self.listeners:
            listener = self.listeners[which % len(self.listeners)]
            listener.reads = not listener.reads

    def advance(self, ticks: int) -> None:
        for _ in range(ticks):
            self.engine.advance(1)
            self.tick += 1
            self._follow_live()
            for mount in self.mounts:
                mount.make(self.tick)
            for programme in self.cuts:
                if programme.end > self.tick + 1:
                    programme.end = self.tick + 1
                    if programme.own_end > programme.end:
                        programme.own_end = NEVER
            self.cuts.clear()
        self._take_events()
        for listener in self.listeners:
            listener.paused += ticks
            listener.longest_pause = max(listener.paused, listener.longest_pause)
            if listener.reads and not listener.closed:
                listener.paused = 0
                self._check(listener)

    def stop(self) -> None:
        for listener in self.listeners:
            listener.reads = True
        for _ in range(40):
            self.advance(1)
        self.tick += 1
        for mount in self.mounts:
            mount.sounds[self.tick] = None
        # Small sockets take their last page only while somebody reads.
        stopping = Thread(target=self.engine.stop, args=(5000,))
        stopping.start()
        going = True
        while going:
            stopping.join(0.001)
            going = stopping.is_alive()
            for listener in self.listeners:
                if not listener.closed:
                    self._check(listener)
        self._take_events()
        self._check_the_end()

    def close(self) -> None:
        for listener in self.listeners:
            listener.stream.close()
        self.engine.close()

    # --- what must be true

    def _follow_live(self) -> None:
        for event in self._events():
            model = self.programmes.get(event.id)
            if event.kind is EventKind.STARTED:
                assert model is not None
                assert event.tick == self.tick >= self.asked[event.id]
                model.start = model.own_start = event.tick
            elif event.kind is EventKind.ENDED and model is not None and model.packet is None:
                model.end = model.own_end = event.tick
            elif event.kind is EventKind.LEFT:
                assert event.id not in self.left
                self.left[event.id] = (Leave(event.value), event.bytes)

    def _events(self) -> list:  # type: ignore[type-arg]
        return self.engine.events()

    def _take_events(self) -> None:
        self._follow_live()

    def _check(self, listener: Listener) -> None:
        for page in listener.stream.read():
            self._check_place(listener, page)
            self._check_packets(listener, page)
            listener.pages.append(page)

    def _check_place(self, listener: Listener, page: Page) -> None:
        n = listener.cadence
        assert not listener.finished, "a page after the last one"
        if listener.phase is None and not page.flags:
            listener.phase = page.last % n
        assert page.flags or page.last % n == listener.phase, "it ends outside its phase"
        assert page.last <= self.tick
        if listener.expected is None:
            self._check_first(listener, page)
        else:
            assert page.first >= listener.expected, "something twice"
            if page.first > listener.expected:
                listener.skips += 1
                assert listener.phase is None or (page.first - 1) % n == listener.phase
        assert 1 <= len(page.packets) <= n
        if page.flags:
            assert page.flags == EOS and page.last == self.tick
            listener.finished = True
            ends = range(page.last, page.first + n)
            if listener.phase is not None:
                ends = range(page.first + (listener.phase - page.first) % n, page.first + n, n)
            assert page.sequence in {end // n % 2**32 for end in ends}
        else:
            assert page.sequence == page.last // n % 2**32
            if listener.expected is not None or listener.from_tick < 0:
                assert len(page.packets) == n
        listener.expected = page.last + 1

    def _check_first(self, listener: Listener, page: Page) -> None:
        admitted, n = listener.joined, listener.cadence
        oldest = max(START, admitted - KEPT + 1)
        if oldest <= listener.from_tick <= admitted + 1:
            earliest = latest = listener.from_tick
        else:
            earliest = max(oldest, admitted - listener.burst)
            latest = earliest + n - 1
        if page.first > latest:
            listener.skips += 1
        if not page.flags:
            assert page.first >= earliest

    def _check_packets(self, listener: Listener, page: Page) -> None:
        mount = self.mounts[listener.mount]
        identity: list[object] = [page.first, page.sequence, page.flags]
        for tick, packet in enumerate(page.packets, page.first):
            programme = mount.sounds[tick]
            identity.append(id(programme))
            if programme is None:
                assert packet == SILENCE
            elif programme.packet is None:
                same = self.heard.setdefault((id(programme), tick), packet)
                assert packet == same
            else:
                assert packet == programme.packet(tick)
        assert self.pages.setdefault(tuple(identity), page.raw) == page.raw

    def _check_the_end(self) -> None:
        stats = self.engine.stats()
        assert stats["listeners"] == 0 == self.engine.mount_listeners(MOUNTS).sum()
        assert stats["joins"] == len(self.listeners)
        assert stats["events_dropped"] == 0
        assert stats["commands_refused"] == self.refused
        assert stats["ticks_made"] == self.tick - START + 1
        assert set(self.left) == {listener.id for listener in self.listeners}
        skips = 0
        for listener in self.listeners:
            reason, sent = self.left[listener.id]
            skips += listener.skips
            if listener.closed:
                continue
            assert listener.stream.ended
            assert sent == listener.stream.received
            if reason is Leave.LAG:
                assert not listener.finished
                assert listener.drop or listener.longest_pause >= STUCK
            else:
                assert reason is Leave.STOP and listener.finished and not listener.stream.rest
        # Who left in the middle of a page did not see whether there was a gap before it.
        unseen = sum(bool(listener.stream.rest) for listener in self.listeners)
        assert skips <= stats["lag_skips"] <= skips + unseen


MANY = st.integers(0, 30)
MOUNT_LISTS = st.lists(st.integers(0, MOUNTS - 1), min_size=1, max_size=MOUNTS, unique=True)
STEP = st.one_of(
    st.tuples(st.just("advance"), st.integers(1, 45)),
    st.tuples(st.just("advance"), st.sampled_from((1, 2, 3, 130))),
    st.tuples(
        st.just("join"),
        st.integers(0, MOUNTS - 1),
        st.sampled_from((2, 10)),
        st.one_of(st.none(), st.integers(-3, KEPT + 5)),
        st.sampled_from((0, 1, 10, 25, KEPT)),
        st.sampled_from((None, 1)),
        st.booleans(),
        st.sampled_from((10, 25, 60)),
    ),
    st.tuples(
        st.just("open_clip"),
        st.integers(0, len(CLIPS) - 1),
        st.integers(-20, 60),
        st.sampled_from((0, 0, 1, 5, 30)),
        st.sampled_from((1, 2, 20, 400)),
    ),
    st.tuples(st.just("carry"), MANY, MOUNT_LISTS, st.integers(-3, 30)),
    st.tuples(st.just("cut"), MANY),
    st.tuples(st.just("leave"), MANY),
    st.tuples(st.just("pause"), MANY),
    st.tuples(st.just("open_live"), st.integers(-5, 20)),
    st.tuples(st.just("write"), MANY, st.integers(1, 20)),
    st.tuples(st.just("finish"), MANY),
    st.tuples(st.just("release"), MANY),
)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(STEP, max_size=40))
def test_any_sequence_of_events_leaves_every_stream_valid(
    steps: list[tuple[object, ...]],
) -> None:
    station = Station()
    try:
        for name, *arguments in steps:
            try:
                getattr(station, str(name))(*arguments)
            except NativeError as error:
                if name not in ("open_clip", "open_live") or error.code != EFULL:
                    raise
        station.stop()
    finally:
        station.close()


def random_step(random: Random) -> tuple[object, ...]:
    """One step of a long walk; what matters is frequent, what ends things is rare."""
    some = random.randrange(31)
    mounts = random.sample(range(MOUNTS), random.randint(1, MOUNTS))
    return random.choices(
        (
            ("advance", random.choice((1, 1, 2, 3, 7, 20, 45, 130))),
            (
                "join", random.randrange(MOUNTS), random.choice((2, 10)),
                random.choice((None, None, random.randint(-3, KEPT + 5))),
                random.choice((0, 1, 10, 25, KEPT)), random.choice((None, 1, 1)),
                random.random() < 0.3, random.choice((10, 25, 60)),
            ),
            (
                "open_clip", random.randrange(len(CLIPS)), random.randint(-20, 60),
                random.choice((0, 0, 1, 5, 30)), random.choice((1, 2, 20, 400)),
            ),
            ("carry", some, mounts, random.randint(-3, 30)),
            ("cut", some),
            ("leave", some),
            ("pause", some),
            ("open_live", random.randint(-5, 20)),
            ("write", some, random.randint(1, 20)),
            ("finish", some),
            ("release", some),
        ),
        (40, 8, 10, 30, 3, 1, 8, 1, 10, 1, 1),
    )[0]  # fmt: skip


def test_long_walks_reach_every_corner() -> None:
    seen: Counter[str] = Counter()
    for seed in range(12):
        random = Random(seed)
        station = Station()
        try:
            for _ in range(400):
                name, *arguments = random_step(random)
                try:
                    getattr(station, str(name))(*arguments)
                except NativeError:
                    seen["table full"] += 1
            station.stop()
            seen.update(station.engine.stats())
            seen["live packets"] += len(station.heard)
            seen["gone"] += station.gone
        finally:
            station.close()
    for corner in (
        "lag_skips", "leaves_peer", "leaves_lag", "leaves_stop", "partial_sends", "live packets",
        "gone",
    ):  # fmt: skip
        assert seen[corner] > 0, f"no walk reached: {corner}"
