"""Bulletins from text: spelled by the area's table, spoken by a voice, prepared as any recording.

What was spoken is kept beside what was written. Its author hears it before it can be submitted;
``core/bulletins.py`` sees to that.
"""

from __future__ import annotations

import asyncio

from loa.streamer import logs
from loa.streamer.core.languages import LANGUAGES
from loa.streamer.desk import bulletin_audio, spelling
from loa.streamer.desk.bulletin_audio import Recording
from loa.streamer.desk.bulletins import editable
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import FieldProblem, Invalid, NotFound, Stale, TooMany
from loa.streamer.desk.preparer import Preparer
from loa.streamer.speech.spelling import Spelled
from loa.streamer.speech.voices import Voice, VoiceError, Voices
from loa.streamer.store.tables.bulletins import BulletinRow

PATIENCE = 60.0
"""Seconds that one waits for others' texts to be spoken."""

log = logs.get("speaking")


def chosen(voices: Voices, language: str, name: str | None) -> Voice:
    """Return the voice of that name, or the preferred one. Raises ``Invalid``, and says why."""
    known = LANGUAGES.get(language)
    called = known.vi if known is not None else language
    if language not in voices.languages:
        raise Invalid(FieldProblem("voice", "voice.none", {"language": called}))
    if name is None:
        voice = voices.of(language)
        assert voice is not None
        return voice
    voice = voices.get(name)
    if voice is None:
        there = ", ".join(v.name for v in voices.all if v.language == language)
        raise Invalid(FieldProblem("voice", "voice.unknown", {"voice": name, "voices": there}))
    if voice.language != language:
        values = {"voice": name, "language": called}
        raise Invalid(FieldProblem("voice", "voice.language", values))
    return voice


async def speak(
    desk: Desk,
    voices: Voices,
    preparer: Preparer,
    actor: Actor,
    id: int,
    text: str,
    voice_name: str | None,
    version: int,
) -> Spelled:
    """Make a text the audio of a draft, which is prepared from now on; return what is spoken."""
    async with desk.store.read() as db:
        row = await db.get(BulletinRow, id)
    if row is None:
        raise NotFound("bulletin.unknown", id=id)
    if row.version != version:
        raise Stale(row.version)
    editable(row)
    voice = chosen(voices, row.language, voice_name)
    spelled = await spelling.spell(desk, desk.area(row.area_id), text, row.language)
    if not any(c.isalpha() for c in spelled.text):
        raise Invalid(FieldProblem("text", "speech.nothing"))
    files = preparer.files
    file = await asyncio.to_thread(files.make)
    try:
        await _spoken(desk, voices, voice, spelled.text, file, preparer)
        recording = Recording(file, "", spelled.source, spelled.text, voice.name)
        await bulletin_audio.give(desk, preparer, actor, id, recording, version)
    except BaseException:
        await asyncio.to_thread(files.remove, file)
        raise
    return spelled


async def _spoken(
    desk: Desk, voices: Voices, voice: Voice, text: str, file: str, preparer: Preparer
) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await voices.turn.acquire()
    except TimeoutError:
        raise TooMany("busy", PATIENCE) from None
    try:
        await voice.speak(text, preparer.files.path(file))
    except VoiceError as error:
        desk.counters.add("speech.failed")
        log.warning("a voice did not speak", voice=voice.name, why=str(error))
        raise Invalid(FieldProblem("text", "voice.failed")) from None
    finally:
        voices.turn.release()
