"""The doctor on the machine: directory, disk, limits, programs, certificate, clock."""

from __future__ import annotations

import os
import resource
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loa.native.engine import TICKS_A_SECOND
from loa.streamer.air import state
from loa.streamer.config import Config
from loa.streamer.core.timeline import EPOCH
from loa.streamer.https import office
from loa.streamer.keeping.findings import Finding, note, some, wrong

MB = 1_000_000
FREE_WRONG = 500 * MB
FREE_NOTE = 2000 * MB
BUILT = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, 0))
"""No clock that is right shows less."""
SPARE_DESCRIPTORS = 500
CERTIFICATE_DAYS = 14
AUTHORITY_DAYS = 90
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def check(config: Config, now: float) -> Iterator[Finding]:
    """Yield what is to be said about the machine and the data directory."""
    yield from directory(config.data)
    if config.data.is_dir():
        yield from disk(config.data)
        yield from clock(config.data, now)
    yield from descriptors(config.listeners.total)
    yield from programs(config)
    if config.tls.cert is not None:
        yield from certificate(config.tls.cert, now)
    elif office.there(config.data):
        yield from of_office(config, now)
    elif config.host not in LOOPBACK:
        yield note(
            "tls", f"it listens on {config.host} without TLS",
            "`loa https` makes HTTPS for an office; else set tls.cert and tls.key, or put a proxy "
            "with TLS in front: people send passwords",
        )  # fmt: skip


def of_office(config: Config, now: float) -> Iterator[Finding]:
    """What `loa https` made can be used, and the office reaches it."""
    try:
        found = office.read(config.data)
    except office.OfficeError as error:
        yield wrong("https", str(error), "see there")
        return
    if found is None:
        return
    if not (config.data / office.FOLDER / office.KEY).exists():
        yield wrong(
            "https", "the key of the office's authority is gone: the certificate will run out",
            "restore it from a backup, or begin anew with `loa https --new-authority`",
        )  # fmt: skip
    if found.authority.not_valid_after_utc.timestamp() < now + AUTHORITY_DAYS * 86_400:
        yield wrong(
            "https",
            f"the office's authority ends on {found.authority.not_valid_after_utc:%Y-%m-%d}",
            "`loa https --new-authority`, and have all devices trust the new one",
        )
    host = config.receivers.host or (config.host if "host" in config.model_fields_set else "")
    if host in LOOPBACK:
        yield wrong(
            "https", f"the office cannot reach it: the server listens on {host} alone",
            "take host out of the configuration, or set it to 0.0.0.0",
        )  # fmt: skip
    shown = config.data / "receivers" / "tls.crt"
    if shown.exists():
        yield from certificate(shown, now)


def directory(data: Path) -> Iterator[Finding]:
    """The data directory is there, ours, writable, and nobody else's business."""
    if not data.is_dir():
        yield wrong(
            "data", f"there is no data directory {data}",
            "name the right one with --data or in the configuration; `loa serve` makes a new one",
        )  # fmt: skip
        return
    status = data.stat()
    if status.st_mode & 0o077:
        yield wrong(
            "data", f"others on this machine can look into {data} ({status.st_mode & 0o777:o})",
            f"chmod 700 {data}: there are password hashes and keys in it",
        )  # fmt: skip
    if not os.access(data, os.W_OK | os.X_OK):
        yield wrong("data", f"{data} cannot be written to by this user", f"chown it: {data}")
    strange = [
        path.name for path in sorted(data.iterdir()) if path.stat().st_uid != status.st_uid
    ]  # fmt: skip
    if strange:
        yield wrong(
            "data", f"{some(strange)} in {data} belong to another user than the directory",
            f"chown -R --reference={data} {data}",
        )  # fmt: skip


def disk(data: Path) -> Iterator[Finding]:
    """There is room for what is to come."""
    usage = shutil.disk_usage(data)
    free = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.0f} GB are free on the disk of {data}"
    todo = "make room, or keep the archive for a shorter time (archive.months)"
    if usage.free < FREE_WRONG:
        yield wrong("disk", free, todo)
    elif usage.free < FREE_NOTE or usage.free < usage.total * 0.05:
        yield note("disk", free, todo)


def clock(data: Path, now: float) -> Iterator[Finding]:
    """The clock shows the time of day, as far as can be told."""
    if now < BUILT:
        yield wrong(
            "clock", f"the clock shows {time.strftime('%Y-%m-%d %H:%M', time.localtime(now))}",
            "set it, and let it be kept: timedatectl set-ntp true",
        )  # fmt: skip
        return
    try:
        tick = state.read_high_water(data)
    except state.StateError as error:
        yield wrong("clock", str(error), "see there")
        return
    if tick is not None and tick / TICKS_A_SECOND + EPOCH > now + 120:
        ahead = (tick / TICKS_A_SECOND + EPOCH - now) / 60
        yield wrong(
            "clock", f"the clock is {ahead:.0f} minutes behind what it showed here before",
            "set it, and let it be kept: timedatectl set-ntp true",
        )  # fmt: skip
    if _synchronized() is False:
        yield note(
            "clock", "nothing keeps the clock right", "timedatectl set-ntp true",
        )  # fmt: skip


def _synchronized() -> bool | None:
    program = shutil.which("timedatectl")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True, text=True, check=False, timeout=5,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip())


def descriptors(listeners: int) -> Iterator[Finding]:
    """Every listener costs one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < listeners + SPARE_DESCRIPTORS:
        yield wrong(
            "limits",
            f"this user may open {hard:,} files, and {listeners:,} listeners are allowed",
            f"raise it (systemd: LimitNOFILE={listeners + 2 * SPARE_DESCRIPTORS}; else ulimit -n), "
            "or lower listeners.total",
        )


def programs(config: Config) -> Iterator[Finding]:
    """What speaks is there."""
    espeak = config.speech.espeak
    if shutil.which(espeak) is None:
        yield wrong(
            "speech", f"{espeak} is not installed: no text can be spoken",
            "apt-get install espeak-ng",
        )  # fmt: skip
    if config.speech.piper_model is not None and shutil.which(config.speech.piper) is None:
        yield wrong(
            "speech", f"Piper has a model, and there is no program {config.speech.piper}",
            "install Piper, or leave speech.piper_model out",
        )  # fmt: skip


def certificate(file: Path, now: float, days: float = CERTIFICATE_DAYS) -> Iterator[Finding]:
    """The certificate holds for a while."""
    try:
        # The one way in Python to read a certificate's dates; `ssl` has no public one.
        said: dict[str, Any] = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]
        ends = ssl.cert_time_to_seconds(said["notAfter"])
        begins = ssl.cert_time_to_seconds(said["notBefore"])
    except (OSError, ValueError, KeyError) as error:
        yield wrong("tls", f"the certificate {file} cannot be read: {error}", "it must be PEM")
        return
    day = time.strftime("%Y-%m-%d", time.localtime(ends))
    todo = "renew it; the server takes the new one without a restart"
    if ends <= now:
        yield wrong("tls", f"the certificate {file} ran out on {day}", todo)
    elif ends < now + days * 86_400:
        yield wrong("tls", f"the certificate {file} runs out on {day}", todo)
    elif begins > now:
        yield wrong("tls", f"the certificate {file} does not hold yet", "look at the clock")
