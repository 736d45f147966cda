"""Calls about the audio of bulletins: handing it in, hearing it, seeing it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import Field

from loa.streamer.core.rights import Permission
from loa.streamer.desk import bulletin_audio, bulletin_list
from loa.streamer.desk.bulletin_audio import Recording
from loa.streamer.desk.errors import FieldProblem, Invalid, NotFound
from loa.streamer.desk.preparer import audio_file
from loa.streamer.desk.uploads import DiskFull, UploadTooLarge
from loa.streamer.http.api.bulletin_models import BulletinWhole, shown_whole
from loa.streamer.http.api.reading import read_json, validated
from loa.streamer.http.api.route import Call, Model, Route, Where
from loa.streamer.http.api.uploads import Tus
from loa.streamer.ingest.uploads import NoRoom, TooMuch

BYTES = "application/octet-stream"
_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_MAX_JSON = 10_000


class Finished(Model):
    """An upload that is whole."""

    upload: Annotated[str, Field(min_length=1, max_length=32)]


async def give(call: Call) -> BulletinWhole:
    """Take a recording: the body itself, or in JSON the id of an upload that is finished."""
    id, request = call.params["bulletin"], call.request
    version = call.version if "If-Match" in request.headers else None
    if request.content_type == "application/json":
        body = validated(Finished, await read_json(request, _MAX_JSON))
        assert isinstance(body, Finished)
        await bulletin_audio.give_upload(
            call.desk, call.services.preparer, call.services.uploads, call.actor, id, body.upload,
            version,
        )  # fmt: skip
    elif request.content_type.startswith("multipart/"):
        raise Tus("upload.multipart", 415)
    else:
        recording = await _body(call)
        try:
            await bulletin_audio.give(
                call.desk, call.services.preparer, call.actor, id, recording, version
            )
        except BaseException:
            await asyncio.to_thread(call.services.uploads.files.remove, recording.file)
            raise
    return shown_whole(call, await bulletin_list.one(call.desk, id))


async def _body(call: Call) -> Recording:
    """Write the body to a file of its own."""
    request, uploads = call.request, call.services.uploads
    uploads.fits(request.content_length or 0)
    filename = request.query.get("filename", "")
    if any(ord(c) < 32 for c in filename):
        raise Invalid(FieldProblem("filename", "field.character"))
    id = await asyncio.to_thread(uploads.files.make)
    try:
        size = await uploads.files.receive(id, 0, uploads.limits.size, request.content.readany)
        if size == 0:
            raise Invalid(FieldProblem("", "upload.empty"))
    except BaseException as error:
        await asyncio.to_thread(uploads.files.remove, id)
        if isinstance(error, TooMuch):
            raise UploadTooLarge(
                "upload.too_large", limit=uploads.limits.size // 1_000_000
            ) from None
        if isinstance(error, NoRoom):
            raise DiskFull("upload.disk_full") from None
        if isinstance(error, ConnectionError | TimeoutError | HttpProcessingError):
            call.desk.counters.add("uploads.broken_off")
            raise Tus("upload.broken_off", 408) from None
        raise
    return Recording(id, filename)


async def clear(call: Call) -> None:
    """Take the audio of a draft away, or end its preparing."""
    id = call.params["bulletin"]
    await bulletin_audio.clear(call.desk, call.services.preparer, call.actor, id, call.version)


class _Sent(web.FileResponse):
    """A file, by ranges if asked; ``sent(first, end, size)`` is awaited for what was sent of it."""

    def __init__(
        self, file: Path, size: int, sent: Callable[[int, int, int], Awaitable[None]]
    ) -> None:
        super().__init__(file)
        self._size = size
        self._sent = sent

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        writer = await super().prepare(request)
        if self.status == 200:
            await self._sent(0, self._size, self._size)
        elif found := _SPAN.fullmatch(self.headers.get("Content-Range", "")):
            await self._sent(int(found[1]), int(found[2]) + 1, self._size)
        return writer


async def audio(call: Call) -> web.StreamResponse:
    """Give the audio as listeners will hear it (Ogg Opus), whole or in ranges.

    It is stored nowhere: what is played from a cache is not seen here, and counts as not heard.
    """
    id = call.params["bulletin"]
    row = (await bulletin_list.one(call.desk, id)).row
    sha256 = row.audio_sha256
    if sha256 is None:
        raise NotFound("bulletin.no_audio", id=id)
    file = audio_file(call.desk.data, sha256)
    try:
        size = (await asyncio.to_thread(file.stat)).st_size
    except OSError:
        call.desk.counters.add("bulletins.audio_lost")
        raise NotFound("bulletin.audio_lost", id=id) from None

    async def sent(first: int, end: int, size: int) -> None:
        account = call.actor.account
        if account is not None and call.services.hearings.sent(
            account, id, sha256, first, end, size
        ):
            await bulletin_audio.heard(call.desk, call.actor, id, sha256)

    response = _Sent(file, size, sent)
    response.content_type = "audio/ogg"
    name = quote(f"{row.title}.opus", safe="")
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{name}"
    return response


class Waveform(Model):
    """A waveform for display: of equal stretches in time, lowest and highest sample by turns.

    ``peaks`` are -127 … 127.
    """

    seconds: float
    peaks: tuple[int, ...]


async def waveform(call: Call) -> web.StreamResponse | Waveform:
    """Give the waveform: in JSON, or as int8 where ``Accept`` asks for bytes."""
    row, data = await bulletin_audio.peaks(call.desk, call.params["bulletin"])
    if BYTES in call.request.headers.get("Accept", ""):
        return web.Response(body=data, content_type=BYTES, headers={"Cache-Control": "no-store"})
    peaks = tuple(memoryview(data).cast("b"))
    return Waveform(seconds=float(row.report["seconds"]), peaks=peaks)


def routes(its_area: Where, readable: Where) -> tuple[Route, ...]:
    """Return the routes; who may change and who may read a bulletin is the same as elsewhere."""
    path = "/bulletins/{bulletin}/audio"
    edit, read = Permission.BULLETIN_EDIT, Permission.READ
    return (
        Route(
            "POST", path, give, "Hand in a recording, or a finished upload", edit, on=its_area,
            raw=True, takes=(BYTES, "audio/*", "application/json"), answer=BulletinWhole,
            status=202, tag="bulletins",
        ),
        Route(
            "DELETE", path, clear, "Take the audio away, or stop preparing it", edit, on=its_area,
            versioned=True, tag="bulletins",
        ),
        Route(
            "GET", path, audio, "Hear a bulletin", read, on=readable, answers=("audio/ogg",),
            tag="bulletins",
        ),
        Route(
            "GET", "/bulletins/{bulletin}/peaks", waveform, "See a bulletin's waveform", read,
            on=readable, answer=Waveform, tag="bulletins",
        ),
    )  # fmt: skip
