"""Text made alike for searching: without marks, in small letters."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Return text as it is searched: ``Phòng chống LŨ quét`` is ``phong chong lu quet``.

    đ is a letter of its own to Unicode, not d with a mark.
    """
    plain = text.replace("đ", "d").replace("Đ", "D")
    letters = unicodedata.normalize("NFKD", plain)
    kept = "".join(c for c in letters if not unicodedata.combining(c))
    return " ".join(kept.casefold().split())
