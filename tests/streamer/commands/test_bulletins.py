"""``loa bulletins``: handed in over a bad link, taken through their life, heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
from typer.testing import CliRunner

from loa.streamer.commands import bulletins, uploading
from loa.streamer.commands.client import Client, Unreachable
from support.audio import tone
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

COMMUNE = "/ha-giang/quang-binh/na-khuong"
runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@asynccontextmanager
async def office_with_lan(tmp_path: Path) -> AsyncIterator[tuple[Office, str]]:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        await office.services.preparer.start()
        try:
            async with office.client.post(
                "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
            ) as answer:
                yield office, (await answer.json())["token"]
        finally:
            await office.services.preparer.close()


async def run(office: Office, token: str, *words: str, code: int = 0) -> str:
    server = str(office.client.make_url("/"))
    env = {"LOA_SERVER": server, "LOA_TOKEN": token, "LANG": "en_US.UTF-8"}
    result = await asyncio.to_thread(runner.invoke, bulletins.app, [*words], env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def recording(tmp_path: Path, name: str = "Lịch tiêm chủng.wav") -> Path:
    file = tmp_path / name
    soundfile.write(file, tone(2.0, level=0.1), 48_000)
    return file


async def test_from_a_file_to_the_air_and_off_it(tmp_path: Path) -> None:
    file = recording(tmp_path)
    async with office_with_lan(tmp_path) as (office, token):
        said = await run(
            office, token, "add", str(file), "--area", COMMUNE, "--class", "priority", "--submit",
            "--until", "2026-12-31", "--per-day", "3", "--days", "0",
        )  # fmt: skip
        assert said.startswith("bulletin 1 (submitted): Lịch tiêm chủng\n  0:02, ")
        assert "→ -16." in said
        listed = await run(office, token, "list", "tiem", "--state", "submitted")
        assert "Lịch tiêm chủng" in listed and "priority" in listed and "0:02" in listed
        shown = await run(office, token, "show", "1")
        assert "submitted by Lan" in shown and "next: approve: possible" in shown
        assert "bulletin 1 is approved" in await run(office, token, "approve", "1")
        out = tmp_path / "heard.opus"
        await run(office, token, "download", "1", "--out", str(out))
        assert out.read_bytes()[:4] == b"OggS"
        assert "bulletin 1 is withdrawn" in await run(office, token, "withdraw", "1")
        assert "withdrawn" in await run(office, token, "withdraw", "1", code=1)
        assert "bulletin 2" in await run(office, token, "copy", "1")
        copy = json.loads(await run(office, token, "show", "2", "--json"))
        assert copy["state"] == "draft" and copy["audio"]["state"] == "ready"


async def test_what_cannot_be_used_ends_with_one(tmp_path: Path) -> None:
    file = tmp_path / "x.mp3"
    file.write_bytes(b"no audio at all" * 100)
    async with office_with_lan(tmp_path) as (office, token):
        said = await run(office, token, "add", str(file), "--area", COMMUNE, code=1)
        assert "cannot be used: There is no audio in it that can be read." in said
        await run(office, token, "add", str(tmp_path / "none.wav"), "--area", COMMUNE, code=2)
        await run(office, token, "add", "--area", COMMUNE, code=2)


async def test_a_rejection_asks_why(tmp_path: Path) -> None:
    async with office_with_lan(tmp_path) as (office, token):
        await run(office, token, "add", str(recording(tmp_path)), "--area", COMMUNE, "--submit")
        said = await run(office, token, "reject", "1", "--reason", "sai ngày")
        assert "bulletin 1 is rejected" in said
        assert "sai ngày" in await run(office, token, "show", "1")
        assert "bulletin 1 is draft" in await run(office, token, "revise", "1")


class Breaking(Client):
    """A client whose link breaks: every other piece is lost before it is acknowledged."""

    sent = 0

    def call(self, method: str, path: str, *args: Any, **more: Any) -> Any:
        if method == "PATCH":
            self.sent += 1
            if self.sent % 2:
                super().call(method, path, *args, **more)
                raise Unreachable("the link is gone")
        return super().call(method, path, *args, **more)


async def test_an_upload_goes_on_after_the_link_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "PIECE", 1000)
    file = tmp_path / "tin.wav"
    file.write_bytes(bytes(range(256)) * 30)
    async with office_with_lan(tmp_path) as (office, token):
        server, area = str(office.client.make_url("/")), office.area(COMMUNE).id
        waits: list[float] = []
        seen: list[int] = []

        def send(client: Client, **more: Any) -> str:
            try:
                return uploading.send(
                    client, file, area, lambda at, _: seen.append(at), waits.append, **more
                )
            finally:
                client.close()

        id = await asyncio.to_thread(send, Breaking(server, token))
        place = tmp_path / "uploads" / id
        assert place.read_bytes() == file.read_bytes()
        assert seen == sorted(seen) and seen[-1] == 7680 and set(waits) == {0.5}
        # Given again, nothing is sent again.
        again = Breaking(server, token)
        assert await asyncio.to_thread(send, again) == id and again.sent == 0
        # A file that was changed is another one.
        file.write_bytes(b"RIFF")
        assert await asyncio.to_thread(send, Client(server, token)) != id


async def test_a_link_that_does_not_come_back_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tin.wav"
    file.write_bytes(b"RIFF")

    class Dead(Client):
        def call(self, method: str, *args: Any, **more: Any) -> Any:
            if method != "POST":
                raise Unreachable("the link is gone")
            return super().call(method, *args, **more)

    async with office_with_lan(tmp_path) as (office, token):
        client = Dead(str(office.client.make_url("/")), token)
        waits: list[float] = []
        area = office.area(COMMUNE).id
        with pytest.raises(Unreachable):
            await asyncio.to_thread(
                uploading.send, client, file, area, lambda *_: None, waits.append
            )
        assert waits == [0.5 * 2**n for n in range(uploading.TRIES - 1)]
        client.close()
