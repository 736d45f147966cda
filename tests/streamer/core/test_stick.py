"""Names of files on sticks: plain ASCII, in order, and good for any player and FAT32."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.stick import file_names, length


def test_names() -> None:
    assert file_names(["Đèn đường", "", "!!!", "a" * 90]) == [
        "01-den-duong.mp3", "02-ban-tin.mp3", "03-ban-tin.mp3", f"04-{'a' * 40}.mp3",
    ]  # fmt: skip
    assert file_names(["x"] * 100)[0] == "001-x.mp3"
    assert length(185.4) == "3:05"


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.text(max_size=60), max_size=12).map(lambda few: few * 9))
def test_any_titles(titles: list[str]) -> None:
    names = file_names(titles)
    assert names == sorted(names) and len(set(names)) == len(titles)
    assert all(re.fullmatch(r"[0-9]{2,}-[a-z0-9]+(-[a-z0-9]+)*\.mp3", name) for name in names)
    assert all(len(name) <= 48 for name in names)
