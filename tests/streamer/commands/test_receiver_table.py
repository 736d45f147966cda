"""Tables of receivers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.commands.receiver_table import TableError, read_table, write_codes


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_a_spreadsheet_writes_is_read(separator: str) -> None:
    lines = ["Địa bàn,Tên,Số loa,Số máy,Vĩ độ", "/xa-mau,Cột 1,4,B1,22.5", "", "/xa-mau,Cột 2,,,"]
    data = "\r\n".join(lines).replace(",", separator)
    assert read_table(b"\xef\xbb\xbf" + data.encode()) == [
        (2, {"area": "/xa-mau", "name": "Cột 1", "horns": 4, "serial": "B1", "latitude": 22.5}),
        (4, {"area": "/xa-mau", "name": "Cột 2"}),
    ]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "empty"),
        ("area,name", "no lines"),
        ("area\n/x", "column name is missing"),
        ("area,name,colour\n", "nobody knows the column 'colour'"),
        ("area,name,ten\n", "two columns"),
        ("area,name\n/x", "line 2 has no name"),
        ("area,name\n/x,a,b", "more cells"),
        ("area,name,horns\n/x,a,many", "line 2: horns must be a number"),
        ('area,name\n/x,"a', "no table"),
    ],
)
def test_what_is_no_table_is_said_by_line(table: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        read_table(table.encode())


def test_what_is_not_utf_8() -> None:
    with pytest.raises(TableError, match="UTF-8"):
        read_table("area,name\n/x,Cột".encode("utf-16"))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.binary(max_size=300) | st.text(alphabet="area,nme\n;\"/x1\t'", max_size=80).map(str.encode)
)
def test_whatever_a_file_holds(data: bytes) -> None:
    try:
        lines = read_table(data)
    except TableError:
        return
    assert all(fields["area"] and fields["name"] for _, fields in lines)


def test_codes_are_written_so_that_no_cell_is_run() -> None:
    made = [
        {
            "receiver": {"id": 3, "name": "=1+1", "serial": "", "area": 9},
            "code": "LOA1-…", "expires_at": "2026-12-06T00:00:00Z",
        }
    ]  # fmt: skip
    rows = list(csv.reader(io.StringIO(write_codes(["/xa-mau"], made).lstrip("\ufeff"))))
    assert rows[0][0] == "id"
    assert rows[1] == ["3", "/xa-mau", "'=1+1", "", "LOA1-…", "2026-12-06T00:00:00Z"]
