"""Hours in seconds: two hours of a busy mount on the virtual clock, in every phase of both
cadences, each page compared byte by byte with one that is made here."""

from __future__ import annotations

import socket
import struct
from random import Random

from loa.native.engine import Engine, EventKind
from support.timeline import (
    SERIAL,
    SILENCE,
    Mount,
    Programme,
    clip_programme,
    ogg_crc,
    tagged_clip,
)

TICKS = 2 * 3600 * 50
START = 10 * 2**32 - TICKS // 2
"""The sequence numbers of both cadences wrap on the way."""
STEP = 100
LENGTHS = (30, 250, 500, 900)


class Script:
    """Programmes and changes at random, the same for the engine and the model."""

    def __init__(self, engine: Engine, mounts: list[int]) -> None:
        self.engine = engine
        self.mounts = mounts
        self.model = Mount()
        self.clips = [tagged_clip(number, length) for number, length in enumerate(LENGTHS)]
        self.random = Random(4)
        self.next_change = START + 10
        self.running: list[tuple[int, Programme]] = []
        self.changes = 0

    def plan(self, until: int) -> None:
        """Ask for every change up to a tick, as many as a mount can have planned."""
        last = self.changes + 8
        while self.next_change < until:
            if self.changes == last:
                self.next_change = until
                return
            tick = self.next_change
            self.running = [pair for pair in self.running if pair[1].end > tick][-20:]
            kind = self.random.random()
            handle: int = 0
            programme: Programme | None = None
            if kind < 0.6:  # a bulletin from here, perhaps from its middle
                handle, programme = self._open(tick)
            elif kind < 0.8 and self.running:  # something that is under way
                handle, programme = self.random.choice(self.running)
            self.engine.carry(self.mounts, handle, tick)
            assert self.model.plan(tick, programme)
            self.changes += 1
            # The next one comes anywhere, or just when this one ends.
            soon = tick + self.random.choice((1, 2, 3, 9, 10, 11, 50, 400))
            self.next_change = programme.end if programme and kind < 0.3 else soon

    def _open(self, tick: int) -> tuple[int, Programme]:
        number = self.random.randrange(len(LENGTHS))
        length = LENGTHS[number]
        offset = self.random.choice((0, 0, self.random.randrange(length)))
        count = self.random.choice((length - offset, self.random.randint(1, length - offset)))
        handle = self.engine.open_clip(self.clips[number], tick, offset, count)
        self.running.append((handle, clip_programme(number, length, tick, offset, count)))
        return self.running[-1]


class Listener:
    def __init__(self, engine: Engine, mount: int, cadence: int) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        self.cadence = cadence
        self.expected: int | None = None
        self.pages = 0
        engine.join(mount, ours.detach(), b"", cadence=cadence, burst_ticks=0, max_lag_ticks=1000)

    def take(self, expected: Expected) -> None:
        """Check what came: whole pages, for the socket took them whole."""
        data = b""
        while True:
            try:
                data += self.sock.recv(1 << 20)
            except BlockingIOError:
                break
        at = 0
        while at < len(data):
            if self.expected is None:
                (granule,) = struct.unpack_from("<q", data, at + 6)
                self.expected = granule // 960 - self.cadence
            page = expected.page(self.expected, self.cadence)
            assert data.startswith(page, at)
            at += len(page)
            self.expected += self.cadence
            self.pages += 1


class Expected:
    """The pages that must come, made once for all who must get them."""

    def __init__(self) -> None:
        self._packets: list[bytes] = []
        self._lacing: list[bytes] = []
        self._pages: dict[tuple[int, int], bytes] = {}

    def add(self, packet: bytes) -> None:
        self._packets.append(packet)
        self._lacing.append(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]))

    def forget_pages(self) -> None:
        self._pages.clear()

    def page(self, first: int, cadence: int) -> bytes:
        page = self._pages.get((first, cadence))
        if page is None:
            page = self._pages[first, cadence] = self._make(first, cadence)
        return page

    def _make(self, first: int, cadence: int) -> bytes:
        ticks = slice(first - START, first - START + cadence)
        assert ticks.stop <= len(self._packets), "a page of ticks that are not made yet"
        last = first + cadence - 1
        lacing = b"".join(self._lacing[ticks])
        sequence = last // cadence % 2**32
        head = struct.pack("<4sBBqII", b"OggS", 0, 0, 960 * (last + 1), SERIAL, sequence)
        body = bytes([len(lacing)]) + lacing + b"".join(self._packets[ticks])
        crc = ogg_crc(head + bytes(4) + body)
        return head + struct.pack("<I", crc) + body


def test_two_hours_of_changes_in_every_phase() -> None:
    with Engine(
        START, virtual=True, fanouts=1, max_mounts=2, kept_ticks=6000, phase_listeners=1
    ) as engine:
        mounts = [engine.open_mount(), engine.open_mount()]
        script = Script(engine, mounts)
        listeners = [Listener(engine, mounts[0], 10) for _ in range(10)]
        listeners += [Listener(engine, mounts[0], 2) for _ in range(2)]
        # The other mount carries the same, so it must be the same bytes.
        listeners += [Listener(engine, mounts[1], 2), Listener(engine, mounts[1], 10)]
        short = [each for each in listeners if each.cadence == 2]
        expected = Expected()
        carried = 0
        for now in range(START, START + TICKS, STEP):
            script.plan(now + STEP)
            engine.advance(STEP)
            for tick in range(now, now + STEP):
                script.model.make(tick)
                programme = script.model.sounds.pop(tick)
                packet = programme.packet if programme else None
                expected.add(packet(tick) if packet else SILENCE)
            expected.forget_pages()
            for listener in listeners:
                listener.take(expected)
            if now == START + TICKS // 2:
                # The many small pages have been seen; those who wanted them leave.
                for listener in short:
                    listener.sock.close()
                    listeners.remove(listener)
            carried += sum(event.kind is EventKind.CARRIED for event in engine.events())
        stats = engine.stats()
        for listener in listeners:
            listener.sock.close()
    everyone = listeners + short
    phases = {(each.cadence, each.expected and each.expected % each.cadence) for each in everyone}
    assert len(phases) == 12
    assert all(each.pages >= TICKS // 10 - 1 for each in listeners)
    assert all(each.pages >= TICKS // 4 - 1 for each in short)
    assert stats["leaves_peer"] == len(short)
    assert script.changes > 2000 and carried == 2 * script.changes
    assert stats["carriage_late"] == stats["commands_refused"] == stats["events_dropped"] == 0
    # Shared: the second mount's pages were built with the first one's.
    assert stats["pages_built"] <= TICKS + TICKS + 100
    assert stats["programmes"] < 200
