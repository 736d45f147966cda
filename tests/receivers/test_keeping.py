from __future__ import annotations

from pathlib import Path

from loa.codecs.control.settings import Settings
from loa.receivers.keeping import KeptSettings


def test_settings_are_kept_and_only_newer_ones_replace_them(tmp_path: Path) -> None:
    kept = KeptSettings(tmp_path / "settings")
    heard: list[int] = []
    kept.subscribe(lambda s: heard.append(s.version))
    assert kept.replace(Settings(version=2, name="Bản Mạc"))
    assert not kept.replace(Settings(version=2, name="other"))
    assert not kept.replace(Settings(version=1))
    again = KeptSettings(tmp_path / "settings")
    assert again.now == Settings(version=2, name="Bản Mạc")
    assert heard == [0, 2]
    assert (tmp_path / "settings").stat().st_mode & 0o077 == 0


def test_a_damaged_file_means_version_0_so_that_they_come_again(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text('{"version": "x"}')
    kept = KeptSettings(tmp_path / "settings")
    assert kept.damaged
    assert kept.now.version == 0
