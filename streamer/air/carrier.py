"""Carrying out what was decided: choices become programmes of the engine, and changes of mounts.

All mounts that carry the same are told by one command, and the same audio from the same tick is one
programme, whoever asked for it. ``carry`` is for the next tick that can be had; ``plan`` hands over
what is known to come, ahead of time, so that items join without a gap and nothing is late when
Python is busy; it takes back what was handed over and is true no more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from loa.native.engine import SILENCE as SILENT_PROGRAMME
from loa.native.engine import Clip, Engine, Event, EventKind
from loa.native.error import NativeError
from loa.streamer import logs
from loa.streamer.air.asrun import Airing
from loa.streamer.air.clips import Clips
from loa.streamer.air.mounts import Mount, MountTable, Planned
from loa.streamer.air.playout import Playout
from loa.streamer.core.cues import SILENCE, Choice
from loa.streamer.counters import Counters

CUT_DELAY = 1.0
TRY_AGAIN = 1.0
"""Seconds after which what the engine had no room for is asked of it again."""
MOST_PLANNED = 6
"""Changes of a mount that are handed over beforehand; the engine takes eight."""

log = logs.get("carriage")

Expect = Callable[[Sequence[int], int, Airing], None]
Told = Callable[[Sequence[int], int, int], None]
"""Called when the engine was told that mounts carry a programme from a tick on."""


class Unavailable(Exception):
    """A programme cannot be had now: the engine has no room, or its audio is still being read."""


class Unplayable(Exception):
    """Its audio cannot be played at all; the text says why."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A bulletin's programme: carried in ticks [start, end)."""

    handle: int
    start: int
    end: int


@dataclass(slots=True)
class Outcome:
    """What came of ``carry``: what was done, by area; whether something has to be tried again; what
    cannot be played, with the areas that were to hear it.
    """

    done: dict[int, Choice] = field(default_factory=dict)
    again: bool = False
    failed: list[tuple[Choice, list[int], str]] = field(default_factory=list)


