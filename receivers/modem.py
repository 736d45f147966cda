"""The data that the box's modem uses: bytes of its network interface, counted through everything.

The kernel's counters begin anew at every boot and whenever the interface is made again, and some
drivers wrap at 32 bits. ``count`` (pure) makes of them a number that only grows. Where a power cut
takes away what was counted since it was last written down, the server still finds out: each boot is
a run of its own (``epoch``), whose bytes are told beside the sum of the runs before.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from loa.receivers.files import write_durably

WRITE_EVERY = 3600.0
"""Seconds between two writings of what was counted (flash wears out), …"""
WRITE_BYTES = 20_000_000
"""… or so many bytes."""
MOST_INTERFACES = 8
"""Whose last reading is kept: the default route may go back and forth between some."""
_WRAP = 1 << 32
_NEAR_WRAP = _WRAP - (1 << 30)
_MOST = 1 << 60

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """The kernel's counters of an interface. ``index`` tells it from one of the same name before
    it; ``boot`` is the boot's own id."""

    boot: str
    interface: str
    index: int
    received: int
    sent: int


class Counted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was counted: ``received`` and ``sent`` in this boot, ``before`` in all boots before.

    ``last``: by interface the last reading: its index, received, sent.
    """

    boot: str = ""
    last: dict[str, tuple[int, int, int]] = {}
    received: int = 0
    sent: int = 0
    before: int = 0

    @property
    def epoch(self) -> int:
        """A number for this boot."""
        return zlib.crc32(self.boot.encode())

    @property
    def total(self) -> int:
        """All bytes, both ways."""
        return self.before + self.received + self.sent


def count(counted: Counted, reading: Reading) -> Counted:
    """Add what a new reading shows. Pure.

    A counter of the same interface that went back was reset, and what it shows is new; unless it
    was close to 2³² and is small now: then it wrapped. An interface that was not seen before in
    this boot, or was made again, began at zero.
    """
    if counted.boot != reading.boot:
        counted = Counted(boot=reading.boot, before=min(counted.total, _MOST))
    index, received, sent = counted.last.get(reading.interface, (reading.index, 0, 0))
    if index != reading.index:
        received = sent = 0
    others = [item for item in counted.last.items() if item[0] != reading.interface]
    last = dict(others[-MOST_INTERFACES + 1 :])
    last[reading.interface] = reading.index, reading.received, reading.sent
    return Counted(
        boot=reading.boot, last=last, before=counted.before,
        received=min(counted.received + _grown(received, reading.received), _MOST),
        sent=min(counted.sent + _grown(sent, reading.sent), _MOST),
    )  # fmt: skip


def _grown(last: int, now: int) -> int:
    if now >= last:
        return now - last
    if _NEAR_WRAP <= last < _WRAP and now < _WRAP - _NEAR_WRAP:
        return now + _WRAP - last
    return now


def interface_of_route(text: str) -> str | None:
    """Return the interface of the default route in a ``/proc/net/route``, the cheapest; or None."""
    best: tuple[int, str] | None = None
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            to_all = int(words[1], 16) == 0 and int(words[7], 16) == 0
            up = int(words[3], 16) & 1
            found = int(words[6]), words[0]
        except (IndexError, ValueError):
            continue
        if to_all and up and (best is None or found < best):
            best = found
    return None if best is None else best[1]


def default_interface(proc: Path = Path("/proc")) -> str | None:
    """Return the interface of this machine's default route, of IPv4 and else of IPv6; or None."""
    try:
        found = interface_of_route((proc / "net/route").read_text(errors="replace"))
    except OSError:
        found = None
    if found is not None:
        return found
    try:
        lines = (proc / "net/ipv6_route").read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split()
        if len(words) == 10 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":
            return words[9]
    return None


def read_interface(
    interface: str, *, proc: Path = Path("/proc"), net: Path = Path("/sys/class/net")
) -> Reading | None:
    """Read the counters of an interface; None when there is none of this name now."""
    if not interface or "/" in interface or interface.startswith("."):
        return None
    folder = net / interface
    try:
        return Reading(
            (proc / "sys/kernel/random/boot_id").read_text().strip()[:64],
            interface,
            int((folder / "ifindex").read_text()),
            int((folder / "statistics/rx_bytes").read_text()),
            int((folder / "statistics/tx_bytes").read_text()),
        )
    except (OSError, ValueError):
        return None


