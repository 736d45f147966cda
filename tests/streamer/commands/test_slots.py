"""``loa slots`` and ``loa queue``: plain words in, plain words out."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from loa.streamer.commands import queue, slots
from loa.streamer.commands.when import NotUnderstood, understand
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account
from support.schedule import add_bulletin, add_entry

DAY = date(2026, 9, 22)
COMMUNE = "/ha-giang/quang-binh/na-khuong"
runner = CliRunner()


@pytest.mark.parametrize(
    ("words", "first", "minutes", "rule"),
    [
        ("daily 05:00 45 min", "2026-09-22T05:00", 45, "FREQ=DAILY"),
        ("05:00 45", "2026-09-22T05:00", 45, "FREQ=DAILY"),
        ("hằng ngày 5h30 1h30", "2026-09-22T05:30", 90, "FREQ=DAILY"),
        ("weekdays 17:00 1 h", "2026-09-22T17:00", 60, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("cuối tuần 6:15 30 phút", "2026-09-22T06:15", 30, "FREQ=WEEKLY;BYDAY=SA,SU"),
        ("mon,wed, friday 5:00 15m", "2026-09-22T05:00", 15, "FREQ=WEEKLY;BYDAY=MO,WE,FR"),
        ("t2, cn 5:00 15", "2026-09-22T05:00", 15, "FREQ=WEEKLY;BYDAY=MO,SU"),
        ("monthly 1,15 05:00 45 min", "2026-09-22T05:00", 45, "FREQ=MONTHLY;BYMONTHDAY=1,15"),
        ("once 2026-10-01 19:00 20 min", "2026-10-01T19:00", 20, ""),
        ("FREQ=MONTHLY;BYDAY=1MO 5:00 45", "2026-09-22T05:00", 45, "FREQ=MONTHLY;BYDAY=1MO"),
    ],
)
def test_words_that_are_understood(words: str, first: str, minutes: int, rule: str) -> None:
    meant = understand(words, DAY)
    assert (meant.first, meant.minutes, meant.rrule) == (first, minutes, rule)


@pytest.mark.parametrize(
    "words",
    ["", "daily", "daily 05:00", "daily 25:00 45", "at times 05:00 45", "once 2026-02-30 5:00 9"],
)
def test_words_that_are_not(words: str) -> None:
    with pytest.raises(NotUnderstood):
        understand(words, DAY)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


async def run(office: Office, app: Any, *words: str, code: int = 0) -> str:
    async with office.client.post(
        "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
    ) as answer:
        token = (await answer.json())["token"]
    env = {
        "LOA_SERVER": str(office.client.make_url("/")),
        "LOA_TOKEN": token,
        "LANG": "en_US.UTF-8",
    }
    result = await asyncio.to_thread(runner.invoke, app, [*words], env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


async def test_slots_and_days_by_commands(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)

        async def loa(*words: str, code: int = 0) -> str:
            return await run(office, slots.app, *words, code=code)

        made = json.loads(
            await loa("add", COMMUNE, "daily 05:00 45 min", "--begins", "2026-01-05", "--json")
        )
        assert (made["first"], made["rrule"]) == ("2026-01-05T05:00", "FREQ=DAILY")
        refused = await loa("add", COMMUNE, "daily 05:30 45 min", code=1)
        assert "Collides with the slot “daily 05:00 45 min”" in refused
        assert "no time" in await loa("add", COMMUNE, "daily 25:00 45 min", code=2)
        assert "05:00 45" in await loa("list", COMMUNE)
        slot = str(made["id"])
        changed = json.loads(await loa("change", slot, "--when", "daily 6:00 30", "--json"))
        assert (changed["minutes"], changed["version"]) == (30, 2)
        commune = office.area(COMMUNE)
        entry = await add_entry(office, commune, await add_bulletin(office, commune, seconds=600))
        await add_entry(office, commune, await add_bulletin(office, commune, seconds=3600))
        shown = await loa("day", COMMUNE, "2026-09-23")
        assert "06:00–06:30" in shown and "longer than any slot" in shown
        assert f"entry {entry}" in await loa("day", COMMUNE, "2026-09-22") + shown
        await loa("holidays", COMMUNE, "--add", "2026-09-23", "--name", "Lễ")
        assert "2026-09-23" in await loa("holidays", COMMUNE)
        file = tmp_path / "2027.csv"
        file.write_text("2027-01-01,Tết\n")
        would = await loa("holidays", COMMUNE, "--import", str(file), "--year", "2027", "--dry-run")
        assert would.startswith("would be: 1 added")
        await loa("remove", slot)
        assert json.loads(await loa("list", COMMUNE, "--json")) == []


async def test_queues_by_commands(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        commune = office.area(COMMUNE)
        bulletin = str(await add_bulletin(office, commune))

        async def loa(*words: str, code: int = 0) -> str:
            return await run(office, queue.app, *words, code=code)

        first = json.loads(
            await loa(
                "add", COMMUNE, bulletin, "--per-day", "3", "--days", "7", "--until",
                "2026-10-30", "--for", COMMUNE + "/ban-rua", "--json",
            )
        )  # fmt: skip
        assert first["targets"] == [office.area(COMMUNE + "/ban-rua").id]
        second = json.loads(await loa("add", COMMUNE, bulletin, "--json"))
        await loa("order", COMMUNE, str(second["id"]))
        listed = json.loads(await loa("list", COMMUNE, "--json"))
        assert [e["id"] for e in listed["items"]] == [second["id"], first["id"]]
        assert "no slot for" in await loa("list", COMMUNE)
        assert "own" not in await loa("change", str(second["id"]), "--days", "2")
        assert "remove it from the queue" in await loa("decline", str(second["id"]), code=1)
        await loa("remove", str(first["id"]))
        assert len(json.loads(await loa("list", COMMUNE, "--json"))["items"]) == 1
