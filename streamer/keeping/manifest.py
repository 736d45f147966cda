"""What a backup holds: a tar file, compressed by gzip, of these members and no others.

    loa.db              the database as an SQLite file, from whichever database it came
    state/…             small files of the data directory: the newest tick, the source token
    audio/…, sources/…  what the database names: prepared audio, and uploads that wait for it
    archive/…           packets of what was aired, where they were asked for
    config/loa.toml     the configuration as it was, to be looked at
    manifest.json       last: sizes and SHA-256 of all others, so a file that was cut off has none

Names are checked against this list in both directions: nothing in a file that somebody hands over
decides where on the disk anything is written.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1
DATABASE = "loa.db"
MANIFEST = "manifest.json"
MAX_MANIFEST = 512 * 1024 * 1024
_WORD = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}"
_NAMES = re.compile(
    rf"loa\.db|manifest\.json|config/loa\.toml|(state|audio|sources|keys)/{_WORD}"
    rf"|archive/{_WORD}(/{_WORD}){{0,4}}"
)


class BackupError(Exception):
    """It cannot be backed up or restored; the text says why, and what to do."""


def allowed(name: str) -> bool:
    """Say whether a member of a backup may have this name."""
    return _NAMES.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup: its size in bytes, and the SHA-256 of its content in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """See the module. ``made_at``: Unix seconds; ``missing``: what the database names and the data
    directory did not have."""

    version: str
    revision: str
    made_at: float
    database: str
    members: dict[str, Member]
    missing: tuple[str, ...] = ()
    format: int = field(default=FORMAT)

    def as_json(self) -> bytes:
        """Return what ``manifest.json`` holds."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()


def read(data: bytes) -> Manifest:
    """Read a ``manifest.json``. Raises ``BackupError``."""
    try:
        said: dict[str, Any] = json.loads(data)
        format = said["format"]
        if format != FORMAT:
            raise BackupError(
                f"the backup has form {format}, this version of Loa reads {FORMAT}: restore it "
                f"with Loa {said.get('version', '…')} or later"
            )
        members = {
            str(name): Member(int(m["size"]), str(m["sha256"]))
            for name, m in said["members"].items()
        }
        return Manifest(
            str(said["version"]), str(said["revision"]), float(said["made_at"]),
            str(said["database"]), members, tuple(map(str, said["missing"])),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BackupError("the backup's list of contents cannot be read: it is damaged") from None
