"""``loa areas``: the tree from the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from loa.streamer.commands.areas import app as areas
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

runner = CliRunner()
app = typer.Typer()
app.add_typer(areas, name="areas")
DISTRICT = "/ha-giang/quang-binh"


class Loa:
    """The commands, as an administrator of the province gives them."""

    def __init__(self, office: Office, secret: str) -> None:
        self.office = office
        self._secret = secret

    async def __call__(self, *words: str, ends: int = 0) -> str:
        env = {
            "LOA_SERVER": str(self.office.client.make_url("/")).rstrip("/"),
            "LOA_TOKEN": self._secret,
            "LANG": "en_US.UTF-8",
        }
        result = await asyncio.to_thread(runner.invoke, app, ["areas", *words], env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == ends, result.output
        return result.output


@asynccontextmanager
async def commands(path: Path) -> AsyncIterator[Loa]:
    async with desk_with_sample(path) as office:
        await add_account(office)
        body = {"login": "lan", "password": PASSWORD, "cookie": False}
        async with office.client.post("/api/v1/sign-in", json=body) as answer:
            secret = (await answer.json())["token"]
        yield Loa(office, secret)


async def test_the_tree_is_shown_and_searched(tmp_path: Path) -> None:
    async with commands(tmp_path) as loa:
        drawn = await loa("tree")
        assert "Nà Khương (dữ liệu mẫu) *" in drawn
        assert "/tuyen-quang" not in drawn
        found = json.loads(await loa("list", "na", "khuong", "--stations", "--json"))
        assert [area["path"] for area in found] == [DISTRICT + "/na-khuong"]
        assert "Bản Rừa" in await loa("list", "--under", DISTRICT + "/na-khuong")
        shown = await loa("show", DISTRICT)
        assert "Asia/Ho_Chi_Minh  (not set)" in shown
        assert "no area /nowhere" in await loa("show", "/nowhere", ends=1)


async def test_areas_are_made_and_changed(tmp_path: Path) -> None:
    async with commands(tmp_path) as loa:
        area = loa.office.area
        said = await loa("add", "Bằng Lang", "--parent", DISTRICT, "--station", "--code", "00955")
        assert said.startswith(DISTRICT + "/bang-lang is there")
        await loa("rename", DISTRICT + "/bang-lang", "Bằng Lang mới")
        assert area(DISTRICT + "/bang-lang").name == "Bằng Lang mới"
        await loa("station", DISTRICT + "/bang-lang", "--off")
        assert not area(DISTRICT + "/bang-lang").station
        await loa("code", DISTRICT + "/bang-lang", "")
        assert area(DISTRICT + "/bang-lang").code == ""
        await loa("move", DISTRICT + "/bang-lang", "--to", "/ha-giang")
        assert area(DISTRICT + "/bang-lang").path == "/ha-giang/bang-lang-moi"
        await loa("order", "/ha-giang/bang-lang-moi", DISTRICT)
        assert [a.path for a in loa.office.desk.tree][1] == "/ha-giang/bang-lang-moi"
        assert "/ha-giang/quang-binh/na-khuong" in await loa("remove", DISTRICT, ends=1)
        await loa("remove", "/ha-giang/bang-lang-moi")
        assert "/ha-giang/bang-lang-moi" in await loa("list", "--removed")
        await loa("add", "A", ends=2)


async def test_a_reorganisation_is_looked_at_first(tmp_path: Path) -> None:
    async with commands(tmp_path) as loa:
        before = list(loa.office.desk.tree)
        one, other = DISTRICT + "/xuan-minh", DISTRICT + "/na-khuong"
        assert "nothing was changed" in await loa("merge", one, other, "--dry-run")
        assert list(loa.office.desk.tree) == before
        await loa("merge", one, other)
        said = await loa("remove-level", DISTRICT)
        assert "2 more areas get another path by it" in said
        assert loa.office.area(one).path == "/ha-giang/na-khuong"


async def test_policies_are_set_one_by_one(tmp_path: Path) -> None:
    async with commands(tmp_path) as loa:
        hours = "hours=0-4@05:00-06:30,6@06:00-24:00"
        await loa("policy", "/ha-giang", "--set", hours, "--set", "sessions_a_day=3")
        said = await loa("policy", DISTRICT, "--set", "approve_own=no", "--json")
        policy = json.loads(said)
        assert policy["said"]["hours"] is None
        assert policy["effective"]["sessions_a_day"] == 3
        assert policy["effective"]["approve_own"] is False
        shown = await loa("policy", "/ha-giang", "--set", "sessions_a_day=")
        assert "Mo+Tu+We+Th+Fr 05:00-06:30, Su 06:00-24:00  (/ha-giang)" in shown
        assert "timezone: There is no such time zone" in await loa(
            "policy", "/ha-giang", "--set", "timezone=Asia/Hanoi", ends=1
        )
        await loa("policy", "/ha-giang", "--set", "hours=morning", ends=2)


async def test_tables_go_out_and_come_in(tmp_path: Path) -> None:
    async with commands(tmp_path) as loa:
        for name in ("tree.csv", "tree.json"):
            table = tmp_path / name
            await loa("export", str(table))
            said = await loa("import", str(table))
            assert said.startswith("no changes; 8 untouched")
        assert (await loa("export", "--semicolon")).startswith('\ufeff"id";"code";"path"')

        table.with_suffix(".csv").write_text(f"name,parent\nBằng Lang,{DISTRICT}\n")
        looked = await loa("import", str(tmp_path / "tree.csv"), "--dry-run")
        assert DISTRICT + "/bang-lang" in looked
        assert loa.office.desk.tree.find(DISTRICT + "/bang-lang") is None
        assert "1 created" in await loa("import", str(tmp_path / "tree.csv"))

        (tmp_path / "bad.csv").write_text("name,parent\nA,/nowhere\n")
        for more in ((), ("--dry-run",)):
            said = await loa("import", str(tmp_path / "bad.csv"), *more, ends=1)
            assert "There is no area /nowhere" in said
        await loa("import", str(tmp_path / "none.csv"), ends=2)


@pytest.mark.parametrize("word", ["areas", "areas import", "areas policy"])
def test_help_teaches(word: str) -> None:
    result = runner.invoke(app, [*word.split(), "--help"])
    assert result.exit_code == 0
    assert "loa areas" in result.output or word != "areas policy"
