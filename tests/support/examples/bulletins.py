"""Examples of the calls about bulletins and uploads."""

from __future__ import annotations

import base64

from sqlalchemy import select

from loa.streamer.desk.bulletins import Wish
from loa.streamer.desk.bulletins import create as create_row
from loa.streamer.desk.preparer import audio_file
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from support.desk import Office
from support.examples import BELOW, HERE, Asked, Example, always, here

SHA256 = "ab" * 32
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {**TUS, "Content-Type": "application/offset+octet-stream"}
AUTHOR = "administrator@/ha-giang"
REPORT = {
    "seconds": 2.0, "gain_db": 3.5, "reached": True, "remarks": [],
    "source": {"integrated_lufs": -19.5, "true_peak_dbtp": -4.0},
    "decoded": {"integrated_lufs": -16.0, "true_peak_dbtp": -2.5},
}  # fmt: skip


async def bulletin(
    office: Office, *, at: str = HERE, state: str = "draft", ready: bool = True
) -> int:
    """Make a bulletin that has its audio, in some state; return its id."""
    actor = await office.actor(AUTHOR)
    id = await create_row(office.desk, actor, office.area(at), Wish("Lịch tiêm chủng"))
    await give_audio(office, id, ready=ready)
    async with office.desk.store.write() as db:
        (await db.get_one(BulletinRow, id)).state = state
    return id


async def give_audio(office: Office, id: int, *, ready: bool = True) -> None:
    """Give a bulletin audio that was never a recording: bytes that only look like a file."""
    file = audio_file(office.desk.data, SHA256)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(bytes(range(256)) * 40)
    async with office.desk.store.write() as db:
        if await db.scalar(select(AudioRow).where(AudioRow.sha256 == SHA256)) is None:
            db.add(
                AudioRow(
                    sha256=SHA256, ticks=100, size=10_240, report=REPORT, peaks=b"\x81\x7f" * 50,
                    created_at=office.clock.now,
                )
            )  # fmt: skip
            await db.flush()
        row = await db.get_one(BulletinRow, id)
        row.audio_state, row.audio_sha256 = ("ready", SHA256) if ready else ("none", None)


def metadata(office: Office, at: str = HERE, filename: str = "tin.mp3") -> dict[str, str]:
    """Return the header that says what an upload is of."""
    values = {"area": str(office.area(at).id), "filename": filename}
    words = (f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())
    return {"Upload-Metadata": ",".join(words)}


async def upload(office: Office, size: int = 4, as_: str = AUTHOR) -> str:
    """Begin an upload; return its id."""
    actor = await office.actor(as_)
    row = await office.services.uploads.create(actor, office.area(HERE), size, "tin.mp3")
    return row.id


def step(state: str) -> Example:
    async def make(office: Office) -> Asked:
        return Asked(params={"bulletin": await bulletin(office, state=state)}, version=1)

    return make


async def reject(office: Office) -> Asked:
    id = await bulletin(office, state="submitted")
    return Asked(params={"bulletin": id}, json={"reason": "nghe không rõ"}, version=1)


async def create(office: Office) -> Asked:
    targets = [office.area(BELOW).id]
    body = {
        "area": here(office), "title": "Tin dự báo", "class": "priority", "language": "hmn",
        "targets": targets, "expires_at": "2026-12-31T00:00:00+07:00", "per_day": 3, "days": 0,
    }  # fmt: skip
    return Asked(json=body)


async def read(office: Office) -> Asked:
    return Asked(params={"bulletin": await bulletin(office)})


async def edit(office: Office) -> Asked:
    json = {"title": "Tin mới", "sign_text": "TIN MỚI", "expires_at": None}
    return Asked(params={"bulletin": await bulletin(office)}, json=json, version=1)


async def copy(office: Office) -> Asked:
    return Asked(params={"bulletin": await bulletin(office)}, json={})


async def give(office: Office) -> Asked:
    return Asked(
        params={"bulletin": await bulletin(office, ready=False)},
        data=b"RIFF",
        query={"filename": "a.wav"},
    )


async def clear(office: Office) -> Asked:
    return Asked(params={"bulletin": await bulletin(office)}, version=1)


async def upload_create(office: Office) -> Asked:
    return Asked(headers={**TUS, "Upload-Length": "10", **metadata(office)})


async def upload_head(office: Office) -> Asked:
    return Asked(params={"upload": await upload(office)}, headers=TUS)


async def upload_patch(office: Office) -> Asked:
    headers = {**OCTETS, "Upload-Offset": "0"}
    return Asked(params={"upload": await upload(office)}, headers=headers, data=b"abcd")


EXAMPLES: dict[str, Example] = {
    "GET /languages": always(Asked()),
    "GET /bulletins": always(Asked(query={"q": "tiêm", "class": "routine"})),
    "POST /bulletins": create,
    "GET /bulletins/{bulletin}": read,
    "PATCH /bulletins/{bulletin}": edit,
    "POST /bulletins/{bulletin}/copy": copy,
    "POST /bulletins/{bulletin}/submit": step("draft"),
    "POST /bulletins/{bulletin}/revise": step("rejected"),
    "POST /bulletins/{bulletin}/approve": step("submitted"),
    "POST /bulletins/{bulletin}/reject": reject,
    "POST /bulletins/{bulletin}/withdraw": step("approved"),
    "GET /bulletins/{bulletin}/audio": read,
    "POST /bulletins/{bulletin}/audio": give,
    "DELETE /bulletins/{bulletin}/audio": clear,
    "GET /bulletins/{bulletin}/peaks": read,
    "OPTIONS /uploads": always(Asked()),
    "POST /uploads": upload_create,
    "HEAD /uploads/{upload:text}": upload_head,
    "PATCH /uploads/{upload:text}": upload_patch,
    "DELETE /uploads/{upload:text}": upload_head,
}
