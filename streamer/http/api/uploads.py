"""Uploads that can be resumed: the tus protocol 1.0.0 (tus.io), for bad links.

Extensions: creation, creation-with-upload, expiration, checksum and termination. The metadata of
an upload names its ``area`` (an id) and ``filename``. A finished upload becomes a bulletin's audio
by ``POST /bulletins/{id}/audio``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from email.utils import formatdate

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import Permission
from loa.streamer.desk.errors import DeskError, FieldProblem, Invalid
from loa.streamer.desk.uploads import DiskFull
from loa.streamer.http.api.refusing import refused
from loa.streamer.http.api.route import Access, Call, Handler, Route
from loa.streamer.ingest.uploads import (
    CHECKSUMS,
    Checksum,
    Locked,
    NoRoom,
    TooMuch,
    WrongChecksum,
    WrongOffset,
)
from loa.streamer.store.tables.bulletins import UploadRow

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
OCTETS = "application/offset+octet-stream"
_MAX_LENGTH = 10**15


class Tus(DeskError):
    """Refused with a status that the protocol sets."""

    def __init__(self, code: str, status: int, **values: object) -> None:
        super().__init__(code, **values)
        self.status = status


async def in_metadata(call: Call) -> Sequence[Area]:
    """The area that an upload's metadata names."""
    id = _metadata(call.request).get("area", "")
    if not id.isascii() or not id.isdigit() or len(id) > 15:
        raise Invalid(FieldProblem("Upload-Metadata", "upload.area"))
    return [call.desk.area(int(id))]


async def of_upload(call: Call) -> Sequence[Area]:
    """The area of an upload; that it is one's own is looked at later."""
    return [call.desk.area(await call.services.uploads.area(call.params["upload"]))]


async def options(call: Call) -> web.StreamResponse:
    """Say what of the protocol there is."""
    headers = {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(call.services.uploads.limits.size),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }
    return web.Response(status=204, headers=headers)


async def create(call: Call) -> web.StreamResponse:
    """Begin an upload; a body is its first piece."""
    try:
        _versions(call.request)
        size = _number(call.request, "Upload-Length")
        filename = _metadata(call.request).get("filename", "")
        uploads = call.services.uploads
        row = await uploads.create(call.actor, call.areas[0], size, filename)
        offset, until = 0, row.expires_at
        if call.request.content_type == OCTETS and call.request.body_exists:
            offset = await _receive(call, row, 0)
        headers = {"Location": f"/api/v1/uploads/{row.id}", "Upload-Offset": str(offset)}
        return _answer(201, headers, until)
    except DeskError as error:
        return _refused(call, error)


async def head(call: Call) -> web.StreamResponse:
    """Say how much of an upload is here to stay."""
    try:
        _versions(call.request)
        row = await call.services.uploads.find(call.actor, call.params["upload"])
        offset = await asyncio.to_thread(call.services.uploads.files.offset, row.id)
        headers = {
            "Upload-Offset": str(offset),
            "Upload-Length": str(row.size),
            "Upload-Metadata": f"area {_encoded(str(row.area_id))},"
            f"filename {_encoded(row.filename)}",
            "Cache-Control": "no-store",
        }
        return _answer(204, headers, row.expires_at)
    except DeskError as error:
        return _refused(call, error)


async def patch(call: Call) -> web.StreamResponse:
    """Take the next bytes of an upload."""
    try:
        _versions(call.request)
        row = await call.services.uploads.find(call.actor, call.params["upload"])
        if call.request.content_type != OCTETS:
            raise Tus("upload.content_type", 415, wanted=OCTETS)
        offset = await _receive(call, row, _number(call.request, "Upload-Offset"))
        until = await call.services.uploads.prolong(row)
        return _answer(204, {"Upload-Offset": str(offset)}, until)
    except DeskError as error:
        return _refused(call, error)


