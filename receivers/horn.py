"""The horn: between what is to sound and the device. Volume, fades, the relay, the watchdog.

The device's thread calls ``read``; everything else belongs to the loop. What keeps the horn silent
while nothing is on air is the relay: it is off at the start, off while the device is lost, off when
this ends by whatever way the process still has, and the service switches it off behind a crash.

The relay is on before the first word: the sound says when it will begin (``Sound.begins``), which
it knows by its delay behind the timeline (300 ms at least in a group, what the jitter buffer holds
otherwise), and the relay goes on ``warm_up`` before. An emergency waits for no amplifier: the relay
goes on as it begins, and what the warming up eats is the chime that the server puts before it. With
a transmitter the relay keys the carrier, and stays on: silence is sent instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loa.codecs.control.settings import Settings
from loa.receivers.backoff import Backoff
from loa.receivers.outputs import BLOCK, BLOCK_S, Output, OutputError
from loa.receivers.parts import Journal, Samples, Sound
from loa.receivers.relay import Relay, RelayError
from loa.receivers.volume import EMERGENCY, gain, minute_of_day, volume

DEAD_AFTER = 2.0
"""Seconds without a call by which a device counts as lost."""
LOOK_EVERY = 0.25
EARLY = 0.04
"""Seconds by which the relay is early beside the warming up: what a wake-up may take."""
STEP = 0.1
"""The volume moves by a tenth a block at most: 0 to 100 % in 200 ms."""
HEARD_FOR = 1.0
"""Seconds that a measured sound stands for: speech has pauses."""
MEASURE = 4.0
TOO_FAST = 2.0
"""Seconds of sound a second from which on a device is none: ALSA's null, or a driver gone mad."""
CLOSE_WITHIN = 10.0
"""Seconds that closing a device may take; one that hangs is left to the service manager."""
CLICK = 0.05
"""Seconds that the self-test has the relay on."""
RELAY_AGAIN = 2.0
"""Seconds after which a relay that could not be switched is tried again."""


@dataclass(frozen=True, slots=True)
class HornState:
    """For status, health and the self-test. ``relay`` is None when nobody knows how it stands."""

    output: str
    open: bool
    trouble: str
    relay: bool | None
    sounding: bool
    volume: int
    blocks: int
    underflows: int
    reopened: int
    failed: int


class SilentHorn(Exception):
    """The device hangs, and cannot be closed either."""


