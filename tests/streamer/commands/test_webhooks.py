"""``loa webhooks`` against the API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from loa.streamer.commands import webhooks
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


async def run(office: Office, *words: str, code: int = 0) -> str:
    async with office.client.post(
        "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
    ) as answer:
        token = (await answer.json())["token"]
    given: dict[str, Any] = {
        "env": {"LOA_TOKEN": token, "LOA_SERVER": str(office.client.make_url(""))}
    }
    result = await asyncio.to_thread(runner.invoke, webhooks.app, list(words), **given)
    assert result.exit_code == code, result.output
    return result.output


async def test_a_life_of_a_webhook(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        said = await run(
            office, "add", "/ha-giang", "https://example.org/x", "--kind", "emergency.called",
            "--json",
        )  # fmt: skip
        made = json.loads(said)
        id = str(made["id"])
        assert len(made["secret"]) == 43 and made["kinds"] == ["emergency.called"]
        assert "example.org" in await run(office, "list")
        await run(office, "change", id, "--off")
        assert "switched off" in await run(office, "test", id, code=1)
        changed = json.loads(await run(office, "change", id, "--on", "--everything", "--json"))
        assert changed["enabled"] is True and changed["kinds"] == []
        await run(office, "test", id)
        assert "webhook.test" in await run(office, "deliveries", id, "--state", "waiting")
        assert made["secret"] not in await run(office, "secret", id)
        await run(office, "remove", id)
        assert "example.org" not in await run(office, "list")
        refused = await run(office, "add", "/ha-giang", "http://10.0.0.1/", code=1)
        assert "is private" in refused
