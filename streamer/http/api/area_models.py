"""What calls about areas take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from loa.streamer.core.area_words import MAX_CODE, MAX_NAME, MAX_WORD
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.policy import Hours, Policy, RoutineLive, UpperRoutine
from loa.streamer.core.reorganise import Change
from loa.streamer.http.api.paging import Id, Paging
from loa.streamer.http.api.route import Model
from loa.streamer.http.api.times import Time

SHOWN = 1000
"""So many changes are listed in one answer; the rest is counted."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Word = Annotated[str, Field(max_length=MAX_WORD, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Code = Annotated[str, Field(max_length=MAX_CODE)]
Trouble = Literal["battery", "heat", "signal", "storage", "memory", "lag", "journal"]
Limit = Annotated[float, Field(ge=-1e6, le=1e9)]


class Named(Model):
    """An area, as something else names it."""

    id: Id
    path: str
    name: str


class AreaOut(Model):
    """An area. ``parent``: the id of the one above it, null at the top; ``rank`` orders siblings,
    before their names."""

    id: Id
    path: str
    name: str
    parent: Id | None
    station: bool
    code: str
    rank: int
    version: int


class AreaTreeOut(Model):
    """Areas, parents before children and siblings in their order."""

    items: tuple[AreaOut, ...]


class AreaQuery(Paging):
    """Which areas. ``q``: words of the name (marks do not matter), the code or the path; ``under``:
    only this area and below it; ``path``: the one that this present or former path finds."""

    q: Annotated[str, Field(max_length=100)] | None = None
    under: Id | None = None
    station: bool | None = None
    path: Annotated[str, Field(max_length=500)] | None = None


class TreeQuery(Model):
    """``under``: only this area and below it."""

    under: Id | None = None


class HoursModel(Model):
    """When broadcasting is allowed: ``weekdays`` (0: Monday … 6: Sunday), local times of day."""

    weekdays: Annotated[
        tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1, max_length=7)
    ]
    start: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    end: Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]

    @model_validator(mode="after")
    def _end_is_after_start(self) -> Self:
        if self.end <= self.start:
            raise ValueError("policy.hours_end")
        return self


class PolicyModel(Model):
    """How an area wants things; null or left out: as the area above. ``hours`` empty: at any time.

    ``sessions_a_day`` and ``session_minutes`` 0: no limit. ``receiver_limits``: from when on a
    receiver is not well, by what is wrong; what is left out holds as Loa has it.
    """

    timezone: Annotated[str, Field(max_length=60)] | None = None
    hours: Annotated[tuple[HoursModel, ...], Field(max_length=50)] | None = None
    sessions_a_day: Annotated[int, Field(ge=0, le=100)] | None = None
    session_minutes: Annotated[int, Field(ge=0, le=1440)] | None = None
    approve_own: bool | None = None
    routine_live: RoutineLive | None = None
    upper_routine: UpperRoutine | None = None
    override_hours: bool | None = None
    second_person: bool | None = None
    receiver_limits: dict[Trouble, Limit] | None = None

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, timezone: str | None) -> str | None:
        if timezone is not None:
            try:
                ZoneInfo(timezone)
            except (OSError, ValueError):  # ZoneInfoNotFoundError is neither, but a KeyError
                raise ValueError("policy.timezone") from None
            except KeyError:
                raise ValueError("policy.timezone") from None
        return timezone

    def policy(self) -> Policy:
        """Return it as the core has it."""
        said: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        if self.hours is not None:
            said["hours"] = tuple(
                Hours(tuple(sorted(set(h.weekdays))), _minutes(h.start), _minutes(h.end))
                for h in self.hours
            )
        if self.receiver_limits is not None:
            said["receiver_limits"] = tuple(sorted(self.receiver_limits.items()))
        return Policy(**said)

    @classmethod
    def of(cls, policy: Policy) -> PolicyModel:
        """Return what the core has, as the API shows it."""
        said: dict[str, Any] = {name: getattr(policy, name) for name in cls.model_fields}
        if policy.hours is not None:
            said["hours"] = tuple(
                HoursModel(weekdays=h.weekdays, start=_clock(h.start), end=_clock(h.end))
                for h in policy.hours
            )
        if policy.receiver_limits is not None:
            said["receiver_limits"] = dict(policy.receiver_limits)
        return cls(**said)


class PolicyOut(Model):
    """What an area says, what holds there, and by setting which area said so (null: nobody, it is
    what holds without anybody's word)."""

    area: Id
    said: PolicyModel
    effective: PolicyModel
    sources: dict[str, Named | None]
    version: int


