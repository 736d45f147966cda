"""What the machine tells of itself: temperature, memory, storage, power. Only what it has.

Everything is read from /proc and /sys, where a Raspberry Pi and most such boards have it; a folder
in the place of each makes a test. What cannot be read is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MB = 1_000_000


def machine_vitals(
    data: Path,
    *,
    temperature: Path | None = None,
    mains: Path | None = None,
    battery: Path | None = None,
    proc: Path = Path("/proc"),
    sys: Path = Path("/sys"),
) -> dict[str, float]:
    """Return the values of ``codecs/control/vitals.py`` that this machine can tell.

    ``data``: where the box keeps its data. ``temperature`` (thousandths of a degree), ``mains`` (0
    or 1) and ``battery`` (percent) are the files of a configuration, which go before what is found.
    Takes a few ms, more where a battery's chip is slow: not to be called on the loop.
    """
    found: dict[str, float] = {}
    found.update(_memory(proc))
    found.update(_storage(data))
    found.update(_power(sys))
    celsius = _temperature(sys)
    if celsius is not None:
        found["temperature_c"] = celsius
    undervoltage = _undervoltage(sys)
    if undervoltage is not None:
        found["undervoltage"] = undervoltage
    uptime = _text(proc / "uptime").split()
    if uptime and (seconds := _number(uptime[0])) is not None:
        found["up_s"] = int(seconds)
    for file, name, scale in (
        (temperature, "temperature_c", 1000),
        (mains, "mains", 1),
        (battery, "battery_percent", 1),
    ):
        if file is not None and (value := _number(_text(file))) is not None:
            found[name] = round(value / scale, 1)
    return found


def _memory(proc: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for file, field, name in (
        ("meminfo", "MemAvailable:", "memory_free_mb"),
        ("self/status", "VmRSS:", "memory_mb"),
    ):
        for line in _text(proc / file).splitlines():
            words = line.split()
            if len(words) == 3 and words[0] == field and words[2] == "kB" and words[1].isdigit():
                found[name] = int(words[1]) * 1024 // MB
    return found


def _storage(data: Path) -> dict[str, float]:
    try:
        space = os.statvfs(data)
    except OSError:
        return {}
    return {"storage_free_mb": space.f_bavail * space.f_frsize // MB}


def _temperature(sys: Path) -> float | None:
    """Return that of the processor: the zone that says so, else the hottest one."""
    hottest: float | None = None
    for zone in _folders(sys / "class/thermal", "thermal_zone"):
        value = _number(_text(zone / "temp"))
        if value is None or not -60_000 <= value <= 200_000:
            continue
        celsius = round(value / 1000, 1)
        if "cpu" in _text(zone / "type").lower():
            return celsius
        hottest = celsius if hottest is None else max(hottest, celsius)
    return hottest


def _power(sys: Path) -> dict[str, float]:
    """Mains: whether any supply that is no battery is there; the charge of the fullest battery."""
    mains: list[bool] = []
    charges: list[float] = []
    for supply in _folders(sys / "class/power_supply", ""):
        kind = _text(supply / "type").strip()
        if kind == "Battery" and _text(supply / "scope").strip() != "Device":
            charge = _number(_text(supply / "capacity"))
            if charge is not None and 0 <= charge <= 100:
                charges.append(charge)
        elif kind in ("Mains", "USB") and (online := _text(supply / "online").strip()):
            mains.append(online != "0")
    found: dict[str, float] = {}
    if mains:
        found["mains"] = int(any(mains))
    if charges:
        found["battery_percent"] = max(charges)
    return found


def _undervoltage(sys: Path) -> int | None:
    """0: never, 1: since the start, 2: now. From a Raspberry Pi's firmware or its sensor."""
    throttled = _text(sys / "devices/platform/soc/soc:firmware/get_throttled").strip()
    try:
        bits = int(throttled, 16)
    except ValueError:
        pass
    else:
        return 2 if bits & 1 else 1 if bits & 1 << 16 else 0
    for sensor in _folders(sys / "class/hwmon", "hwmon"):
        if _text(sensor / "name").strip() == "rpi_volt":
            alarm = _text(sensor / "in0_lcrit_alarm").strip()
            return None if alarm not in ("0", "1") else 2 * int(alarm)
    return None


def _folders(folder: Path, prefix: str) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    yield from (folder / name for name in names[:64] if name.startswith(prefix))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(65_536).decode(errors="replace")
    except OSError:
        return ""


def _number(text: str) -> float | None:
    try:
        return float(text.strip())
    except ValueError:
        return None
