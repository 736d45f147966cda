"""``loa receivers sims|tariffs|data|coverage|inventory|health|alerts`` against the API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from loa.streamer.commands import receivers
from loa.streamer.commands.sim_table import TableError, read_table
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account
from support.receivers import HERE, add_receivers

runner = CliRunner()
ICCID = "89840480000123456789"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "250")


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


async def test_sims_by_commands(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        (receiver,) = await add_receivers(office)
        await run(office, "tariffs", "add", "/ha-giang", "V90", "--package", "1000", "--price",
                  "90000")  # fmt: skip
        assert "V90" in await run(office, "tariffs", "list")
        await run(office, "sims", "add", HERE, ICCID, "--tariff", "1", "--day", "5")
        assert f"in receiver {receiver}" in await run(office, "sims", "put", ICCID, str(receiver))
        await run(office, "sims", "change", ICCID, "--number", "0981234567", "--quota", "500")
        shown = json.loads(await run(office, "sims", "show", "1", "--json"))
        assert (shown["quota_bytes"], shown["receiver"]) == (500_000_000, receiver)
        assert "0981234567" in await run(office, "sims", "list", HERE)
        assert "there is no SIM" in await run(office, "sims", "show", "9" * 19, code=1)
        await run(office, "sims", "put", ICCID)
        await run(office, "tariffs", "change", "1", "--price", "70000")
        assert "V90" not in await run(office, "tariffs", "remove", "1", code=1)


async def test_a_table_of_sims(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        (receiver,) = await add_receivers(office)
        table = tmp_path / "sim.csv"
        table.write_text(
            "ICCID;Địa bàn;Nhà mạng;Hạn mức (MB);Chu kỳ;Từ ngày;Cụm thu\r\n"
            f"'{ICCID};{HERE};Viettel;1000,5;gói;10/09/2026;{receiver}\r\n"
            f"8984048000012345671F;{HERE};;;;;\r\n",
            encoding="utf-8-sig",
        )
        assert "would be added: 2" in await run(office, "sims", "import", str(table), "--dry-run")
        said = await run(office, "sims", "import", str(table))
        assert "added: 2, changed: 0, put into receivers: 1" in said
        shown = json.loads(await run(office, "sims", "show", ICCID, "--json"))
        assert shown["quota_bytes"] == 1_000_500_000 and shown["cycle_from"] == "2026-09-10"
        table.write_text(f"iccid,area\n8984048000012345679,/nowhere\n{ICCID},\n")
        assert "line 2, area" in await run(office, "sims", "import", str(table), code=1)
        table.write_text("iccid,area\n8.98405E+18,/x\n")
        assert "formatted as text" in await run(office, "sims", "import", str(table), code=1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "UTF-8"),
        (b"area\n/x\n", "iccid is missing"),
        (b"iccid,iccid\n1,2\n", "one name"),
        (b"iccid,colour\n1,2\n", "colour"),
        (b"iccid\n", "no lines"),
        (b"iccid,area\n,x\n", "line 2 has no iccid"),
        (b"iccid\n8984048000012345671,2\n", "more cells"),
        (b"iccid,state\n8984048000012345671,lost\n", "must be one of"),
        (b"iccid,cycle_from\n8984048000012345671,tomorrow\n", "date"),
        (b'iccid\n"8984048000012345671\n', "no table"),
    ],
)
def test_tables_that_cannot_be_used(data: bytes, why: str) -> None:
    with pytest.raises(TableError, match=why):
        read_table(data)


@settings(deadline=None, derandomize=True)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda t: b"iccid,area\n" + t.encode("utf-8", "replace"))
)
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        lines = read_table(data)
    except TableError:
        return
    assert all(line["iccid"].isdigit() for _, line in lines)


async def test_reports_and_health_by_commands(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        (receiver,) = await add_receivers(office)
        for what in ("data", "coverage", "inventory"):
            await run(office, what, HERE)
            assert json.loads(await run(office, what, HERE, "--json"))["area"]["path"] == HERE
            for ending in ("xlsx", "csv", "json"):
                to = tmp_path / f"{what}.{ending}"
                await run(office, what, HERE, "--to", str(to))
                assert to.stat().st_size > 100
        await run(office, "coverage", HERE, "--to", "x.pdf", code=2)
        assert "offline" in await run(office, "health", HERE)
        assert "Cụm loa 1" in await run(office, "health", str(receiver))
        assert json.loads(await run(office, "health", "--state", "online", "--json")) == []
        await run(office, "alerts", HERE, "--open")
        village = f"{HERE}/na-khuong/ban-rua"
        assert "is a dead zone" in await run(office, "dead-zone", village, "--note", "sau núi")
        assert "no longer" in await run(office, "dead-zone", village, "--no")
