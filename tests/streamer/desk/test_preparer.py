"""Recordings become audio: once, apart from the server, again after a crash, or with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy import select

from loa.codecs.ogg import read_clip
from loa.streamer.desk import bulletin_audio
from loa.streamer.desk.bulletins import Wish, create
from loa.streamer.desk.preparer import Preparer, audio_file
from loa.streamer.ingest.apart import Preparation
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, PreparedRow
from loa.streamer.store.tables.cues import CueRow
from support.audio import tone
from support.desk import Office, desk_with_sample

HERE = "/ha-giang"
QUICK = Preparation(complexity=1)


@contextlib.asynccontextmanager
async def preparing(office: Office, **more: Any) -> AsyncIterator[Preparer]:
    """Let a preparer work; it takes the place of the office's own, that does not."""
    preparer = Preparer(office.desk, office.services.uploads.files, QUICK, **more)
    await preparer.start()
    object.__setattr__(office.services, "preparer", preparer)
    try:
        yield preparer
    finally:
        await preparer.close()


async def draft(office: Office) -> int:
    wish = Wish("Tin")
    return await create(office.desk, await office.actor(f"editor@{HERE}"), office.area(HERE), wish)


async def hand_in(office: Office, id: int, data: bytes, name: str = "tin.wav") -> None:
    body = io.BytesIO(data)
    await office.call("POST", f"/bulletins/{id}/audio", data=body, params={"filename": name})


async def settled(office: Office, id: int, preparer: Preparer) -> Any:
    async with asyncio.timeout(60):
        while True:
            shown = await office.call("GET", f"/bulletins/{id}")
            if shown["audio"]["state"] != "preparing" and not preparer.busy:
                return shown
            await asyncio.sleep(0.05)


def wav(path: Path, samples: np.ndarray, rate: int = 48_000) -> bytes:
    soundfile.write(path / "made.wav", samples, rate, format="WAV", subtype="PCM_16")
    return (path / "made.wav").read_bytes()


def left(office: Office) -> list[str]:
    folders = (office.desk.data / "uploads", office.desk.data / "audio")
    return [p.name for folder in folders if folder.exists() for p in folder.iterdir()]


async def test_a_recording_is_prepared_measured_and_kept_by_its_content(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        id = await draft(office)
        await hand_in(office, id, wav(tmp_path, tone(3.0, level=0.05)))
        shown = await settled(office, id, preparer)
        audio = shown["audio"]
        assert audio["state"] == "ready" and audio["reached"] and audio["remarks"] == []
        assert audio["seconds"] == pytest.approx(3.0)
        assert audio["result"]["integrated_lufs"] == pytest.approx(-16, abs=0.7)
        assert audio["source"]["integrated_lufs"] < -25 < -20 < audio["gain_db"] + -20
        file = audio_file(tmp_path, audio["sha256"])
        assert hashlib.sha256(file.read_bytes()).hexdigest() == audio["sha256"]
        assert file.stat().st_size == audio["bytes"]
        _, sizes = read_clip(file)
        async with office.desk.store.read() as db:
            row = (await db.scalars(select(AudioRow))).one()
        assert row.ticks == len(sizes) and 2 * 150 <= len(row.peaks) <= 2000
        assert left(office) == [file.name]
        kinds = [h.kind for h in office.happened]
        assert kinds[-1] == "bulletin.prepared"
        assert [e["kind"] for e in shown["events"]] == ["created", "recorded", "prepared"]
        async with await office.ask("GET", f"/bulletins/{id}/audio") as answer:
            assert await answer.read() == file.read_bytes()


async def test_the_same_recording_is_not_prepared_again(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        data = wav(tmp_path, tone(1.0))
        found = []
        for _ in range(2):
            id = await draft(office)
            await hand_in(office, id, data)
            found.append((await settled(office, id, preparer))["audio"]["sha256"])
        assert found[0] == found[1]
        assert office.desk.counters.snapshot()["bulletins.prepared"] == 1
        assert left(office) == [f"{found[0]}.opus"]
        # What is lost on disk is made again.
        audio_file(tmp_path, found[0]).unlink()
        id = await draft(office)
        await hand_in(office, id, data)
        assert (await settled(office, id, preparer))["audio"]["sha256"] == found[0]
        assert left(office) == [f"{found[0]}.opus"]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda _: b"#EXTM3U\nhttp://127.0.0.1/secret\n" * 50, "audio.unreadable"),
        (lambda _: b"<html>" * 500, "audio.unreadable"),
        (lambda path: wav(path, tone(1.0))[:40], "audio.unreadable"),
        (lambda path: wav(path, np.zeros(0, dtype=np.float32)), "audio.no_audio"),
        (lambda _: bytes(10_000), "audio.unreadable"),
    ],
)
async def test_what_cannot_be_used_says_why_in_both_languages(
    make: Any, code: str, tmp_path: Path
) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        id = await draft(office)
        await hand_in(office, id, make(tmp_path))
        error = (await settled(office, id, preparer))["audio"]["error"]
        assert error["code"] == code
        vietnamese = await office.call("GET", f"/bulletins/{id}", language="vi")
        assert vietnamese["audio"]["error"]["message"] != error["message"]
        assert left(office) == []
        assert office.happened[-1].kind == "bulletin.unusable"
        # Another try is all that it takes.
        await hand_in(office, id, wav(tmp_path, tone(0.5)))
        assert (await settled(office, id, preparer))["audio"]["state"] == "ready"


