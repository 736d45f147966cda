"""The bad lines themselves: ``python -m benchmarks.relay LINES``, started by ``benchmarks.lines``.

Each line is two TUN devices and what lies between them: whatever is written to one comes out of
the other, later, at a rate, or not at all. The order of packets is kept, as on a mobile network.
The devices are named in a line of JSON; then each line of standard input is an order
(``{"line": 0, "delay": 0.1, …}``), answered by a line with what was counted so far. At the end of
standard input it ends, and the devices go with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import select
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field

_TUNSETIFF = 0x400454CA
_TUN, _WITHOUT_HEAD = 0x0001, 0x1000
LARGEST = 2048
AT_ONCE = 64
"""Packets that are read from one device before the others get their turn."""


@dataclass(slots=True, eq=False)
class Way:
    """One direction: from a device to another. Seconds; ``rate`` in bytes a second, 0: no limit.

    ``queue``: how long a packet may wait for its turn at that rate, beyond it is dropped.
    """

    source: int
    drain: int
    random: random.Random
    delay: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    queue: float = 1.0
    cut: bool = False
    busy: float = 0.0
    last: float = 0.0
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    carried: int = 0
    bytes: int = 0
    overflowed: int = 0
    outage: int = 0

    def read(self, now: float) -> None:
        """Take what the device has, and decide when it arrives."""
        for _ in range(AT_ONCE):
            try:
                packet = os.read(self.source, LARGEST)
            except BlockingIOError:
                return
            if self.cut:
                self.outage += 1
                continue
            start = max(now, self.busy) if self.rate else now
            if start - now > self.queue:
                self.overflowed += 1
                continue
            if self.rate:
                start = self.busy = start + len(packet) / self.rate
            due = start + self.delay + self.jitter * self.random.random()
            self.last = max(self.last, due)
            self.waiting.append((self.last, packet))

    def write(self, now: float) -> None:
        """Deliver what is due."""
        while self.waiting and self.waiting[0][0] <= now:
            _, packet = self.waiting.popleft()
            # The other end may be full or just being set up: then the packet is lost, as elsewhere.
            with contextlib.suppress(OSError):
                os.write(self.drain, packet)
                self.carried += 1
                self.bytes += len(packet)

    def counts(self) -> dict[str, int]:
        return {
            "packets": self.carried,
            "bytes": self.bytes,
            "overflowed": self.overflowed,
            "outage": self.outage,
        }


def device() -> tuple[int, str]:
    """Make a TUN device under a name of the kernel's choice; it lives as long as this process."""
    number = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    wish = struct.pack("16sH22x", b"loaline%d", _TUN | _WITHOUT_HEAD)
    name = fcntl.ioctl(number, _TUNSETIFF, wish)[:16].rstrip(b"\0").decode()
    return number, name


def obey(ways: list[tuple[Way, Way]], order: dict[str, float]) -> dict[str, dict[str, int]]:
    """Do what a line of standard input says; return the counts of that line, down and up."""
    pair = ways[int(order.pop("line"))]
    for key, value in order.items():
        for way in pair:
            setattr(way, key, bool(value) if key == "cut" else float(value))
    return {"down": pair[0].counts(), "up": pair[1].counts()}


def main() -> None:
    with contextlib.suppress(OSError):
        os.nice(-10)
    ways, names = [], []
    for line in range(int(sys.argv[1])):
        (server, server_name), (box, box_name) = device(), device()
        down = Way(server, box, random.Random(2 * line))
        ways.append((down, Way(box, server, random.Random(2 * line + 1))))
        names.append([server_name, box_name])
    print(json.dumps(names), flush=True)
    by_source = {way.source: way for pair in ways for way in pair}
    orders = sys.stdin.fileno()
    text = b""
    while True:
        now = time.monotonic()
        due = [way.waiting[0][0] for way in by_source.values() if way.waiting]
        wait = max(0.0, min(due) - now) if due else None
        ready, _, _ = select.select([orders, *by_source], [], [], wait)
        now = time.monotonic()
        for number in ready:
            if number != orders:
                by_source[number].read(now)
        now = time.monotonic()
        for way in by_source.values():
            way.write(now)
        if orders in ready:
            data = os.read(orders, 65536)
            if not data:
                return
            *lines, text = (text + data).split(b"\n")
            for said in lines:
                print(json.dumps(obey(ways, json.loads(said))), flush=True)


if __name__ == "__main__":
    main()