class AreaDetail(AreaOut):
    """An area with everything about it. ``aliases``: paths it had before, which still find it;
    ``lineage``: what is above it, nearest first; ``own_station``: the nearest station at or above
    it; ``successor``: what took in an area that is no more."""

    aliases: tuple[str, ...]
    lineage: tuple[Named, ...]
    children: int
    own_station: Named | None
    created_at: Time
    removed_at: Time | None
    successor: Named | None
    policy: PolicyOut


class NewArea(Model):
    """An area to be made. ``parent`` null: at the top; ``word``: the last word of its path, else it
    is made of the name."""

    name: Name
    parent: Id | None
    word: Word | None = None
    code: Code = ""
    station: bool = False


class AreaEdit(Model):
    """What is to be different. With a new name the path follows, to ``word`` if that is given, and
    so do the paths of all areas below; ``keep_path``: it does not."""

    name: Name | None = None
    word: Word | None = None
    keep_path: bool = False
    code: Code | None = None
    station: bool | None = None

    @model_validator(mode="after")
    def _one_path(self) -> Self:
        if self.keep_path and self.word is not None:
            raise ValueError("area.word_or_keep")
        return self


class Move(Model):
    """``parent``: below which area it is to hang; null: at the top."""

    parent: Id | None


class Merge(Model):
    """``into``: the area that takes it in."""

    into: Id


class Order(Model):
    """``areas``: everything below ``parent`` (null: at the top), in the order wanted."""

    parent: Id | None
    areas: Annotated[tuple[Id, ...], Field(min_length=1, max_length=20_000)]


class DryRun(Model):
    """``dry_run``: only say what would be done."""

    dry_run: bool = False


class RemoveQuery(DryRun):
    """``subtree``: with everything below it."""

    subtree: bool = False


class ChangeOut(Model):
    """What becomes of an area: ``kinds`` are created, renamed, moved, merged, removed, station,
    code, ordered. ``area`` is null for a new one of a dry run."""

    area: Id | None
    kinds: tuple[str, ...]
    name: str
    former_name: str | None
    path: str | None
    former_path: str | None
    successor: Id | None


class OutcomeOut(Model):
    """What was done, or would be. ``following``: how many areas only got another path by it;
    ``handed_over``: what was still to come, and rights, that went to the area which took this one
    in; ``ended``: what is over with it. ``more``: changes that are not listed."""

    dry_run: bool
    area: AreaOut | None
    changes: tuple[ChangeOut, ...]
    more: int
    following: int
    handed_over: dict[str, int]
    ended: dict[str, int]


class ExportQuery(TreeQuery):
    """``format``; ``separator`` of CSV: comma, or semicolon where spreadsheets want that."""

    format: Literal["csv", "json"] = "csv"
    separator: Literal["comma", "semicolon"] = "comma"


class Mistake(Model):
    """What is wrong in a table: the line (1 is the first; in JSON, the area) and the column."""

    line: int
    column: str
    code: str
    message: str


class Imported(Model):
    """What a table changed, or would change; nothing while there are ``problems``. ``untouched``:
    how many areas that are there stay as they are."""

    dry_run: bool
    counts: dict[str, int]
    untouched: int
    changes: tuple[ChangeOut, ...]
    more: int
    problems: tuple[Mistake, ...]


class Event(Model):
    """Something that was done to an area."""

    id: Id
    at: Time
    who: str
    kind: str
    details: dict[str, Any]


class RemovedArea(Named):
    """An area that is no more; what hangs on it as history is still found by its id."""

    removed_at: Time
    successor: Named | None


def area_out(area: Area, tree: AreaTree) -> AreaOut:
    """Show an area of a tree."""
    above = None if area.parent is None else tree.find(area.parent)
    return AreaOut.model_construct(
        id=area.id,
        path=area.path,
        name=area.name,
        parent=None if above is None else above.id,
        station=area.station,
        code=area.code,
        rank=area.rank,
        version=area.version,
    )


def named(area: Area) -> Named:
    """Show an area by its name."""
    return Named(id=area.id, path=area.path, name=area.name)


def changes_out(changes: tuple[Change, ...]) -> tuple[tuple[ChangeOut, ...], int, int]:
    """Show changes; return them, how many are left out, and how many areas only follow."""
    own = [change for change in changes if change.kinds]
    shown = tuple(
        ChangeOut(
            area=c.id if c.id > 0 else None,
            kinds=c.kinds,
            name=(c.after or c.before or _NOWHERE).name,
            former_name=None if c.before is None else c.before.name,
            path=None if c.after is None else c.after.path,
            former_path=None if c.before is None else c.before.path,
            successor=c.successor,
        )
        for c in own[:SHOWN]
    )
    following = sum(
        not c.kinds
        and c.before is not None
        and c.after is not None
        and c.before.path != c.after.path
        for c in changes
    )
    return shown, len(own) - len(shown), following


_NOWHERE = Area("", "")


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
