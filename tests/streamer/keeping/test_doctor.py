"""The doctor: says what is wrong in plain words, with what to do, and nothing when all is well."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate
from sqlalchemy import text

from loa.streamer.air import state
from loa.streamer.config import Config
from loa.streamer.core.policy import Policy
from loa.streamer.core.timeline import EPOCH
from loa.streamer.counters import Counters
from loa.streamer.desk import policies
from loa.streamer.desk.desk import Desk, server_actor
from loa.streamer.fleet.identity import ServerIdentity
from loa.streamer.https import own_certificate
from loa.streamer.keeping import database, doctor, machine
from loa.streamer.keeping.console import doctor as run
from loa.streamer.keeping.findings import Finding, Level, some
from loa.streamer.store import migrate
from loa.streamer.store.store import Store, connect, database_url
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import AccountRow, GrantRow
from loa.streamer.store.tables.receivers import EnrolmentRow, ReceiverRow
from loa.streamer.store.tables.sims import DataDayRow, SimRow
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow
from support.data import Filled, fill
from support.desk import empty_store

URL = os.environ.get("LOA_TEST_DATABASE")


async def make(data: Path, change: Callable[[Desk], Any] | None = None) -> Filled:
    """A server that is nearly well: a filled data directory, and two administrators."""
    data.mkdir(mode=0o700, exist_ok=True)
    await (await empty_store(data)).close()
    store = await Store.open(database_url(URL, data))
    try:
        desk = Desk(store, data, Counters())
        await desk.load()
        filled = await fill(desk)
        (data / "audio" / ("0" * 64 + ".opus")).unlink()
        await desk.load()
        top = desk.tree.find("/tinh")
        assert top is not None
        async with desk.work(server_actor(desk.tree)) as work:
            work.db.add(AccountRow(login="binh", name="Bình", password="!", created_at=0.0))
            await work.db.flush()
            for account in (1, 2):
                work.db.add(
                    GrantRow(account_id=account, area_id=top.id, role="administrator",
                             created_at=0.0, created_by="test")
                )  # fmt: skip
        if change is not None:
            await change(desk)
    finally:
        await store.close()
    return filled


def config(data: Path, **more: Any) -> Config:
    values: dict[str, Any] = {"data": data, "listeners": {"total": 100}, **more}
    if URL is not None:
        values["database"] = {"url": URL}
    return Config.model_validate(values)


def words(found: list[Finding], level: Level | None = None) -> str:
    return "\n".join(f"{f.topic}: {f.what} → {f.todo}" for f in found if level in (None, f.level))


async def test_what_is_well_is_not_talked_about(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await make(data)
    found = await doctor.examine(config(data))
    assert words(found, Level.WRONG) == ""
    # The parent station has no slot, and nobody has set hours.
    notes = words(found, Level.NOTE)
    assert "2 of 2 stations have no broadcasting hours" in notes
    assert "1 of 2 stations have no slots, so nothing of their queues is aired: /tinh" in notes
    assert {f.topic for f in found} <= {"hours", "slots", "disk", "clock"}


async def hours(desk: Desk) -> None:
    async with desk.work(server_actor(desk.tree)) as work:
        await work.db.execute(text("DELETE FROM slot"))
        work.db.add_all(
            AreaRow(parent_id=1, name="Xã", path=f"/tinh/x{n}", station=True, created_at=0.0)
            for n in range(2000)
        )
        work.tree_changed = True


async def test_two_thousand_communes_are_summed_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await make(data, hours)
    found = await doctor.examine(config(data))
    notes = words(found, Level.NOTE)
    assert "2,002 of 2,002 stations have no broadcasting hours" in notes and "1,999 more" in notes
    assert len(found) < 8 and all(len(f.what) < 300 for f in found)


def sql(statement: str) -> Callable[[Desk], Any]:
    async def change(desk: Desk) -> None:
        async with desk.store.engine.begin() as connection:
            await connection.execute(text(statement))

    return change


async def second_person(desk: Desk) -> None:
    await sql("DELETE FROM role_grant WHERE account_id = 2")(desk)
    top = desk.tree.find("/tinh")
    assert top is not None
    actor = server_actor(desk.tree)
    await policies.set_policy(desk, actor, top, Policy(second_person=True), 0)


@pytest.mark.parametrize(
    ("change", "topic", "said"),
    [
        (sql("DELETE FROM role_grant"), "people", "nobody is an administrator"),
        (sql("UPDATE account SET disabled = (1 = 1)"), "people", "nobody is an administrator"),
        (sql("UPDATE role_grant SET area_id = 2"), "people", "nobody administers /tinh"),
        (sql("UPDATE role_grant SET role = 'emergency', area_id = 2 WHERE account_id = 2"),
         "people", "one administrator only"),
        (second_person, "emergencies", "needs a second person, and only one has the right"),
        (sql("UPDATE area SET station = (1 = 0)"), "areas", "no area is a station"),
        (sql("INSERT INTO audit (at, who, action, subject, details, previous, hash) "
             "VALUES (1, 'x', 'y', '', '{}', '', '')"), "audit", "removed"),
        (sql("DELETE FROM value WHERE name = 'audit.head'"), "audit", "entr"),
        (sql("UPDATE bulletin SET audio_state = 'failed'"), "bulletins", "Bản tin sáng"),
        (sql("UPDATE webhook_delivery SET state = 'given_up', created_at = 1e12"), "webhooks",
         "given up"),
        (sql("UPDATE alembic_version SET version_num = '9999'"), "database", "newer Loa"),
        (sql("UPDATE alembic_version SET version_num = '0001'"), "database", "next start upgrades"),
    ],
)  # fmt: skip
async def test_what_is_wrong_in_the_database(
    change: Callable[[Desk], Any], topic: str, said: str, tmp_path: Path
) -> None:
    await make(tmp_path / "data", change)
    found = await doctor.examine(config(tmp_path / "data"))
    await reset()
    assert any(f.topic == topic and said in f.what + f.todo for f in found), words(found)


async def reset() -> None:
    """Leave the PostgreSQL that is tested as the next test expects it."""
    if URL is not None:
        engine = connect(database_url(URL, Path()))
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE alembic_version SET version_num = :newest"),
                {"newest": migrate.newest()},
            )
        await engine.dispose()


async def test_files_that_are_not_what_they_were(tmp_path: Path) -> None:
    data = tmp_path / "data"
    filled = await make(data)
    audio = data / "audio" / f"{filled.audio}.opus"
    audio.write_bytes(b"something else")
    (data / "archive" / "2026-09" / "7.pkt").unlink()
    (data / "sources" / "abc123").unlink()
    orphan = data / "audio" / ("f" * 64 + ".opus")
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    found = words(await doctor.examine(config(data)))
    assert "audio: the audio of Bản tin sáng is damaged" in found
    assert "1 uploads that wait to be prepared are not there" in found
    assert "the audio of 2026-09/7.pkt is not there" in found
    assert "1 files in" in found and "belong to no bulletin" in found
    audio.unlink()
    assert "Bản tin sáng is not there" in words(await doctor.examine(config(data)))


async def test_a_damaged_database(tmp_path: Path) -> None:
    if URL is not None:
        pytest.skip("a server's files are its own affair")
    data = tmp_path / "data"
    await make(data)
    with sqlite3.connect(data / "loa.db") as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    opened.close()
    whole = (data / "loa.db").read_bytes()
    middle = len(whole) // 2
    (data / "loa.db").write_bytes(whole[:middle] + b"\xa5" * 8192 + whole[middle + 8192 :])
    found = await doctor.examine(config(data))
    assert any(f.topic == "database" and f.level is Level.WRONG for f in found), words(found)
    (data / "loa.db").write_bytes(b"no database" * 1000)
    assert "is damaged" in words(await doctor.examine(config(data)), Level.WRONG)


async def test_a_first_look_at_nothing(tmp_path: Path) -> None:
    nowhere = Config.model_validate({"data": tmp_path / "none"})
    assert "there is no data directory" in words(await doctor.examine(nowhere))
    (tmp_path / "empty").mkdir(mode=0o755)
    empty = Config.model_validate({"data": tmp_path / "empty"})
    found = words(await doctor.examine(empty), Level.WRONG)
    assert "others on this machine can look into" in found and "there is no database" in found
    assert list((tmp_path / "empty").iterdir()) == []  # nothing is changed


def test_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    cert, _ = make_certificate(tmp_path)
    assert list(machine.certificate(cert, now, days=1)) == []
    assert "runs out" in words(list(machine.certificate(cert, now)))
    assert "ran out" in words(list(machine.certificate(cert, now + 86_400 * 36_500)))
    assert "not hold yet" in words(list(machine.certificate(cert, now - 86_400 * 36_500)))
    (tmp_path / "bad.pem").write_text("not a certificate")
    assert "cannot be read" in words(list(machine.certificate(tmp_path / "bad.pem", now)))
    assert "the clock shows 1970" in words(list(machine.clock(tmp_path, 0.0)))
    state.write_high_water(tmp_path, round((now + 7200 - EPOCH) * 50))
    assert "is 120 minutes behind" in words(list(machine.clock(tmp_path, now)))
    assert "may open" in words(list(machine.descriptors(10**9)))
    monkeypatch.setattr(machine, "FREE_WRONG", 1 << 62)
    assert "are free on the disk" in words(list(machine.disk(tmp_path)), Level.WRONG)
    silent = Config.model_validate({"speech": {"espeak": "/nowhere/espeak-ng"}})
    assert "no text can be spoken" in words(list(machine.programs(silent)))


def test_the_archive_and_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "1.opus").write_bytes(b"x" * 1000)
    assert list(database.room(config(tmp_path), time.time())) == []
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 10_000}))
    assert "fills the disk around" in words(list(database.room(config(tmp_path), time.time())))
    none = config(tmp_path, archive={"months": 0})
    assert list(database.room(none, time.time())) == []


def test_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LOA_TEST_DATABASE", raising=False)
    assert run(tmp_path / "none", None, True) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False and said["findings"][0]["level"] == "wrong"
    (tmp_path / "loa.toml").write_text("prot = 1\n[listeners]\ntotal = 0\n")
    assert run(None, tmp_path / "loa.toml", False) == 1
    out = capsys.readouterr().out
    assert "WRONG configuration" in out and "2 wrong" in out


def test_many_are_named_by_a_few() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some([str(n) for n in range(2003)]) == "0, 1, 2 and 2,000 more"


# --- receivers

NOW = 1_790_000_000.0
HOUR = 3600.0


def boxes(*seen: float | None, state: str = "enrolled") -> Callable[[Desk], Any]:
    """Receivers, each heard of so many seconds ago."""

    async def change(desk: Desk) -> None:
        async with desk.work(server_actor(desk.tree)) as work:
            for number, ago in enumerate(seen, 1):
                work.db.add(
                    ReceiverRow(
                        area_id=1, name=f"Cột {number}", state=state, settings={},
                        created_at=0.0, created_by="test", enrolled_at=NOW - 1e6,
                        seen_at=None if ago is None else NOW - ago,
                    )
                )  # fmt: skip

    return change


def both(*changes: Callable[[Desk], Any]) -> Callable[[Desk], Any]:
    async def change(desk: Desk) -> None:
        for each in changes:
            await each(desk)

    return change


def hook(kinds: list[str], *told: tuple[str, int]) -> Callable[[Desk], Any]:
    """A webhook, and what became of what it was told of receivers."""

    async def change(desk: Desk) -> None:
        async with desk.work(server_actor(desk.tree)) as work:
            row = WebhookRow(
                area_id=1, url="https://example.vn/x", secret="s", kinds=kinds, created_at=0.0,
                created_by="test",
            )  # fmt: skip
            work.db.add(row)
            await work.db.flush()
            for state, attempts in told:
                work.db.add(
                    DeliveryRow(
                        webhook_id=row.id, created_at=NOW - HOUR, kind="receiver.offline", body={},
                        state=state, attempts=attempts, next_at=0.0,
                    )
                )  # fmt: skip

    return change


def sim(used: int, quota: int = 1000) -> Callable[[Desk], Any]:
    """A SIM of the first receiver that used so many bytes today."""

    async def change(desk: Desk) -> None:
        async with desk.work(server_actor(desk.tree)) as work:
            row = SimRow(
                area_id=1, iccid="8984040000000000001", number="0912345678", quota_bytes=quota,
                receiver_id=1, state="active", warned=[], created_at=0.0,
            )  # fmt: skip
            work.db.add(row)
            await work.db.flush()
            day = time.strftime("%Y-%m-%d", time.gmtime(NOW + 7 * HOUR))
            work.db.add(DataDayRow(receiver_id=1, sim_id=row.id, day=day, modem_received=used))

    return change


NO_HOOK = sql("UPDATE webhook SET enabled = (1 = 0)")
ALL_WELL = both(boxes(60.0, 1000.0), hook([], ("given_up", 9), ("delivered", 1)), sim(700))


async def receivers_found(data: Path, change: Callable[[Desk], Any]) -> str:
    await make(data, change)
    ServerIdentity.load(data, NOW)
    own_certificate.ensure(data, NOW)
    found = await doctor.examine(config(data), NOW)
    return words([f for f in found if f.topic in ("receivers", "sims", "alerts")])


async def test_receivers_that_are_well_are_not_talked_about(tmp_path: Path) -> None:
    assert await receivers_found(tmp_path / "data", ALL_WELL) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (boxes(60.0, None, 3 * 86_400.0),
         "receivers: 3 receivers are enrolled, 1 were heard of in the last hour, 2 not for two "
         "days: Cột 2, Cột 3"),
        (boxes(7200.0, 3 * 86_400.0), "2 receivers are enrolled, 0 were heard of in the last hour"),
        (both(boxes(60.0), sim(1000)), "sims: the data of 1 SIMs is used up: 0912345678"),
        (both(boxes(60.0), sim(810)), "sims: 1 SIMs have used more than 80% of their data"),
        (both(boxes(60.0), NO_HOOK), "alerts: nobody is told when receivers fall silent"),
        (both(boxes(60.0), NO_HOOK, hook(["bulletin."])), "nobody is told when receivers fall"),
        (both(boxes(60.0), hook(["receiver."], ("delivered", 1), ("waiting", 3))),
         "alerts: alerts about receivers do not arrive at https://example.vn/x"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_receivers(
    change: Callable[[Desk], Any], said: str, tmp_path: Path
) -> None:
    assert said in await receivers_found(tmp_path / "data", change)


async def test_codes_that_were_never_used(tmp_path: Path) -> None:
    async def change(desk: Desk) -> None:
        await boxes(None, None, state="new")(desk)
        async with desk.work(server_actor(desk.tree)) as work:
            for number, ends in ((1, NOW - 1), (2, NOW - 1), (2, NOW + 1)):
                work.db.add(
                    EnrolmentRow(
                        receiver_id=number, sha256=f"{number}{ends}", created_at=0.0,
                        created_by="test", expires_at=ends,
                    )
                )  # fmt: skip

    found = await receivers_found(tmp_path / "data", change)
    assert "1 receivers were never enrolled, and their codes have expired" in found
    assert "are enrolled," not in found


async def test_the_keys_that_receivers_need(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert await receivers_found(data, ALL_WELL) == ""
    file, cert = data / "keys" / "receivers.json", data / "receivers" / "tls.crt"
    file.chmod(0o644)
    assert "others on this machine can read" in words(await doctor.examine(config(data), NOW))
    assert file.stat().st_mode & 0o077, "the doctor changes nothing"
    file.write_text("{}")
    assert "holds no identity" in words(await doctor.examine(config(data), NOW), Level.WRONG)
    file.unlink()
    found = words(await doctor.examine(config(data), NOW), Level.WRONG)
    assert f"there is no {file}" in found and "restore" in found
    assert not file.exists()
    later = words(await doctor.examine(config(data), NOW + 390 * 86_400), Level.WRONG)
    assert f"the certificate {cert} runs out on" in later
    cert.unlink()
    assert "the receivers' port is not in" in words(await doctor.examine(config(data), NOW))
