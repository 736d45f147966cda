"""``loa receivers pack``: a stick of bulletins, for a motorbike's amplifier or a box."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from loa.streamer.commands.client import AsJson, Client, Server, Unreachable, talk
from loa.streamer.core import stick
from loa.streamer.core.stick import FOLDER, LIST_HTML, LIST_TEXT, MANIFEST, Item

_OURS = re.compile(r"[0-9]{2,}-[a-z0-9-]+\.mp3")


def register(app: typer.Typer) -> None:
    """Hang it into ``loa receivers``."""
    app.command("pack")(pack)


def pack(
    area: Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang/…) or an id.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The stick, or any folder.")],
    days: Annotated[int, typer.Option(min=1, max=31, help="How many days ahead.")] = 7,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Write what an area plays in the next days: MP3 files in order, a list, and all for a box.

    What an earlier pack left there is replaced; nothing else is touched.
    """
    with talk(server, as_json) as client:
        number = client.area(area)
        found = client.get(f"/areas/{number}/pack", days=days)
        try:
            written = write(client, number, found, to, as_json)
        except OSError as error:
            raise Unreachable(f"{error.filename or to}: {error.strerror}") from None
        told = {"area": number, "files": written, "folder": str(to)}
        client.show(told, done=f"{len(written)} bulletins are in {to}; print {to / LIST_HTML}")


def write(
    client: Client, area: int, found: Mapping[str, Any], to: Path, quiet: bool = False
) -> list[str]:
    """Write a pack; return the names of its MP3 files. Raises ``OSError``, ``Refused``."""
    box = to / FOLDER
    ours = (box / MANIFEST).exists()
    there = [p for p in _files(to) if _OURS.fullmatch(p.name)]
    if there and not ours:
        raise FileExistsError(17, "it holds numbered MP3 files of another kind", str(to))
    box.mkdir(parents=True, exist_ok=True)
    # Without its manifest a half-written stick is none, for a box.
    (box / MANIFEST).unlink(missing_ok=True)
    names, audios = [], set()
    for file in found["files"]:
        audio = str(file["audio"])
        audios.add(f"{audio}.opus")
        opus = box / f"{audio}.opus"
        if not _has(opus, audio):
            _put(opus, _get(client, f"/areas/{area}/pack/opus/{audio}"))
        _put(to / file["name"], _get(client, f"/areas/{area}/pack/mp3/{audio}"))
        names.append(str(file["name"]))
        if not quiet:
            print(file["name"])
    zone = _zone(found["timezone"])
    items = [
        Item(
            f["title"], f["language"], f["cls"], f["seconds"],
            tuple(_there(moment, zone) for moment in f["times"]),
        )
        for f in found["files"]
    ]  # fmt: skip
    made = _there(found["made"], zone)
    for name, words in ((LIST_TEXT, stick.list_text), (LIST_HTML, stick.list_html)):
        text = words(found["area_name"], made, items, names)
        # The mark lets old players and editors of text see that it is UTF-8.
        _put(to / name, ("\ufeff" + text).encode())
    for old in there:
        if old.name not in names:
            old.unlink()
    for old in _files(box):
        if old.suffix == ".opus" and old.name not in audios:
            old.unlink()
    _put(box / MANIFEST, base64.b64decode(found["manifest"]))
    os.sync()  # sticks are pulled out
    return names


def _get(client: Client, path: str) -> bytes:
    return client.call("GET", path).body


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []


def _has(path: Path, sha256: str) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return False


def _put(path: Path, data: bytes) -> None:
    # FAT has no way to replace a file at once, and forbids few things: a new one, then its name.
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # this machine knows no time zones
        return UTC


def _there(moment: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(moment).astimezone(zone)
