"""``loa users`` and ``loa audit`` against a server."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from loa.streamer import cli, commands
from loa.streamer.desk import people
from loa.streamer.store.store import Store, database_url
from support.desk import Office, desk_with_sample
from support.people import PASSWORD

runner = CliRunner()
app = typer.Typer()
app.add_typer(cli.app, name="loa")
commands.register(cli.app)
COMMUNE = "/ha-giang/quang-binh/na-khuong"


async def run(office: Office, *words: str, code: int = 0, **environment: str) -> str:
    """Run a command; return what it printed, after checking its exit code."""
    server = str(office.client.make_url("/"))
    environment = {"LOA_SERVER": server, "LANG": "en_US.UTF-8", **environment}
    result = await asyncio.to_thread(runner.invoke, app, ["loa", *words], env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("LOA_TOKEN", raising=False)


async def test_from_the_first_start_to_people_at_work(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        code = await people.ensure_setup_code(office.desk)
        assert code is not None
        said = await run(
            office, "users", "setup", code, "--login", "quan.tri", "--name", "Quản trị",
            "--password", PASSWORD,
        )  # fmt: skip
        assert said.startswith("quan.tri is administrator, and signed in")
        said = await run(
            office, "users", "add", "lan", "--name", "Lan", "--role", f"editor@{COMMUNE}"
        )
        first = re.search(r"password: (\S+)", said)
        assert first is not None
        assert "editor@" + COMMUNE in await run(office, "users", "list")
        await run(office, "users", "grant", "lan", "broadcaster", COMMUNE)
        found = json.loads(await run(office, "users", "show", "lan", "--json"))
        assert [g["role"] for g in found["grants"]] == ["editor", "broadcaster"]
        await run(office, "users", "revoke", "lan", "editor", COMMUNE)
        why = await run(office, "users", "revoke", "lan", "editor", COMMUNE, code=1)
        assert "was not given the role editor" in why
        await run(office, "users", "change", "lan", "--name", "Lan Anh")
        await run(office, "users", "disable", "lan")
        await run(office, "users", "enable", "lan")
        await run(office, "users", "password", "lan", "--new", "một mật khẩu mới")
        await run(office, "users", "sign-out", "lan")
        await run(office, "users", "password", "--current", PASSWORD, "--new", "một mật khẩu khác")
        assert '"login": "quan.tri"' in await run(office, "users", "me", "--json")
        log = json.loads(await run(office, "audit", "--action", "grant.*", "--json"))
        assert [entry["action"] for entry in log] == [
            "grant.taken", "grant.given", "grant.given", "grant.given", "grant.given",
        ]  # fmt: skip
        assert "broadcaster" in await run(office, "audit", "--area", COMMUNE)


async def test_tokens_of_programs_and_sources(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        code = await people.ensure_setup_code(office.desk)
        assert code is not None
        await run(office, "users", "setup", code, "--login", "lan", "--password", PASSWORD)
        add = ("users", "tokens", "add", "máy", "--scope", "read", "--scope", "people")
        made = json.loads(await run(office, *add, "--days", "30", "--json"))
        listed = json.loads(await run(office, "users", "tokens", "list", "--json"))
        assert [t["id"] for t in listed] == [made["id"]]
        token = {"LOA_TOKEN": made["token"]}
        assert "lan" in await run(office, "users", "list", **token)
        why = await run(office, "audit", code=1, **token)
        assert "no right" in why
        await run(office, "users", "tokens", "revoke", str(made["id"]))
        why = await run(office, "users", "list", code=1, **token)
        assert "revoked" in why and "loa sign-in" in why
        sources = ("users", "source-tokens")
        said = await run(office, *sources, "add", COMMUNE, "butt", "--class", "priority")
        assert said.startswith("loasrc_") and "until it is revoked" in said
        assert "priority" in await run(office, *sources, "list", "--area", "/ha-giang")
        await run(office, *sources, "revoke", "1")
        why = await run(office, *sources, "add", COMMUNE, "x", "--class", "loud", code=1)
        assert "class: Must be one of: routine, priority, emergency." in why


async def test_a_way_in_where_nobody_can_sign_in(tmp_path: Path) -> None:
    data = tmp_path / "data"
    result = await asyncio.to_thread(
        runner.invoke, app, ["loa", "users", "recover", "--data", str(data)]
    )
    assert result.exit_code == 1 and "there is no data directory" in result.stderr
    data.mkdir()
    result = await asyncio.to_thread(
        runner.invoke, app, ["loa", "users", "recover", "--data", str(data), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"(\w{5}-){3}\w{5}", json.loads(result.stdout)["setup_code"])
    store = await Store.open(database_url(None, data))
    await store.close()