async def remove(call: Call) -> web.StreamResponse:
    """Give an upload up."""
    try:
        _versions(call.request)
        row = await call.services.uploads.find(call.actor, call.params["upload"])
        if call.services.uploads.files.busy(row.id):
            raise Tus("upload.locked", 423)
        await call.services.uploads.remove(row)
        return _answer(204, {})
    except DeskError as error:
        return _refused(call, error)


async def _receive(call: Call, row: UploadRow, offset: int) -> int:
    request = call.request
    try:
        return await call.services.uploads.files.receive(
            row.id, offset, row.size, request.content.readany, _checksum(request)
        )
    except Locked:
        raise Tus("upload.locked", 423) from None
    except WrongOffset:
        raise Tus("upload.offset", 409) from None
    except TooMuch:
        raise Tus("upload.too_much", 413) from None
    except WrongChecksum:
        raise Tus("upload.checksum", 460) from None
    except NoRoom:
        raise DiskFull("upload.disk_full") from None
    except (ConnectionError, TimeoutError, HttpProcessingError):
        # Nobody may be there to read this; what came is kept.
        call.desk.counters.add("uploads.broken_off")
        raise Tus("upload.broken_off", 408) from None
    except asyncio.CancelledError:
        call.desk.counters.add("uploads.broken_off")
        raise


def _versions(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise Tus("upload.protocol", 412, version=VERSION)


def _number(request: web.Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isascii() or not text.isdigit() or int(text[:20]) > _MAX_LENGTH:
        raise Tus("upload.number", 400, name=name)
    return int(text)


def _metadata(request: web.Request) -> Mapping[str, str]:
    """Read ``Upload-Metadata``: words and their values in base64, by commas. Raises ``Tus``."""
    found: dict[str, str] = {}
    text = request.headers.get("Upload-Metadata", "")
    for part in text.split(",") if text.strip() else ():
        key, _, value = part.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid(FieldProblem("Upload-Metadata", "upload.metadata")) from None
    if any(ord(c) < 32 for c in found.get("filename", "")):
        raise Invalid(FieldProblem("Upload-Metadata", "field.character"))
    return found


def _checksum(request: web.Request) -> Checksum | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in CHECKSUMS or not digest:
        raise Tus("upload.checksum_unknown", 400, known=", ".join(CHECKSUMS))
    return Checksum(algorithm, digest)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _answer(
    status: int, headers: Mapping[str, str], expires: float | None = None
) -> web.StreamResponse:
    response = web.Response(status=status, headers={"Tus-Resumable": VERSION, **headers})
    if expires is not None:
        response.headers["Upload-Expires"] = formatdate(expires, usegmt=True)
    return response


def _refused(call: Call, error: DeskError) -> web.StreamResponse:
    response = refused(error, call.language)
    response.headers["Tus-Resumable"] = VERSION
    if error.status == 460:
        # One of the protocol's own, that has no name in HTTP.
        response.set_status(460, "Checksum Mismatch")
    if error.status == 412:
        response.headers["Tus-Version"] = VERSION
    return response


def _route(method: str, path: str, handler: Handler, summary: str, status: int) -> Route:
    body = method in ("POST", "PATCH")
    return Route(
        method, path, handler, summary, Permission.BULLETIN_EDIT,
        on=in_metadata if method == "POST" else of_upload, raw=body, takes=(OCTETS,) * body,
        status=status, refuses=(412, 423, 460),
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "OPTIONS", "/uploads", options, "What uploads can do (tus)", Access.ANYONE, status=204,
    ),
    _route("POST", "/uploads", create, "Begin an upload (tus)", 201),
    _route("HEAD", "/uploads/{upload:text}", head, "Where an upload is to go on (tus)", 204),
    _route("PATCH", "/uploads/{upload:text}", patch, "The next bytes of an upload (tus)", 204),
    _route("DELETE", "/uploads/{upload:text}", remove, "Give an upload up (tus)", 204),
)  # fmt: skip
