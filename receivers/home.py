"""What belongs to one enrolment: a folder of its own for each receiver and server.

Settings, orders, what was played, the sign's text, schedule and journal are there. The identity
names the folder, so that by the very write that makes the box another receiver it goes over to that
one's files; what it was before is removed after that, and whatever a power cut left at the next
start. Audio (by its hash), the time, the SIM's data and the self-test are the machine's, and stay.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

_NAME = re.compile(r"receiver-[0-9]+-[0-9a-f]{16}")
_UNNAMED = (
    "settings.json", "orders.json", "played.json", "sign.json", "fetching.json", "schedule",
)  # fmt: skip
"""What lay in the state folder itself, before there were such folders; and the journal's folder."""


def name_of(receiver: int, server: bytes) -> str:
    """Return the name of the folder; ``server``: its identity when the box was enrolled."""
    return f"receiver-{receiver}-{server.hex()[:16]}"


def tidy(state: Path, home: str) -> None:
    """Remove what belongs to other enrolments than ``home``; what cannot be removed stays."""
    if not home:
        return
    for path in list(state.iterdir()):
        if _NAME.fullmatch(path.name) and path.name != home:
            shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(state / "journal", ignore_errors=True)
    for name in _UNNAMED:
        with contextlib.suppress(OSError):
            (state / name).unlink(missing_ok=True)