async def test_remarks_say_why_a_target_was_not_reached(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        id = await draft(office)
        await hand_in(office, id, wav(tmp_path, np.zeros(48_000, dtype=np.float32)))
        audio = (await settled(office, id, preparer))["audio"]
        assert [r["code"] for r in audio["remarks"]] == ["remark.silence"]
        assert audio["source"]["integrated_lufs"] is None and audio["reached"] is False
        other = await draft(office)
        await hand_in(office, other, wav(tmp_path, tone(1.0, level=0.0005)))
        audio = (await settled(office, other, preparer))["audio"]
        assert [r["code"] for r in audio["remarks"]] == ["remark.quiet"]
        assert "30 dB" in audio["remarks"][0]["message"]


async def test_one_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office, time_limit=0.01) as preparer:
        id = await draft(office)
        await hand_in(office, id, wav(tmp_path, tone(1.0)))
        error = (await settled(office, id, preparer))["audio"]["error"]
        assert error["code"] == "audio.time"
        assert left(office) == []


async def test_no_room_on_the_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from loa.streamer.ingest import apart

    async def full(*_: Any, **__: Any) -> Any:
        raise apart.Unusable("the disk's reserve is reached", "disk")

    monkeypatch.setattr("loa.streamer.desk.preparer.prepare_apart", full)
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        id = await draft(office)
        await hand_in(office, id, b"RIFF")
        assert (await settled(office, id, preparer))["audio"]["error"]["code"] == "audio.disk"


async def slow(office: Office, tmp_path: Path) -> int:
    """Hand in what takes seconds to prepare."""
    id = await draft(office)
    noise = np.random.default_rng(1).normal(0, 0.1, 600 * 8000)
    await hand_in(office, id, wav(tmp_path, noise, 8000))
    return id


async def begun(office: Office) -> None:
    for _ in range(3000):
        if any(h.kind == "bulletin.progress" for h in office.happened):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no progress")


