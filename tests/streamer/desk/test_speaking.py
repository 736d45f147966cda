"""A text becomes a bulletin: spelled, spoken, prepared, heard, and only then submitted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loa.streamer.desk.bulletins import Wish, create
from loa.streamer.desk.desk import Happening
from loa.streamer.speech.voices import Settings, Voices, probe
from support.desk import Office, desk_with_sample
from support.voice import Hum

COMMUNE = "/ha-giang/quang-binh/na-khuong"
EDITOR = f"editor@{COMMUNE}"
TEXT = "UBND xã mời bà con họp lúc 7h30"
SPOKEN = "ủy ban nhân dân xã mời bà con họp lúc bảy giờ ba mươi phút"


async def draft(office: Office, **wish: Any) -> int:
    """Make an editor's own draft; return its id."""
    actor = await office.actor(EDITOR)
    return await create(office.desk, actor, office.area(COMMUNE), Wish("Mời họp", **wish))


async def say(office: Office, id: int, body: Any, status: int = 200, version: int = 1) -> Any:
    return await office.call(
        "POST", f"/bulletins/{id}/speech", as_=EDITOR, json=body, status=status,
        headers={"If-Match": f'"{version}"'},
    )  # fmt: skip


@asynccontextmanager
async def prepared(office: Office) -> AsyncIterator[None]:
    """Come out of it when what is to be prepared is."""
    done = asyncio.Event()

    def hear(happening: Happening) -> None:
        if happening.kind in ("bulletin.prepared", "bulletin.unusable"):
            done.set()

    forget = office.desk.bus.subscribe(hear)
    await office.services.preparer.start()
    try:
        yield
        async with asyncio.timeout(60):
            await done.wait()
    finally:
        forget()
        await office.services.preparer.close()


async def test_from_text_to_submitted(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await draft(office)
        async with prepared(office):
            said = await say(office, id, {"text": TEXT})
            assert said["voice"] == "hum-vi" and said["version"] == 2
        now = await office.call("GET", f"/bulletins/{id}", as_=EDITOR)
        assert (now["text"], now["spoken"]) == (TEXT, SPOKEN)
        assert now["audio"]["state"] == "ready"
        submit = {"headers": {"If-Match": f'"{now["version"]}"'}, "as_": EDITOR}
        refused = await office.call("POST", f"/bulletins/{id}/submit", status=422, **submit)
        assert [f["code"] for f in refused["error"]["fields"]] == ["bulletin.unheard"]
        relabelled = await office.call(
            "PATCH", f"/bulletins/{id}", json={"language": "hmn"}, status=422, **submit
        )
        assert relabelled["error"]["fields"][0]["code"] == "bulletin.spoken_language"
        async with await office.ask("GET", f"/bulletins/{id}/audio", as_=EDITOR) as answer:
            assert answer.status == 200 and (await answer.read())[:4] == b"OggS"
        sent = await office.call("POST", f"/bulletins/{id}/submit", **submit)
        assert sent["state"] == "submitted"


async def test_espeak_says_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        voices = await probe(Settings())
        object.__setattr__(office.services, "voices", voices)
        id = await draft(office)
        async with prepared(office):
            await say(office, id, {"text": TEXT, "voice": "espeak-vi-south"})
        now = await office.call("GET", f"/bulletins/{id}", as_=EDITOR)
        assert now["voice"] == "espeak-vi-south" and now["audio"]["state"] == "ready"
        assert 2 < now["audio"]["seconds"] < 20


@pytest.mark.parametrize(
    ("language", "body", "field", "code"),
    [
        ("hmn", {"text": TEXT}, "voice", "voice.none"),
        ("ium", {"text": TEXT, "voice": "hum-vi"}, "voice", "voice.none"),
        ("vi", {"text": TEXT, "voice": "piper-vi"}, "voice", "voice.unknown"),
        ("vi", {"text": "… !"}, "text", "speech.nothing"),
        ("vi", {"text": ""}, "text", "field.too_short"),
        ("vi", {"text": "a" * 20_001}, "text", "field.too_long"),
        ("vi", {"text": TEXT, "rate": 3}, "rate", "field.unknown"),
    ],
)
async def test_what_cannot_be_spoken_says_why(
    tmp_path: Path, language: str, body: Any, field: str, code: str
) -> None:
    async with desk_with_sample(tmp_path) as office:
        refused = await say(office, await draft(office, language=language), body, 422)
        assert [(f["field"], f["code"]) for f in refused["error"]["fields"]] == [(field, code)]


async def test_a_voice_of_another_language_is_refused(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        object.__setattr__(
            office.services, "voices", Voices((Hum(), Hum(name="hum-tyz", language="tyz")))
        )
        refused = await say(office, await draft(office), {"text": TEXT, "voice": "hum-tyz"}, 422)
        assert refused["error"]["fields"][0]["code"] == "voice.language"


async def test_what_breaks_leaves_the_draft_as_it_was(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        object.__setattr__(office.services, "voices", Voices((Hum(broken="no model"),)))
        id = await draft(office)
        refused = await say(office, id, {"text": TEXT}, 422)
        assert refused["error"]["fields"][0]["code"] == "voice.failed"
        assert (await say(office, id, {"text": TEXT}, 412, version=7))["error"]["version"] == 1
        await say(office, 999, {"text": TEXT}, 404)
        now = await office.call("GET", f"/bulletins/{id}", as_=EDITOR)
        assert (now["version"], now["text"]) == (1, "")
        assert not list((tmp_path / "uploads").iterdir())
