"""What everybody may hear again, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.boxes import real_opus
from support.desk import Office, desk_with_sample
from support.examples import HERE
from support.schedule import add_bulletin, add_entry, aired

DAY = 86_400


async def played(office: Office, before: float, **more: object) -> int:
    """Put a bulletin on an area's air so many seconds ago; return its id."""
    station = office.area(HERE)
    bulletin = await add_bulletin(office, station, seconds=2, **more)
    entry = await add_entry(office, station, bulletin)
    await aired(office, station, entry, office.clock.now - before)
    return bulletin


async def test_the_last_days_are_heard_again_by_anybody(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        (office.desk.data / "audio").mkdir(exist_ok=True)
        (office.desk.data / "audio" / f"{100:064x}.opus").write_bytes(real_opus(2))
        older = await played(office, 2 * DAY)
        newer = await played(office, DAY)
        await played(office, 8 * DAY)
        said = await office.call("GET", "/again", as_="nobody", params={"path": HERE})
        assert [item["bulletin"] for item in said["items"]] == [newer, older]
        assert said["items"][0]["seconds"] == 2.0
        async with await office.ask("GET", f"/again/{newer}", as_="nobody") as answer:
            assert answer.status == 200 and (await answer.read())[:4] == b"OggS"
        above = {"path": "/ha-giang"}
        assert (await office.call("GET", "/again", as_="nobody", params=above))["items"] == []
        await office.call("GET", "/again", as_="nobody", params={"path": "/no"}, status=404)


@pytest.mark.parametrize("more", [{"cls": 2}, {"state": "withdrawn"}, {"state": "draft"}], ids=str)
async def test_what_was_withdrawn_and_emergencies_are_not(
    tmp_path: Path, more: dict[str, object]
) -> None:
    async with desk_with_sample(tmp_path) as office:
        bulletin = await played(office, 60, **more)
        said = await office.call("GET", "/again", as_="nobody", params={"path": HERE})
        assert said["items"] == []
        await office.call("GET", f"/again/{bulletin}", as_="nobody", status=404)
