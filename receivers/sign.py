"""The LED sign: the text of what is on air, else the one that was ordered, piped to a command.

The command gets one line of UTF-8 on its standard input; an empty line clears the sign, which is
what happens at the start, at a text's end, when it expires, and when the box ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from loa.receivers.files import write_durably
from loa.receivers.parts import Journal
from loa.receivers.relay import CommandError, run

MOST = 200
LOOK_EVERY = 1.0
TRY_AGAIN = 60.0


class Ordered(Struct, frozen=True, kw_only=True):
    """A text that was ordered, ``until`` by the server's clock; None: until another is."""

    text: Annotated[str, Meta(max_length=MOST)] = ""
    until: float | None = None


class Sign:
    """See the module. ``on_air`` gives the text of what sounds now, ``unix`` the trusted time.

    Without a command nothing is shown, and ``there`` is false. Call ``order`` with what is ordered;
    ``run`` does the rest until it is cancelled.
    """

    def __init__(
        self,
        command: Sequence[str],
        timeout: float,
        file: Path,
        on_air: Callable[[], str],
        unix: Callable[[], float | None],
        journal: Journal,
    ) -> None:
        self._command = tuple(command)
        self._timeout = timeout
        self._file = file
        self._on_air = on_air
        self._unix = unix
        self._journal = journal
        self._ordered = self._read()
        self._turn = asyncio.Event()
        self.shown: str | None = None
        """What the sign shows; None when nobody knows."""
        self.trouble = ""

    @property
    def there(self) -> bool:
        """Whether there is a sign at all."""
        return bool(self._command)

    def order(self, text: str, until: float | None) -> None:
        """Show a text (nothing: clear it) whenever nothing that is on air has one of its own.

        Kept across restarts. Raises ``OSError`` when it cannot be.
        """
        ordered = Ordered(text=line_of(text), until=until)
        write_durably(self._file, msgspec.json.encode(ordered))
        self._ordered = ordered
        self.turn()

    def turn(self) -> None:
        """What is on air changed."""
        self._turn.set()

    def wanted(self) -> str:
        """Return what is to be shown now."""
        if text := line_of(self._on_air()):
            return text
        ordered = self._ordered
        if ordered.until is not None:
            unix = self._unix()
            if unix is None or unix >= ordered.until:  # what may be over is not shown
                return ""
        return ordered.text

    async def run(self) -> None:
        """Keep the sign as it is wanted, until cancelled; it is cleared then."""
        if not self.there:
            return
        try:
            while True:
                self._turn.clear()
                wait = LOOK_EVERY
                if self.wanted() != self.shown and not await self._show(self.wanted()):
                    wait = TRY_AGAIN
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._turn.wait()
        finally:
            if self.shown:
                await self._show("")

    async def _show(self, text: str) -> bool:
        try:
            await run(self._command, text.encode() + b"\n", self._timeout)
        except CommandError as error:
            self.shown = None
            if self.trouble != str(error):
                self.trouble = str(error)
                self._journal.record("sign_failed", why=str(error))
            return False
        self.shown, self.trouble = text, ""
        return True

    def _read(self) -> Ordered:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Ordered)
        except (OSError, msgspec.DecodeError):
            return Ordered()


def line_of(text: str) -> str:
    """Return a text as one line that a sign can be given: no controls, at most 200 characters."""
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(plain.split())[:MOST]
