"""What is on air, and what was, by the API."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loa.codecs.ogg import OggReader
from loa.codecs.opus import OpusFileWriter
from loa.streamer.core.timeline import tick_of
from loa.streamer.store.tables.airing import AiredRow
from support.desk import NOW, Office, desk_with_sample
from support.examples import HERE, here

BEGAN = NOW - 600.0
FIRST = tick_of(BEGAN)
AUDIO = "b" * 64
SILENCE = b"\xf8\xff\xfe"


def packet(number: int) -> bytes:
    return b"\xf8" + number.to_bytes(4, "big")


async def prepare(office: Office, folder: Path) -> None:
    (folder / "audio").mkdir()
    with (folder / "audio" / f"{AUDIO}.opus").open("wb") as file:
        writer = OpusFileWriter(file)
        writer.add(b"".join(packet(i) for i in range(200)), np.full(200, 5, np.uint16))
        writer.finish(960 * 200)
    async with office.desk.store.write() as db:
        for at, skipped, ticks in ((0, 0, 80), (130, 80, 120)):
            db.add(
                AiredRow(
                    area_id=here(office), from_tick=FIRST + at, to_tick=FIRST + at + ticks,
                    from_unix=BEGAN + at / 50, to_unix=BEGAN + (at + ticks) / 50,
                    kind="bulletin", cls=1, title="Tiêm chủng (dữ liệu mẫu)", language="vi",
                    audio=AUDIO, skipped=skipped, play="entry/1/0", complete=at > 0, why="slot",
                )
            )  # fmt: skip


def span(first: float, last: float) -> dict[str, str]:
    from loa.streamer.http.api.times import iso

    return {"from": iso(BEGAN + first), "to": iso(BEGAN + last)}


async def test_the_log_is_listed_in_parts(tmp_path: Path):
    async with desk_with_sample(tmp_path) as office:
        await prepare(office, tmp_path)
        path = f"/areas/{here(office)}/aired"
        query = {**span(-10, 60), "limit": "1"}
        viewer = f"viewer@{HERE}"
        page = await office.call("GET", path, as_=viewer, params=query)
        assert [(i["from_tick"], i["class"], i["complete"]) for i in page["items"]] == [
            (FIRST, "priority", False)
        ]
        rest = await office.call(
            "GET", path, as_=viewer, params={**query, "after": str(page["next"])}
        )
        assert [i["to_tick"] for i in rest["items"]] == [FIRST + 250] and rest["next"] is None
        none = await office.call("GET", path, as_=viewer, params=span(20, 60))
        assert none["items"] == []
        wrong = await office.call("GET", path, as_=viewer, params=span(9, 3), status=422)
        assert wrong["error"]["fields"][0]["field"] == "to"


async def test_a_recording_is_what_went_out_with_the_mounts_own_ticks(tmp_path: Path):
    async with desk_with_sample(tmp_path) as office:
        await prepare(office, tmp_path)
        path = f"/areas/{here(office)}/recording.opus"
        async with await office.ask("GET", path, params=span(1, 6)) as answer:
            assert answer.status == 200 and answer.content_type == "audio/ogg"
            reader = OggReader(b"OpusHead")
            packets = reader.feed(await answer.read())
        assert reader.ended and not reader.holes
        assert packets[-1].granule == 960 * (FIRST + 300)
        heard = [p.data for p in packets[2:]]
        expected = [packet(i) for i in range(50, 80)] + [SILENCE] * 50
        expected += [packet(i) for i in range(80, 200)] + [SILENCE] * 50
        assert heard == expected


async def test_a_recording_is_bounded_and_not_of_the_future(tmp_path: Path):
    async with desk_with_sample(tmp_path) as office:
        path = f"/areas/{here(office)}/recording.opus"
        await office.call("GET", path, params=span(0, 6 * 3600 + 1), status=422)
        await office.call("GET", path, params=span(700, 710), status=404)
