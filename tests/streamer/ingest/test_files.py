"""Files that the server plays: prepared once, apart from the server, and found by their content."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from loa.streamer.counters import Counters
from loa.streamer.ingest.apart import Preparation
from loa.streamer.ingest.files import FileUnusable, Library
from support.audio import tone


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data" / "audio"
        self.counters = Counters()
        self.library = Library(self.folder, self.counters)
        self.wav = folder / "bản tin.wav"
        soundfile.write(self.wav, tone(2.0), 48_000)

    @property
    def kept(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_a_file_is_prepared_once_and_found_again(scene: Scene) -> None:
    clip = await scene.library.clip(scene.wav)
    assert 100 <= clip.ticks < 110
    (kept,) = scene.kept
    written = kept.stat().st_mtime_ns
    copy = scene.wav.with_name("copy.wav")
    copy.write_bytes(scene.wav.read_bytes())
    assert (await scene.library.clip(copy)).ticks == clip.ticks
    assert [path.stat().st_mtime_ns for path in scene.kept] == [written]
    assert scene.counters.snapshot() == {"files.prepared": 1}


async def test_another_preparation_is_another_file(scene: Scene) -> None:
    await scene.library.clip(scene.wav)
    other = Library(scene.folder, scene.counters, Preparation(target_lufs=-18.0))
    await other.clip(scene.wav)
    assert len(scene.kept) == 2


async def test_a_damaged_result_is_made_again(scene: Scene) -> None:
    clip = await scene.library.clip(scene.wav)
    (kept,) = scene.kept
    kept.write_bytes(kept.read_bytes()[:-10])
    with pytest.raises(FileUnusable, match="damaged"):
        await scene.library.clip(scene.wav)
    assert (await scene.library.clip(scene.wav)).ticks == clip.ticks


async def test_what_cannot_be_played_says_why_and_leaves_nothing(scene: Scene) -> None:
    playlist = scene.wav.with_name("x.mp3")
    playlist.write_bytes(b"#EXTM3U\nhttp://127.0.0.1/secret\n" * 50)
    with pytest.raises(FileUnusable, match=r"x\.mp3"):
        await scene.library.clip(playlist)
    with pytest.raises(FileUnusable, match="No such file"):
        await scene.library.clip(scene.wav.with_name("none.wav"))
    assert scene.kept == []
    assert scene.counters.snapshot() == {"files.unusable": 2}


async def test_a_process_that_takes_too_long_is_ended(scene: Scene) -> None:
    hasty = Library(scene.folder, scene.counters, time_limit=0.01)
    with pytest.raises(FileUnusable, match="not prepared within"):
        await hasty.clip(scene.wav)
    assert scene.kept == []
