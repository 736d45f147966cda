"""Sending a file over a bad link: in pieces, each acknowledged, and gone on with where it ended.

Which upload belongs to which file is kept between runs, so that the same command, given again,
goes on where the last one was broken off.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loa.streamer.commands.client import Client, Refused, Unreachable, kept_file

PIECE = 1024 * 1024
TRIES = 8
"""How often a piece is tried before the command gives up."""
WAIT = 0.5
"""Seconds before the second try of a piece; each further one waits twice as long."""
TUS = {"Tus-Resumable": "1.0.0"}


def send(
    client: Client,
    file: Path,
    area: int,
    progress: Callable[[int, int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Upload a file, or what is missing of it; return the upload's id.

    ``progress`` gets the bytes that are there and all of them. Raises ``Refused``, ``Unreachable``
    when the link does not come back, and ``OSError``.
    """
    size = file.stat().st_size
    id, offset = _known(client, file) or (_begin(client, file, area, size), 0)
    with file.open("rb") as opened:
        tries = 0
        while offset < size:
            progress(offset, size)
            opened.seek(offset)
            piece = opened.read(PIECE)
            try:
                offset = _piece(client, id, offset, piece)
                tries = 0
            except (Unreachable, Refused) as error:
                tries += 1
                if tries >= TRIES or not _passes(error):
                    raise
                sleep(WAIT * 2 ** (tries - 1))
                with contextlib.suppress(Unreachable):
                    offset = _offset(client, id)
    progress(size, size)
    return id


def forget(client: Client, file: Path) -> None:
    """Forget the upload of a file: it has become something."""
    kept = _read()
    if kept.pop(_name(client, file), None) is not None:
        _write(kept)


def _passes(error: Exception) -> bool:
    """Say whether trying again makes sense."""
    if isinstance(error, Refused):
        return error.status in (408, 409, 423, 429, 460, 500, 502, 503, 504)
    return True


def _begin(client: Client, file: Path, area: int, size: int) -> str:
    values = {"area": str(area), "filename": file.name}
    words = (f"{key} {base64.b64encode(v.encode()).decode()}" for key, v in values.items())
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": ",".join(words)}
    answer = client.call("POST", "/uploads", headers=headers)
    id = _header(answer.headers, "Location").rpartition("/")[2]
    kept = _read()
    kept[_name(client, file)] = id
    _write(kept)
    return id


def _known(client: Client, file: Path) -> tuple[str, int] | None:
    """Return the upload of this file that was begun before, and how much of it is there."""
    id = _read().get(_name(client, file))
    if id is None:
        return None
    try:
        return id, _offset(client, id)
    except Refused as error:
        if error.status in (403, 404):
            return None
        raise


def _offset(client: Client, id: str) -> int:
    answer = client.call("HEAD", f"/uploads/{id}", headers=TUS)
    return int(_header(answer.headers, "Upload-Offset"))


def _piece(client: Client, id: str, offset: int, piece: bytes) -> int:
    digest = base64.b64encode(hashlib.sha1(piece).digest()).decode()
    headers = {
        **TUS,
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha1 {digest}",
        "Content-Type": "application/offset+octet-stream",
    }
    answer = client.call("PATCH", f"/uploads/{id}", data=piece, headers=headers)
    return int(_header(answer.headers, "Upload-Offset"))


def _header(headers: Mapping[str, str], name: str) -> str:
    """Return a header, however a proxy writes it."""
    return next((v for key, v in headers.items() if key.lower() == name.lower()), "")


def _name(client: Client, file: Path) -> str:
    about = file.stat()
    return f"{client.server} {file.resolve()} {about.st_size} {about.st_mtime_ns}"


def _file() -> Path:
    return kept_file().with_name("uploads.json")


def _read() -> dict[str, str]:
    try:
        kept: Any = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(kept: Mapping[str, str]) -> None:
    file = _file()
    with contextlib.suppress(OSError):  # then another run begins anew
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        # The last thousand; uploads expire anyway.
        new.write_text(json.dumps(dict(list(kept.items())[-1000:])))
        new.replace(file)
