"""The journal's lines: round trips, and that nothing but a documented error comes of anything."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.journal import (
    JournalError,
    Line,
    Lost,
    Note,
    Opened,
    Played,
    Unknown,
    first_hash,
    read_entry,
    read_line,
    seal_text,
    write_line,
)

CHAIN = bytes(range(16))
quick = settings(deadline=None, derandomize=True, max_examples=100)
words = st.text(max_size=40)
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
entries = (
    st.builds(Note, what=words, details=st.dictionaries(words, plain, max_size=8))
    | st.builds(
        Played,
        at=st.none() | st.floats(0, 4e9), kind=st.sampled_from(["live", "bulletin"]), play=words,
        audio=st.none() | st.binary(min_size=32, max_size=32), first=st.integers(0, 2**48 - 1),
        device=st.none() | st.integers(0, 2**40), whole=st.booleans(), why_not=words,
    )
    | st.builds(Lost, why=words, first=st.integers(0, 99), counts=st.dictionaries(
        words, st.integers(0, 9), max_size=5))
    | st.builds(Opened, receiver=st.integers(0, 2**40), why=words)
)  # fmt: skip


@quick
@given(entries, st.integers(1, 2**48 - 1), st.binary(min_size=16, max_size=16))
def test_a_line_is_read_as_it_was_written(entry: Note, number: int, before: bytes) -> None:
    line = write_line(CHAIN, before, number, entry)
    assert "\n" not in line.text
    read = read_line(line.text)
    assert read == line and read.follows(CHAIN, before)
    assert read_entry(read.body) == entry
    assert not read.follows(CHAIN, first_hash(CHAIN))
    assert not read.follows(bytes(16), before)


@quick
@given(entries, st.data())
def test_an_altered_line_follows_nothing(entry: Note, data: st.DataObject) -> None:
    text = write_line(CHAIN, bytes(16), 7, entry).text
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters().filter(lambda c: c != text[at]))
    altered = text[:at] + letter + text[at + 1 :]
    try:
        line = read_line(altered)
    except JournalError:
        return
    assert not line.follows(CHAIN, bytes(16))


@quick
@given(entries, st.data())
def test_a_torn_line_is_none(entry: Note, data: st.DataObject) -> None:
    text = write_line(CHAIN, bytes(16), 7, entry).text
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    try:
        line = read_line(cut)
    except JournalError:
        return
    assert not line.follows(CHAIN, bytes(16))


@quick
@given(st.text(max_size=300) | st.from_regex(r"\d{1,16} .{0,40} [A-Za-z0-9_-]{22}"))
def test_anything_is_a_line_or_an_error(text: str) -> None:
    try:
        line = read_line(text)
    except JournalError:
        return
    assert isinstance(line, Line) and line.text == text
    assert isinstance(line.follows(CHAIN, bytes(16)), bool)


@quick
@given(st.text(max_size=300) | st.from_regex(r'\{"k":"(note|played|lost)",.{0,60}\}'))
def test_anything_is_an_entry_or_an_error(body: str) -> None:
    with contextlib.suppress(JournalError):
        read_entry(body)


def test_what_is_of_a_later_version_is_kept_unread() -> None:
    assert read_entry('{"k":"sung","at":5.5,"up":3,"song":[1]}') == Unknown(at=5.5, up=3.0)
    with pytest.raises(JournalError):
        read_entry('{"k":"played","kind":7}')


def test_numbers_have_one_spelling() -> None:
    text = write_line(CHAIN, bytes(16), 7, Note(what="x")).text
    for other in ("07", "+7", "٧", "7_0", "0", str(1 << 48), ""):
        with pytest.raises(JournalError):
            read_line(other + text[1:])


def test_a_seal_names_everything() -> None:
    seals = {
        seal_text(r, c, b, f, n, h)
        for r in (1, 2)
        for c in (bytes(16), CHAIN)
        for b in (bytes(16), CHAIN)
        for f, n in ((1, 2), (2, 2), (1, 3))
        for h in (bytes(16), CHAIN)
    }
    assert len(seals) == 48


def test_a_line_has_a_bound() -> None:
    with pytest.raises(JournalError):
        write_line(CHAIN, bytes(16), 7, Note(what="x", details={"a": "y" * 4000}))
