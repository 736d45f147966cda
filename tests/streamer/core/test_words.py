"""Searching text without marks."""

from __future__ import annotations

import unicodedata

import pytest

from loa.streamer.core.words import folded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Phòng chống LŨ quét", "phong chong lu quet"),
        ("Đường về Đồng Văn", "duong ve dong van"),
        (unicodedata.normalize("NFD", "Hà Giang"), "ha giang"),
        ("  Dịch \n bệnh  ", "dich benh"),
        ("", ""),
    ],
)
def test_marks_case_and_spaces_do_not_count(text: str, found: str) -> None:
    assert folded(text) == found