class DataCounter:
    """Counts, and keeps what was counted. ``interface`` "": whatever the default route goes by.

    ``sample`` about once a minute, in any one thread; ``close`` at the end.
    """

    def __init__(
        self, file: Path, interface: str = "", *, proc: Path = Path("/proc"),
        net: Path = Path("/sys/class/net"),
    ) -> None:  # fmt: skip
        self.counted = _load(file)
        self.failed_writes = 0
        self.interface = ""
        """The interface that was read last."""
        self._file, self._interface = file, interface
        self._proc, self._net = proc, net
        self._written = self.counted
        self._written_at: float | None = None

    def sample(self, now: float) -> None:
        """Read and count; ``now``: monotonic. Nothing happens while there is no interface."""
        name = self._interface or default_interface(self._proc)
        reading = None
        if name is not None:
            reading = read_interface(name, proc=self._proc, net=self._net)
        if reading is None:
            return
        self.interface = reading.interface
        self.counted = count(self.counted, reading)
        new = self.counted.boot != self._written.boot
        late = self._written_at is not None and now - self._written_at >= WRITE_EVERY
        if new or late or self.counted.total - self._written.total >= WRITE_BYTES:
            self._write(now)
        elif self._written_at is None:
            self._written_at = now

    def close(self) -> None:
        """Write down what was counted."""
        if self.counted != self._written:
            self._write(0.0)

    @property
    def values(self) -> dict[str, float]:
        """What health tells of it; nothing before the first reading."""
        counted = self.counted
        if not counted.boot:
            return {}
        return {
            "modem_epoch": counted.epoch, "modem_received": counted.received,
            "modem_sent": counted.sent, "modem_before": counted.before,
        }  # fmt: skip

    def _write(self, now: float) -> None:
        # Also when it fails: a full disk is not asked again every minute.
        self._written, self._written_at = self.counted, now
        try:
            write_durably(self._file, msgspec.json.encode(self.counted))
        except OSError as error:
            self.failed_writes += 1
            log.warning("the modem's bytes cannot be kept: %s", error)


def _load(file: Path) -> Counted:
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Counted)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return Counted()
    numbers = [kept.received, kept.sent, kept.before]
    numbers += [n for reading in kept.last.values() for n in reading]
    sound = len(kept.last) <= MOST_INTERFACES and all(0 <= n <= _MOST for n in numbers)
    return kept if sound else Counted()


# --- what the modem says of itself


@dataclass(frozen=True, slots=True)
class Modem:
    """What a modem says; None or "" where it does not. ``signal`` in percent."""

    iccid: str = ""
    operator: str = ""
    network: str = ""
    number: str = ""
    signal: int | None = None
    dbm: float | None = None

    @property
    def values(self) -> dict[str, float]:
        """What health tells of it."""
        said = {"signal_percent": self.signal, "signal_dbm": self.dbm}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def texts(self) -> dict[str, str]:
        """The same, of texts."""
        return {
            "iccid": self.iccid, "operator": self.operator, "network": self.network,
            "number": self.number,
        }  # fmt: skip


def from_mmcli(modem: bytes, sim: bytes = b"", signal: bytes = b"") -> Modem:
    """Read what ``mmcli -J`` says: of the modem, its SIM (``-i``) and ``--signal-get``.

    ModemManager writes "--" for what it does not know. What cannot be read is left out.
    """
    about, card, power = _object(modem, "modem"), _object(sim, "sim"), _object(signal, "modem")
    threegpp = _inner(about, "3gpp")
    generic = _inner(about, "generic")
    techs = generic.get("access-technologies")
    numbers = generic.get("own-numbers")
    found = Modem(
        iccid=_digits(_inner(card, "properties").get("iccid")),
        operator=_said(threegpp.get("operator-name")),
        network=_said(techs[0]) if isinstance(techs, list) and techs else "",
        number=_said(numbers[0]) if isinstance(numbers, list) and numbers else "",
        signal=_percent(_inner(generic, "signal-quality").get("value")),
    )
    for tech, key in (("5g", "rsrp"), ("lte", "rsrp"), ("umts", "rssi"), ("gsm", "rssi")):
        dbm = _number(_inner(_inner(power, "signal"), tech).get(key))
        if dbm is not None and -200 <= dbm < 0:
            return replace(found, dbm=dbm)
    return found


def sim_path(modem: bytes) -> str | None:
    """Return the SIM's path in what ``mmcli -J -m any`` says, to ask for by ``-i``; or None."""
    path = _said(_inner(_object(modem, "modem"), "generic").get("sim"))
    return path if path.startswith("/org/freedesktop/ModemManager1/SIM/") else None


def from_command(output: bytes) -> Modem:
    """Read what a configured command says: a number, which is dBm below zero and else percent; or
    a JSON object with keys of ours, all optional.

    ``{"iccid": "8984…", "operator": "Viettel", "network": "lte", "number": "…", "signal": 61,
    "dbm": -97}``
    """
    plain = _number(output[:100].decode(errors="replace"))
    if plain is not None:
        dbm = plain if -200 <= plain < 0 else None
        return Modem(signal=_percent(plain) if plain >= 0 else None, dbm=dbm)
    said = _object(output, None)
    dbm = _number(said.get("dbm"))
    return Modem(
        _digits(said.get("iccid")), _said(said.get("operator")), _said(said.get("network")),
        _said(said.get("number")), _percent(said.get("signal")),
        dbm if dbm is not None and -200 <= dbm < 0 else None,
    )  # fmt: skip


def _object(data: bytes, key: str | None) -> Mapping[str, object]:
    try:
        found = json.loads(data[:65_536] or b"{}")
    except (ValueError, RecursionError):
        return {}
    if isinstance(found, dict) and key is not None:
        found = found.get(key)
    return found if isinstance(found, dict) else {}


def _inner(of: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = of.get(key)
    return found if isinstance(found, dict) else {}


def _said(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text[:60] if text != "--" and text.isprintable() else ""


def _digits(value: object) -> str:
    text = _said(value).upper().rstrip("F")
    return text if text.isascii() and text.isdigit() and 10 <= len(text) <= 22 else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _percent(value: object) -> int | None:
    number = _number(value)
    return round(number) if number is not None and 0 <= number <= 100 else None