async def test_progress_is_told_and_a_start_goes_on_after_an_end_in_the_middle(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        async with preparing(office):
            id = await slow(office, tmp_path)
            await begun(office)
            shown = await office.call("GET", f"/bulletins/{id}")
            assert 0 < shown["audio"]["progress"] < 1
            told = [h for h in office.happened if h.kind == "bulletin.progress"]
            assert told[-1].subject == f"bulletin/{id}"
        shown = await office.call("GET", f"/bulletins/{id}")
        assert shown["audio"]["state"] == "preparing"
        async with office.desk.store.write() as db:
            row = await db.get_one(BulletinRow, id)
            # So that the test need not wait for ten minutes of noise.
            (tmp_path / "uploads" / row.source).write_bytes(wav(tmp_path, tone(0.5)))
        (tmp_path / "audio" / ".preparing-9.opus.abc").write_bytes(b"left by a kill")
        async with preparing(office) as preparer:
            assert (await settled(office, id, preparer))["audio"]["state"] == "ready"
        assert len(left(office)) == 1


async def test_it_can_be_stopped_and_replaced(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        id = await slow(office, tmp_path)
        await begun(office)
        await hand_in(office, id, wav(tmp_path, tone(0.5)))
        shown = await settled(office, id, preparer)
        assert shown["audio"]["state"] == "ready" and shown["audio"]["seconds"] == 0.5
        office.happened.clear()
        other = await slow(office, tmp_path)
        await begun(office)
        version = (await office.call("GET", f"/bulletins/{other}"))["version"]
        await office.call(
            "DELETE", f"/bulletins/{other}/audio", headers={"If-Match": f'"{version}"'}
        )
        shown = await settled(office, other, preparer)
        assert shown["audio"]["state"] == "none" and shown["filename"] == ""
        assert len(left(office)) == 1


async def test_withdrawing_stops_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        id = await slow(office, tmp_path)
        await begun(office)
        version = (await office.call("GET", f"/bulletins/{id}"))["version"]
        await office.call("POST", f"/bulletins/{id}/withdraw", headers={"If-Match": f'"{version}"'})
        shown = await settled(office, id, preparer)
        assert shown["state"] == "withdrawn" and shown["audio"]["state"] == "none"
        assert left(office) == []


async def test_a_recording_that_is_gone_is_said(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await draft(office)
        await hand_in(office, id, b"RIFF")
        for file in (tmp_path / "uploads").iterdir():
            file.unlink()
        async with preparing(office) as preparer:
            error = (await settled(office, id, preparer))["audio"]["error"]
        assert error["code"] == "audio.lost"


async def test_unused_audio_is_swept_when_it_was_not_aired(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, preparing(office) as preparer:
        ids = [await draft(office) for _ in range(3)]
        hashes = []
        for number, id in enumerate(ids):
            await hand_in(office, id, wav(tmp_path, tone(0.5, hertz=300 + 100 * number)))
            hashes.append((await settled(office, id, preparer))["audio"]["sha256"])
        kept = 366 * 86_400.0
        async with office.desk.store.write() as db:
            for id in ids[:2]:
                (await db.get_one(BulletinRow, id)).audio_sha256 = None
            now = office.clock.now
            db.add(
                AiredRow(
                    area_id=office.area(HERE).id, from_tick=0, to_tick=25, from_unix=now,
                    to_unix=now + 1, kind="bulletin", cls=0, title="Tin", audio=hashes[0],
                )
            )  # fmt: skip
        assert await bulletin_audio.sweep(office.desk, kept) == 0  # too young
        office.clock.now += 2 * 86_400
        assert await bulletin_audio.sweep(office.desk, kept) == 1
        assert sorted(left(office)) == sorted(f"{h}.opus" for h in (hashes[0], hashes[2]))
        office.clock.now += kept
        assert await bulletin_audio.sweep(office.desk, kept) == 1
        assert left(office) == [f"{hashes[2]}.opus"]
        async with office.desk.store.read() as db:
            assert list(await db.scalars(select(PreparedRow.audio_sha256))) == [hashes[2]]
        # What an emergency called stays, whatever became of its bulletin.
        async with office.desk.store.write() as db:
            (await db.get_one(BulletinRow, ids[2])).audio_sha256 = None
            db.add(
                CueRow(
                    area_id=office.area(HERE).id, bulletin_id=ids[2], audio_sha256=hashes[2],
                    severity=1, drill=True, targets=[], excluded=[], starts_at=0.0, expires_at=1.0,
                    reason="", state="stopped", called_at=0.0, caller="test",
                )
            )  # fmt: skip
        assert await bulletin_audio.sweep(office.desk, kept) == 0
