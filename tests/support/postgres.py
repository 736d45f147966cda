"""A PostgreSQL of the test's own: Debian's server, in a folder that goes with it.

    with postgres() as url: …
    python tests/support/postgres.py COMMAND…      # LOA_TEST_DATABASE says where it is

It listens on a Unix socket only. Root may not run it, so it runs as ``postgres`` or ``nobody``.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def program(name: str) -> str:
    """Return where a program of PostgreSQL's lies; Debian keeps them out of the path."""
    found = shutil.which(name)
    if found is None:
        versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        assert versions, f"{name} is not installed: deploy/system-packages check installs it"
        found = str(versions[-1])
    return found


def _as_whom() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    who = names.get("postgres") or names["nobody"]
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a server; the URL is of an empty database, for its owner."""
    folder = Path(tempfile.mkdtemp(prefix="loa-pg-"))
    whom = _as_whom()
    try:
        if whom:
            os.chown(folder, whom["user"], whom["group"])
        quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, **whom}
        subprocess.run(
            [program("initdb"), "-D", str(folder / "data"), "-U", "loa", "-A", "trust",
             "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, stderr=subprocess.PIPE, **quiet,
        )  # fmt: skip
        with (folder / "log").open("wb") as log, subprocess.Popen(
            [program("postgres"), "-D", str(folder / "data"), "-k", str(folder),
             "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"],
            stderr=log, **quiet,
        ) as server:  # fmt: skip
            try:
                _wait(folder, server)
                subprocess.run(
                    [program("createdb"), "-h", str(folder), "-U", "loa", "loa"], check=True
                )
                yield f"postgresql://loa@/loa?host={folder}"
            finally:
                # Fast shutdown: it does not wait for those who are connected.
                server.send_signal(signal.SIGINT)
                server.wait(60)
    finally:
        shutil.rmtree(folder)


def _wait(folder: Path, server: subprocess.Popen[bytes]) -> None:
    command = [program("pg_isready"), "-q", "-h", str(folder), "-U", "loa", "-d", "postgres"]
    for _ in range(600):
        assert server.poll() is None, (folder / "log").read_text()
        if subprocess.run(command, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("PostgreSQL does not start")


def main() -> int:
    with postgres() as url:
        environment = os.environ | {"LOA_TEST_DATABASE": url}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
