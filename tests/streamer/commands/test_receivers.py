"""``loa receivers`` against the API, and ``loa receiver enrol`` against the door."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from loa.receivers.identity import BoxIdentity
from loa.streamer import cli
from loa.streamer.commands import receivers
from support.desk import Office
from support.link import fleet_door
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
    result = await asyncio.to_thread(runner.invoke, receivers.app, list(words), **given)
    assert result.exit_code == code, result.output
    return result.output


async def box(*words: str, code: int = 0) -> str:
    result = await asyncio.to_thread(runner.invoke, cli.app, ["receiver", "enrol", *words])
    assert result.exit_code == code, result.output
    return result.output


async def test_a_life_of_a_receiver(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        office = there.office
        await add_account(office)
        added = json.loads(
            await run(
                office, "add", "/ha-giang/quang-binh", "--name", "Nhà văn hóa", "--horns", "2",
                "--json",
            )
        )  # fmt: skip
        id, code = str(added["receiver"]["id"]), added["code"]
        assert added["receiver"]["state"] == "new" and added["receiver"]["horns"] == 2
        state = tmp_path / "box"
        said = await box(there.url, code.lower().replace("-", " "), "--state", str(state))
        assert "Nhà văn hóa (/ha-giang/quang-binh)" in said
        assert "used already" in await box(
            there.url, code, "--state", str(tmp_path / "other"), code=1
        )
        link = await there.link(identity=BoxIdentity.load(state))
        shown = json.loads(await run(office, "show", id, "--json"))
        assert shown["connected"] and shown["state"] == "enrolled" and len(shown["key"]) == 64
        assert "Nhà văn hóa" in await run(office, "list", "nhà", "--under", "/ha-giang")
        assert "Nhà văn hóa" not in await run(office, "list", "--state", "revoked")

        await run(office, "rename", id, "Trường học")
        assert link.up
        await run(office, "move", id, "/ha-giang/quang-binh/xuan-minh")
        await there.until(lambda: link.counters["link.sessions"] == 2 and link.up)
        session = there.fleet.hub.of(int(id))
        assert session is not None
        assert session.area == office.area("/ha-giang/quang-binh/xuan-minh").id

        assert "LOA1-" in await run(office, "code", id)
        await run(office, "revoke", id)
        await there.until(lambda: not link.up)
        await run(office, "remove", id)
        assert "Trường học" not in await run(office, "list")
        assert "no receiver" in await run(office, "show", id, code=1)
        kinds = [h.kind for h in office.happened if h.kind.startswith("receiver.")]
        assert [k for k in kinds if k != "receiver.ordered"] == [
            "receiver.added", "receiver.enrolled", "receiver.changed", "receiver.moved",
            "receiver.code_made", "receiver.revoked", "receiver.removed",
        ]  # fmt: skip


async def test_a_province_from_a_table(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        office = there.office
        await add_account(office)
        table, codes = tmp_path / "tinh.csv", tmp_path / "tinh-codes.csv"
        lines = ["area,name,horns,serial"]
        lines += [f"/ha-giang/quang-binh/na-khuong,Cột {n},2,B-{n}" for n in range(40)]
        table.write_text("\n".join(lines), encoding="utf-8")
        assert "40 could be added" in await run(office, "add", "--csv", str(table), "--dry-run")
        assert not codes.exists() and "Cột" not in await run(office, "list")
        assert "40 receivers are added" in await run(office, "add", "--csv", str(table))
        assert stat.S_IMODE(codes.stat().st_mode) == 0o600
        rows = list(csv.DictReader(io.StringIO(codes.read_text("utf-8-sig"))))
        assert len(rows) == 40 and len({row["code"] for row in rows}) == 40
        await box(there.url, rows[39]["code"], "--state", str(tmp_path / "box"))
        kept = BoxIdentity.load(tmp_path / "box").kept
        assert (kept.name, kept.receiver) == (rows[39]["name"], int(rows[39]["id"]))

        # Once more is refused line by line, and nothing of it is done; nor are codes overwritten.
        said = await run(office, "add", "--csv", str(table), "--codes", str(tmp_path / "n"), code=1)
        assert "line 2, name" in said and "already" in said and not (tmp_path / "n").exists()
        await run(office, "add", "--csv", str(table), code=2)
        table.write_text("area,name\n/nowhere,Cột 1\n/ha-giang,Cột 2", encoding="utf-8")
        said = await run(office, "add", "--csv", str(table), "--codes", str(tmp_path / "n"), code=1)
        assert "line 2, area" in said and "no area /nowhere" in said


async def test_what_is_typed_wrongly_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        _, code = await there.add()
        text = str(code)
        wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
        state = ("--state", str(tmp_path / "box"))
        assert "typing mistake" in await box(there.url, wrong, *state, code=2)
        assert "begins with LOA1-" in await box(there.url, "1234", *state, code=2)
        assert "over TLS" in await box("http://127.0.0.1", text, *state, code=2)
        assert "cannot be reached" in await box("127.0.0.1:9", text, *state, code=1)
        assert not there.count("fleet.enrolled")


async def test_a_new_identity_is_confirmed_first(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        await add_account(there.office)  # of one province, and there are two
        before = there.fleet.identity.key.public
        result = await run(there.office, "new-identity", "--yes", code=1)
        assert "Tuyên Quang" in result
        assert there.fleet.identity.key.public == before
