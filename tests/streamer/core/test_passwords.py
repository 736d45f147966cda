"""Which passwords are refused."""

from __future__ import annotations

import unicodedata

import pytest

from loa.streamer.core.passwords import normal, refusal


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password.short"),
        ("chín ký tự", None),
        ("123456789", "password.short"),
        ("1234567890", "password.common"),
        ("MatKhau123", "password.common"),
        ("abababababab", "password.common"),
        ("nguyen.lan", "password.is_login"),
        ("NAL.NEYUGN", "password.is_login"),
        ("nguyen.lannguyen.lan", "password.is_login"),
        ("x" * 201, "password.long"),
        ("ngồi bên cửa sổ", None),
    ],
)
def test_easy_ones_are_refused(password: str, code: str | None) -> None:
    assert refusal(password, "nguyen.lan") == code


def test_two_ways_to_type_a_letter_are_one_password() -> None:
    typed = "mật khẩu của tôi"
    assert normal(unicodedata.normalize("NFD", typed)) == normal(typed)
