"""Voices: programs that speak a text into a WAV file.

    voices = await probe(Settings())          once, at start
    voice = voices.get("espeak-vi")
    await voice.speak("xin chào bà con", Path("chao.wav"))

There are only voices whose language is known for sure: for H'Mông or Dao a voice of another
language is worse than none. Texts reach a program on its standard input, never as arguments, and no
shell is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from loa.streamer import logs

SPEED = 150
"""Words a minute: horns echo, and announcements are to be understood."""
TIME_LIMIT = 120.0
MAX_FILE = 1024**3
ESPEAK_MEMORY = 1024**3
PIPER_MEMORY = 4 * 1024**3
"""Bytes of address space; its runtime maps far more than it uses."""
PROBE_TIME = 10.0
AT_ONCE = 2
# Name of ours, language, espeak's own name; the first of a language is the usual one.
_ESPEAK = (
    ("espeak-vi", "vi", "vi"),
    ("espeak-vi-central", "vi", "vi-vn-x-central"),
    ("espeak-vi-south", "vi", "vi-vn-x-south"),
)
_SURROUNDINGS = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")

log = logs.get("voices")


class VoiceError(Exception):
    """A voice did not speak; the text says why, for the log."""


class Voice(Protocol):
    """What speaks. ``name`` is for choosing it, ``language`` a tag of ``core/languages.py``."""

    @property
    def name(self) -> str: ...

    @property
    def language(self) -> str: ...

    async def speak(self, text: str, to: Path) -> None:
        """Speak ``text`` into the WAV file ``to``, whole or not at all. Raises ``VoiceError``."""


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """espeak-ng: robotic, small, always there."""

    name: str
    language: str
    program: str
    voice: str
    time_limit: float = TIME_LIMIT

    async def speak(self, text: str, to: Path) -> None:
        # [[…]] would be read as the names of sounds.
        plain = text.replace("[[", "[ [")
        await _run(
            lambda out: [
                self.program, "-v", self.voice, "-s", str(SPEED), "-b", "1", "--stdin", "-w", out,
            ],
            plain, to, ESPEAK_MEMORY, self.time_limit,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """Piper, or what takes the same arguments: a neural voice from a model file."""

    name: str
    language: str
    program: str
    model: Path
    time_limit: float = TIME_LIMIT

    async def speak(self, text: str, to: Path) -> None:
        # Each line is spoken by itself, over the one before.
        line = " ".join(text.split())
        await _run(
            lambda out: [self.program, "--model", str(self.model), "--output_file", out],
            line + "\n", to, PIPER_MEMORY, self.time_limit,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """Which programs there are. ``piper_model`` None: no Piper."""

    espeak: str = "espeak-ng"
    piper: str = "piper"
    piper_model: Path | None = None
    piper_language: str = "vi"


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices there are, the preferred one of each language first."""

    all: tuple[Voice, ...] = ()
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """Taken while one speaks: the machine has programmes to encode."""

    def get(self, name: str) -> Voice | None:
        """Return the voice of this name."""
        return next((voice for voice in self.all if voice.name == name), None)

    def of(self, language: str) -> Voice | None:
        """Return the preferred voice of a language."""
        return next((voice for voice in self.all if voice.language == language), None)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have a voice."""
        return tuple(dict.fromkeys(voice.language for voice in self.all))


async def probe(settings: Settings) -> Voices:
    """Find out which voices there are. Never raises: what does not work is left out, and logged."""
    found: list[Voice] = []
    if settings.piper_model is not None:
        program = shutil.which(settings.piper)
        if program is None or not settings.piper_model.is_file():
            log.warning(
                "there is no Piper voice",
                program=settings.piper if program is None else program,
                model=str(settings.piper_model),
            )
        else:
            name = f"piper-{settings.piper_language}"
            found.append(PiperVoice(name, settings.piper_language, program, settings.piper_model))
    program = shutil.which(settings.espeak)
    known = await _espeak_names(program) if program is not None else frozenset()
    found += [
        EspeakVoice(name, language, str(program), voice)
        for name, language, voice in _ESPEAK
        if voice in known
    ]
    if not found:
        log.warning("there is no voice: texts cannot be spoken", espeak=settings.espeak)
    return Voices(tuple(found))


async def _espeak_names(program: str) -> frozenset[str]:
    try:
        process = await asyncio.create_subprocess_exec(
            program, "--voices=vi", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=_environment(),
        )  # fmt: skip
    except OSError as error:
        log.warning("espeak-ng cannot be started", why=str(error))
        return frozenset()
    try:
        async with asyncio.timeout(PROBE_TIME):
            said, _ = await process.communicate()
    except TimeoutError:
        log.warning("espeak-ng does not answer", program=program)
        return frozenset()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = (line.split() for line in said.decode(errors="replace").splitlines()[1:])
    return frozenset(words[1] for words in lines if len(words) > 1)


class _Arguments(Protocol):
    def __call__(self, out: str) -> Sequence[str]: ...


async def _run(arguments: _Arguments, text: str, to: Path, memory: int, time_limit: float) -> None:
    """Run a program of its own group, bounded, that writes ``to``; see ``Voice.speak``."""
    try:
        descriptor, out = tempfile.mkstemp(dir=to.parent, prefix=".loa-", suffix=".wav")
    except OSError as error:
        raise VoiceError(str(error)) from None
    os.close(descriptor)
    try:
        with tempfile.TemporaryFile() as errors:
            limits = [str(memory), str(max(1, round(time_limit))), str(MAX_FILE)]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "loa.streamer.speech.limited", *limits, *arguments(out=out),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=errors,
                env=_environment(), start_new_session=True,
            )  # fmt: skip
            try:
                async with asyncio.timeout(time_limit):
                    await process.communicate(text.encode())
            except TimeoutError:
                raise VoiceError(f"did not finish within {time_limit:.0f} s") from None
            finally:
                # What it started goes with it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            if process.returncode != 0:
                errors.seek(0)
                said = errors.read(500).decode(errors="replace").strip()
                raise VoiceError(said or f"ended with {process.returncode}")
        if not await asyncio.to_thread(_is_speech, Path(out)):
            raise VoiceError("spoke nothing")
        os.replace(out, to)
    except OSError as error:
        raise VoiceError(str(error)) from None
    finally:
        Path(out).unlink(missing_ok=True)


def _is_speech(wav: Path) -> bool:
    """Say whether there is any sound in a file, once all of it is on the disk."""
    with wav.open("rb") as file:
        head = file.read(45)
        os.fsync(file.fileno())
    return len(head) == 45 and head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def _environment() -> dict[str, str]:
    """Return what a voice may know of our surroundings: no secret of the configuration."""
    return {name: os.environ[name] for name in _SURROUNDINGS if name in os.environ}
