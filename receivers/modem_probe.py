"""Asking the modem about itself: by ModemManager's mmcli, or by a command of the configuration."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence

from loa.receivers.modem import DataCounter, Modem, from_command, from_mmcli, sim_path

ASK_EVERY = 300.0
TIMEOUT = 15.0

log = logging.getLogger(__name__)
Run = Callable[[Sequence[str]], bytes]


def run(command: Sequence[str]) -> bytes:
    """Run a command and return what it wrote; nothing when it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        log.debug("the modem cannot be asked: %s", error)
        return b""
    return done.stdout if done.returncode == 0 else b""


class ModemProbe:
    """A slow source of ``vitals``: asks every five minutes, and tells what was said last.

    ``command``: what to run; it prints JSON (``modem.from_command``). None: mmcli if there is one,
    and nothing else. ``counter``: the bytes are told, and counted whenever this is asked.
    """

    def __init__(
        self, clock: Callable[[], float], counter: DataCounter | None = None,
        command: Sequence[str] | None = None, *, run: Run = run,
    ) -> None:  # fmt: skip
        self.modem = Modem()
        self._clock, self._counter, self._run = clock, counter, run
        self._command = command
        self._mmcli = shutil.which("mmcli") if command is None else None
        self._next = float("-inf")

    def __call__(self) -> Mapping[str, float | str]:
        """Return what is known; called in a thread."""
        now = self._clock()
        if now >= self._next:
            self._next = now + ASK_EVERY
            self.modem = self._ask()
        found: dict[str, float | str] = {**self.modem.values, **self.modem.texts}
        if self._counter is not None:
            self._counter.sample(now)
            found.update(self._counter.values)
            found["interface"] = self._counter.interface
        return found

    def _ask(self) -> Modem:
        if self._command is not None:
            return from_command(self._run(self._command)) if self._command else Modem()
        if self._mmcli is None:
            return Modem()
        ask = [self._mmcli, "-J", "-m", "any"]
        about = self._run(ask)
        if not about:
            return Modem()
        sim = sim_path(about)
        card = b"" if sim is None else self._run([self._mmcli, "-J", "-i", sim])
        return from_mmcli(about, card, self._run([*ask, "--signal-get"]))
