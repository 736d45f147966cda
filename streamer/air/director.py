"""The director: asks the arbiter, and has what it answers carried out.

It decides for the next tick that can be had whenever something changed or is due, and then for what
is known to come within the next seconds, which the engine is told of ahead of time. Everything is
on the loop. What the store has to say comes by ``learn`` and ``follow`` (``watch.py``), sources by
``sources``, and what mounts really carried goes into the as-run log.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from loa.native.engine import SILENCE as SILENT_PROGRAMME
from loa.native.engine import TICKS_A_SECOND, ChainConfig, Clip, Engine, Event
from loa.native.error import NativeError
from loa.streamer import logs
from loa.streamer.air.asrun import Airing, AsRun
from loa.streamer.air.carrier import TRY_AGAIN, Carrier
from loa.streamer.air.clips import Clips
from loa.streamer.air.clock import TickClock
from loa.streamer.air.feeds import Feed, FeedSession
from loa.streamer.air.follower import Follower
from loa.streamer.air.mounts import SILENT, Mount, MountInfo, MountTable, OnAir, heir_of
from loa.streamer.air.situation import Knowledge, SituationRoom
from loa.streamer.air.sources import Hearing, LiveSources
from loa.streamer.air.tokens import Tokens
from loa.streamer.core.arbiter import FRESH, advance, arbitrate, next_look
from loa.streamer.core.areas import AreaTree
from loa.streamer.core.cues import Choice, Content, Live, MountState, Policies, Situation
from loa.streamer.core.preview import Preview, preview
from loa.streamer.counters import Counters
from loa.streamer.ingest.session import Admitted, SourceKind

LEAD_TICKS = 3
"""Ticks from a decision to the change: the engine takes the next but one at the earliest."""
MOST_LEAD = 25
MOUNTS_A_TICK = 500
"""With thousands of mounts a decision takes a while itself; it is for a tick after that."""
AHEAD_TICKS = 125
"""What is known to change within these is handed over now."""
SLICE = 0.05
"""Seconds that planning ahead may take at a time before others have their turn."""
FAILED_TICKS = 600 * TICKS_A_SECOND
"""After these an item that could not be played may be tried again, if it is still planned."""
PRELOAD_TICKS = 120 * TICKS_A_SECOND

log = logs.get("director")


class Director:
    """See the module. Implements ``Sources`` of ingest and ``Mounts`` of listening."""

    def __init__(
        self,
        engine: Engine,
        tree: AreaTree,
        tokens: Tokens,
        contents: Mapping[str, Content],
        counters: Counters,
        *,
        policies: Policies | None = None,
        chain: ChainConfig | None = None,
        clips: Clips | None = None,
        clock: TickClock | None = None,
        asrun: AsRun | None = None,
        follower: Follower | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._counters = counters
        self._clock = clock or TickClock(engine)
        self._clips = clips
        self._asrun: AsRun | None = asrun
        self._follower = follower
        self._loop = asyncio.get_running_loop()
        policies = policies or Policies()
        self.mounts = MountTable(engine.open_mount, counters, tree)
        self.room = SituationRoom(tree, contents, policies)
        self._successors: Mapping[int, int | None] = {}
        self.sources = LiveSources(
            engine, tokens, counters, lambda: self.mounts.tree,
            Hearing(self._changed, self._carrying, self._listeners),
            policies=policies, chain=chain or ChainConfig(), wall=wall,
        )  # fmt: skip
        self.carrier = Carrier(
            engine, self.mounts, clips, counters,
            live=self._handle_of, airing=self.airing,
            expect=self._expect, told=self._told, wall=wall,
        )  # fmt: skip
        if clips is not None:
            clips.loaded = self._loaded
        self.states: dict[int, MountState] = {}
        self._asked: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self._lead = self._least_lead
        self._failed: dict[str, int] = {}
        # What was planned ahead: from which situation, up to which tick, and the states after it.
        self._planned_of: Situation | None = None
        self._planned_to = 0
        self._planned_states: dict[int, MountState] = {}
        self._planned_choices: Mapping[int, Choice] = {}

    @property
    def _least_lead(self) -> int:
        return LEAD_TICKS + len(self.mounts.by_number) // MOUNTS_A_TICK

    # --- Mounts: what listening asks

    def find(self, path: str) -> MountInfo | None:
        """Return the mount of an area path, a former one included; None when there is none."""
        return self.mounts.find(path)

    def all(self) -> Sequence[MountInfo]:
        """Return every area's mount, parents before children."""
        return self.mounts.all()

    def on_air(self, number: int) -> OnAir:
        """Return what a mount carries now."""
        mount = self.mounts.by_number[number]
        choice, since = self.carried(mount), mount.since
        if choice.kind == "silence":
            return SILENT
        title = ""
        feed = self.sources.feed_of(choice.kind, choice.id)
        if feed is not None:
            title = feed.title or feed.name
        elif choice.play is not None:
            title = self._title(choice)
        return OnAir(choice.kind, title, since)

    def carried(self, mount: Mount) -> Choice:
        """Return what a mount carries at this tick."""
        choice = mount.choice
        for planned in mount.planned:
            if planned.tick <= self._engine.tick:
                choice = planned.choice
        return choice

    def listeners(self) -> npt.NDArray[np.int32]:
        """Return the number of listeners of each mount, by its number."""
        return self._engine.mount_listeners(len(self.mounts.by_number))

    # --- Sources: what ingest asks

    def open(
        self, area_path: str, token: str, *, kind: SourceKind, name: str, peer: str, klass: str = ""
    ) -> FeedSession:
        """Open a session; raises ``NotAllowed``, ``AreaUnknown`` or ``AreaBusy``."""
        return self.sources.open(area_path, token, kind=kind, name=name, peer=peer, klass=klass)

    def open_for(self, admitted: Admitted, *, peer: str) -> FeedSession:
        """Open a session for somebody in person; raises ``AreaUnknown`` or ``AreaBusy``."""
        return self.sources.open_for(admitted, peer=peer)

    def knows(self, key: str) -> bool:
        """Say whether somebody is live, or held, with this key."""
        return self.sources.knows(key)

    def open_relay(self, url: str) -> FeedSession:
        """Open the session through which a relay's puller writes; again after ``drop``."""
        return self.sources.open_relay(url)

    def by_kind(self) -> dict[str, int]:
        """Return the sources that are connected now, by kind."""
        return self.sources.by_kind()

    # --- what is known

    def learn(self, knowledge: Knowledge) -> None:
        """Take what the store says now of plans, policies and emergencies."""
        self.room.learn(knowledge)
        self._ask()

    def follow(self, tree: AreaTree, successors: Mapping[int, int | None]) -> None:
        """Take another tree. ``successors``: what areas that are gone were merged into, by id."""
        self._successors = successors
        self.mounts.follow(tree, successors)
        self.room.grow(tree)
        for area in [id for id in self.states if tree.get(id) is None]:
            del self.states[area]
        self.carrier.silence_orphans(self._engine.tick + self._lead)
        self._ask()

    def restore(self, played: Mapping[int, Mapping[str, int]]) -> None:
        """Take what was played before this start, in packets by play, of areas by id."""
        for area, packets in played.items():
            if area not in self.states:
                self.states[area] = MountState(played=dict(packets))

    def add_clip(self, file: str, clip: Clip, audio: str = "") -> None:
        """A file's packets are ready to be played (again, if it had others)."""
        self.carrier.add_file(file, clip, audio)
        self._refresh()

    def preload(self) -> None:
        """Have what is due within two minutes read; hold what is on air. Every few seconds."""
        if self._clips is None:
            return
        due = list(dict.fromkeys(self.room.audios(self._engine.tick + PRELOAD_TICKS)))
        self._clips.hold([*self.carrier.audios(), *due])
        self._clips.want(due)

    # --- what staff do

    def sounding(self) -> dict[int, int]:
        """Return on how many areas each emergency sounds now, by its id."""
        cues = (state.choice.cue for state in self._states_at(self._engine.tick).values())
        return Counter(cue for cue in cues if cue is not None)

    def programme_of(self, choice: Choice) -> int | None:
        """Return the handle of a live's or relay's programme; None: it has none, or is neither."""
        feed = self.sources.feed_of(choice.kind, choice.id)
        return None if feed is None or feed.programme is None else feed.programme.handle

    def levels(self, programmes: Iterable[int]) -> dict[int, float]:
        """Return the loudness that live programmes go out with (LUFS over 400 ms), by handle."""
        found = {}
        for handle in programmes:
            with suppress(NativeError):
                meters = self._engine.programme_stats(handle).meters
                if meters is not None:
                    found[handle] = meters.output_momentary_lufs
        return found

    def preview(self, live: Live) -> dict[int, Preview]:
        """Return what would become of a live, by area, as things stand."""
        tick = self._engine.tick + self._lead
        situation = self._situation()
        return preview(situation, self._states_at(tick), live, tick)

    def stop_live(self, id: str, by: str = "") -> bool:
        """End a live, whose source is told by whom; False when there is none of that id."""
        feed = self.sources.lives.get(id)
        if feed is None:
            return False
        self.sources.cut(feed, "stopped", by)
        return True

    def skip(self, area: int, why: str) -> Choice | None:
        """End the item that an area carries, for good, wherever it is heard; return it.

        None when it carries no item, or an emergency, which is stopped by its call.
        """
        mount = self.mounts.own.get(area)
        if mount is None:
            return None
        self._promote(self._engine.tick)
        choice = mount.choice
        if choice.play is None or choice.cue is not None:
            return None
        self.room.stop(choice.play.key)
        if self._asrun is not None:
            self._asrun.skipped(choice.play.key, why)
        self._refresh()
        return choice

    # --- the engine's events

    def on_event(self, event: Event) -> None:
        """Take an event of the engine."""
        if self._asrun is not None:
            self._asrun.on_event(event)
        if self._follower is not None:
            self._follow(self._follower.on_event, event)
        self.carrier.on_event(event)
        self.sources.on_event(event)

    def sweep(self) -> None:
        """Look after what an event that was dropped would have told. Call it every few seconds."""
        self.carrier.sweep()
        self.sources.sweep()
        for key, tick in list(self._failed.items()):
            if self._engine.tick - tick > FAILED_TICKS:
                del self._failed[key]
                self.room.allow(key)
        self.preload()
        self._ask()  # the clock may have been set

    # --- the decision

    def _changed(self, tick: int) -> None:
        if tick:
            self._refresh(tick)
        else:
            self._ask()

    def _loaded(self, _: str) -> None:
        self._ask()

    def _ask(self) -> None:
        """Ask the arbiter once for all that happened in this turn of the loop."""
        if self._asked is None and not self._stopping:
            self._asked = self._loop.call_soon(self._refresh)

    def _situation(self) -> Situation:
        return self.room.now(
            self.sources.situation_lives(self._home),
            self.sources.situation_relays(),
            self._clock.read(),
        )

    def _home(self, area: int) -> int | None:
        return heir_of(area, self.mounts.tree, self._successors)

    def _promote(self, tick: int) -> None:
        for at, area, choice in self.carrier.promote(tick):
            self.states[area] = advance(self.states.get(area, FRESH), choice, at)

    def _states_at(self, tick: int) -> dict[int, MountState]:
        self._promote(tick)
        return self.states

    def _refresh(self, at: int = 0) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None
        if self._stopping:
            return
        began = time.perf_counter()
        now = self._engine.tick
        tick = max(at, now + self._lead)
        self.sources.expire(tick)
        self._promote(tick)
        situation = self._situation()
        again = False
        for _ in range(3):  # what cannot be played is passed over at once
            choices = arbitrate(situation, self.states, tick)
            outcome = self.carrier.carry(choices, tick)
            for area, choice in outcome.done.items():
                self.states[area] = advance(self.states.get(area, FRESH), choice, tick)
            again = again or outcome.again
            if not outcome.failed:
                break
            for choice, numbers, why in outcome.failed:
                self._unplayable(choice, numbers, tick, why)
            situation = self._situation()
        due = next_look(situation, self.states, choices, tick)
        if outcome.done or situation is not self._planned_of or self._planned_to < tick:
            self._planned_of, self._planned_to = situation, tick
            self._planned_states, self._planned_choices = dict(self.states), choices
        due = self._look_ahead(situation, tick, due, began)
        took = time.perf_counter() - began
        ticks = self._least_lead + int(took * TICKS_A_SECOND * 1.5)
        self._lead = max(LEAD_TICKS, min(MOST_LEAD, max(ticks, self._lead - 1)))
        if again or outcome.failed:
            retry = tick + round(TRY_AGAIN * TICKS_A_SECOND)
            due = retry if due is None else min(due, retry)
        self._look_again(due, now)

    def _look_ahead(
        self, situation: Situation, tick: int, due: int | None, began: float
    ) -> int | None:
        """Decide for what comes within the next seconds; return when to look again."""
        horizon = tick + AHEAD_TICKS
        after = self._planned_to
        states, choices = self._planned_states, self._planned_choices
        steps: list[tuple[int, dict[int, Choice]]] = []
        reached = horizon
        coming = due
        if after > tick:
            coming = next_look(situation, states, choices, after)
        while coming is not None and coming <= horizon:
            if steps and time.perf_counter() - began > SLICE:
                reached = steps[-1][0]
                break
            choices = arbitrate(situation, states, coming)
            changes = {}
            for area, choice in choices.items():
                was = states.get(area, FRESH).choice
                if choice is not was and choice.programme != was.programme:
                    changes[area] = choice
                    states[area] = advance(states.get(area, FRESH), choice, coming)
            if changes:
                steps.append((coming, changes))
            self._planned_to = coming
            coming = next_look(situation, states, choices, coming)
        self._planned_choices = choices
        whole = self.carrier.plan(steps, after, reached)
        self._planned_to = max(self._planned_to, reached)
        if not whole:
            self._planned_of = None  # once it can be had, all is planned anew
        looks = [] if coming is None else [max(tick + 1, coming - AHEAD_TICKS)]
        if due is not None and not (whole and self.sources.all_well):
            looks.append(due)
        return min(looks, default=None)

    def _unplayable(self, choice: Choice, numbers: list[int], tick: int, why: str) -> None:
        """An item failed: it is on record, and is not tried again for a while."""
        assert choice.play is not None
        self._counters.add("carriage.unplayable")
        log.error(
            "an item cannot be played",
            play=choice.play.key, audio=choice.play.audio, mounts=len(numbers), why=why,
        )  # fmt: skip
        self.room.stop(choice.play.key)
        self._failed[choice.play.key] = tick
        if self._asrun is not None:
            self._asrun.failed(numbers, self.airing(choice), tick, why)

    def _look_again(self, tick: int | None, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if tick is not None:
            delay = max(1, tick - self._lead - now) / TICKS_A_SECOND
            self._timer = self._loop.call_later(delay, self._refresh)

    # --- what a choice is

    def _handle_of(self, choice: Choice) -> int:
        feed = self.sources.feed_of(choice.kind, choice.id)
        if feed is None or feed.programme is None:
            return SILENT_PROGRAMME
        return feed.programme.handle

    def _carrying(self, feed: Feed) -> list[int]:
        kind = "relay" if feed.area_id is None else "live"
        return [
            m.area
            for m in self.mounts
            if m.own and m.choice.kind == kind and m.choice.id == feed.id
        ]

    def _listeners(self, areas: Sequence[int]) -> int:
        counts = self.listeners()
        return int(sum(counts[m.info.number] for area in areas for m in self.mounts.of(area)))

    def _expect(self, numbers: Sequence[int], handle: int, airing: Airing) -> None:
        if self._asrun is not None:
            self._asrun.expect(numbers, handle, airing)
        if self._follower is not None:
            self._follow(self._follower.expect, numbers, handle, airing)

    def _told(self, numbers: Sequence[int], handle: int, tick: int) -> None:
        if self._follower is not None:
            self._follow(self._follower.told, numbers, handle, tick)

    def _follow(self, tell: Callable[..., None], *what: object) -> None:
        # Whatever is wrong with those who are told, what is on air goes on.
        try:
            tell(*what)
        except Exception:
            self._counters.add("carriage.follower_failed")
            log.exception("receivers could not be told what is on air")

    def _title(self, choice: Choice) -> str:
        return self._words(choice)[0]

    def _words(self, choice: Choice) -> tuple[str, str]:
        """Return the title and the sign text of the bulletin that a choice plays."""
        assert choice.play is not None
        for emergency in self.room.knowledge.emergencies:
            if emergency.id == choice.cue:
                return emergency.title, emergency.sign
        for plan in self.room.knowledge.plans.values():
            info = plan.bulletins.get(choice.play.bulletin)
            if info is not None:
                return info.title, info.sign
        return "", ""

    def airing(self, choice: Choice) -> Airing:
        """Return what a choice is, for the log."""
        play = choice.play
        if play is not None:
            return Airing(
                "bulletin", int(play.cls), "", play.origin, play.bulletin, play.entry, choice.cue,
                play.audio, play.key, choice.start, choice.offset, play.ticks, choice.drill,
                why=choice.why.value, sign=self._words(choice)[1],
            )  # fmt: skip
        feed = self.sources.feed_of(choice.kind, choice.id)
        if feed is None:
            name = choice.id.rpartition("/")[2]
            return Airing("file", 0, name, choice.origin or None, why=choice.why.value)
        return Airing(
            choice.kind, int(feed.cls), feed.title or feed.name, choice.origin or None,
            play=feed.id if choice.kind == "live" else "", drill=choice.drill,
            who=feed.who or feed.name, why=choice.why.value,
        )  # fmt: skip

    # --- the end

    def stop(self, reason: str = "shutdown") -> None:
        """End every session; nothing changes any more."""
        self._stopping = True
        for handle in (self._timer, self._asked):
            if handle is not None:
                handle.cancel()
        self.carrier.stop()
        self.sources.stop(reason)
