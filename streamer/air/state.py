"""What must outlive a restart beside the store: the newest tick, the source token made here.

Small files in the data directory: whoever reads one sees all of it, the old or the new.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from loa.streamer.core.rights import digest
from loa.streamer.files import write_atomically

TICK_FILE = "tick.json"
TOKEN_FILE = "source-token.json"
SOURCE_USER = "source"


class StateError(Exception):
    """The data directory cannot be used; the text says what to do."""


def _read(path: Path) -> dict[str, object] | None:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(
            f"{path} cannot be read ({error}). It is a small file of Loa's own: restore it from a "
            "copy, or move it away to begin anew."
        ) from None
    if not isinstance(value, dict):
        raise StateError(f"{path} is not a file of Loa's: move it away to begin anew.")
    return value


def prepare(data: Path) -> None:
    """Make the data directory, readable by its owner alone. Raises ``StateError``."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(data / ".writable", b"")
    except OSError as error:
        raise StateError(
            f"the data directory {data} cannot be written to: {error.strerror}. Choose another one "
            "with --data, or give this user the right to write there."
        ) from None


def read_high_water(data: Path) -> int | None:
    """Return the highest tick that may ever have been made here, None at a first start."""
    value = _read(data / TICK_FILE)
    if value is None:
        return None
    tick = value.get("high_water")
    if not isinstance(tick, int) or tick < 0:
        raise StateError(f"{data / TICK_FILE} holds no tick: move it away to begin anew.")
    return tick


def write_high_water(data: Path, tick: int) -> None:
    """Store a tick that is not below any that is made before the next call. Raises ``OSError``."""
    write_atomically(data / TICK_FILE, json.dumps({"high_water": tick}).encode())


def read_or_make_token(data: Path) -> tuple[str, str | None]:
    """Return the SHA-256 of the source token made here, and the token itself if it is new.

    Only the digest is stored: the token is shown once, at the start that makes it.
    """
    value = _read(data / TOKEN_FILE)
    if value is not None:
        sha256 = value.get("sha256")
        if not isinstance(sha256, str) or len(sha256) != 64:
            raise StateError(f"{data / TOKEN_FILE} holds no token: move it away to make a new one.")
        return sha256, None
    token = secrets.token_urlsafe(18)
    write_atomically(data / TOKEN_FILE, json.dumps({"sha256": digest(token)}).encode())
    return digest(token), token
