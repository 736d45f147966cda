"""``loa emergencies`` against the API."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from loa.streamer.commands import emergencies, sign_in
from loa.streamer.core.policy import Policy
from loa.streamer.desk.policies import set_policy
from support.desk import Office, desk_with_sample
from support.examples import HERE
from support.examples.air import ready
from support.people import PASSWORD, add_account

runner = CliRunner()
app = typer.Typer()
sign_in.register(app)
emergencies.register(app)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("LOA_TOKEN", raising=False)


async def run(office: Office, *words: str, typed: str | None = None) -> tuple[int, str, str]:
    env = {"LOA_SERVER": str(office.client.make_url("/")), "LANG": "en_US.UTF-8"}
    result = await asyncio.to_thread(runner.invoke, app, list(words), input=typed, env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


async def as_(office: Office, login: str) -> None:
    code, _, err = await run(office, "sign-in", login, "--password", PASSWORD)
    assert code == 0, err


async def emergency(office: Office, *words: str, typed: str | None = None) -> str:
    code, out, err = await run(office, "emergencies", *words, typed=typed)
    assert code == 0, err
    return out


async def test_called_listed_corrected_and_stopped(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        office.clock.now = time.time()
        await add_account(office)
        await as_(office, "lan")
        bulletin = str(await ready(office))
        out = await emergency(
            office, "call", HERE, bulletin, "--severity", "4", "--every", "20", "--until", "2h",
            "--except", f"{HERE}/xuan-minh", "--yes",
        )  # fmt: skip
        assert out.startswith("emergency 1 “Lũ trên sông (dữ liệu mẫu)” for 5 areas is out")
        (listed,) = json.loads(await emergency(office, "list", "--json"))
        assert (listed["severity"], listed["every_minutes"]) == (4, 20)
        table = await emergency(office, "list")
        assert "Lũ" in table and "standing" in table
        out = await emergency(office, "correct", "1", bulletin, "--reason", "nhầm")
        assert out.startswith("emergency 2 ") and "for 5 areas" in out
        assert await emergency(office, "stop", "2") == (
            "emergency 2 “Lũ trên sông (dữ liệu mẫu)” for 5 areas is stopped\n"
        )
        assert json.loads(await emergency(office, "list", "--json")) == []
        everything = json.loads(await emergency(office, "list", "--all", "--json"))
        assert [item["state"] for item in everything] == ["stopped", "corrected"]
        code, _, err = await run(office, "emergencies", "stop", "2")
        assert code == 1 and "ended already" in err


async def test_a_drill_looks_different_and_nothing_goes_out_unasked(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        await as_(office, "lan")
        bulletin = str(await ready(office))
        code, _, err = await run(office, "emergencies", "call", HERE, bulletin, typed="n\n")
        assert code == 1 and f"AN EMERGENCY, NOT A DRILL on {HERE}" in err
        code, out, err = await run(
            office, "emergencies", "call", HERE, bulletin, "--drill", typed="y\n"
        )
        assert code == 0 and "A DRILL on" in err and "drill 1 “" in out


async def test_a_second_person_confirms(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await set_policy(
            office.desk, office.server, office.area(HERE), Policy(second_person=True), 0
        )
        await add_account(office)
        await add_account(office, "hoa", "emergency", HERE)
        await as_(office, "lan")
        bulletin = str(await ready(office))
        out = await emergency(office, "call", HERE, bulletin, "--yes")
        assert out.endswith("waits for a second person: loa emergencies confirm 1\n")
        code, _, err = await run(office, "emergencies", "confirm", "1", "--yes")
        assert code == 1 and "somebody else has to" in err
        await as_(office, "hoa")
        out = await emergency(office, "confirm", "1", typed="y\n")
        assert "is out" in out


def test_times_from_now():
    soon = emergencies.moment("90m")
    assert soon is not None
    ahead = datetime.fromisoformat(soon) - datetime.now(UTC)
    assert timedelta(minutes=89) < ahead <= timedelta(minutes=90)
    assert emergencies.moment("2026-09-21T21:00:00+07:00") == "2026-09-21T21:00:00+07:00"
    assert emergencies.moment(None) is None
