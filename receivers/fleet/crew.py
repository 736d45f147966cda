"""The processes of simulated boxes, from outside: started, asked and ended."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from loa.receivers.fleet.profile import Profile

PATIENCE = 120.0


class CrewError(Exception):
    """A process of boxes failed; the text says what it said."""


class Crew:
    """``numbers``: the boxes below ``root`` (``roll``), spread over ``processes``. Times are
    monotonic seconds of this machine; ``start`` is when the boxes' fates begin."""

    def __init__(
        self,
        root: Path,
        numbers: Sequence[int],
        profile: Profile,
        *,
        processes: int = 1,
        seconds: float = 3600.0,
        join_seconds: float = 0.0,
        inside: Sequence[str] = (),
    ) -> None:
        self.start = time.monotonic()
        self.size = len(numbers)
        self._there: list[subprocess.Popen[str]] = []
        words = [*inside, sys.executable, "-m", "loa.receivers.fleet.worker"]
        try:
            for process in range(processes):
                child = subprocess.Popen(
                    words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
                self._there.append(child)
                job = {
                    "numbers": list(numbers[process::processes]), "root": str(root),
                    "profile": msgspec.to_builtins(profile), "start": self.start,
                    "seconds": seconds, "join_seconds": join_seconds,
                }  # fmt: skip
                self._tell(child, job)
            for child in self._there:
                self._answer(child)
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [child.pid for child in self._there]

    def ask(self, what: str, **more: Any) -> list[Any]:
        """Ask all of them; return what each said."""
        for child in self._there:
            self._tell(child, {"ask": what, **more})
        return [self._answer(child) for child in self._there]

    def status(self) -> dict[str, float]:
        """Return the sums: boxes, up, failed, cpu (seconds) and memory (10⁶ bytes)."""
        said = self.ask("status")
        return {key: sum(each[key] for each in said) for key in said[0]}

    def wait_up(self, count: int, seconds: float) -> float:
        """Wait until so many have a session; return when that was. Raises ``CrewError``."""
        end = time.monotonic() + seconds
        while (there := self.status()["up"]) < count:
            if time.monotonic() > end:
                raise CrewError(f"of {count} boxes {there:.0f} have a session after {seconds:g} s")
            time.sleep(0.1)
        return time.monotonic()

    def onsets(self, since: float) -> list[list[Any]]:
        """Return each first sound since then: number, at, play, cls, emergency, tick, late."""
        return [onset for said in self.ask("onsets", since=since) for onset in said]

    def records(self) -> list[dict[str, Any]]:
        """Return what each box heard and lived through; see ``worker``."""
        return [record for said in self.ask("records") for record in said]

    def close(self) -> None:
        """End them; idempotent."""
        for child in self._there:
            assert child.stdin is not None
            child.stdin.close()
        for child in self._there:
            assert child.stdout is not None
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()
        self._there.clear()

    def _tell(self, child: subprocess.Popen[str], said: Any) -> None:
        assert child.stdin is not None
        try:
            print(json.dumps(said), file=child.stdin, flush=True)
        except BrokenPipeError:
            raise CrewError(f"a process of boxes ended with {child.wait()}") from None

    def _answer(self, child: subprocess.Popen[str]) -> Any:
        assert child.stdout is not None
        ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
        line = child.stdout.readline() if ready else ""
        if not line:
            child.kill()
            raise CrewError(
                "a process of boxes does not answer"
                if not ready
                else f"a process of boxes ended with {child.wait()}"
            )
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
