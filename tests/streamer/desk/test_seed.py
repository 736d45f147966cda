"""The configuration's areas are made when they are missing; nothing of staff's is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from loa.streamer.config_sections import SAMPLE_AREA, AreaSetting
from loa.streamer.core.areas import AreaError
from loa.streamer.desk import areas
from loa.streamer.desk.areas import Edit
from loa.streamer.desk.seed import seed
from support.desk import Office, desk_with_sample

CONFIGURED = (
    AreaSetting(name="Hà Giang", station=True),
    AreaSetting(name="Xín Mần", parent="/ha-giang"),
    AreaSetting(name="Quang Bình", parent="/ha-giang", station=True, aliases=("/qb",)),
    AreaSetting(name="Nà Khương", path="/ha-giang/quang-binh/na-khuong"),
)


def paths(office: Office) -> list[str]:
    return [area.path for area in office.desk.tree]


async def test_missing_areas_are_made_in_the_order_they_are_written_down(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path, areas=()) as office:
        await seed(office.desk, CONFIGURED)
        made = [
            "/ha-giang",
            "/ha-giang/xin-man",
            "/ha-giang/quang-binh",
            "/ha-giang/quang-binh/na-khuong",
        ]
        assert paths(office) == made
        assert office.area("/qb").station
        assert [h.kind for h in office.happened] == ["area.created"] * 4
        await seed(office.desk, CONFIGURED)
        assert len(office.happened) == 4


async def test_what_staff_did_stays(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path, areas=()) as office:
        desk, me = office.desk, office.server
        await seed(desk, CONFIGURED)
        await areas.edit(desk, me, office.area("/qb"), 1, Edit(name="Khác", station=False))
        await areas.remove(desk, me, office.area("/ha-giang/xin-man"), 1)
        before = list(desk.tree)
        more = AreaSetting(name="Mới", path="/ha-giang/xin-man/moi")
        new = AreaSetting(name="Xuân Minh", path="/ha-giang/quang-binh/xuan-minh")
        await seed(desk, (*CONFIGURED, more))
        assert list(desk.tree) == before
        await seed(desk, (*CONFIGURED, new))
        assert office.area(new.path or "").path == "/ha-giang/khac/xuan-minh"


async def test_the_sample_is_only_for_who_has_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await seed(office.desk, (SAMPLE_AREA,))
        assert office.desk.tree.find("/xa-mau") is None
    (tmp_path / "other").mkdir()
    async with desk_with_sample(tmp_path / "other", areas=()) as office:
        await seed(office.desk, (SAMPLE_AREA,))
        assert paths(office) == ["/xa-mau"]


async def test_areas_that_are_no_tree_are_refused(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        with pytest.raises(AreaError, match="there is no area /nowhere above it"):
            await seed(office.desk, (AreaSetting(name="A", path="/nowhere/a"),))
        with pytest.raises(AreaError, match="begins with this word"):
            await seed(office.desk, (AreaSetting(name="A", path="/api"),))
