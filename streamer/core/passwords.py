"""Which passwords are refused: short ones, the login itself, and what everybody tries first."""

from __future__ import annotations

import unicodedata

MIN_LENGTH = 10
MAX_LENGTH = 200
_COMMON = frozenset(
    """
    0123456789 1234567890 0987654321 9876543210 12345678910 123456789a 1234567891 1q2w3e4r5t
    1qaz2wsx3edc q1w2e3r4t5 qwertyuiop qwerty1234 qwerty12345 qwerty123456 asdfghjkl1 zxcvbnm123
    abcdefghij abcd123456 abc1234567 abcdef1234 a123456789 aa12345678 aa123456789 password12
    password123 password1234 passw0rd123 p@ssw0rd123 p@ssword123 iloveyou123 iloveyou12 welcome123
    welcome1234 changeme123 letmein123 admin12345 admin123456 administrator administrator1
    superadmin 123456789q 1231231231 123123123123 1122334455 matkhau123 matkhau1234 matkhau12345
    matkhaumoi vietnam123 vietnam1234 hanoi12345 hanoivietnam anhyeuem123 anhyeuem12 emyeuanh123
    khongbiet1 khongbiet123 toiyeuvietnam yeuvietnam 10203040500 0123456789a 01234567890
    123456789123 truyenthanh truyenthanh1 truyenthanh123 daitruyenthanh phatthanh123 loaphatthanh
    """.split()  # noqa: SIM905 - a list of words is read best as one
)


def normal(password: str) -> str:
    """Return a password as it is hashed: two ways to type ``ế`` are one."""
    return unicodedata.normalize("NFC", password)


def refusal(password: str, login: str) -> str | None:
    """Return the code of why a password is refused, or None."""
    if len(password) < MIN_LENGTH:
        return "password.short"
    if len(password) > MAX_LENGTH:
        return "password.long"
    folded = normal(password).casefold()
    if login and folded.strip() in (login, login[::-1], login * 2):
        return "password.is_login"
    if folded in _COMMON or len(set(folded)) < 4:
        return "password.common"
    return None