class Carrier:
    """See the module. ``airing``: what a choice is, for the log; ``live``: the programme of a live
    or relay.
    """

    def __init__(
        self,
        engine: Engine,
        mounts: MountTable,
        clips: Clips | None,
        counters: Counters,
        *,
        live: Callable[[Choice], int],
        airing: Callable[[Choice], Airing],
        expect: Expect,
        told: Told = lambda *_: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._mounts = mounts
        self._clips = clips
        self._counters = counters
        self._live = live
        self._airing = airing
        self._expect = expect
        self._told = told
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._files: dict[str, tuple[Clip, str]] = {}
        self._playouts: list[Playout] = []
        self._refused: set[Playout] = set()
        self._opened: dict[tuple[str, int, int], _Opened] = {}
        self._stopped = False
        self._left = 0

    # --- now

    def carry(self, choices: Mapping[int, Choice], tick: int) -> Outcome:
        """Let mounts carry what was chosen for their areas, from ``tick`` on, where it differs.

        What was planned for them at or after ``tick`` is replaced with it.
        """
        groups: dict[int, tuple[Choice, list[int], list[Mount]]] = {}
        carrying, files = self._mounts.of, self._files
        for area, choice in choices.items():
            if choice.kind == "file" and choice.id not in files:
                choice = SILENCE  # it is still being prepared, or could not be
            for mount in carrying(area):
                if self._has(mount, choice):
                    mount.choice = choice
                    continue
                group = groups.get(id(choice))
                if group is None:
                    group = groups[id(choice)] = (choice, [], [])
                group[1].append(area)
                group[2].append(mount)
        outcome = Outcome()
        told: dict[int, tuple[Choice, list[int]]] = {}
        for choice, areas, mounts in groups.values():
            try:
                self._tell(choice, mounts, tick, told)
            except Unavailable:
                outcome.again = True
                continue
            except Unplayable as error:
                outcome.failed.append((choice, [m.info.number for m in mounts], str(error)))
                continue
            outcome.done.update(dict.fromkeys(areas, choice))
        for handle, (choice, numbers) in told.items():
            self._carry(numbers, handle, tick)
            log.info(
                "on air",
                kind=choice.kind, id=choice.id, why=choice.why.value, mounts=len(numbers),
                first=self._mounts.by_number[numbers[0]].info.path, tick=tick,
            )  # fmt: skip
        return outcome

    def silence_orphans(self, tick: int) -> None:
        """Silence the mounts of areas that are gone and became nothing else."""
        orphans = [m for m in self._mounts.of(0) if m.handle or m.planned or m.playout]
        if orphans:
            self._leave(orphans)
            self._carry([m.info.number for m in orphans], SILENT_PROGRAMME, tick)
            for mount in orphans:
                self._settle(mount, SILENCE, SILENT_PROGRAMME, None)

    def _has(self, mount: Mount, choice: Choice) -> bool:
        now = mount.choice
        if now is not choice and now.programme != choice.programme:
            return False
        # A relay that came back is another programme.
        return choice.kind not in ("relay", "live") or self._live(choice) == mount.handle

    def _tell(
        self,
        choice: Choice,
        mounts: list[Mount],
        tick: int,
        told: dict[int, tuple[Choice, list[int]]],
    ) -> None:
        """Open what is to be carried; note whom to tell of it."""
        playout: Playout | None = None
        numbers = [mount.info.number for mount in mounts]
        if choice.kind == "file":
            playout, handle = self._play(choice, tick)
            self._leave(mounts)
            playout.join(numbers, tick)
            log.info("on air", kind="file", id=choice.id, mounts=len(numbers), tick=tick)
        else:
            handle = self._handle(choice)
            self._leave(mounts)
            if handle:
                self._expect(numbers, handle, self._airing(choice))
            entry = told.get(handle)
            if entry is None:
                told[handle] = (choice, numbers)
            else:
                entry[1].extend(numbers)
        now = self._wall()
        for mount in mounts:
            self._settle(mount, choice, handle, playout)
            mount.since = now

    def _settle(self, mount: Mount, choice: Choice, handle: int, playout: Playout | None) -> None:
        mount.choice, mount.handle, mount.playout = choice, handle, playout
        mount.planned.clear()

    def _leave(self, mounts: Sequence[Mount]) -> None:
        """These mounts leave the files that they play, or were to play."""
        leaving: dict[Playout, list[int]] = {}
        for mount in mounts:
            if mount.playout is not None:
                leaving.setdefault(mount.playout, []).append(mount.info.number)
            for planned in mount.planned:
                if planned.playout is not None:
                    leaving.setdefault(planned.playout, []).append(mount.info.number)
        for playout, numbers in leaving.items():
            self._leave_playout(playout, numbers)

    def _leave_playout(self, playout: Playout, numbers: Sequence[int]) -> None:
        idle = playout.leave(numbers)
        if idle:
            self._loop.call_later(CUT_DELAY, self._cut, playout)

    def _cut(self, playout: Playout) -> None:
        if self._stopped or playout.mounts:
            return
        if playout in self._playouts:
            self._playouts.remove(playout)
        for handle in playout.leave(()):
            with suppress(NativeError):  # it has ended and is gone
                self._engine.cut(handle)

    # --- ahead of time

    def plan(
        self, steps: Sequence[tuple[int, Mapping[int, Choice]]], after: int, reached: int
    ) -> bool:
        """Hand over what changes at ticks in (after, reached], by tick; take back all else there.

        ``steps``: for each tick the areas whose choice differs from then on. False when something
        of it cannot be had yet: it is left for its time.
        """
        self._left = 0
        wanted: dict[int, list[Planned]] = {}
        for tick, choices in steps:
            for number, planned in self._prepare(tick, choices):
                wanted.setdefault(number, []).append(planned)
        actions: Actions = {}
        for mount in self._mounts:
            mine = wanted.get(mount.info.number, [])
            if mine or mount.planned:
                self._reconcile(mount, mine, after, reached, actions)
        # What is told for a tick replaces what was told for those after it.
        for (tick, handle), (playout, numbers) in sorted(actions.items(), key=lambda a: a[0]):
            if playout is not None:
                playout.join(numbers, tick)
            else:
                self._carry(numbers, handle, tick)
        return not self._left

    def _carry(self, numbers: list[int], handle: int, tick: int) -> None:
        self._told(numbers, handle, self._engine.carry(numbers, handle, tick))

    def _prepare(self, tick: int, choices: Mapping[int, Choice]) -> Iterator[tuple[int, Planned]]:
        """Open what is carried from a tick on; what cannot be had now is left for its time."""
        groups: dict[int, tuple[Choice, list[Mount]]] = {}
        for area, choice in choices.items():
            if choice.kind == "file" and choice.id not in self._files:
                choice = SILENCE
            group = groups.setdefault(id(choice), (choice, []))
            group[1].extend(self._mounts.of(area))
        for choice, mounts in groups.values():
            numbers = [m.info.number for m in mounts]
            same = self._already(mounts, tick, choice)
            if same is not None:
                for number in numbers:
                    yield number, same
                continue
            try:
                playout = None
                if choice.kind == "file":
                    playout, handle = self._play(choice, tick)
                else:
                    handle = self._handle(choice)
                    if handle:
                        self._expect(numbers, handle, self._airing(choice))
            except (Unavailable, Unplayable):
                self._left += 1
                continue
            for number in numbers:
                yield number, Planned(tick, choice, handle, playout)

    def _already(self, mounts: list[Mount], tick: int, choice: Choice) -> Planned | None:
        """Return what was handed over for just this, for all of these mounts."""
        found: Planned | None = None
        for mount in mounts:
            mine = next((p for p in mount.planned if p.tick == tick), None)
            if mine is None or mine.choice.programme != choice.programme:
                return None
            if found is not None and mine.handle != found.handle:
                return None
            if choice.kind in ("live", "relay") and self._live(choice) != mine.handle:
                return None
            found = mine
        return found

    def _reconcile(
        self,
        mount: Mount,
        mine: list[Planned],
        after: int,
        reached: int,
        actions: Actions,
    ) -> None:
        """Note what the engine is to be told so that a mount's plan is this one."""
        number = mount.info.number
        kept = [p for p in mount.planned if p.tick <= after]
        before = [p for p in mount.planned if after < p.tick <= reached]
        later = [p for p in mount.planned if p.tick > reached]
        # A file that goes round is left at its time: its rounds are handed over by themselves.
        looping = (kept[-1].playout if kept else mount.playout) is not None
        most = 0 if looping else max(0, MOST_PLANNED - len(kept))
        for at, planned in enumerate(mine[:most]):
            if planned.playout is not None:
                most = at + 1
                break
        if len(mine) > most:
            self._left += 1
            mine = mine[:most]
        same = 0
        while (
            same < min(len(before), len(mine))
            and before[same].tick == mine[same].tick
            and before[same].handle == mine[same].handle
        ):
            same += 1
        if same == len(before) == len(mine):
            return
        old = before[same:]
        if same == len(before) and later and not mine[same:]:
            return
        gone = old + later
        base = [*kept, *mine[:same]]
        last = base[-1] if base else Planned(0, mount.choice, mount.handle, mount.playout)
        for planned in gone:
            if planned.playout is not None and planned.playout is not last.playout:
                self._leave_playout(planned.playout, [number])
        if gone and (same >= len(mine) or mine[same].tick > gone[0].tick):
            _act(actions, number, replace(last, tick=gone[0].tick))
        for planned in mine[same:]:
            _act(actions, number, planned)
        mount.planned = [*base, *mine[same:]]

    def promote(self, tick: int) -> list[tuple[int, int, Choice]]:
        """Take what was planned up to ``tick`` as carried; return the areas and since when."""
        done = []
        now = self._wall()
        for mount in self._mounts:
            while mount.planned and mount.planned[0].tick <= tick:
                planned = mount.planned.pop(0)
                if mount.playout is not None and mount.playout is not planned.playout:
                    self._leave_playout(mount.playout, [mount.info.number])
                mount.choice, mount.handle = planned.choice, planned.handle
                mount.playout, mount.since = planned.playout, now
                if mount.own:
                    done.append((planned.tick, mount.area, planned.choice))
        done.sort(key=lambda step: step[0])
        return done

    # --- programmes

    def _handle(self, choice: Choice) -> int:
        """Return the programme of anything but a file; raises what the module has for it."""
        if choice.kind in ("live", "relay"):
            return self._live(choice)
        if choice.play is None:
            return SILENT_PROGRAMME
        key = (choice.play.audio, choice.start, choice.offset)
        known = self._opened.get(key)
        if known is not None:
            return known.handle
        if self._clips is None:
            raise Unplayable("no audio is kept here")
        clip = self._clips.get(choice.play.audio)
        if clip is None:
            if (why := self._clips.failure(choice.play.audio)) is not None:
                raise Unplayable(why)
            self._clips.want([choice.play.audio])
            raise Unavailable
        if choice.offset >= clip.ticks:
            raise Unplayable("it is shorter than was said")
        try:
            handle = self._engine.open_clip(clip, choice.start, choice.offset)
        except NativeError as error:
            self._refuse(choice, error)
            raise Unavailable from None
        self._opened[key] = _Opened(handle, choice.start, choice.start + clip.ticks - choice.offset)
        return handle

    def _play(self, choice: Choice, tick: int) -> tuple[Playout, int]:
        """Open a file's rounds from ``tick`` on; return them and the first one's programme."""
        clip, audio = self._files[choice.id]
        what = self._airing(choice)

        def told(numbers: list[int], handle: int, first: int) -> None:
            round_ = replace(
                what, audio=audio, start=first, ticks=clip.ticks, loop=(choice.id, playout.start)
            )
            self._expect(numbers, handle, round_)
            self._told(numbers, handle, first)

        playout = Playout(self._engine, choice.id, clip, tick, told)
        try:
            handle = playout.open()
        except NativeError as error:
            self._refuse(choice, error)
            raise Unavailable from None
        self._playouts.append(playout)
        return playout, handle

    def _refuse(self, choice: Choice, error: NativeError) -> None:
        # Too many programmes at once: mounts keep what they have; asked again later.
        self._counters.add("carriage.failed")
        log.error("carriage could not be changed", to=choice.kind, id=choice.id, why=str(error))

    def add_file(self, file: str, clip: Clip, audio: str) -> None:
        """A file of the configuration is ready to be played (again, if it was before)."""
        self._files[file] = (clip, audio)

    def on_event(self, event: Event) -> None:
        """Take an event of the engine: the next round of a file is planned when one ends."""
        if event.kind is EventKind.ENDED:
            for playout in self._playouts:
                if playout.plays(event.id):
                    self._play_on(playout)
                    return

    def _play_on(self, playout: Playout) -> None:
        try:
            playout.advance(self._engine.tick)
        except NativeError as error:
            # No later round may be left to end and to ask again, so a timer does.
            if playout not in self._refused:
                self._refused.add(playout)
                self._counters.add("carriage.failed")
                log.error("a file cannot be played on", file=playout.file, why=str(error))
                self._loop.call_later(TRY_AGAIN, self._play_again, playout)

    def _play_again(self, playout: Playout) -> None:
        self._refused.discard(playout)
        if not self._stopped and playout in self._playouts:
            self._play_on(playout)

    def audios(self) -> set[str]:
        """Return the audio of every bulletin that is carried, or handed over to be."""
        return {audio for audio, _, _ in self._opened}

    def sweep(self) -> None:
        """Look after what an event that was dropped would have told; end what nobody carries."""
        now = self._engine.tick
        for playout in list(self._playouts):
            self._play_on(playout)
        used = {m.handle for m in self._mounts}
        used |= {p.handle for m in self._mounts for p in m.planned}
        for key, opened in list(self._opened.items()):
            if opened.end <= now:
                del self._opened[key]
            elif opened.handle not in used:
                del self._opened[key]
                with suppress(NativeError):
                    self._engine.cut(opened.handle)

    def stop(self) -> None:
        """Nothing changes any more."""
        self._stopped = True


Actions = dict[tuple[int, int], tuple[Playout | None, list[int]]]
"""By tick and programme: the mounts that are to carry it from then on, round and round or once."""


def _act(actions: Actions, number: int, planned: Planned) -> None:
    playout, handle = planned.playout, planned.handle
    if playout is not None:
        handle = playout.handle_at(planned.tick)
    actions.setdefault((planned.tick, handle), (playout, []))[1].append(number)
