"""Commands and the server: who one is, what is printed, how they fail."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from loa.streamer import cli, commands
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

runner = CliRunner()
app = typer.Typer()
app.add_typer(cli.app, name="loa")
commands.register(cli.app)


async def run(office: Office, *words: str) -> tuple[int, str, str]:
    server = str(office.client.make_url("/"))
    result = await asyncio.to_thread(
        runner.invoke, app, ["loa", *words], env={"LOA_SERVER": server, "LANG": "en_US.UTF-8"}
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("LOA_TOKEN", raising=False)
    return tmp_path


async def test_a_session_is_kept_for_the_commands_that_follow(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        code, out, err = await run(office, "sign-in", "lan", "--password", PASSWORD)
        assert (code, err) == (0, "") and out.startswith("Lan is signed in at http://127.0.0.1")
        file = tmp_path / "config" / "loa" / "session.json"
        assert file.stat().st_mode & 0o777 == 0o600
        code, out, err = await run(office, "sign-out")
        assert (code, out) == (0, "signed out\n")
        assert not file.exists()
        async with office.client.get("/api/v1/me") as answer:
            assert answer.status == 401


async def test_what_is_refused_is_said_and_ends_with_one(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        code, out, err = await run(office, "sign-in", "lan", "--password", PASSWORD)
        assert (code, out) == (1, "")
        assert err.startswith("loa: The login or the password is wrong.\n")
        code, out, err = await run(office, "sign-in", "x" * 61, "--password", PASSWORD, "--json")
        assert code == 1 and "login: Longer than 60 characters." in err
        assert json.loads(out)["error"]["fields"][0]["code"] == "field.too_long"
        assert (await run(office, "sign-in"))[0] == 2


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    result = runner.invoke(
        app, ["loa", "sign-in", "lan", "--password", "x", "--server", "http://127.0.0.1:9"]
    )
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 cannot be reached: Connection refused" in result.stderr
    result = runner.invoke(app, ["loa", "sign-in", "lan", "--password", "x", "--server", "ftp://h"])
    assert result.exit_code == 1 and "no server's address" in result.stderr
