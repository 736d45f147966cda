"""What areas may be called: names, words of paths, official codes."""

from __future__ import annotations

import re
import unicodedata

from loa.streamer.core.areas import RESERVED, AreaError, slug

MAX_NAME = 100
MAX_WORD = 80
MAX_PATH = 500
MAX_CODE = 20

_WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PATH = re.compile(r"(/[a-z0-9]+(-[a-z0-9]+)*)+")
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]*")
# Control characters, invisible ones that turn or hide text, halves of characters, line ends.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class WordRefused(AreaError):
    """This cannot be a name, a word or a code: ``code`` says why, ``values`` fill its text."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(f"{code} {values}" if values else code)
        self.code = code
        self.values = values


def clean_name(name: str) -> str:
    """Return a name as it is kept: NFC, trimmed. Raises ``WordRefused``."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise WordRefused("area.name_empty")
    if len(name) > MAX_NAME:
        raise WordRefused("field.too_long", limit=MAX_NAME)
    if any(unicodedata.category(c) in _UNSEEN for c in name):
        raise WordRefused("area.name_unseen")
    return name


def clean_code(code: str) -> str:
    """Return an official code, trimmed; "" for none. Raises ``WordRefused``."""
    code = code.strip()
    if len(code) > MAX_CODE:
        raise WordRefused("field.too_long", limit=MAX_CODE)
    if code and not _CODE.fullmatch(code):
        raise WordRefused("area.code_form")
    return code


def check_word(word: str, *, top: bool) -> str:
    """Return a word of a path that somebody chose. Raises ``WordRefused``."""
    if len(word) > MAX_WORD:
        raise WordRefused("field.too_long", limit=MAX_WORD)
    if not _WORD.fullmatch(word):
        raise WordRefused("area.word_form")
    if top and word in RESERVED:
        raise WordRefused("area.word_reserved", word=word)
    return word


def check_path(path: str) -> str:
    """Return a whole path that somebody wrote. Raises ``WordRefused``."""
    if len(path) > MAX_PATH:
        raise WordRefused("field.too_long", limit=MAX_PATH)
    if not _PATH.fullmatch(path):
        raise WordRefused("area.path_form")
    check_word(path.split("/")[1], top=True)
    for word in path.split("/")[2:]:
        check_word(word, top=False)
    return path


def word_of(name: str) -> str:
    """Return the word that a name makes. Raises ``WordRefused`` when nothing of it can stand."""
    word = slug(name)[:MAX_WORD].strip("-")
    if not word:
        raise WordRefused("area.word_none", name=name)
    return word
