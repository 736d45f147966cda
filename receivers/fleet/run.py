"""``loa fleet``: enrol simulated receivers, let them live a while, and judge what they heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loa.receivers.address import AddressError, candidates
from loa.receivers.fleet.crew import Crew, CrewError
from loa.receivers.fleet.office import Office, OfficeError
from loa.receivers.fleet.profile import load
from loa.receivers.fleet.result import Result, judged
from loa.receivers.fleet.roll import MEMORY, enrol_all, known
from loa.receivers.reading import ConfigError

TELL_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """What ``loa fleet`` was told. ``connect``: where boxes connect; empty: found from the
    server's address. ``state``: where the boxes' state is kept for another time."""

    receivers: int
    server: str
    token: str
    profile: Path | None = None
    connect: str = ""
    area: str = ""
    codes: Path | None = None
    state: Path | None = None
    processes: int = 1
    seconds: float = 60.0
    join_seconds: float = 5.0
    as_json: bool = False


class FleetError(Exception):
    """It cannot be done; the text says why."""


def main(options: Options) -> int:
    """Run it; return the exit code: 0 when all was well, 1 when not, 2 when it could not be."""
    # Ended from outside, it still ends the processes that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        try:
            profile = load(options.profile)
            root = options.state
            if root is None:
                base = MEMORY if MEMORY.is_dir() else None
                root = Path(tempfile.mkdtemp(prefix="loa-fleet-", dir=base))
                stack.callback(shutil.rmtree, root, ignore_errors=True)
            office = Office(options.server, options.token)
            numbers = enrolled(options, office, root)
            result, about = live(options, profile, root, numbers, office)
        except ConfigError as error:
            for problem in error.problems:
                print(f"loa: {problem}", file=sys.stderr)
            return 2
        except (FleetError, OfficeError, CrewError, AddressError, OSError) as error:
            print(f"loa: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
    problems = result.problems(profile.expect)
    if options.as_json:
        print(json.dumps({**result.as_json(), **about, "problems": problems}, ensure_ascii=False))
    else:
        summary(result, about, problems)
    return 1 if problems else 0


def enrolled(options: Options, office: Office, root: Path) -> list[int]:
    """Return the numbers of the receivers, all of them enrolled."""
    there = known(root, options.receivers)
    missing = sorted(set(range(options.receivers)) - set(there))
    if not missing:
        return there
    if options.codes is not None:
        codes = options.codes.read_text("utf-8").split()
        if len(codes) < len(missing):
            raise FleetError(f"{options.codes} has {len(codes)} codes, {len(missing)} are needed")
        given = list(zip(missing, codes, strict=False))
    else:
        villages = office.villages(options.area)
        if not villages:
            raise FleetError(f"there is no area at or below {options.area or '/'}")
        given = office.add([(number, villages[number % len(villages)]) for number in missing])
    server = candidates(connect_to(options))[0]
    tell = progress("enrolled", len(missing))
    problems = asyncio.run(enrol_all(server, given, root, tell))
    if problems:
        raise FleetError(f"{len(problems)} were not enrolled: {'; '.join(problems[:3])}")
    return list(range(options.receivers))


def connect_to(options: Options) -> str:
    """Return where boxes connect: what was said, or the server over TLS, or its port for them."""
    if options.connect:
        return options.connect
    scheme, _, rest = options.server.rstrip("/").partition("://")
    if scheme == "https":
        return f"wss://{rest}"
    return rest.rpartition(":")[0] or rest


def live(
    options: Options, profile: Any, root: Path, numbers: Sequence[int], office: Office
) -> tuple[Result, dict[str, Any]]:
    """Switch them on, wait, and judge."""
    began = datetime.now(UTC)
    with Crew(
        root, numbers, profile, processes=options.processes, seconds=options.seconds,
        join_seconds=options.join_seconds,
    ) as crew:  # fmt: skip
        end = crew.start + options.seconds
        told = time.monotonic()
        most_up, first_all = 0.0, None
        while (now := time.monotonic()) < end:
            status = crew.status()
            most_up = max(most_up, status["up"])
            if first_all is None and status["up"] >= len(numbers):
                first_all = now - crew.start
            if now - told >= TELL_EVERY:
                told = now
                say(
                    f"{now - crew.start:.0f} s: {status['up']:.0f} of {len(numbers)} have a "
                    f"session, {status['memory']:.0f} MB"
                )
            time.sleep(min(1.0, max(0.0, end - now)))
        status = crew.status()
        ended = time.monotonic()
        records = crew.records()
    # What was aired is written every few seconds.
    time.sleep(min(3.0, options.seconds))
    ids = office.areas()
    tick = next((round(r["tick"]) for r in records if r["tick"] is not None), 0)
    begin = began.isoformat(timespec="seconds").replace("+00:00", "Z")
    areas = sorted({record["area"] for record in records} & set(ids))
    tell = progress("areas' logs read", len(areas))
    carried = {}
    for number, area in enumerate(areas, 1):
        carried[area] = office.aired(ids[area], begin, tick)
        tell(number)
    about = {
        "seconds": round(ended - crew.start, 1),
        "most_up": int(most_up),
        "all_up_after": None if first_all is None else round(first_all, 1),
        "cpu_seconds": round(status["cpu"], 1),
        "memory_mb": round(status["memory"]),
    }
    return judged(records, carried, ended), about


def progress(what: str, of: int) -> Callable[[int], None]:
    """Return what tells on standard error how far a long work is, now and then."""
    last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TELL_EVERY or (done == of and of > 100):
            last = now
            say(f"{done} of {of} {what}")

    return tell


def say(words: str) -> None:
    """Say how it goes, beside the result."""
    print(f"loa fleet: {words}", file=sys.stderr, flush=True)


def summary(result: Result, about: dict[str, Any], problems: Sequence[str]) -> None:
    """Print it for people."""
    verdict = result.verdict

    def share(ticks: int) -> str:
        part = f" ({100 * ticks / verdict.due:.2f} %)" if verdict.due else ""
        return f"{ticks}{part}"

    rows = [
        ("receivers", f"{result.boxes}, {about['most_up']} of them connected at once"),
        ("sessions", str(result.sessions)),
        ("ticks due", str(verdict.due)),
        ("heard", share(verdict.heard)),
        ("  from the cache", share(verdict.cached)),
        ("to come, late by outages", share(verdict.to_come)),
        ("missed, excused", share(verdict.excused)),
        ("missed", share(verdict.missed)),
        ("wrong", str(verdict.wrong)),
        ("twice", str(verdict.twice)),
        ("made up", str(verdict.made_up)),
    ]
    if (half := result.first_late(0.5)) is not None:
        rest = [result.first_late(part) or 0.0 for part in (0.95, 1.0)]
        rows.append(
            ("first sound after its tick",
             f"{1000 * half:.0f} ms (half), {1000 * rest[0]:.0f} ms (p95), "
             f"{1000 * rest[1]:.0f} ms (last)")
        )  # fmt: skip
    if (half := result.held_late(0.5)) is not None:
        last = result.held_late(1.0) or 0.0
        rows.append(
            ("  after outages", f"{1000 * half:.0f} ms (half), {1000 * last:.0f} ms (last),"
             f" {len(verdict.held_late)} times")
        )  # fmt: skip
    rows.append(("their own cost", f"{about['cpu_seconds']} s of CPU, {about['memory_mb']} MB"))
    for what, value in rows:
        print(f"{what:28} {value}")
    for line in result.named:
        print(f"  receiver {line}")
    print("all was well" if not problems else "not well: " + "; ".join(problems))
