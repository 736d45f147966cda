"""The sample says that it is one, and its reorganisation loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from loa.streamer.desk import sample
from loa.streamer.desk.errors import NotFound
from support.desk import desk_with_sample

ROOT = Path(__file__).resolve().parents[3]


def test_the_table_in_the_docs_is_the_sample() -> None:
    assert (ROOT / "docs" / "sample-areas.csv").read_bytes() == sample.table()


async def test_the_reorganisation_of_the_sample(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path, areas=()) as office:
        desk, me = office.desk, office.server
        await sample.load(desk, me)
        before = {area.path: area for area in desk.tree}
        assert len(before) == 10
        assert all(area.name.endswith("(dữ liệu mẫu)") for area in desk.tree)
        await sample.load(desk, me)
        assert len(office.happened) == 1

        done = await sample.reorganise(desk, me)
        assert [area.path for area in desk.tree] == [
            "/ha-giang",
            "/ha-giang/na-khuong",
            "/ha-giang/na-khuong/thon-1",
            "/ha-giang/na-khuong/thon-2",
            "/ha-giang/tien-nguyen",
            "/ha-giang/tien-nguyen/thon-1",
            "/ha-giang/tien-nguyen/thon-1-2",
            "/ha-giang/tien-nguyen/thon-2",
        ]
        gone = {sample.XUAN_MINH: "/ha-giang/tien-nguyen", sample.DISTRICT: "/ha-giang"}
        for path, area in before.items():
            found = desk.tree.find(path)
            assert found is not None
            assert found.path == gone[path] if path in gone else found.id == area.id
        assert {h.kind for h in office.happened} == {
            "area.imported", "area.level_removed", "area.merged",
        }  # fmt: skip
        assert done.merged.over["slots"] == 0


async def test_only_the_sample_is_reorganised(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path, areas=((sample.DISTRICT[:9], "Thật", True),)) as office:
        with pytest.raises(NotFound):
            await sample.reorganise(office.desk, office.server)
