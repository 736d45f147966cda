"""Areas as tables: what is written is read as it was, whatever a table holds it is read or refused.

Invariants: reading returns lines or raises ``TableRefused`` with mistakes that name their lines; no
cell that is written begins as a formula does; export and import of the same tree change nothing.
"""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core import area_tables
from loa.streamer.core.area_import import plan_import
from loa.streamer.core.area_tables import (
    AreaLine,
    TableRefused,
    read_csv,
    read_json,
    write_csv,
    write_json,
)
from loa.streamer.core.area_words import WordRefused, clean_name
from loa.streamer.core.areas import Area, AreaTree


def lines(text: str) -> list[AreaLine]:
    return read_csv(text.encode())


def refused(data: bytes, read=read_csv) -> list[tuple[int, str, str]]:
    with pytest.raises(TableRefused) as error:
        read(data)
    return [(p.line, p.column, p.code) for p in error.value.problems]


def test_a_table_as_spreadsheets_write_it():
    text = (
        "\ufeffTên;Mã;Cấp trên;Đài\r\nNà Khương;01015;/ha-giang/;Có\r\n\r\n;;;\r\nXuân Minh;;;0\r\n"
    )
    assert lines(text) == [
        AreaLine(2, code="01015", parent="/ha-giang", name="Nà Khương", station=True),
        AreaLine(5, name="Xuân Minh", station=False),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(separator: str):
    text = separator.join(("path", "name")) + "\n" + separator.join(("/a", "A")) + "\n"
    assert lines(text) == [AreaLine(2, path="/a", name="A")]


def test_a_name_over_several_lines_does_not_shift_the_numbers():
    assert refused(b'name,code\n"a\nb",1\nB,???\n') == [
        (2, "name", "area.name_unseen"),
        (4, "code", "area.code_form"),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (1, "", "import.no_columns")),
        (b"name,nmae\nA,B\n", (1, "nmae", "import.column_unknown")),
        (b"name,name\nA,B\n", (1, "name", "import.column_twice")),
        (b"station\n1\n", (1, "", "import.no_columns")),
        (b"name\nA\nH\xe0 Giang\n", (3, "", "import.encoding")),
        (b"name\nA\nB\0\n", (3, "", "import.nul")),
        ("name\nA\n".encode("utf-16"), (1, "", "import.encoding")),
        (b'name\nA\n"B\n', (3, "", "import.csv")),
        (b"name\nA,B\n", (2, "", "import.too_wide")),
        (b"name,station\nA,maybe\n", (2, "station", "import.yes_or_no")),
        (b"name,id\nA,-1\n", (2, "id", "field.not_integer")),
        (b"name,id\nA,0\n", (2, "id", "field.too_small")),
        (b"name,rank\nA,99999999\n", (2, "rank", "field.too_large")),
        (b"name,path\nA,ha-giang\n", (2, "path", "area.path_form")),
        (b"name,path\nA,/api/x\n", (2, "path", "area.word_reserved")),
        (b"name,aliases\nA,/a b\n", (2, "aliases", "area.path_form")),
        (b"name\n" + b"x" * 200_000 + b"\n", (2, "", "import.csv")),
        (b"name\n" + b"x" * 9_000_000, (1, "", "import.too_large")),
        (b"name\n" + b"x\n" * 1_000_000, (20_002, "", "import.too_many")),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_line(data: bytes, expected: tuple[int, str, str]):
    assert refused(data)[0] == expected


def test_a_million_empty_lines_are_nothing():
    assert read_csv(b"name\n" + b"\n" * 1_000_000) == []


def test_mistakes_are_counted_only_so_far():
    assert len(refused(b"name,id\n" + b"A,x\n" * 1000)) == area_tables.MAX_PROBLEMS


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"[]", (1, "", "import.json")),
        (b"{", (1, "", "import.json")),
        (b"[" * 100_000, (1, "", "import.json")),
        (b'{"areas": 1}', (1, "", "import.json")),
        (b'{"areas": [{"id": 1' + b"0" * 5000 + b"}]}", (1, "", "import.json")),
        (b'{"areas": [1]}', (1, "", "field.not_object")),
        (b'{"areas": [{"name": 1}]}', (1, "name", "field.not_text")),
        (b'{"areas": [{}, {"id": true}]}', (2, "id", "field.not_integer")),
        (b'{"areas": [{"aliases": {}}]}', (1, "aliases", "field.not_list")),
        (b'{"areas": [{"aliases": [1]}]}', (1, "aliases", "field.not_text")),
        (b'{"areas": [{"station": 1}]}', (1, "station", "field.not_text")),
        (b'{"areas": [{"name": "\\ud800"}]}', (1, "name", "area.name_unseen")),
        (b'{"areas": [{"\\ud800": 1}]}', (1, "\\ud800'", "field.unknown")),
    ],
)
def test_json_that_cannot_be_used_is_named(data: bytes, expected: tuple[int, str, str]):
    assert refused(data, read_json)[0] == expected


def named(name: str) -> str | None:
    try:
        return clean_name(name)
    except WordRefused:
        return None


NAMES = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from(["=1+1", "+84", "-", "@x", "'=1", "''@", "'", 'a"b', "a;=1", "a,b", "Đồng"]),
).map(named)


@settings(deadline=None, derandomize=True)
@given(st.lists(NAMES.filter(bool), max_size=8), st.sampled_from([",", ";"]))
def test_what_is_written_is_read_and_is_no_formula(names: list[str], separator: str):
    areas = [
        Area(f"/a{n}", name, n % 2 == 0, ("/x/y",) * (n % 3 == 0), n + 1, "", n)
        for n, name in enumerate(names)
    ]
    data = write_csv(areas, separator)
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    expected = [(a.id, a.path, a.name, a.station, a.rank, a.aliases or None) for a in areas]
    for found in (read_csv(data), read_json(write_json(areas))):
        got = [(x.id, x.path, x.name, x.station, x.rank, x.aliases or None) for x in found]
        assert got == expected


CELLS = st.text("abcdđ=+'\",;\n\r\t/-019 ", max_size=12)
TABLES = st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=6).map("\n".join)
HEADER = "id,path,parent,name,station,rank,aliases,code\n"


@settings(deadline=None, derandomize=True, max_examples=500)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text("a,;\"\n\r'=0/", max_size=100).map(str.encode),
        TABLES.map(lambda table: (HEADER + table).encode()),
    )
)
def test_anything_is_read_or_refused_and_imported_or_refused(data: bytes):
    tree = AreaTree([Area("/a", "A", id=1), Area("/a/b", "B", id=2, code="1")])
    for read in (read_csv, read_json):
        try:
            found = read(data)
        except TableRefused as error:
            lines_of_problems = [p.line for p in error.problems]
            assert lines_of_problems and min(lines_of_problems) >= 1
            continue
        plan = plan_import(tree, found)
        assert not (plan.problems and plan.changes)
