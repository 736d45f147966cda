"""The settings that the server gave this box, kept across restarts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from loa.codecs.control.settings import Settings
from loa.receivers.files import write_durably


class KeptSettings:
    """The newest settings; a greater version replaces them. Raises ``OSError`` when it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hearers: list[Callable[[Settings], None]] = []
        self.damaged = False
        self.now = self._read()

    def subscribe(self, hearer: Callable[[Settings], None]) -> None:
        """Call ``hearer`` with the settings now, and whenever they are different."""
        self._hearers.append(hearer)
        hearer(self.now)

    def replace(self, settings: Settings) -> bool:
        """Keep newer settings; False when these are not newer."""
        if settings.version <= self.now.version:
            return False
        write_durably(self._path, msgspec.json.encode(settings))
        self.now = settings
        for hearer in self._hearers:
            hearer(settings)
        return True

    def _read(self) -> Settings:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Settings)
        except FileNotFoundError:
            return Settings()
        except msgspec.DecodeError:
            self.damaged = True  # version 0: the server sends them again
            return Settings()
