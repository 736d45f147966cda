"""``loa backup``, ``loa restore`` and ``loa doctor`` as a person or a script sees them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loa.streamer.config import DEFAULT_FILE, Config, ConfigError, load
from loa.streamer.keeping import backup as backing
from loa.streamer.keeping import doctor as doctoring
from loa.streamer.keeping import restore as restoring
from loa.streamer.keeping.findings import Level, some, wrong
from loa.streamer.keeping.manifest import BackupError
from loa.streamer.store.store import StoreError

OK, FAILED, MISCONFIGURED = 0, 1, 2


def backup(to: Path, data: Path | None, file: Path | None, archive: bool, as_json: bool) -> int:
    """Write a backup; return the exit code."""

    def run(config: Config) -> int:
        written = asyncio.run(
            backing.write(
                config.data, to, url=_url(config), config=config_file(file), archive=archive,
                progress=_Progress(),
            )
        )  # fmt: skip
        made = written.manifest
        if made.missing:
            print(
                f"loa: named by the database, and not there: {some(made.missing)} (loa doctor)",
                file=sys.stderr,
            )
        if not written.noted:
            print(
                f"loa: it cannot be noted in {config.data} that this was made: a new identity for "
                "receivers will not be used (run it as the user that serves)",
                file=sys.stderr,
            )
        if as_json:
            _print({
                "file": str(written.file), "bytes": written.size, "files": len(made.members),
                "missing": list(made.missing), "revision": made.revision,
            })  # fmt: skip
        else:
            print(
                f"{written.file}: {_size(written.size)}, {len(made.members)} files, read again and "
                "found whole"
            )
            print(
                "  it holds secrets (password hashes, tokens' digests, webhooks' keys, the "
                "configuration): only you can read it",
                file=sys.stderr,
            )
            if not archive and (config.data / "archive").is_dir():
                print("  without the audio of what was aired (--archive)", file=sys.stderr)
        return OK

    return _with_config(file, data, run)


def restore(source: Path, data: Path | None, file: Path | None, as_json: bool) -> int:
    """Restore a backup; return the exit code."""

    def run(config: Config) -> int:
        made = asyncio.run(
            restoring.restore(source, config.data, url=_url(config), progress=_Progress())
        )
        if as_json:
            _print({
                "data": str(config.data), "version": made.version, "revision": made.revision,
                "made_at": made.made_at, "missing": list(made.missing),
            })  # fmt: skip
            return OK
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(made.made_at))
        print(f"{config.data}: restored as it was on {when}, by Loa {made.version}")
        if (config.data / restoring.CONFIG).exists():
            print(f"  its configuration is {config.data / restoring.CONFIG}", file=sys.stderr)
        print(f"  loa serve --data {config.data}", file=sys.stderr)
        return OK

    return _with_config(file, data, run)


def doctor(data: Path | None, file: Path | None, as_json: bool) -> int:
    """Examine a server; return the exit code: 1 if anything is wrong."""
    try:
        config = load(file, {"data": data})
    except ConfigError as error:
        found = [wrong("configuration", p, "correct it there") for p in error.problems]
    else:
        found = asyncio.run(doctoring.examine(config))
    well = not any(finding.level is Level.WRONG for finding in found)
    if as_json:
        _print({"ok": well, "findings": [asdict(finding) for finding in found]})
        return OK if well else FAILED
    for finding in sorted(found, key=lambda f: f.level is Level.NOTE):
        print(f"{finding.level.upper():5} {finding.topic}: {finding.what}\n      → {finding.todo}")
    wrongs = sum(finding.level is Level.WRONG for finding in found)
    print(f"{wrongs} wrong, {len(found) - wrongs} to note" if found else "all is well")
    return OK if well else FAILED


def config_file(file: Path | None) -> Path | None:
    """Return the configuration file that holds, if there is one."""
    if file is not None:
        return file
    named = os.environ.get("LOA_CONFIG")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _with_config(file: Path | None, data: Path | None, run: Callable[[Config], int]) -> int:
    try:
        return run(load(file, {"data": data}))
    except ConfigError as error:
        for problem in error.problems:
            print(f"loa: {problem}", file=sys.stderr)
        return MISCONFIGURED
    except (BackupError, StoreError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return FAILED


def _url(config: Config) -> str | None:
    return None if config.database.url is None else config.database.url.get_secret_value()


def _print(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


class _Progress:
    """Says on standard error how far it is, every few seconds: short work says nothing."""

    EVERY = 3.0

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, what: str, done: int, of: int) -> None:
        if time.monotonic() - self._said < self.EVERY:
            return
        self._said = time.monotonic()
        if what.startswith("rows"):
            print(f"  {what}: {done}", file=sys.stderr)
        else:
            whole = f" of {_size(of)}" if of else ""
            print(f"  {what}: {_size(done)}{whole}", file=sys.stderr)
