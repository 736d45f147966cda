"""What the box says of itself to who stands beside it: a small file, and ``loa receiver status``.

The running box writes the file every few seconds, into memory and not onto flash. Whoever reads it
sees by its age whether the box still runs; when it does not, since when.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from loa.receivers import status_words

FILE = "status.json"
FRESH = 20.0
"""Seconds after which a box that wrote nothing does not run, or hangs."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Status(Struct, frozen=True, kw_only=True):
    """All that is known of the box now. Times are Unix seconds by the box's trusted clock.

    ``boot`` and ``written`` (monotonic) tell how old this is, whatever the clocks do.
    """

    boot: str
    written: float
    process: int
    version: str
    unix: float | None = None
    started: float = 0.0
    """Monotonic."""
    ended: str | None = None
    """Why it ended, when it did in order."""
    receiver: int = 0
    name: str = ""
    area: str = ""
    server: str = ""
    online: bool = False
    line_for: float = 0.0
    """Seconds since which it has been online, or has not."""
    line_why: str = ""
    sounding: str = ""
    """What sounds: silence, live, relay, file, bulletin."""
    cls: int = 0
    origin: str = ""
    play: str = ""
    drill: bool = False
    lag_ms: int = 0
    buffer_ms: int = 0
    volume: int = 0
    output: str = ""
    output_open: bool = False
    output_trouble: str = ""
    relay: bool | None = None
    relay_kind: str = "none"
    sounded: bool | None = None
    """Whether it is measured that it sounds; None: it is not measured."""
    settings_version: int = 0
    sign: str | None = None
    clock: str = ""
    """Where the time of day comes from: server, ntp, kept, or nothing."""
    schedule_until: float | None = None
    schedule_from: float | None = None
    offline: bool = False
    """It plays by its schedule, without the server."""
    cache_files: int = 0
    cache_mb: float = 0.0
    cache_missing: int = 0
    journal_waiting: int = 0
    tested_at: float | None = None
    tested: dict[str, str] = {}
    """What was wrong in the last self-test."""
    memory_mb: int = 0
    values: dict[str, float] = {}
    texts: dict[str, str] = {}
    counters: dict[str, int] = {}
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A status as it was found, and how old it is; ``age`` None: from before the machine's start.

    ``alive``: its process is there.
    """

    status: Status
    age: float | None
    alive: bool

    @property
    def running(self) -> bool:
        """Whether the box runs now."""
        return self.alive and self.age is not None and self.age < FRESH and not self.status.ended


def boot_id(file: Path = BOOT_ID) -> str:
    """Return what tells one start of the machine from another."""
    try:
        return file.read_text().strip()[:64]
    except OSError:
        return ""


def write(folder: Path, status: Status) -> None:
    """Replace the file; readers see the old one or the new one. Raises ``OSError``."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = folder / (FILE + ".new")
    new.write_bytes(msgspec.json.encode(status))
    new.chmod(0o644)  # nothing in it is a secret
    os.replace(new, folder / FILE)


def find(
    folder: Path, *, clock: Callable[[], float] = time.monotonic, boot: str | None = None
) -> Seen | None:
    """Read the file; None where there is none that can be read. Raises ``PermissionError``."""
    try:
        status = msgspec.json.decode((folder / FILE).read_bytes(), type=Status)
    except PermissionError:
        raise
    except (OSError, msgspec.DecodeError):
        return None
    if status.boot != (boot_id() if boot is None else boot):
        return Seen(status, None, False)
    return Seen(status, max(0.0, clock() - status.written), _exists(status.process))


def _exists(process: int) -> bool:
    return process > 0 and Path(f"/proc/{process}").exists()


def show(folder: Path, state: Path, language: str, as_json: bool) -> int:
    """Print the status; return 0 when the box runs and 3 when it does not (as systemctl does)."""
    words = status_words.WORDS[language]
    try:
        seen = find(folder)
    except PermissionError as error:
        print(words["forbidden"].format(file=error.filename))
        return 1
    enrolled: bool | None = None
    with contextlib.suppress(PermissionError):
        enrolled = (state / "identity.json").exists()
    if as_json:
        told: dict[str, object] = {"running": seen is not None and seen.running}
        if seen is not None:
            told |= {"age": seen.age, **msgspec.to_builtins(seen.status)}
        print(msgspec.json.encode(told).decode())
    else:
        for line in status_words.lines(seen, language, enrolled, time.time()):
            print(line)
    return 0 if seen is not None and seen.running else 3
