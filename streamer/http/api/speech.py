"""Calls about speech: how words are spoken in an area, what a text will sound like, voices."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from loa.streamer.core.languages import LANGUAGES
from loa.streamer.core.rights import Permission
from loa.streamer.desk import bulletin_list, speaking, spelling
from loa.streamer.http.api.bulletin_models import BulletinWhole, shown_whole
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Access, Call, Model, Route, area_in_path, area_of
from loa.streamer.speech.spelling import MAX_TEXT, MAX_WRITTEN
from loa.streamer.store.tables.bulletins import BulletinRow, SpellingRow


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError("speech.language")
    return language


Language = Annotated[str, Field(max_length=10), AfterValidator(_known)]
Written = Annotated[str, Field(min_length=1, max_length=MAX_WRITTEN)]
Spoken = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class NewEntry(Model):
    """How a word is spoken. Without a small letter it is meant exactly as it is ``written``."""

    language: Language = "vi"
    written: Written
    spoken: Spoken


class EntryChange(Model):
    """What is to change; what is left out stays."""

    written: Written | None = None
    spoken: Spoken | None = None


class Entry(Model):
    """How a word is spoken in ``area`` and below it."""

    id: Id
    area: Id
    language: str
    written: str
    spoken: str
    version: int


class EntryQuery(Paging):
    """``inherited``: those of the areas above, too; the nearest one holds."""

    language: Language | None = None
    inherited: bool = False


class TextToSpell(Model):
    """A text as it was written."""

    text: Text
    language: Language = "vi"


class TextToSpeak(Model):
    """A text in the language of its bulletin. ``voice``: without it the preferred one."""

    text: Text
    voice: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class Replaced(Model):
    """``text[start:end]``, counted in Unicode code points, is ``written`` and said as ``spoken``.

    ``kind``: table, number, date, time, money, unit, fraction, document, phone, range, roman or
    symbol; ``letters`` where no table knows an abbreviation and its letters are named: those are
    worth a look.
    """

    start: int
    end: int
    written: str
    spoken: str
    kind: str


class SpelledText(Model):
    """A text and what a voice would be given. ``voice``: which would speak it; null: none can."""

    text: str
    spoken: str
    replacements: tuple[Replaced, ...]
    voice: str | None


class VoiceThere(Model):
    """A voice, and the language it speaks."""

    name: str
    language: str


class VoicesThere(Model):
    """The voices of this server, the preferred one of each language first."""

    items: tuple[VoiceThere, ...]


def show(row: SpellingRow) -> Entry:
    """Return an entry as it is answered."""
    return Entry(
        id=row.id, area=row.area_id, language=row.language, written=row.written,
        spoken=row.spoken, version=row.version,
    )  # fmt: skip


async def read_entries(call: Call) -> Page[Entry]:
    """List an area's table."""
    query: EntryQuery = call.query
    rows = await spelling.entries(
        call.desk, call.areas[0], query.language, query.inherited, query.after, query.limit + 1
    )
    return page(Page[Entry], rows, query.limit, show, lambda row: row.id)


async def add_entry(call: Call) -> Entry:
    """Add to an area's table."""
    body: NewEntry = call.body
    return show(
        await spelling.add(
            call.desk, call.actor, call.areas[0], body.language, body.written, body.spoken
        )
    )


async def change_entry(call: Call) -> Entry:
    """Change an entry."""
    body: EntryChange = call.body
    return show(
        await spelling.change(
            call.desk, call.actor, call.params["entry"], call.version, body.written, body.spoken
        )
    )


async def remove_entry(call: Call) -> None:
    """Remove an entry."""
    await spelling.remove(call.desk, call.actor, call.params["entry"], call.version)


async def preview(call: Call) -> SpelledText:
    """Say how a text would be spoken; nothing is kept."""
    body: TextToSpell = call.body
    spelled = await spelling.spell(call.desk, call.areas[0], body.text, body.language)
    voice = call.services.voices.of(body.language)
    return SpelledText(
        text=spelled.source,
        spoken=spelled.text,
        replacements=tuple(
            Replaced(start=r.start, end=r.end, written=r.written, spoken=r.spoken, kind=r.kind)
            for r in spelled.replacements
        ),
        voice=None if voice is None else voice.name,
    )


async def speak(call: Call) -> BulletinWhole:
    """Have a text spoken as the audio of a draft."""
    body: TextToSpeak = call.body
    services, id = call.services, call.params["bulletin"]
    await speaking.speak(
        call.desk, services.voices, services.preparer, call.actor, id, body.text, body.voice,
        call.version,
    )  # fmt: skip
    return shown_whole(call, await bulletin_list.one(call.desk, id))


async def read_voices(call: Call) -> VoicesThere:
    """List the voices."""
    voices = call.services.voices.all
    return VoicesThere(items=tuple(VoiceThere(name=v.name, language=v.language) for v in voices))


ENTRY = area_of(SpellingRow, "entry", "spelling")

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/spelling", read_entries, "How an area has words spoken",
        Permission.READ, area_in_path, query=EntryQuery, answer=Page[Entry],
    ),
    Route(
        "POST", "/areas/{area}/spelling", add_entry, "Have a word spoken otherwise",
        Permission.BULLETIN_EDIT, area_in_path, body=NewEntry, answer=Entry, status=201,
    ),
    Route(
        "PATCH", "/spelling/{entry}", change_entry, "Change how a word is spoken",
        Permission.BULLETIN_EDIT, ENTRY, body=EntryChange, answer=Entry, versioned=True,
    ),
    Route(
        "DELETE", "/spelling/{entry}", remove_entry, "Have a word spoken as above again",
        Permission.BULLETIN_EDIT, ENTRY, versioned=True,
    ),
    Route(
        "POST", "/areas/{area}/speech/preview", preview, "What a text will be spoken as",
        Permission.BULLETIN_EDIT, area_in_path, body=TextToSpell, answer=SpelledText,
    ),
    Route(
        "POST", "/bulletins/{bulletin}/speech", speak, "Have a text spoken as a draft's audio",
        Permission.BULLETIN_EDIT, area_of(BulletinRow, "bulletin", "bulletin"), body=TextToSpeak,
        answer=BulletinWhole, versioned=True,
    ),
    Route(
        "GET", "/speech/voices", read_voices, "The voices there are", Access.SIGNED_IN,
        answer=VoicesThere,
    ),
)  # fmt: skip
