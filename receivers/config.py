"""The box's own configuration, ``receiver.toml``: how it was built, not what it is to play.

Read from ``--config``, else ``$LOA_RECEIVER_CONFIG``, else ``/etc/loa/receiver.toml`` if there is
one; then a variable ``LOA_RECEIVER_…`` of the environment overrides a key. Everything is checked
together, and every mistake is named in plain words with its place (``ConfigError``). Without any
file the defaults hold. ``deploy/receiver.toml.example`` describes every key; what the server
decides about a box is in its settings (``codecs.control.settings``).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from loa.receivers.reading import ConfigError, Reader

__all__ = ["Config", "ConfigError", "load"]

PREFIX = "LOA_RECEIVER_"
FILE_VARIABLE = "LOA_RECEIVER_CONFIG"
DEFAULT_FILE = Path("/etc/loa/receiver.toml")
SERVICE_STATE = Path("/var/lib/loa-receiver")
SERVICE_RUNTIME = Path("/run/loa-receiver")

_OUTPUT = r"^(transmitter|(transmitter:)?(device|null|(wav|raw):.+))$"

Words = tuple[Annotated[str, Meta(min_length=1)], ...]
"""A command: the program and its arguments; no shell is asked."""
Ms = Annotated[int, Meta(ge=0, le=5000)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]


class Section(Struct, frozen=True, kw_only=True):
    """A table of the file."""

    def mistakes(self) -> list[str]:
        """Say what of its keys does not go together."""
        return []


class Relay(Section, frozen=True, kw_only=True):
    """What switches the amplifier's mains or its mute; ``output = transmitter`` keys a carrier."""

    kind: Literal["none", "gpio", "command"] = "none"
    chip: Path = Path("/dev/gpiochip0")
    line: Annotated[int, Meta(ge=0, le=1023)] | None = None
    active_low: bool = False
    on: Words = ()
    off: Words = ()
    warm_up_ms: Ms = 200
    """The amplifier needs so long from the relay's click until it sounds."""
    hold_seconds: Seconds = 5.0
    """It stays on for so long after the last sound."""
    click: bool = True
    """The weekly self-test may click it once."""

    def mistakes(self) -> list[str]:
        if self.kind == "gpio" and self.line is None:
            return ["line is needed where kind is gpio"]
        if self.kind == "command" and not (self.on and self.off):
            return ["on and off are needed where kind is command"]
        return []


class Sign(Section, frozen=True, kw_only=True):
    """The LED sign: its text is piped to a command; an empty text clears it."""

    command: Words = ()
    timeout_seconds: Annotated[float, Meta(ge=1, le=120)] = 10.0


class Machine(Section, frozen=True, kw_only=True):
    """The machine itself."""

    reboot: Words = ()
    """What restarts it when that is ordered; nothing: it cannot be."""


class Modem(Section, frozen=True, kw_only=True):
    """The line to the network."""

    interface: str = ""
    """Whose bytes are counted, such as wwan0; nothing: the one of the default route."""
    signal: Words = ()
    """Prints the signal, or JSON (``modem.from_command``); nothing: ModemManager's mmcli."""


class Sensors(Section, frozen=True, kw_only=True):
    """What the box can measure beside itself."""

    microphone: str | None = None
    """A sound card's input that hears the horn, by number or part of its name."""
    microphone_db: Annotated[float, Meta(ge=-90, le=0)] = -40.0
    """From this level (RMS, dBFS) on the horn sounded."""
    current: Path | None = None
    """A file with one number: the amplifier's current, in any unit."""
    current_above: float = 0.0
    """Above this number the horn sounded."""
    temperature: Path | None = Path("/sys/class/thermal/thermal_zone0/temp")
    """Thousandths of a degree."""
    mains: Path | None = None
    """1 while there is mains, such as /sys/class/power_supply/ac/online."""
    battery: Path | None = None
    """Percent, such as /sys/class/power_supply/battery/capacity."""

    def mistakes(self) -> list[str]:
        if self.microphone is not None and self.current is not None:
            return ["give microphone or current, not both"]
        return []


class Clock(Section, frozen=True, kw_only=True):
    """Where the time of day comes from, beside the server."""

    ntp: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """Servers that are asked when there is no session; none: the system's NTP client, if any."""
    battery: bool = False
    """The machine has a clock with a battery, which may be trusted after a power cut."""


class Stick(Section, frozen=True, kw_only=True):
    """Where sticks with packs appear."""

    folders: tuple[Path, ...] = (Path("/media"), Path("/mnt"), Path("/run/media"))


class Limits(Section, frozen=True, kw_only=True):
    """What the box takes of the machine at most."""

    cache_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000
    """Whatever its settings say."""
    disk_reserve_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    """The cache leaves so much of the disk free."""
    journal_mb: Annotated[int, Meta(ge=1, le=1000)] = 20


class Log(Section, frozen=True, kw_only=True):
    """What it says on standard error: systemd's journal keeps it."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section, frozen=True, kw_only=True):
    """See the module. ``state`` must survive a power cut; ``runtime`` must not be flash."""

    state: Path = SERVICE_STATE
    runtime: Path = SERVICE_RUNTIME
    output: Annotated[str, Meta(pattern=_OUTPUT)] = "device"
    """device, transmitter, or for tests wav:FILE, raw:FILE, null, transmitter:null and so on."""
    device: str | None = None
    """The sound card, by number or part of its name; nothing: the default one."""
    relay: Relay = Relay()
    sign: Sign = Sign()
    machine: Machine = Machine()
    modem: Modem = Modem()
    sensors: Sensors = Sensors()
    clock: Clock = Clock()
    stick: Stick = Stick()
    limits: Limits = Limits()
    log: Log = Log()

    @property
    def transmitter(self) -> bool:
        """Whether a transmitter's carrier is keyed instead of an amplifier switched."""
        return self.output.partition(":")[0] == "transmitter"

    @property
    def sound(self) -> str:
        """The output by the name that ``outputs.output_named`` knows."""
        kind, _, rest = self.output.partition(":")
        return (rest or "device") if kind == "transmitter" else self.output


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Read the configuration. Raises ``ConfigError`` with every mistake that is in it."""
    environment = os.environ if environment is None else environment
    if file is None and (named := environment.get(FILE_VARIABLE)):
        file = Path(named)
    given: dict[str, Any] = {}
    if file is not None or DEFAULT_FILE.exists():
        file = file or DEFAULT_FILE
        given = _read(file)
    reader = Reader(str(file or DEFAULT_FILE), file.parent if file else Path())
    given = _defaults(environment) | given
    reader.overlay(Config, given, PREFIX, environment, {FILE_VARIABLE})
    return reader.read(Config, given)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ConfigError([f"{file} is not TOML: {error}"]) from None


def _defaults(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the folders: systemd's, or the service's for root, or the user's own."""
    root = os.geteuid() == 0
    home = Path(environment.get("HOME") or "/")
    state = environment.get("STATE_DIRECTORY", "").split(":")[0]
    runtime = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if not state and not root:
        base = environment.get("XDG_STATE_HOME") or str(home / ".local/state")
        state = f"{base}/loa-receiver"
    # Anybody may ask how the service is.
    if not runtime and not root and not SERVICE_RUNTIME.exists():
        base = environment.get("XDG_RUNTIME_DIR") or "/tmp"
        runtime = f"{base}/loa-receiver"
    return {key: value for key, value in (("state", state), ("runtime", runtime)) if value}
