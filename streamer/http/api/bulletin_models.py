"""Bulletins as the API takes and gives them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from loa.streamer.core.bulletins import AFTER, Audio, Lack, State, Step, judge
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk.bulletin_list import Heard, Whole
from loa.streamer.desk.bulletins import MAX_TARGETS, facts
from loa.streamer.http.api.paging import Id, Paging
from loa.streamer.http.api.route import Call, Model
from loa.streamer.http.api.texts import say
from loa.streamer.http.api.times import Time

Class = Literal["routine", "priority", "emergency"]
CLASSES: Mapping[str, BulletinClass] = {c.name.lower(): c for c in BulletinClass}
WORDS: Mapping[int, Class] = {0: "routine", 1: "priority", 2: "emergency"}

NEEDS: Mapping[Step, Permission] = {
    Step.SUBMIT: Permission.BULLETIN_EDIT,
    Step.REVISE: Permission.BULLETIN_EDIT,
    Step.APPROVE: Permission.BULLETIN_APPROVE,
    Step.REJECT: Permission.BULLETIN_APPROVE,
    Step.WITHDRAW: Permission.BULLETIN_EDIT,
}


def needed(step: Step, state: str, cls: int) -> tuple[Permission, ...]:
    """Return the permissions that a step takes.

    What is on air is not taken off by everybody who edits; and an emergency bulletin can be put
    on air over everything, so whoever lets it through has the right to call one.
    """
    permissions = [NEEDS[step]]
    if step is Step.WITHDRAW and state == State.APPROVED:
        permissions.append(Permission.BULLETIN_APPROVE)
    if step is Step.APPROVE and cls == BulletinClass.EMERGENCY:
        permissions.append(Permission.EMERGENCY)
    return tuple(permissions)


def _plain(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    text = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise ValueError("field.character")
    return text


def _single(text: Any) -> Any:
    return " ".join(_plain(text).split()) if isinstance(text, str) else text


# Text is composed (NFC) before it is counted, and has no control characters; a line has one line.
Line = BeforeValidator(_single)
Prose = BeforeValidator(_plain)
Title = Annotated[str, Field(min_length=1, max_length=200), Line]
SignText = Annotated[str, Field(max_length=200), Line]
Notes = Annotated[str, Field(max_length=10_000), Prose]
Tag = Annotated[str, Field(min_length=2, max_length=10)]
Targets = Annotated[tuple[Id, ...], Field(max_length=MAX_TARGETS)]
PerDay = Annotated[int, Field(ge=1, le=24)]
Days = Annotated[int, Field(ge=0, le=366)]


class WithClass(Model):
    """The base of models with the field ``class``, which Python cannot call so."""

    model_config = ConfigDict(
        validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


def _class(default: Any = ...) -> Any:
    return Field(default, validation_alias="class", serialization_alias="class")


class BulletinNew(WithClass):
    """A new draft. Without ``targets`` it is for its own area; ``days`` 0: until it expires."""

    area: Id
    title: Title
    language: Tag = "vi"
    cls: Class = _class("routine")
    sign_text: SignText = ""
    notes: Notes = ""
    starts_at: Time | None = None
    expires_at: Time | None = None
    per_day: PerDay = 1
    days: Days = 1
    targets: Targets = ()


class BulletinChange(WithClass):
    """What is to be changed; what is left out stays."""

    title: Title = ""
    language: Tag = ""
    cls: Class = _class("routine")
    sign_text: SignText = ""
    notes: Notes = ""
    starts_at: Time | None = None
    expires_at: Time | None = None
    per_day: PerDay = 1
    days: Days = 1
    targets: Targets = ()

    def changes(self) -> dict[str, Any]:
        """Return what was given, as columns are called."""
        given = self.model_dump(include=self.model_fields_set, by_alias=False)
        for name in ("starts_at", "expires_at"):
            if name in given:
                given[name] = getattr(self, name)
        if "cls" in given:
            given["cls"] = int(CLASSES[given["cls"]])
        return given


class Reason(Model):
    """Why a bulletin is rejected."""

    reason: Annotated[str, Field(max_length=2000), Prose] = ""


class CopyTo(Model):
    """Where the copy is to be made; left out: where the bulletin is."""

    area: Id | None = None


class BulletinQuery(Paging):
    """Which bulletins. ``area``: of this one and those below; ``for``: approved ones that this area
    is to hear, whoever made them; ``q``: words that occur, marks and case apart."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    area: Id | None = None
    for_area: Id | None = Field(default=None, validation_alias="for")
    state: State | None = None
    cls: Class | None = _class(None)
    language: Tag | None = None
    q: Annotated[str, Field(max_length=200)] = ""


class Person(Model):
    """Somebody, by account and name."""

    account: Id
    name: str


class Problem(Model):
    """Something that is in the way, in words."""

    code: str
    message: str


