"""Pieces of files for boxes that fetch ahead: schedules, and the prepared audio that these play.

A box asks for one piece at a time and gets nothing but what its area's schedule names, or what it
was ordered to play. All
boxes together get so many bytes a second, one piece each in turn, so that a province that fetches
at night takes nothing from what is on air; and a box whose connection is still full of something
else waits until it is not.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loa.codecs.control.frames import Piece, pack_piece
from loa.codecs.control.messages import Fetch, FromBox, Gone, Message
from loa.streamer import logs
from loa.streamer.counters import Counters
from loa.streamer.desk.preparer import audio_file
from loa.streamer.fleet.agendas import Agendas
from loa.streamer.fleet.hub import Session, binary_frame

RATE = 4_000_000
"""Bytes a second for all together."""
BURST = 0.25
"""Seconds of that rate that may be sent at once."""
MOST_BEHIND = 16 * 1024
"""Bytes that may wait in a connection before another piece is put behind them."""
LOOK_AGAIN = 0.1
READ_AT_ONCE = 8

log = logs.get("fleet")


@dataclass(slots=True)
class _Wanted:
    session: Session
    fetch: Fetch
    bytes: bytes | None = None


class Distribution:
    """A topic of the hub: ``await run()`` as a task. ``rate``: bytes a second."""

    takes: Sequence[type[Message]] = (Fetch,)

    def __init__(
        self,
        agendas: Agendas,
        data: Path,
        counters: Counters,
        rate: int = RATE,
        monotonic: Callable[[], float] = time.monotonic,
        ordered: Callable[[int, bytes], bool] = lambda receiver, audio: False,
    ) -> None:
        self._agendas = agendas
        self._ordered = ordered
        self._data = data
        self._counters = counters
        self._rate = rate
        self._monotonic = monotonic
        self._turn: deque[_Wanted] = deque()
        self._by_box: dict[int, _Wanted] = {}
        self._wake = asyncio.Event()
        self._saved = 0.0
        self._at = monotonic()

    def joined(self, session: Session) -> None:
        """It will ask."""

    def left(self, session: Session) -> None:
        """What it asked for is of no use any more."""
        wanted = self._by_box.get(session.receiver)
        if wanted is not None and wanted.session is session:
            del self._by_box[session.receiver]

    async def take(self, session: Session, message: FromBox) -> None:
        """A box wants a piece; it gets it when its turn comes."""
        assert isinstance(message, Fetch)
        known = self._by_box.get(session.receiver)
        if not (
            self.may_have(session.area, message.hash)
            or self._ordered(session.receiver, message.hash)
        ):
            self.left(session)
            self._gone(session, message)
            return
        if known is not None and known.session is session:
            # One at a time: whoever asks again has given up what it asked for before.
            known.fetch = message
            self._counters.add("fleet.fetch.again")
            return
        wanted = _Wanted(session, message)
        self._by_box[session.receiver] = wanted
        self._turn.append(wanted)
        self._wake.set()

    def may_have(self, area: int, hash: bytes) -> bool:
        """Say whether a receiver of this area may have a file."""
        filed = self._agendas.of(area)
        if filed is not None and (hash == filed.hash or hash in filed.audios):
            return True
        former = self._agendas.file(hash)
        return former is not None and area in former.areas

    @property
    def waiting(self) -> int:
        """How many boxes wait for a piece."""
        return len(self._by_box)

    async def run(self) -> None:
        """Send pieces, until cancelled."""
        while True:
            if not self._turn:
                self._wake.clear()
                await self._wake.wait()
            sent = 0
            for part in self._parts(len(self._turn)):
                sent += await self._send(part)
            if not sent:  # everybody who waits is still busy with something else
                await asyncio.sleep(LOOK_AGAIN)

    def _parts(self, count: int) -> list[list[_Wanted]]:
        """Return those whose turn it is now, in parts that are read together."""
        now: list[_Wanted] = []
        for _ in range(count):
            wanted = self._turn.popleft()
            if self._by_box.get(wanted.session.receiver) is not wanted or wanted.session.ended:
                continue
            if wanted.session.wire.waiting > MOST_BEHIND:
                self._turn.append(wanted)
                continue
            now.append(wanted)
        return [now[at : at + READ_AT_ONCE] for at in range(0, len(now), READ_AT_ONCE)]

    async def _send(self, part: list[_Wanted]) -> int:
        fetches = [(wanted, wanted.fetch) for wanted in part]
        found = await asyncio.to_thread(lambda: [self._read(f) for _, f in fetches])
        sent = 0
        for (wanted, fetch), data in zip(fetches, found, strict=True):
            session = wanted.session
            if self._by_box.get(session.receiver) is not wanted or session.ended:
                continue
            if wanted.fetch is not fetch:  # it changed its mind meanwhile
                self._turn.append(wanted)
                continue
            del self._by_box[session.receiver]
            if data is None:
                self._gone(session, fetch)
                continue
            await self._fair(len(data))
            if session.ended:
                continue
            frame = binary_frame(pack_piece(Piece(fetch.hash, fetch.offset, data)))
            session.wire.send_frame(frame)
            self._counters.add("fleet.fetch.pieces")
            self._counters.add("fleet.fetch.bytes", len(data))
            sent += 1
        return sent

    def _read(self, fetch: Fetch) -> bytes | None:
        filed = self._agendas.file(fetch.hash)
        if filed is not None:
            return filed.data[fetch.offset : fetch.offset + fetch.length] or None
        try:
            with audio_file(self._data, fetch.hash.hex()).open("rb") as file:
                file.seek(fetch.offset)
                return file.read(fetch.length) or None
        except OSError:
            return None

    async def _fair(self, size: int) -> None:
        """Wait until so many bytes may be sent."""
        most = self._rate * BURST
        while True:
            now = self._monotonic()
            self._saved = min(most, self._saved + max(0.0, now - self._at) * self._rate)
            self._at = now
            if self._saved > 0:
                self._saved -= size
                return
            await asyncio.sleep(-self._saved / self._rate + 0.001)

    def _gone(self, session: Session, fetch: Fetch) -> None:
        self._counters.add("fleet.fetch.gone")
        session.send(Gone(hash=fetch.hash))
