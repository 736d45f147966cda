"""What is said of a server when it is up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """What a script must know of a server that is up; secrets only if this start made them.

    ``setup_code``: with it the first account is made, while there is none.
    """

    version: str
    url: str
    mounts: tuple[str, ...]
    user: str
    password: str | None
    data: Path
    setup_code: str | None = None
    receivers: str = ""
    """Where boxes connect."""
    https: str = ""
    """Where browsers of the office go (``loa https``)."""

    def as_json(self) -> dict[str, object]:
        """Return the line that ``--json`` prints (the names are an interface)."""
        line: dict[str, object] = {
            "version": self.version,
            "url": self.url,
            "mounts": list(self.mounts),
            "data": str(self.data),
        }
        if self.receivers:
            line["receivers"] = self.receivers
        if self.https:
            line["https"] = self.https
        if self.password is not None:
            line["source"] = {"user": self.user, "password": self.password}
        if self.setup_code is not None:
            line["setup_code"] = self.setup_code
        return line