class Horn:
    """See the module. ``unix`` gives the trusted time of day, or None.

    ``output`` makes an output anew whenever one is opened. ``tells``: whether it is a device that
    really takes samples. ``look_again`` is called before a lost device is opened again.
    """

    def __init__(
        self,
        output: Callable[[], Output],
        relay: Relay,
        journal: Journal,
        unix: Callable[[float], float | None],
        *,
        warm_up: float = 0.2,
        hold: float = 5.0,
        carrier: bool = False,
        tells: bool = True,
        look_again: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
    ) -> None:
        self.sound: Sound | None = None
        """What sounds; it needs the horn to be made, and the horn it."""
        self._make = output
        self._relay = relay
        self._journal = journal
        self._unix = unix
        self._warm_up, self._hold, self._carrier, self._tells = warm_up, hold, carrier, tells
        self._look_again = look_again
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._settings = Settings()
        self._ordered: int | None = None
        self._minute: int | None = None
        self._gain = 0.0
        self._extra: list[Samples] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        # Written by the device's thread:
        self.blocks = 0
        self.failed = 0
        self._consumed = 0
        self._sounded = 0
        self._read_at = 0.0
        self._sound_at = float("-inf")
        self._sounding = False
        self._cls = 0
        self._wants = carrier
        # Written by the loop:
        self._output: Output | None = None
        self._name = ""
        self._trouble = ""
        self._tried_at = clock()
        self._underflows = 0
        self._reopened = 0
        self._on: bool | None = None
        self._relay_trouble = ""
        self._switching = asyncio.Lock()
        self._heard_at: float | None = None
        self._turn = asyncio.Event()

    # --- what others say and ask

    def use(self, settings: Settings) -> None:
        """Take the server's settings."""
        self._settings = settings

    def order(self, percent: int) -> None:
        """Take a volume that was ordered, until the next start."""
        self._ordered = percent

    def volume(self, cls: int) -> int:
        """Percent, as a class would sound now."""
        return volume(self._settings, cls, self._minute, self._ordered)

    @property
    def consumed(self) -> int | None:
        """Blocks that the device took while the relay was on; None: no device that could tell."""
        return self._consumed if self._tells else None

    @property
    def sounded(self) -> int | None:
        """Blocks during which sound was measured; None: it is not measured."""
        return None if self._heard_at is None else self._sounded

    def heard(self, at: float) -> None:
        """A microphone or sensor measured sound at ``at``; any thread."""
        self._heard_at = at

    def heard_nothing(self) -> None:
        """It measures, and there is no sound; any thread."""
        if self._heard_at is None:
            self._heard_at = float("-inf")

    @property
    def hears(self) -> bool | None:
        """Whether sound is measured just now; None: it is not measured."""
        heard = self._heard_at
        return None if heard is None else self._clock() - heard < HEARD_FOR

    def deaf(self) -> None:
        """Nothing measures any more."""
        self._heard_at = None

    @property
    def consuming(self) -> bool:
        """Whether the device takes samples."""
        return self._output is not None and self._clock() - self._read_at < DEAD_AFTER

    @property
    def tried_at(self) -> float:
        """When (monotonic) a device was opened last, or it was tried."""
        return self._tried_at

    @property
    def sounds(self) -> bool:
        """Whether something sounds now, and the device takes it."""
        return self._sounding and self.consuming

    def state(self) -> HornState:
        """Return how it is now."""
        output = self._output
        return HornState(
            output=self._name,
            open=output is not None,
            trouble=self._trouble,
            relay=self._on,
            sounding=self._sounding,
            volume=self.volume(self._cls),
            blocks=self.blocks,
            underflows=self._underflows + (output.underflows if output is not None else 0),
            reopened=self._reopened,
            failed=self.failed,
        )

    def play(self, samples: Samples) -> None:
        """Sound these (float32, whole blocks) now where nothing else does: the self-test's tone."""
        self._extra = [block.copy() for block in samples.reshape(-1, BLOCK)]

    async def click(self) -> None:
        """Switch the relay on and off again, unless it is on anyway. Raises ``RelayError``."""
        async with self._switching:
            if self._on:
                return
            try:
                await self._relay.switch(True)
                await asyncio.sleep(CLICK)
            finally:
                await self._relay.switch(False)

    # --- the device's thread

    def read(self, out: Samples, at: float) -> None:
        """Fill a block for the device; whatever goes wrong is silence."""
        try:
            sounds = self._fill(out, at)
        except Exception:
            self.failed += 1
            out.fill(0.0)
            sounds = False
        self._sounding = sounds
        if sounds:
            self._sound_at = at
        if self._on:
            self._consumed += 1
            heard = self._heard_at
            if sounds and heard is not None and at - heard < HEARD_FOR:
                self._sounded += 1
        self.blocks += 1
        self._read_at = self._clock()
        wants = self._carrier or at - self._sound_at <= self._hold or self._is_near(at)
        if wants is not self._wants:
            self._wants = wants
            loop = self._loop
            if loop is not None:
                with contextlib.suppress(RuntimeError):  # it is closed: this is the end
                    loop.call_soon_threadsafe(self._turn.set)

    def _fill(self, out: Samples, at: float) -> bool:
        sounds = False
        if self.sound is not None:
            sounds = self.sound.read_into(out, at)
            self._cls = self.sound.cls
        if not sounds and self._extra:
            out[:] = self._extra.pop(0)
            sounds = True
        wanted = gain(self.volume(self._cls))
        if not sounds or (wanted == 0.0 and self._gain == 0.0):
            self._gain = 0.0
            out.fill(0.0)
            return False
        before = self._gain
        if before and self._cls != EMERGENCY:
            wanted = min(max(wanted, before - STEP), before + STEP)
        if wanted != before:
            out *= np.linspace(before, wanted, BLOCK, dtype=np.float32)
        elif wanted != 1.0:
            out *= np.float32(wanted)
        self._gain = wanted
        return True

    def _is_near(self, at: float) -> bool:
        begins = None if self.sound is None else self.sound.begins(at)
        if self.sound is None or begins is None or begins - at > self._warm_up + EARLY:
            return False
        return self.volume(self.sound.cls) > 0

    # --- the loop

    async def run(self) -> None:
        """Play until cancelled; the relay is off then. Raises ``SilentHorn``."""
        self._loop = asyncio.get_running_loop()
        await self._switch(self._carrier)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_relay())
                tasks.create_task(self._keep_open())
                tasks.create_task(self._keep_time())
        finally:
            await self._switch(False)
            self._relay.close()

    async def _keep_time(self) -> None:
        # The hour is looked up here and not for every block.
        while True:
            unix = self._unix(self._clock())
            self._minute = None if unix is None else minute_of_day(unix, self._settings.timezone)
            await asyncio.sleep(1.0)

    async def _keep_relay(self) -> None:
        while True:
            self._turn.clear()
            wants = self._carrier or (self._wants and self._output is not None)
            if wants is not self._on:
                await self._switch(wants)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RELAY_AGAIN if self._on is None else None):
                    await self._turn.wait()

    async def _switch(self, on: bool) -> None:
        if not on:
            self._on = None  # what is taken from here on may go nowhere
        try:
            async with self._switching:
                await self._relay.switch(on)
        except RelayError as error:
            self._on = None
            if self._relay_trouble != str(error):
                self._relay_trouble = str(error)
                self._note("relay_failed", on=on, why=str(error))
            return
        self._on = on
        if self._relay_trouble:
            self._relay_trouble = ""
            self._note("relay_back")

    async def _keep_open(self) -> None:
        while True:
            self._tried_at = self._clock()
            output = self._make()
            try:
                why = await self._play(output)
            except OutputError as error:
                why = str(error)
            if not self._trouble:
                self._note("output_lost", output=output.name, why=why)
            self._trouble = why
            await asyncio.sleep(self._backoff.failed(self._clock()))
            with contextlib.suppress(OutputError):
                await asyncio.to_thread(self._look_again)

    async def _play(self, output: Output) -> str:
        """Play until the device is lost; return why. Raises ``OutputError``: it never opened."""
        self._name = output.name
        opening = asyncio.ensure_future(asyncio.to_thread(output.open, self.read))
        try:
            await asyncio.shield(opening)
            self._read_at = self._clock()
            self._output = output
            self._turn.set()
            return await self._watch(output)
        finally:
            self._output = None
            self._underflows += output.underflows
            self._turn.set()
            await asyncio.wait([opening], timeout=CLOSE_WITHIN)
            await self._close(output)

    async def _watch(self, output: Output) -> str:
        opened_at = measured_at = self._clock()
        measured = self.blocks
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = self._clock()
            if output.trouble is not None:
                return output.trouble
            if now - measured_at >= MEASURE:
                pace = (self.blocks - measured) * BLOCK_S / (now - measured_at)
                if pace > TOO_FAST:  # nobody can hear that
                    return f"{output.name} takes {pace:.0f} s of sound a second"
                measured, measured_at = self.blocks, now
            if now - self._read_at > DEAD_AFTER:
                return f"{output.name} took nothing for {DEAD_AFTER:g} s"
            if now - opened_at > DEAD_AFTER and self._read_at > opened_at:
                self._backoff.succeeded()
                if self._trouble:
                    self._trouble = ""
                    self._reopened += 1
                    self._note("output_back", output=output.name)

    async def _close(self, output: Output) -> None:
        closing = asyncio.ensure_future(asyncio.to_thread(output.close))
        _, hangs = await asyncio.wait([closing], timeout=CLOSE_WITHIN)
        if hangs:
            raise SilentHorn(f"{output.name} hangs")

    def _note(self, kind: str, **details: object) -> None:
        try:
            self._journal.record(kind, **details)
        except OSError:
            self.failed += 1  # a full disk silences nobody
