"""Answers that are the same for all who ask: made once, packed once, not sent again in vain."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web

T = TypeVar("T")


class Shared(Generic[T]):
    """What ``make`` returns, for all who ask within ``seconds`` from when it began to be made.

    While it is made, all wait for that one. What it raises, all of them get; then it is tried anew.
    """

    def __init__(
        self,
        make: Callable[[], Coroutine[Any, Any, T]],
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._make = make
        self._seconds = seconds
        self._clock = clock
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    async def __call__(self) -> T:
        """Return it. Whoever goes away meanwhile takes it from nobody else."""
        task = self._task
        if task is None or (task.done() and (self._clock() >= self._until or _failed(task))):
            self._until = self._clock() + self._seconds
            task = self._task = asyncio.create_task(self._make())
        return await asyncio.shield(task)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


@dataclass(frozen=True, slots=True)
class Body:
    """JSON that is ready to be sent, plain and by gzip. ``etag``: what it says; '' for none."""

    plain: bytes
    packed: bytes = b""
    etag: str = ""

    @classmethod
    def of(cls, plain: bytes, meant: bytes) -> Body:
        """Pack it. ``meant``: what of it counts; while that is the same, the rest is not news."""
        etag = hashlib.sha256(meant).hexdigest()[:20]
        return cls(plain, gzip.compress(plain, 6, mtime=0), etag)

    def answer(self, request: web.Request, headers: Mapping[str, str]) -> web.Response:
        """Return it, or that the client has it already."""
        said = {**headers, "Vary": "Accept-Encoding"} if self.packed else dict(headers)
        if self.etag:
            said["ETag"] = f'W/"{self.etag}"'
            if self.etag in request.headers.get("If-None-Match", ""):
                return web.Response(status=304, headers=said)
        body = self.plain
        if self.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = self.packed
            said["Content-Encoding"] = "gzip"
        return web.Response(
            body=body, content_type="application/json", charset="utf-8", headers=said
        )
