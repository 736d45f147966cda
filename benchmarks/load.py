"""Drives the C programs of the benchmarks: compiles them, sends commands, reads their JSON.

Also what several sections need: CPU and memory of processes from /proc, and a place for processes
that must end with the section.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from benchmarks.rows import Missing

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "bench"
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-pthread")

LIBRARIES = {"receivers": ("-lssl", "-lcrypto")}


def compiled(name: str) -> Path:
    """Return the program made from ``name.c``, compiled when it is older than its sources.

    Raises ``Missing`` without a C compiler.
    """
    program = BUILD / name
    sources = [HERE / f"{name}.c", HERE / "bench.h"]
    newest = max(source.stat().st_mtime for source in sources)
    if program.exists() and program.stat().st_mtime > newest:
        return program
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise Missing("no C compiler is installed")
    BUILD.mkdir(parents=True, exist_ok=True)
    libraries = LIBRARIES.get(name, ())
    words = [compiler, *FLAGS, str(sources[0]), "-o", str(program), *libraries]
    if subprocess.run(words, check=not libraries).returncode:
        raise Missing(f"{name}.c does not compile: {' '.join(libraries)} may be missing")
    return program


@dataclass(frozen=True, slots=True)
class Clock:
    """A server's timeline: ``tick`` is due at ``deadline_ns`` of ``CLOCK_MONOTONIC``."""

    tick: int
    deadline_ns: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stream is, and its timeline where that is known."""

    host: str
    port: int
    target: str
    clock: Clock | None = None


class Helper:
    """A child process that answers each line with a line of JSON; ends with the context."""

    def __init__(
        self,
        *words: str | os.PathLike[str],
        env: dict[str, str] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        self._child = subprocess.Popen(
            [os.fspath(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=env,
            cwd=HERE.parent,
        )
        self.pid = self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its input and wait for it; after five seconds it is killed."""
        assert self._child.stdin is not None and self._child.stdout is not None
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()

    def answer(self, seconds: float) -> dict[str, Any]:
        """Wait for its next line; ``RuntimeError`` when it ends or says nothing for so long."""
        assert self._child.stdout is not None
        ready, _, _ = select.select([self._child.stdout], [], [], seconds)
        line = self._child.stdout.readline() if ready else b""
        if not line:
            why = "said nothing" if not ready else "ended"
            raise RuntimeError(f"{self._child.args[0]!s} {why}")  # type: ignore[index]
        found: dict[str, Any] = json.loads(line)
        return found

    def tell(self, command: str) -> None:
        """Send a command; its ``answer`` is taken later."""
        assert self._child.stdin is not None
        self._child.stdin.write(command.encode() + b"\n")
        self._child.stdin.flush()

    def ask(self, command: str, seconds: float) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.tell(command)
        return self.answer(seconds)


class Listeners(Helper):
    """The load generator, ``listeners.c``; its own comment says what the figures mean."""

    def __init__(
        self,
        address: Address,
        *,
        late_ms: float = 100.0,
        sources: int = 100,
        batch_us: int = 1000,
        mounts: int = 1,
    ) -> None:
        words: list[str | os.PathLike[str]] = [compiled("listeners"), address.host]
        words += [str(address.port), address.target]
        words += ["--late", str(late_ms), "--sources", str(sources)]
        words += ["--batch", str(batch_us), "--mounts", str(mounts)]
        if address.clock is not None:
            words += ["--tick", str(address.clock.tick)]
            words += ["--deadline", str(address.clock.deadline_ns)]
        super().__init__(*words)

    def open(
        self, count: int, *, in_flight: int = 500, seconds: float = 30.0, rate: float = 0.0
    ) -> dict[str, Any]:
        """Open listeners until ``count`` hear, or the time is over; what ``open`` prints."""
        return self.ask(f"open {count} {in_flight} {seconds} {rate}", seconds + 10)

    def open_all(
        self, count: int, *, in_flight: int = 500, seconds: float = 30.0, rate: float = 0.0
    ) -> None:
        """As ``open``; ``RuntimeError`` when not all of them hear in that time."""
        got = self.open(count, in_flight=in_flight, seconds=seconds, rate=rate)
        if got["hearing"] < count:
            raise RuntimeError(f"of {count} listeners {got['hearing']} hear: {got}")

    def measure(self, seconds: float) -> dict[str, Any]:
        return self.ask(f"measure {seconds}", seconds + 10)

    def leave(self) -> None:
        """Break all connections."""
        self.ask("close", 30)


class Floor(Helper):
    """The bare send loop, ``floor.c``, at one cadence and with a real mount's packet sizes."""

    def __init__(self, cadence: int, sizes: Path, phases: int | None = None) -> None:
        super().__init__(compiled("floor"), str(cadence), sizes, str(phases or cadence))
        said = self.answer(10)
        clock = Clock(said["tick"], said["deadline"])
        self.address = Address("127.0.0.1", said["port"], "/", clock)


def need_descriptors(count: int) -> None:
    """Raise ``Missing`` when a process may not open so many descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Missing(f"needs {count} descriptors a process; the hard limit here is {hard}")


def cpu_seconds(pid: int) -> float:
    """CPU that the living threads of a process have used, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory_mb(pid: int) -> float:
    """Resident memory of a process, in 10⁶ bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"process {pid} shows no memory")


def until(what: str, seconds: float, condition: Any) -> None:
    """Wait until ``condition()`` is true; ``RuntimeError`` naming ``what`` after so long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)
