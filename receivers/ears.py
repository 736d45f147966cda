"""Whether the horn really sounded: a microphone near it, or the amplifier's current."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from loa.receivers import config

LOOK_EVERY = 0.2
REOPEN_AFTER = 30.0
RATE = 16_000
BLOCK = 1_600


class Hears(Protocol):
    """Who is told; the horn."""

    def heard(self, at: float) -> None:
        """Sound was measured at ``at`` (monotonic); any thread."""

    def heard_nothing(self) -> None:
        """It measures, and there is no sound; any thread."""

    def deaf(self) -> None:
        """Nothing measures (any more)."""


class Ears:
    """Listens while ``run`` runs, and tells the horn."""

    def __init__(
        self,
        given: config.Sensors,
        horn: Hears,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = given
        self._horn = horn
        self._clock = clock
        self.trouble = ""

    @property
    def there(self) -> bool:
        """Whether there is anything to measure with."""
        return self._given.microphone is not None or self._given.current is not None

    async def run(self) -> None:
        """Measure, until cancelled."""
        if self._given.current is not None:
            await self._feel(self._given.current)
        elif self._given.microphone is not None:
            await self._listen(self._given.microphone)

    async def _feel(self, file: Path) -> None:
        while True:
            try:
                value = float(await asyncio.to_thread(file.read_text))
            except (OSError, ValueError) as error:
                self.trouble = f"{file}: {error}"
                self._horn.deaf()
            else:
                self._measured(value > self._given.current_above)
            await asyncio.sleep(LOOK_EVERY)

    async def _listen(self, device: str) -> None:
        while True:
            stream: Any = None
            try:
                stream = await asyncio.to_thread(self._open, device)
                while stream.active:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_EVERY)
                self.trouble = "the microphone stopped"
            except Exception as error:  # whatever a driver says, the horn plays on
                self.trouble = f"the microphone cannot be opened: {error}"
            finally:
                self._horn.deaf()
                if stream is not None:
                    with contextlib.suppress(Exception):
                        stream.close(ignore_errors=True)
            await asyncio.sleep(REOPEN_AFTER)

    def _open(self, device: str) -> Any:
        import sounddevice

        least = 10 ** (self._given.microphone_db / 20)

        def callback(data: Any, _frames: int, _times: Any, _status: Any) -> None:
            samples = np.frombuffer(data, dtype=np.float32)
            self._measured(float(np.sqrt(np.mean(np.square(samples)))) >= least)

        stream = sounddevice.RawInputStream(
            samplerate=RATE, blocksize=BLOCK, channels=1, dtype="float32", callback=callback,
            device=int(device) if device.isdigit() else device or None,
        )  # fmt: skip
        stream.start()
        return stream

    def _measured(self, loud: bool) -> None:
        self.trouble = ""
        if loud:
            self._horn.heard(self._clock())
        else:
            self._horn.heard_nothing()
