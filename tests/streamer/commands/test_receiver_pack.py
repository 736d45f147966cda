"""``loa receivers pack``: what is on the stick, in which order, and what a box makes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import av
from typer.testing import CliRunner

from loa.codecs.control.agenda import open_schedule
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.signing import Purpose
from loa.receivers.agenda import KeptSchedule
from loa.receivers.cache import Cache
from loa.receivers.stick import Sticks
from loa.streamer.commands import receivers
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from support.boxes import FakeJournal, real_opus
from support.desk import NOW, Office, desk_with_sample
from support.people import PASSWORD, add_account
from support.schedule import add_bulletin, add_entry, add_slot

COMMUNE = "/ha-giang/quang-binh/na-khuong"


async def run(office: Office, *words: str, code: int = 0) -> str:
    async with office.client.post(
        "/api/v1/sign-in", json={"login": "lan", "password": PASSWORD, "cookie": False}
    ) as answer:
        token = (await answer.json())["token"]
    env = {"LOA_SERVER": str(office.client.make_url("/")), "LOA_TOKEN": token, "LANG": "en_US"}
    result = await asyncio.to_thread(CliRunner().invoke, receivers.app, [*words], env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


async def bulletin(office: Office, title: str, seconds: float, **more: object) -> bytes:
    """Put a bulletin with real audio into the commune's queue; return the audio."""
    area = office.area(COMMUNE)
    data = real_opus(seconds, 300 + 100 * seconds)
    folder = office.desk.data / "audio"
    folder.mkdir(exist_ok=True)
    sha256 = hash_of(data).hex()
    (folder / f"{sha256}.opus").write_bytes(data)
    async with office.desk.store.write() as db:
        db.add(
            AudioRow(
                sha256=sha256, ticks=round(seconds * 50), size=len(data), report={}, peaks=b"",
                created_at=NOW,
            )
        )  # fmt: skip
    id = await add_bulletin(office, area, seconds=seconds, title=title)
    async with office.desk.store.write() as db:
        row = await db.get(BulletinRow, id)
        assert row is not None
        row.audio_sha256 = sha256
    await add_entry(office, area, id, **more)
    return data


async def test_a_stick_for_a_motorbike_and_for_a_box(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    async with desk_with_sample(tmp_path / "server") as office:
        await add_account(office)
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        first = await bulletin(office, "Phòng, chống lũ ở Đồng Văn <gấp>", 2, days=3)
        second = await bulletin(office, "Tiêm chủng", 1)
        stick = tmp_path / "media" / "USB"
        stick.mkdir(parents=True)
        (stick / "nhac.mp3").write_bytes(b"mine")

        async def loa(*words: str, code: int = 0) -> str:
            return await run(office, *words, code=code)

        to = ("--to", str(stick))
        told = json.loads(await loa("pack", COMMUNE, *to, "--days", "3", "--json"))
        names = ["01-phong-chong-lu-o-dong-van-gap.mp3", "02-tiem-chung.mp3"]
        assert told["files"] == names
        mp3 = {p.name for p in stick.iterdir() if p.suffix == ".mp3"}
        assert mp3 == {*names, "nhac.mp3"}
        with av.open(str(stick / names[0])) as file:
            stream = file.streams.audio[0]
            assert (stream.codec_context.name, stream.rate, stream.channels) == (
                "mp3float",
                48000,
                1,
            )
            seconds = sum(frame.samples for frame in file.decode(stream)) / 48_000
            assert 1.9 < seconds < 2.1
        text = (stick / "danh-sach.txt").read_text("utf-8-sig")
        assert "Phòng, chống lũ ở Đồng Văn <gấp> (thông thường, 0:02)" in text
        assert "Thứ Ba 22/09: 05:00" in text and "Nà Khương" in text
        page = (stick / "danh-sach.html").read_text("utf-8-sig")
        assert "&lt;gấp&gt;" in page and "Thứ Năm 24/09: 05:00" in page
        assert all(p.name.isascii() for p in stick.rglob("*"))

        # A second pack takes the place of the first, and leaves what is not ours.
        fleet = office.services.fleet
        assert fleet is not None
        await loa("pack", COMMUNE, *to, "--days", "1")
        assert {p.name for p in stick.iterdir() if p.suffix == ".mp3"} == {*names, "nhac.mp3"}
        other = tmp_path / "other"
        other.mkdir()
        (other / "01-nhac.mp3").write_bytes(b"mine")
        refused = await loa("pack", COMMUNE, "--to", str(other), code=1)
        assert "numbered MP3 files" in refused and len(list(other.iterdir())) == 1

        # A box of this area takes it, once, after checking everything.
        manifest = (stick / "loa" / "manifest.loa").read_bytes()
        key = fleet.identity.key.public
        schedule = open_schedule(manifest, [key], Purpose.PACK)
        assert area.id in schedule.areas
        journal = FakeJournal()
        changes: list[int] = []

        def box(name: str, where: int = area.id) -> tuple[Sticks, Cache, KeptSchedule]:
            folder = tmp_path / name
            folder.mkdir()
            cache = Cache(folder / "cache", 10**8)
            kept = KeptSchedule(folder / "schedule", lambda: [key], lambda: where)
            sticks = Sticks(
                [tmp_path / "media"], cache, kept, lambda: [key], journal,
                lambda: changes.append(1),
            )  # fmt: skip
            return sticks, cache, kept

        sticks, cache, kept = box("box")
        assert await sticks.look() and not await sticks.look()
        assert cache.hashes() == {hash_of(first), hash_of(second)} and changes == [1]
        assert kept.now == schedule and cache.read(hash_of(first)) is not None
        assert journal.kinds == [("stick", {"schedule": schedule.version, "new": True, "files": 2})]
        again = KeptSchedule(tmp_path / "box" / "schedule", lambda: [key], lambda: area.id)
        assert again.now == schedule

        # One of another area does not; a damaged file is left; an altered manifest is refused.
        sticks, cache, kept = box("elsewhere", 99)
        assert not await sticks.look() and kept.now is None and cache.hashes() == frozenset()
        opus = stick / "loa" / f"{hash_of(first).hex()}.opus"
        opus.write_bytes(first[:-1] + b"x")
        sticks, cache, kept = box("damaged")
        assert await sticks.look() and cache.hashes() == {hash_of(second)}
        (stick / "loa" / "manifest.loa").write_bytes(manifest[:-1] + b"x")
        sticks, cache, kept = box("altered")
        assert not await sticks.look() and kept.now is None
        assert sticks.counters["stick.refused"] == 1


async def test_a_pack_of_no_station_is_refused(tmp_path: Path) -> None:
    areas = (("/ha-giang", "Hà Giang (dữ liệu mẫu)", False),)
    async with desk_with_sample(tmp_path, areas=areas) as office:
        await office.call("GET", f"/areas/{office.area('/ha-giang').id}/pack", status=404)
        audio = f"/areas/{office.area('/ha-giang').id}/pack/mp3/"
        await office.call("GET", audio + "0" * 64, status=404)
        await office.call("GET", audio + "..", status=404)
        await asyncio.sleep(0)
