"""``loa receivers heard|journal|proof``: printed, as JSON, and as files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import update
from typer.testing import CliRunner

from loa.streamer.commands import receiver_proof
from loa.streamer.store.tables.proof import JournalBatchRow
from support.desk import Office, desk_with_sample
from support.journal import START, stretch
from support.people import PASSWORD, add_account
from support.proof import COMMUNE, VILLAGES, Reporting, add_receiver, aired, box_of
from support.schedule import add_bulletin

runner = CliRunner()
app = typer.Typer()
receiver_proof.register(app)


async def run(office: Office, *words: str, code: int = 0) -> str:
    url = str(office.client.make_url("/"))
    async with office.client.post(
        "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
    ) as answer:
        token = (await answer.json())["token"]
    result = await asyncio.to_thread(
        runner.invoke, app, list(words),
        env={"LOA_SERVER": url, "LOA_TOKEN": token, "LANG": "en_US.UTF-8"},
    )  # fmt: skip
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.stderr
    return result.stdout


async def test_heard_journal_and_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with desk_with_sample(tmp_path) as office:
        await add_account(office, "lan")
        id = str(await add_bulletin(office, office.area(COMMUNE)))
        await aired(office, VILLAGES[0], 1, bulletin_id=int(id))
        area = office.area(VILLAGES[0]).id
        one, two = [await add_receiver(office.desk, area, f"Cụm {n}") for n in range(2)]
        server = await Reporting.start(office.desk)
        of = box_of(tmp_path, one)
        of.journal.started(software="1.0")
        of.journal.played(stretch(1, bulletin=int(id), late_ms=4000))
        await server.exchange(of, one, area)
        office.clock.now = START + 1000
        out = await run(office, "heard", id)
        assert "1 of 2 receivers played it; 0 are online" in out
        assert "sound measured: 0 yes, 0 no, 1 not measured" in out
        assert "4.0 s" in out and "Nothing reported" in out and "offline" in out
        out = await run(office, "heard", id, "--outcome", "unreported", "--json")
        assert [r["receiver"] for r in json.loads(out)["receivers"]] == [two]
        await run(office, "heard", code=2)
        await run(office, "heard", id, "--emergency", "5", code=2)
        await run(office, "heard", "--emergency", "5", code=1)
        out = await run(office, "journal", str(one))
        assert "software 1.0" in out and "play e5#1" in out and "late_ms 4000" in out
        raw = await run(office, "journal", str(one), "--raw", "--count", "1")
        assert raw == of.journal.newest(1)[0] + "\n"
        out = await run(office, "journal", str(one), "--check")
        assert out == "3 entries in 1 messages are as the box signed them\n"
        async with office.desk.store.write() as db:
            await db.execute(update(JournalBatchRow).values(lines=b"not packed"))
        assert "altered" in await run(office, "journal", str(one), "--check", code=1)
        assert "e5#1" not in await run(office, "journal", str(one))
        days = ("--from", "2026-09-21", "--until", "2026-09-21")
        out = await run(office, "proof", COMMUNE, *days)
        assert "not measured" in out and "Cụm 1" in out
        for name, start in (("a.xlsx", b"PK"), ("a.csv", b"\xef\xbb\xbf"), ("a.json", b"{")):
            await run(office, "proof", COMMUNE, *days, "--to", str(tmp_path / name))
            assert (tmp_path / name).read_bytes().startswith(start)
        await run(office, "proof", COMMUNE, "--to", "a.pdf", code=2)
