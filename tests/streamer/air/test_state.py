import json
import os
from pathlib import Path

import pytest

from loa.streamer.air import state
from loa.streamer.core.rights import digest


def test_first_start_has_no_tick_and_later_ones_the_last(tmp_path: Path):
    assert state.read_high_water(tmp_path) is None
    state.write_high_water(tmp_path, 12345)
    assert state.read_high_water(tmp_path) == 12345


def test_the_token_is_shown_once_and_only_its_digest_kept(tmp_path: Path):
    sha256, token = state.read_or_make_token(tmp_path)
    assert token is not None
    assert len(token) >= 20
    assert sha256 == digest(token)
    assert state.read_or_make_token(tmp_path) == (sha256, None)
    assert token not in (tmp_path / state.TOKEN_FILE).read_text()
    assert (tmp_path / state.TOKEN_FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"high_water": -1}', b"\xff"])
def test_a_damaged_file_is_said_and_never_taken_for_a_first_start(tmp_path: Path, content: bytes):
    (tmp_path / state.TICK_FILE).write_bytes(content)
    with pytest.raises(state.StateError, match=r"tick\.json"):
        state.read_high_water(tmp_path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state.write_high_water(tmp_path, 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        state.write_high_water(tmp_path, 2)
    assert json.loads((tmp_path / state.TICK_FILE).read_bytes()) == {"high_water": 1}
    assert [p.name for p in tmp_path.iterdir()] == [state.TICK_FILE]


def test_a_data_directory_that_cannot_be_is_explained(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(state.StateError, match="--data"):
        state.prepare(tmp_path / "file" / "data")
