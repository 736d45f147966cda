"""``loa speech``: previews, words of areas, and bulletins from text."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loa.streamer.commands import speech
from loa.streamer.desk.bulletins import Wish, create
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

runner = CliRunner()
HERE = "/ha-giang/quang-binh"


async def run(office: Office, *words: str, given: str = "", code: int = 0) -> str:
    """Run ``loa speech …`` as Lan; return what it printed, errors too."""
    url = str(office.client.make_url("/"))
    async with office.client.post(
        "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
    ) as answer:
        token = (await answer.json())["token"]
    result = await asyncio.to_thread(
        runner.invoke, speech.app, list(words), input=given,
        env={"LOA_SERVER": url, "LOA_TOKEN": token, "LANG": "en_US.UTF-8"},
    )  # fmt: skip
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


async def test_words_are_taught_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with desk_with_sample(tmp_path) as office:
        await add_account(office, "lan")
        assert "letters" in await run(office, "preview", HERE, "BQLDX họp")
        assert "BQLDX is said ban quản lý" in await run(office, "add", HERE, "BQLDX", "ban quản lý")
        said = await run(office, "preview", HERE, given="BQLDX họp lúc 7h30\n")
        assert said.startswith("ban quản lý họp lúc bảy giờ ba mươi phút\n")
        below = f"{HERE}/na-khuong"
        assert "BQLDX" in await run(office, "words", below, "--inherited")
        assert "BQLDX" not in await run(office, "words", below)
        await run(office, "change", HERE, "bqldx", "ban quản lý mới")
        assert "ban quản lý mới" in await run(office, "words", HERE)
        assert "no line of its own" in await run(office, "remove", below, "BQLDX", code=1)
        await run(office, "remove", HERE, "BQLDX")
        assert json.loads(await run(office, "words", HERE, "--json")) == []
        assert "hum-vi" in await run(office, "voices")


async def test_a_draft_is_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with desk_with_sample(tmp_path) as office:
        await add_account(office, "lan")
        id = await create(office.desk, office.server, office.area(HERE), Wish("Mời họp"))
        file = tmp_path / "tin.txt"
        file.write_text("Họp lúc 7h", encoding="utf-8-sig")
        assert await run(office, "say", str(id), "--file", str(file)) == "Họp lúc bảy giờ\n"
        refused = await run(office, "say", str(id), "xin chào", "--voice", "x", code=1)
        assert "voice: There is no voice x. There are: hum-vi." in refused
        file.write_bytes(b"\xff")
        assert "UTF-8" in await run(office, "say", str(id), "--file", str(file), code=2)
