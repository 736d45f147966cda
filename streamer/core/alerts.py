"""When somebody is told that receivers are not well, and of how many at once. Pure.

A ``Watch`` is about one thing that can be wrong with a receiver (no connection, no mains, …). It is
told when it begins and ends, and says what is to be announced:

- what does not last is no alert (``confirm``), and who is well again is so for a while before that
  is said (``steady``); both grow with every alert of the last hour, so nothing flaps;
- while an alert waits for its confirmation, others may fall ill: where most receivers of an area do
  within a short time, the area is announced, once, and once when most of them are back;
- what happens to more receivers of an area that was announced is part of that.

Times are seconds of a clock that does not jump. Areas are ids; ``lineage`` gives an area and those
above it, nearest first.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

Lineage = Callable[[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Rules:
    """How patient a watch is; seconds, and parts of a whole.

    ``share`` of an area's receivers, ``least`` at the least, that fall ill within ``window`` are
    one alert; they are back when all are, when ``back`` of them are and for ``quiet`` no more came,
    or after ``settle`` without another one. A watch that was not asked for ``stall`` seconds slept,
    and takes nothing of that for silence. What is ``remember``ed makes it patient.
    """

    confirm: float = 50.0
    steady: float = 20.0
    share: float = 0.6
    least: int = 3
    window: float = 300.0
    back: float = 0.8
    quiet: float = 100.0
    settle: float = 600.0
    stall: float = 30.0
    remember: float = 3600.0
    most_doublings: int = 6


class Kind(Enum):
    """What an announcement says."""

    BAD = "bad"
    """These are not well."""
    MORE = "more"
    """These belong to it, too: to be written down, nobody is told."""
    BACK = "back"
    """These are well again; ``missing`` are not."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An announcement. ``incident``: what it belongs to; ``group``: it is about the area.

    ``since``: when it began, by the watch's clock. ``over``: nothing is left of the incident.
    """

    kind: Kind
    incident: int
    area: int
    receivers: tuple[int, ...]
    since: float
    group: bool
    missing: tuple[int, ...] = ()
    over: bool = False


class _State(Enum):
    GOOD = 0
    SUSPECT = 1
    """Bad, and not announced."""
    BAD = 2
    RETURNING = 3
    """Good, and not announced."""


@dataclass(slots=True, eq=False)
class _Incident:
    id: int
    area: int
    group: bool
    since: float
    joined: float
    """When the last one joined."""
    changed: float
    """When the last one came back or fell ill."""
    back: dict[int, bool]
    """By receiver, whether it is back."""
    told_back: bool = False


@dataclass(slots=True, eq=False)
class _Member:
    area: int
    state: _State = _State.GOOD
    since: float = 0.0
    """Since when it is in its state; for one that is bad: since when it is."""
    due: float = 0.0
    incident: _Incident | None = None
    told: list[float] = field(default_factory=list)
    """When it was announced in the last hour."""


class Watch:
    """See the module. ``ids`` number the incidents."""

    def __init__(self, rules: Rules | None = None, ids: Iterator[int] | None = None) -> None:
        self.rules = rules or Rules()
        self._ids = ids if ids is not None else itertools.count(1)
        self._members: dict[int, _Member] = {}
        self._unsettled: set[int] = set()
        """Who is neither good nor announced as bad: only these need to be looked at."""
        self._incidents: dict[int, _Incident] = {}
        self._stepped: float | None = None

    # --- who there is

    def place(self, receiver: int, area: int) -> None:
        """A receiver is in this area (now)."""
        member = self._members.get(receiver)
        if member is None:
            self._members[receiver] = _Member(area)
        else:
            member.area = area

    def forget(self, receiver: int) -> None:
        """A receiver is no more; an incident of it alone ends without a word."""
        member = self._members.pop(receiver, None)
        self._unsettled.discard(receiver)
        if member is not None and member.incident is not None:
            incident = member.incident
            incident.back.pop(receiver, None)
            if not incident.back:
                self._incidents.pop(incident.id, None)

    def __contains__(self, receiver: int) -> bool:
        return receiver in self._members

    def is_bad(self, receiver: int) -> bool:
        """Say whether a receiver was announced as bad, and not yet as back."""
        member = self._members.get(receiver)
        return member is not None and member.state in (_State.BAD, _State.RETURNING)

    @property
    def open(self) -> frozenset[int]:
        """The incidents that are not over."""
        return frozenset(self._incidents)

    def restore(
        self, incident: int, area: int, group: bool, missing: Iterable[int],
        *, told_back: bool = False, now: float,
    ) -> bool:  # fmt: skip
        """Take up an incident that was announced before a restart; receivers were placed before.

        ``missing``: who was not back. Returns False where none of them is there any more.
        """
        known = {r: False for r in missing if r in self._members}
        if not known:
            return False
        found = _Incident(incident, area, group, now, now, now, known, told_back)
        self._incidents[incident] = found
        for receiver in known:
            member = self._members[receiver]
            member.incident, member.state = found, _State.BAD
            member.since = now - self.rules.window - 1
        return True

    # --- what happens

    def bad(self, receiver: int, since: float, now: float) -> None:
        """It is not well, since then; told again, nothing happens."""
        member = self._members[receiver]
        if member.state is _State.RETURNING:
            member.state = _State.BAD
            self._unsettled.discard(receiver)
        elif member.state is _State.GOOD:
            member.state, member.since = _State.SUSPECT, since
            member.due = now + self.rules.confirm * self._patience(member, now)
            self._unsettled.add(receiver)

    def good(self, receiver: int, now: float) -> None:
        """It is well; told again, nothing happens."""
        member = self._members[receiver]
        if member.state is _State.SUSPECT:
            member.state, member.since = _State.GOOD, now
            self._unsettled.discard(receiver)
        elif member.state is _State.BAD:
            member.state = _State.RETURNING
            member.due = now + self.rules.steady * self._patience(member, now)
            self._unsettled.add(receiver)

    def _patience(self, member: _Member, now: float) -> float:
        member.told = [at for at in member.told if now - at < self.rules.remember]
        return 2.0 ** min(len(member.told), self.rules.most_doublings)

    # --- what is announced

    def step(self, now: float, lineage: Lineage) -> list[Alert]:
        """Return what is to be announced now; to be asked every few seconds."""
        last, self._stepped = self._stepped, now
        if last is not None and now - last > self.rules.stall:
            for receiver in self._unsettled:
                self._members[receiver].due += now - last
        if not self._unsettled and not any(i.group for i in self._incidents.values()):
            return []
        found = self._ill(now, lineage)
        return found + self._well(now)

    def _ill(self, now: float, lineage: Lineage) -> list[Alert]:
        suspects = {
            r: m for r in sorted(self._unsettled) if (m := self._members[r]).state is _State.SUSPECT
        }
        due = [r for r, m in suspects.items() if m.due <= now]
        if not due:
            return []
        above: dict[int, Sequence[int]] = {}
        for member in self._members.values():
            if member.area not in above:
                above[member.area] = lineage(member.area)
        found: list[Alert] = []
        joining: dict[int, list[int]] = {}
        for receiver in due:
            incident = self._belongs_to(receiver, above, now)
            if incident is not None:
                self._announce(receiver, incident, now)
                joining.setdefault(incident.id, []).append(receiver)
                del suspects[receiver]
        for id, receivers in joining.items():
            incident = self._incidents[id]
            found.append(self._alert(Kind.MORE, incident, receivers))
        for area, together in self._groups(suspects, above, now):
            incident = self._begin(area, True, min(suspects[r].since for r in together), now)
            for receiver in together:
                self._announce(receiver, incident, now)
                del suspects[receiver]
            found.append(self._alert(Kind.BAD, incident, together))
        for receiver in due:
            if receiver in suspects:
                member = suspects[receiver]
                incident = self._begin(member.area, False, member.since, now)
                self._announce(receiver, incident, now)
                found.append(self._alert(Kind.BAD, incident, [receiver]))
        return found

    def _belongs_to(
        self, receiver: int, above: dict[int, Sequence[int]], now: float
    ) -> _Incident | None:
        member = self._members[receiver]
        if member.incident is not None:
            return member.incident
        areas = above[member.area]
        for incident in self._incidents.values():
            recent = now - incident.joined <= self.rules.window
            if incident.group and not incident.told_back and recent and incident.area in areas:
                return incident
        return None

    def _groups(
        self, suspects: dict[int, _Member], above: dict[int, Sequence[int]], now: float
    ) -> list[tuple[int, list[int]]]:
        """Return areas and who of them is announced together; the widest areas first."""
        there: Counter[int] = Counter()
        gone: Counter[int] = Counter()
        due: Counter[int] = Counter()
        fresh: Counter[int] = Counter()
        for receiver, member in self._members.items():
            suspect = receiver in suspects
            recently = member.state is _State.BAD and now - member.since <= self.rules.window
            if member.state is _State.BAD and not recently:
                continue
            for area in above[member.area]:
                there[area] += 1
                gone[area] += suspect or recently
                fresh[area] += suspect
                due[area] += suspect and member.due <= now
        rules = self.rules
        wide = [
            area
            for area, count in gone.items()
            if count >= rules.least and count >= rules.share * there[area]
            and due[area] and fresh[area] > 1
        ]  # fmt: skip
        depth = {area: len(path) - n for path in above.values() for n, area in enumerate(path)}
        found = []
        taken: set[int] = set()
        for area in sorted(wide, key=lambda a: (depth[a], a)):
            together = [r for r, m in suspects.items() if r not in taken and area in above[m.area]]
            if len(together) < 2 or not any(suspects[r].due <= now for r in together):
                continue
            taken.update(together)
            found.append((_narrowest([above[suspects[r].area] for r in together]), together))
        return found

    def _begin(self, area: int, group: bool, since: float, now: float) -> _Incident:
        incident = _Incident(next(self._ids), area, group, since, now, now, {})
        self._incidents[incident.id] = incident
        return incident

    def _announce(self, receiver: int, incident: _Incident, now: float) -> None:
        member = self._members[receiver]
        member.state, member.incident = _State.BAD, incident
        member.told.append(now)
        self._unsettled.discard(receiver)
        incident.back[receiver] = False
        incident.joined = incident.changed = now

    def _well(self, now: float) -> list[Alert]:
        returned: dict[int, list[int]] = {}
        for receiver in sorted(self._unsettled):
            member = self._members[receiver]
            if member.state is _State.RETURNING and member.due <= now:
                member.state, member.since = _State.GOOD, now
                self._unsettled.discard(receiver)
                if member.incident is not None:
                    returned.setdefault(member.incident.id, []).append(receiver)
        found: list[Alert] = []
        for id, receivers in returned.items():
            incident = self._incidents[id]
            incident.changed = now
            for receiver in receivers:
                incident.back[receiver] = True
            if not incident.group or incident.told_back:
                found += self._told_back(incident, receivers)
        for incident in list(self._incidents.values()):
            if incident.group and not incident.told_back and incident.id in self._incidents:
                back = [r for r, is_back in incident.back.items() if is_back]
                most = len(back) >= self.rules.back * len(incident.back)
                wait = self.rules.quiet if most else self.rules.settle
                if back and (len(back) == len(incident.back) or now - incident.changed >= wait):
                    incident.told_back = True
                    found += self._told_back(incident, back)
        return found

    def _told_back(self, incident: _Incident, receivers: Sequence[int]) -> list[Alert]:
        """Announce these as back; few of a group that was announced as back, each for itself."""
        for receiver in receivers:
            del incident.back[receiver]
            self._members[receiver].incident = None
        if not incident.back:
            del self._incidents[incident.id]
        missing = tuple(sorted(incident.back))
        return [
            Alert(
                Kind.BACK, incident.id, incident.area, tuple(sorted(receivers)), incident.since,
                incident.group, missing, not incident.back,
            )
        ]  # fmt: skip

    def _alert(self, kind: Kind, incident: _Incident, receivers: Sequence[int]) -> Alert:
        return Alert(
            kind, incident.id, incident.area, tuple(sorted(receivers)), incident.since,
            incident.group,
        )  # fmt: skip


def _narrowest(paths: Sequence[Sequence[int]]) -> int:
    """Return the lowest area that is in all of these lineages."""
    common = set(paths[0]).intersection(*paths[1:])
    return next(area for area in paths[0] if area in common)


class Presence:
    """Who is heard of, and what that means: a watch for receivers without a connection.

    One that was not heard of for ``suspect`` seconds is suspected; ``confirm`` later it is
    announced. Boxes say something every 50 s: so all that went at one moment are suspected before
    the first of them is announced, which is within two minutes.
    """

    def __init__(
        self, rules: Rules | None = None, ids: Iterator[int] | None = None, *,
        suspect: float = 60.0,
    ) -> None:  # fmt: skip
        self.watch = Watch(rules, ids)
        self.suspect = suspect
        self._heard: dict[int, float] = {}
        self._looked: float | None = None

    def hear(self, receiver: int, area: int, now: float) -> None:
        """Something came from a receiver."""
        self.watch.place(receiver, area)
        self._heard[receiver] = now

    def expect(self, receiver: int, area: int, until: float) -> None:
        """A receiver that was connected before a restart: nothing is suspected before ``until``."""
        self.watch.place(receiver, area)
        self._heard[receiver] = until - self.suspect

    def forget(self, receiver: int) -> None:
        """A receiver is no more."""
        self._heard.pop(receiver, None)
        self.watch.forget(receiver)

    def silent(self, receiver: int, now: float) -> bool:
        """Say whether it was not heard of for too long, or never."""
        heard = self._heard.get(receiver)
        return heard is None or now - heard >= self.suspect

    def step(self, now: float, lineage: Lineage) -> list[Alert]:
        """Return what is to be announced now."""
        last, self._looked = self._looked, now
        if last is not None and now - last > self.watch.rules.stall:
            # We slept, and could hear nobody.
            for receiver, heard in self._heard.items():
                self._heard[receiver] = min(now, heard + now - last)
        for receiver, heard in self._heard.items():
            if now - heard >= self.suspect:
                self.watch.bad(receiver, heard, now)
            else:
                self.watch.good(receiver, now)
        return self.watch.step(now, lineage)
