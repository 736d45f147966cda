"""``loa report``: printed, as JSON, and as files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from loa.streamer.commands import reports
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

runner = CliRunner()
app = typer.Typer()
app.callback()(lambda: None)
reports.register(app)


async def run(office: Office, *words: str) -> tuple[int, str, str]:
    url = str(office.client.make_url("/"))
    async with office.client.post(
        "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
    ) as answer:
        token = (await answer.json())["token"]
    result = await asyncio.to_thread(
        runner.invoke, app, list(words),
        env={"LOA_SERVER": url, "LOA_TOKEN": token, "LANG": "vi_VN.UTF-8"},
    )  # fmt: skip
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


async def test_printed_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with desk_with_sample(tmp_path) as office:
        await add_account(office, "lan")
        code, out, err = await run(office, "report", "/ha-giang", "--half", "2026-2")
        assert (code, err) == (0, "") and "0 of 5 put something on air" in out
        days = ("--from", "2026-09-01", "--until", "2026-09-20")
        code, out, err = await run(office, "report", "/ha-giang/quang-binh", *days, "--json")
        assert code == 0 and json.loads(out)["from"] == "2026-09-01"
        for name, start in (("a.xlsx", b"PK"), ("a.csv", '\ufeff"Báo'.encode()), ("a.json", b"{")):
            file = tmp_path / name
            code, out, err = await run(office, "report", "1", "--half", "2026-1", "--to", str(file))
            assert (code, out.strip(), err) == (0, str(file), "")
            assert file.read_bytes().startswith(start)


async def test_used_wrongly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with desk_with_sample(tmp_path) as office:
        await add_account(office, "lan")
        assert (await run(office, "report", "1", "--from", "2026-09-01"))[0] == 2
        assert (await run(office, "report", "1", "--half", "2026-1", "--to", "x.pdf"))[0] == 2
        code, _, err = await run(office, "report", "1", "--half", "2026-3")
        assert code == 1 and "2026-1" in err
        code, _, err = await run(
            office, "report", "1", "--half", "2026-1", "--to", str(tmp_path / "no" / "x.csv")
        )
        assert code == 1 and "x.csv" in err