class Loudness(Model):
    """What was measured; null where there is no value (silence)."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None


class AudioOut(Model):
    """A bulletin's audio. ``progress`` (0 … 1) while it is being prepared, 0 while it waits.

    ``source`` is the recording as it came, ``result`` what listeners hear; ``reached``: it is as
    loud as it should be, else ``remarks`` say why not. ``heard``: its author has listened to it.
    """

    state: Audio
    error: Problem | None
    progress: float | None
    seconds: float | None
    bytes: int | None
    sha256: str | None
    source: Loudness | None
    result: Loudness | None
    gain_db: float | None
    reached: bool | None
    remarks: tuple[Problem, ...]
    heard: bool


class EventOut(Model):
    """Something that happened to a bulletin."""

    at: Time
    who: str
    kind: str
    note: str


class StepOut(Model):
    """A step that the bulletin can take from here; ``lacks``: what it still needs."""

    step: Step
    permitted: bool
    lacks: tuple[Problem, ...]


class BulletinOut(WithClass):
    """A bulletin, as lists have it."""

    id: Id
    area: Id
    title: str
    language: str
    cls: Class = _class()
    state: State
    sign_text: str
    notes: str
    starts_at: Time | None
    expires_at: Time | None
    per_day: int
    days: int
    targets: tuple[Id, ...]
    text: str
    spoken: str
    voice: str
    filename: str
    audio: AudioOut
    created_at: Time
    created_by: Person | None
    submitted_by: Person | None
    version: int


class BulletinWhole(BulletinOut):
    """A bulletin with its history and the steps it can take."""

    events: tuple[EventOut, ...]
    steps: tuple[StepOut, ...]


class Made(Model):
    """What was made: its id, and the version it has now."""

    id: Id
    version: int = 1


def shown(call: Call, whole: Whole) -> BulletinOut:
    """Return a bulletin as lists have it."""
    return BulletinOut(**_fields(call, whole))


def shown_whole(call: Call, whole: Whole) -> BulletinWhole:
    """Return a bulletin with its history and its next steps."""
    events = tuple(EventOut(at=e.at, who=e.who, kind=e.kind, note=e.note) for e in whole.events)
    return BulletinWhole(**_fields(call, whole), events=events, steps=_steps(call, whole))


def _fields(call: Call, whole: Whole) -> dict[str, Any]:
    row = whole.row
    same = (
        "id", "title", "language", "state", "sign_text", "notes", "starts_at", "expires_at",
        "per_day", "days", "text", "spoken", "voice", "filename", "created_at", "version",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in same},
        "area": row.area_id,
        "cls": WORDS[row.cls],
        "targets": whole.targets,
        "audio": _audio(call, whole),
        "created_by": _person(row.created_by, whole),
        "submitted_by": _person(row.submitted_by, whole),
    }


def _person(id: int | None, whole: Whole) -> Person | None:
    return None if id is None else Person(account=id, name=whole.names.get(id, ""))


def _audio(call: Call, whole: Whole) -> AudioOut:
    row, audio = whole.row, whole.audio
    error = progress = None
    if row.audio_state == Audio.FAILED:
        said = json.loads(row.audio_error or '{"code": "failed"}')
        error = _problem(call, said["code"], said.get("values", {}))
    if row.audio_state == Audio.PREPARING:
        progress = call.services.preparer.progress(row.id)
    report = audio.report if audio is not None else {}
    return AudioOut(
        state=Audio(row.audio_state), error=error, progress=progress,
        seconds=report.get("seconds"), bytes=None if audio is None else audio.size,
        sha256=row.audio_sha256, source=_loudness(report.get("source")),
        result=_loudness(report.get("decoded")), gain_db=report.get("gain_db"),
        reached=report.get("reached"), remarks=_remarks(call, audio),
        heard=row.audio_sha256 is not None and row.heard_sha256 == row.audio_sha256,
    )  # fmt: skip


def _loudness(report: Mapping[str, Any] | None) -> Loudness | None:
    if report is None:
        return None
    return Loudness(
        integrated_lufs=_rounded(report["integrated_lufs"]),
        true_peak_dbtp=_rounded(report["true_peak_dbtp"]),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _remarks(call: Call, audio: Heard | None) -> tuple[Problem, ...]:
    if audio is None:
        return ()
    found = (
        _problem(call, "remark." + r["code"], r["values"]) for r in audio.report.get("remarks", ())
    )
    return tuple(found)


def _problem(call: Call, code: str, values: Mapping[str, Any]) -> Problem:
    return Problem(code=code, message=say(code, call.language, dict(values)))


def _steps(call: Call, whole: Whole) -> tuple[StepOut, ...]:
    row, area = whole.row, whole.area
    assert area is not None
    found = []
    for step in Step:
        if (State(row.state), step) not in AFTER:
            continue
        verdict = judge(
            facts(call.desk, area, row, len(whole.targets), call.actor),
            step, call.desk.clock(), "to be given",
        )  # fmt: skip
        permitted = all(
            call.actor.rights.allow(permission, area, call.desk.tree)
            for permission in needed(step, row.state, row.cls)
        )
        lacks = tuple(_problem(call, _code(lack), {}) for lack in verdict.lacks)
        found.append(StepOut(step=step, permitted=permitted, lacks=lacks))
    return tuple(found)


def _code(lack: Lack) -> str:
    return f"bulletin.{lack}"
