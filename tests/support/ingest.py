"""A front door and a keeper of sources in the smallest form, for the tests of what is between."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from aiohttp import web

from loa.codecs.studio import Status
from loa.streamer.counters import Counters
from loa.streamer.ingest.frontdoor import Door, DoorConfig, Peer
from loa.streamer.ingest.icecast import IcecastDoor
from loa.streamer.ingest.reply import text_reply
from loa.streamer.ingest.request import RequestHead
from loa.streamer.ingest.session import Admitted, AreaBusy, AreaUnknown, NotAllowed, SourceKind

TOKEN = "let me in"
AREA = "/ha-giang/na-khuong"


class FakeSession:
    """Keeps what is written. ``room`` limits how much more it accepts; None is no limit."""

    def __init__(self, kind: SourceKind, name: str, peer: str) -> None:
        self.kind = kind
        self.name = name
        self.peer = peer
        self.title = ""
        self.live = "1.2.3"
        self.returned = False
        self.closed_by = ""
        self.on_close: Callable[[str], None] | None = None
        self.blocks: list[npt.NDArray[np.float32]] = []
        self.flags: list[bool] = []
        self.samples = 0
        self.room: int | None = None
        self.outcome: str | None = None
        self.over = asyncio.Event()

    def settle(self, kind: SourceKind) -> None:
        assert not self.blocks
        self.kind = kind

    @property
    def space(self) -> int:
        return 1 << 30 if self.room is None else self.room

    def write(self, pcm: npt.NDArray[np.float32], speech: bool) -> int:
        assert self.outcome is None, "written after the end"
        assert pcm.dtype == np.float32 and pcm.ndim == 1
        count = min(len(pcm), self.space)
        if count:
            self.blocks.append(pcm[:count].copy())
            self.flags.append(speech)
            self.samples += count
        if self.room is not None:
            self.room -= count
        return count

    def drop(self, reason: str) -> None:
        self._finish(f"dropped: {reason}")

    def end(self) -> None:
        self._finish("ended")

    def _finish(self, outcome: str) -> None:
        assert self.outcome is None, "ended twice"
        self.outcome = outcome
        self.over.set()

    def close(self, reason: str) -> None:
        """Do what the server does when it ends a session."""
        self.outcome = f"closed: {reason}"
        self.over.set()
        assert self.on_close is not None
        self.on_close(reason)

    def report(self) -> Status:
        return Status(on_air=(AREA,), mounts=1, listeners=3, ring_ms=40.0, depth_ms=40.0)

    @property
    def pcm(self) -> npt.NDArray[np.float32]:
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.float32)


@dataclass
class FakeSources:
    """One area, one token, one source at a time (``busy`` says that somebody else is there)."""

    busy: bool = False
    room: int | None = None
    opened: list[FakeSession] = field(default_factory=list)
    admitted: list[Admitted] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def open(
        self,
        area_path: str,
        token: str,
        *,
        kind: SourceKind,
        name: str,
        peer: str,
        klass: str = "",
    ) -> FakeSession:
        if area_path != AREA:
            raise AreaUnknown(f"there is no area {area_path}")
        if token != TOKEN:
            raise NotAllowed("wrong password")
        if self.busy:
            raise AreaBusy("somebody else is live here")
        if klass not in ("", "routine"):
            raise NotAllowed("this token is for routine at most")
        session = FakeSession(kind, name, peer)
        session.room = self.room
        self.opened.append(session)
        self.arrived.set()
        return session

    def open_for(self, admitted: Admitted, *, peer: str) -> FakeSession:
        if self.busy:
            raise AreaBusy("somebody else is live here", "Mai (mai)")
        session = FakeSession(SourceKind.STUDIO, admitted.name, peer)
        session.returned = any(one.key == admitted.key for one in self.admitted)
        self.admitted.append(admitted)
        self.opened.append(session)
        self.arrived.set()
        return session

    def knows(self, key: str) -> bool:
        return any(one.key == key for one in self.admitted)

    async def session(self) -> FakeSession:
        """Wait for the next session that is opened."""
        async with asyncio.timeout(30):
            await self.arrived.wait()
        self.arrived.clear()
        return self.opened[-1]


class EverySecondBlock:
    """A speech detector that can be foreseen: flags follow the sign of a block's first sample."""

    def runs(self, pcm: npt.NDArray[np.float32]) -> Iterable[tuple[npt.NDArray[np.float32], bool]]:
        yield pcm, bool(pcm[0] > 0)

    def rest(self) -> Iterable[tuple[npt.NDArray[np.float32], bool]]:
        return ()


class NoListeners:
    """Nobody may listen here."""

    def admit(self, head: RequestHead, peer: Peer, transport: asyncio.Transport) -> bytes | None:
        return text_reply(404, "nobody listens here")


@contextlib.asynccontextmanager
async def serving(door: IcecastDoor) -> AsyncIterator[int]:
    """Listen with ``door`` behind the real front door; gives the port."""
    front = Door(NoListeners(), door.source_protocol, Counters(), DoorConfig(linger=0.5))
    app = web.Application()
    door.add_routes(app.router)
    app.router.add_route("*", "/{path:.*}", front.late)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = await front.open(runner, "127.0.0.1", 0)
    try:
        yield port
    finally:
        await front.stop_accepting()
        await door.close()
        await runner.cleanup()
        await front.close()


def basic(token: str = TOKEN, user: str = "source") -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def head(
    method: str = "PUT",
    path: str = AREA + ".ogg",
    *,
    version: str = "1.1",
    auth: str | None = "",
    type: str | None = "audio/ogg",
    **fields: str,
) -> bytes:
    """Write a request head; ``auth=""`` is the right password, None is none."""
    lines = [f"{method} {path} HTTP/{version}", "Host: x"]
    if auth is not None:
        lines.append(f"Authorization: {auth or basic()}")
    if type is not None:
        lines.append(f"Content-Type: {type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
