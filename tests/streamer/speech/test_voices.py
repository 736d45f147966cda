"""Voices: espeak-ng itself, and Piper's behaviour by a stand-in; bounded, and without a shell."""

from __future__ import annotations

import json
import os
import stat
import sys
import wave
from pathlib import Path

import pytest

from loa.streamer.speech.voices import (
    EspeakVoice,
    PiperVoice,
    Settings,
    VoiceError,
    Voices,
    probe,
)

# As piper: --model FILE --output_file FILE, one utterance a line; says what it was given.
PIPER = f"""#!{sys.executable}
import json, os, sys, wave
arguments = sys.argv[1:]
assert arguments[0] == "--model" and arguments[2] == "--output_file", arguments
text = sys.stdin.read()
with open(arguments[1]) as model:
    json.load(model)
seen = {{"text": text, "arguments": arguments, "environment": dict(os.environ)}}
with open(os.path.join(os.path.dirname(arguments[1]), "seen.json"), "w") as file:
    json.dump(seen, file)
if "hỏng" in text:
    print("model is broken", file=sys.stderr)
    sys.exit(3)
if "mãi" in text:
    import time
    time.sleep(600)
if "im" in text:
    sys.exit(0)
with wave.open(arguments[3], "wb") as out:
    out.setnchannels(1)
    out.setsampwidth(2)
    out.setframerate(22050)
    out.writeframes(b"\\1\\2" * 2205 * len(text.split()))
"""


@pytest.fixture
def piper(tmp_path: Path) -> Settings:
    program, model = tmp_path / "piper", tmp_path / "voice.onnx"
    program.write_text(PIPER)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    model.write_text("{}")
    return Settings(espeak="no-such-espeak", piper=str(program), piper_model=model)


def seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


async def test_espeak_speaks_vietnamese(tmp_path: Path) -> None:
    voices = await probe(Settings())
    assert voices.languages == ("vi",)
    voice = voices.of("vi")
    assert isinstance(voice, EspeakVoice) and voice.name == "espeak-vi"
    # What looks like an option, a phoneme or markup is read, not obeyed.
    for text in ("xin chào bà con", "-w /dev/null --help", "[[nonsense]] <speak> xin"):
        await voice.speak(text, tmp_path / "out.wav")
        assert 0.5 < seconds(tmp_path / "out.wav") < 20
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.wav"]


async def test_no_voice_for_other_languages() -> None:
    voices = await probe(Settings())
    assert voices.of("hmn") is None and voices.of("ium") is None and voices.get("vi") is None


async def test_piper_is_preferred_and_gets_one_line(
    piper: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOA_SOURCE_PASSWORD", "secret")
    voices = await probe(Settings(piper=piper.piper, piper_model=piper.piper_model))
    voice = voices.of("vi")
    assert isinstance(voice, PiperVoice) and voice is voices.get("piper-vi")
    assert voices.get("espeak-vi") is not None
    await voice.speak("xin chào\nbà con", tmp_path / "out.wav")
    assert seconds(tmp_path / "out.wav") == pytest.approx(0.4)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["text"] == "xin chào bà con\n"
    assert not any(name.startswith("LOA_") for name in seen["environment"])


async def test_what_goes_wrong_leaves_nothing(piper: Settings, tmp_path: Path) -> None:
    assert piper.piper_model is not None
    voice = PiperVoice("piper-vi", "vi", piper.piper, piper.piper_model)
    out = tmp_path / "out.wav"
    with pytest.raises(VoiceError, match="model is broken"):
        await voice.speak("hỏng", out)
    with pytest.raises(VoiceError, match="spoke nothing"):
        await voice.speak("im", out)
    hasty = PiperVoice("piper-vi", "vi", piper.piper, piper.piper_model, time_limit=2)
    with pytest.raises(VoiceError, match="within 2 s"):
        await hasty.speak("mãi", out)
    gone = PiperVoice("piper-vi", "vi", str(tmp_path / "gone"), piper.piper_model)
    with pytest.raises(VoiceError, match="gone"):
        await gone.speak("xin", out)
    with pytest.raises(VoiceError):
        await voice.speak("xin", tmp_path / "no" / "folder.wav")
    assert not out.exists()
    assert not [p for p in os.listdir(tmp_path) if p.startswith(".loa-")]


async def test_nothing_to_speak_with(tmp_path: Path) -> None:
    settings = Settings(espeak="no-such-espeak", piper_model=tmp_path / "missing.onnx")
    voices = await probe(settings)
    assert voices.all == () and voices.languages == ()
    assert Voices().of("vi") is None
