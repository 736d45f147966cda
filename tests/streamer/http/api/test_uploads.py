"""Uploads by the tus protocol: resumed, checked, limited, and never acknowledged too early."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from loa.streamer.desk.uploads import UploadLimits
from loa.streamer.ingest import uploads as files_module
from loa.streamer.ingest.uploads import ORPHAN, UploadFiles
from support.desk import Office, desk_with_sample
from support.examples import HERE
from support.examples.bulletins import AUTHOR, OCTETS, TUS, bulletin, metadata, upload

WORDS = bytes(range(256)) * 40


async def ask(
    office: Office, method: str, path: str, status: int, *, as_: str = AUTHOR, **more: Any
) -> Any:
    async with await office.ask(method, path, as_=as_, **more) as answer:
        assert answer.status == status, f"{answer.status} {await answer.text()}"
        assert answer.headers.get("Tus-Resumable") == "1.0.0" or status in (401, 403, 404)
        return dict(answer.headers)


async def patch(
    office: Office, id: str, offset: int, data: Any, status: int = 204, **headers: str
) -> Any:
    named = {**OCTETS, "Upload-Offset": str(offset), **headers}
    return await ask(office, "PATCH", f"/uploads/{id}", status, headers=named, data=data)


async def offset(office: Office, id: str) -> int:
    headers = await ask(office, "HEAD", f"/uploads/{id}", 204, headers=TUS)
    assert headers["Cache-Control"] == "no-store"
    return int(headers["Upload-Offset"])


def checksum(data: bytes, algorithm: str = "sha1") -> dict[str, str]:
    digest = hashlib.new(algorithm, data).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


async def test_what_there_is_of_the_protocol(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        headers = await ask(office, "OPTIONS", "/uploads", 204, as_="nobody")
        assert headers["Tus-Version"] == "1.0.0" and headers["Tus-Max-Size"] == "500000000"
        assert "creation" in headers["Tus-Extension"].split(",")


async def test_pieces_add_up_and_the_offset_is_what_is_on_disk(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await upload(office, len(WORDS))
        assert await offset(office, id) == 0
        answer = await patch(office, id, 0, WORDS[:1000])
        assert answer["Upload-Offset"] == "1000" and "Upload-Expires" in answer
        assert (tmp_path / "uploads" / id).read_bytes() == WORDS[:1000]
        assert await offset(office, id) == 1000
        await patch(office, id, 999, b"x", 409)
        await patch(office, id, 1000, WORDS[1000:] + b"x", 413)
        now = await offset(office, id)
        await patch(office, id, now, WORDS[now:])
        assert (tmp_path / "uploads" / id).read_bytes() == WORDS
        again = UploadFiles(tmp_path / "uploads", 0, office.desk.counters)
        assert again.offset(id) == len(WORDS)


async def test_creation_with_the_first_piece(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        headers = {**OCTETS, "Upload-Length": "8", **metadata(office, filename="Tin tức.wav")}
        answer = await ask(office, "POST", "/uploads", 201, headers=headers, data=b"abcd")
        assert answer["Upload-Offset"] == "4"
        id = answer["Location"].rpartition("/")[2]
        assert answer["Location"] == f"/api/v1/uploads/{id}"
        shown = await ask(office, "HEAD", f"/uploads/{id}", 204, headers=TUS)
        assert shown["Upload-Length"] == "8"
        word = base64.b64encode("Tin tức.wav".encode()).decode()
        assert f"filename {word}" in shown["Upload-Metadata"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_piece_counts_only_when_its_checksum_is_right(
    algorithm: str, tmp_path: Path
) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await upload(office, 6)
        await patch(office, id, 0, b"abc", **checksum(b"abc", algorithm))
        await patch(office, id, 3, b"xyz", 460, **checksum(b"def", algorithm))
        assert await offset(office, id) == 3
        await patch(office, id, 3, b"def", 400, **{"Upload-Checksum": "md5 AAAA"})
        await patch(office, id, 3, b"def", **checksum(b"def", algorithm))
        assert (tmp_path / "uploads" / id).read_bytes() == b"abcdef"
        assert [p.name for p in (tmp_path / "uploads").iterdir()] == [id]


async def test_what_a_kill_left_of_a_checked_piece_does_not_count(tmp_path: Path) -> None:
    files = UploadFiles(tmp_path, 0, None)  # type: ignore[arg-type]
    id = files.make()
    files.path(id).write_bytes(b"abcd??")
    (tmp_path / f"{id}.from").write_text("4")
    assert files.offset(id) == 4
    assert files.path(id).read_bytes() == b"abcd"
    # A kill before the mark itself was whole: nothing of the piece had been written.
    (tmp_path / f"{id}.from").write_text("")
    assert files.offset(id) == 4
    assert [p.name for p in tmp_path.iterdir()] == [id]


async def test_a_sender_that_is_lost_leaves_what_came(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await upload(office, len(WORDS))
        seen = asyncio.Event()

        async def breaks_off() -> AsyncIterator[bytes]:
            yield WORDS[:5000]
            seen.set()
            await asyncio.sleep(3600)

        task = asyncio.create_task(patch(office, id, 0, breaks_off()))
        await seen.wait()
        await asyncio.sleep(0.1)
        assert office.services.uploads.files.busy(id)
        # Somebody else at the same time is refused, and changes nothing.
        await patch(office, id, 0, b"other", 423)
        await ask(office, "DELETE", f"/uploads/{id}", 423, headers=TUS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(100):
            if not office.services.uploads.files.busy(id):
                break
            await asyncio.sleep(0.02)
        assert await offset(office, id) == 5000
        await patch(office, id, 5000, WORDS[5000:])
        assert (tmp_path / "uploads" / id).read_bytes() == WORDS
        assert office.desk.counters.snapshot()["uploads.broken_off"] == 1


async def test_a_silent_sender_gives_way_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "STALE", 0.0)
    files = UploadFiles(tmp_path, 0, None)  # type: ignore[arg-type]
    id = files.make()
    given = [b"abc"]

    async def stalls() -> bytes:
        if given:
            return given.pop()
        await asyncio.sleep(3600)
        return b""

    async def goes_on() -> bytes:
        return rest.pop() if rest else b""

    rest = [b"def"]
    first = asyncio.create_task(files.receive(id, 0, 6, stalls))
    for _ in range(100):
        await asyncio.sleep(0.01)
        if not given:
            break
    assert await files.receive(id, 3, 6, goes_on) == 6
    with pytest.raises(TimeoutError):
        await first
    assert files.path(id).read_bytes() == b"abcdef"


async def test_a_client_of_others_uploads_and_resumes(tmp_path: Path) -> None:
    client_module = importlib.import_module("tusclient.client")
    source = tmp_path / "bản tin.mp3"
    source.write_bytes(WORDS)
    async with desk_with_sample(tmp_path) as office:
        await office.actor(AUTHOR)
        url = str(office.client.make_url("/api/v1/uploads"))
        area = str(office.area(HERE).id)

        def send(stop_at: int | None, url_of: str | None) -> str:
            client = client_module.TusClient(url, headers={"X-Test-Actor": AUTHOR})
            with source.open("rb") as file:
                uploader = client.uploader(
                    file_stream=file, chunk_size=1000, url=url_of, upload_checksum=True,
                    metadata={"area": area, "filename": source.name},
                )  # fmt: skip
                uploader.upload(stop_at=stop_at)
            return str(uploader.url)

        begun = await asyncio.to_thread(send, 5000, None)
        id = begun.rpartition("/")[2]
        assert await offset(office, id) == 5000
        await asyncio.to_thread(send, None, begun)
        assert (tmp_path / "uploads" / id).read_bytes() == WORDS


async def test_limits_of_size_number_and_disk(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        office.services.uploads.limits = UploadLimits(size=1000, unfinished=2, total=1500)

        async def begin(size: str, status: int) -> None:
            headers = {**TUS, "Upload-Length": size, **metadata(office)}
            await ask(office, "POST", "/uploads", status, headers=headers)

        await begin("1001", 413)
        await begin("0", 422)
        await begin("x", 400)
        await begin("9" * 30, 400)
        await begin("1000", 201)
        await begin("600", 429)
        await begin("10", 201)
        await begin("10", 429)
        full = UploadFiles(tmp_path / "uploads", 1 << 60, office.desk.counters)
        office.services.uploads.files = full
        await begin("5", 507)
        assert len(list((tmp_path / "uploads").iterdir())) == 2


async def test_whose_it_is_and_where(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await upload(office, 4)
        other = "editor@/ha-giang/quang-binh"
        await ask(office, "HEAD", f"/uploads/{id}", 404, as_=other, headers=TUS)
        await ask(office, "HEAD", f"/uploads/{id}", 403, as_="viewer@/ha-giang", headers=TUS)
        await ask(office, "HEAD", f"/uploads/{'x' * 24}", 404, headers=TUS)
        await ask(office, "HEAD", "/uploads/..%2Floa.db", 404, headers=TUS)
        headers = {**TUS, "Upload-Length": "4", **metadata(office, "/tuyen-quang")}
        await ask(office, "POST", "/uploads", 403, headers=headers)
        for words in ("", "area", "area !!!", f"area {base64.b64encode(b'-1').decode()}"):
            named = {**TUS, "Upload-Length": "4", "Upload-Metadata": words}
            async with await office.ask("POST", "/uploads", headers=named) as answer:
                assert answer.status == 422
        await ask(office, "HEAD", f"/uploads/{id}", 412)
        await patch(office, id, 0, b"abcd", 415, **{"Content-Type": "text/plain"})


async def test_expired_ones_are_swept_with_what_belongs_to_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        uploads, folder = office.services.uploads, tmp_path / "uploads"
        old = await upload(office, 4)
        office.clock.now += uploads.limits.kept / 2
        young = await upload(office, 4)
        orphan = folder / ("x" * 24)
        orphan.write_bytes(b"?")
        os.utime(orphan, (0, 0))
        new = folder / ("y" * 24)
        new.write_bytes(b"?")
        os.utime(new, (office.clock.now - ORPHAN / 2,) * 2)
        for path in (folder / old, folder / young):
            os.utime(path, (0, 0))
        office.clock.now += uploads.limits.kept / 2 - ORPHAN / 4
        os.utime(new, (office.clock.now,) * 2)
        assert await uploads.sweep() == 1
        await patch(office, young, 0, b"ab")
        office.clock.now += ORPHAN / 2
        assert await uploads.sweep() == 1
        assert sorted(p.name for p in folder.iterdir()) == sorted([young, new.name])
        await ask(office, "HEAD", f"/uploads/{old}", 404, headers=TUS)
        assert await offset(office, young) == 2


async def test_given_up(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await upload(office, 4)
        await ask(office, "DELETE", f"/uploads/{id}", 204, headers=TUS)
        await ask(office, "HEAD", f"/uploads/{id}", 404, headers=TUS)
        assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_finished_one_becomes_a_bulletins_recording(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made, id = await bulletin(office, ready=False), await upload(office, 4)
        await patch(office, id, 0, b"RI")
        path, body = f"/bulletins/{made}/audio", {"upload": id}
        answer = await office.call("POST", path, json=body, status=409)
        assert answer["error"]["conflicts"] == [{"kind": "upload", "id": id, "offset": 2}]
        await patch(office, id, 2, b"FF")
        await office.call("POST", path, as_=f"editor@{HERE}", json=body, status=404)
        given = await office.call("POST", path, json=body)
        assert given["audio"]["state"] == "preparing" and given["filename"] == "tin.mp3"
        assert given["audio"]["progress"] == 0.0
        # It is the bulletin's now, and swept with nobody's.
        await ask(office, "HEAD", f"/uploads/{id}", 404, headers=TUS)
        os.utime(tmp_path / "uploads" / id, (0, 0))
        assert await office.services.uploads.sweep() == 0
        await office.call("POST", path, json=body, status=404)
        await office.call("POST", path, json={"upload": 7}, status=422)


async def test_a_plain_body_for_small_scripts(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await bulletin(office, ready=False)
        path = f"/bulletins/{made}/audio"
        first = await office.call("POST", path, data=WORDS, params={"filename": "tin.wav"})
        assert first["filename"] == "tin.wav" and first["audio"]["state"] == "preparing"
        await office.call("POST", path, data=b"", status=422)
        office.services.uploads.limits = UploadLimits(size=1000)
        await office.call("POST", path, data=WORDS, status=413)

        async def undeclared() -> AsyncIterator[bytes]:
            for at in range(0, len(WORDS), 500):
                yield WORDS[at : at + 500]

        await office.call("POST", path, data=undeclared(), status=413)
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        await office.call("POST", path, data=b"--x--", headers=form, status=415)
        await office.call("POST", path, data=b"RIFF", headers={"If-Match": '"1"'}, status=412)
        # Only the first one is left, and nothing of what was refused.
        assert [p.read_bytes() for p in (tmp_path / "uploads").iterdir()] == [WORDS]
        # Another one takes its place.
        await office.call("POST", path, data=b"RIFF")
        assert [p.read_bytes() for p in (tmp_path / "uploads").iterdir()] == [b"RIFF"]
